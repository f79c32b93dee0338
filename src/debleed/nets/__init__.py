"""The networks of Rajesh and Padmanabhan (WASPAA 2023) and variants of them, created by name.

All networks map ``(batch, mics, samples)`` to images of the sources. Their input is normalised to a level of about 1,
see :data:`NETS`. PyTorch is imported when a network is created; running the shipped networks does not need it
(:mod:`.weights`).
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import Any

from debleed.recording import InputError

SOURCES = ("vocals", "bass", "drums", "other")
"""The kinds of sources with a network of their own; every other source is ``other``."""

NEEDS_TRAINING = "training needs PyTorch and more; install them with: pip install 'debleed[train]'"


@dataclass(frozen=True)
class Net:
    """Description of a network, apart from its layer sizes.

    Parameters
    ----------
    module
        Module with its class, ``Config`` and ``VARIANTS``.
    scenes
        Preset of :mod:`debleed.scenes.scene` that it is trained on by default.
    level
        Normalisation of the input: ``each`` microphone to an RMS of 1 over the recording, or all by one ``common``
        factor.
    sources
        Number of sources; ``None`` for any number.
    alone
        Whether it processes one source and one microphone; there is one network for each of :data:`SOURCES`.
    """

    module: str
    scenes: str
    level: str = "each"
    sources: int | None = 4
    alone: bool = False


NETS: dict[str, Net] = {
    "di-cae": Net("di_cae", "waspaa2023-linear", sources=None, alone=True),
    "t-unet": Net("t_unet", "waspaa2023-linear", level="common"),
    "f-unet": Net("wave_unet", "waspaa2023-room-0.35"),
    "df-unet": Net("wave_unet", "waspaa2023-room-0.35"),
    "df-unet-gat": Net("wave_unet", "waspaa2023-room-0.35", sources=None),
}


def described(name: str) -> Net:
    """Return the description of a network.

    Raises
    ------
    InputError
        For an unknown name; the message lists the known ones.
    """
    if name not in NETS:
        raise InputError(f"there is no network '{name}'; the networks are {', '.join(NETS)}")
    return NETS[name]


def variants(name: str) -> dict[str, Any]:
    """Return the configurations of a network by variant; ``published`` is the first.

    Raises
    ------
    InputError
        For an unknown network, and if PyTorch is not installed.
    """
    module = described(name).module
    try:
        found: dict[str, Any] = importlib.import_module(f"debleed.nets.{module}").VARIANTS[name]
    except ModuleNotFoundError as missing:
        if missing.name != "torch":
            raise
        raise InputError(NEEDS_TRAINING) from None
    return found


def build(name: str, config: Any) -> Any:
    """Create a network (a ``torch.nn.Module``) with a configuration from :func:`variants`."""
    return importlib.import_module(f"debleed.nets.{described(name).module}").Network(config)
