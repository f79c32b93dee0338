"""The networks of Rajesh and Padmanabhan and their variants, made by name; each maps ``(batch, mics, samples)`` alike.

The microphones that a network is given are scaled to a level of about 1, see :data:`NETS`; it is not its task to follow
the level. PyTorch is imported when a network is made; running the shipped ones needs none (:mod:`.weights`).
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import Any

from debleed.recording import InputError

SOURCES = ("vocals", "bass", "drums", "other")
"""The sources for which there are networks that know one source alone; a source of another name is ``other``."""

NEEDS_TRAINING = "training needs PyTorch and more; install them with: pip install 'debleed[train]'"


@dataclass(frozen=True)
class Net:
    """What a network is, but for its shapes.

    Parameters
    ----------
    module
        Where its class, ``Config`` and ``VARIANTS`` are.
    scenes
        The preset of :mod:`debleed.scenes.scene` that it is trained on if nothing else is asked.
    level
        How its input is scaled: ``each`` microphone to an RMS of 1 over the recording, or all by one ``common`` factor.
    sources
        The number of sources it is made for; any where not given.
    alone
        Whether it knows one source and hears one microphone; there is one for each of :data:`SOURCES`.
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
    """Look a network up.

    Raises
    ------
    InputError
        For an unknown name; the sentence lists the known ones.
    """
    if name not in NETS:
        raise InputError(f"there is no network '{name}'; the networks are {', '.join(NETS)}")
    return NETS[name]


def variants(name: str) -> dict[str, Any]:
    """Return the configurations of a network by the name of the variant; ``published`` is the first.

    Raises
    ------
    InputError
        For an unknown network, and where PyTorch is not installed.
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
    """Make a network (a ``torch.nn.Module``) of a configuration from :func:`variants`."""
    return importlib.import_module(f"debleed.nets.{described(name).module}").Network(config)
