"""What a method is, and the table of all methods; each is imported when it is used."""

from __future__ import annotations

import dataclasses
import importlib
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

from debleed.progress import Progress
from debleed.recording import InputError, Recording
from debleed.spelling import current


@dataclass(frozen=True)
class Side:
    """Side information that some methods need and a blind one never sees.

    Parameters
    ----------
    mixture
        The clean mixture: one microphone, the sum of the sources' images.
    truth
        The image of its own source in each microphone; same names, rate and length as the recording.
    """

    mixture: Recording | None = None
    truth: Recording | None = None


class Fitted(Protocol):
    """What a method has learnt of the stage."""

    def apply(self, recording: Recording) -> Recording:
        """Clean a recording of the same microphones; the result computes its samples when they are read.

        Any stretch may be read in any order and agrees with the whole to rounding. Reading twice gives equal samples.
        """
        ...


class Method(Protocol):
    """A frozen dataclass whose fields are its settings; each field carries ``metadata={"help": ...}``."""

    needs: ClassVar[frozenset[str]]
    """Fields of :class:`Side` without which :meth:`fit` refuses."""

    sources: ClassVar[int | None]
    """The number of sources a recording must have; any where not given."""

    def fit(self, recording: Recording, side: Side = ..., progress: Progress = ...) -> Fitted:
        """Learn from a recording in bounded memory, without changing it; deterministic.

        Raises
        ------
        InputError
            With one sentence, where the recording or the side information is not what the method needs.
        """
        ...


METHODS: dict[str, tuple[str, str]] = {
    "demix": (
        "demix.method:Demix",
        "blind demixing: filters over all microphones, then a gain on what they leave (default)",
    ),
    "kamir": ("kamir:Kamir", "kernel additive modelling for interference reduction, tuned settings"),
    "kamir-published": ("kamir:published", "the same with the settings of the paper (Prätzlich et al. 2015)"),
    "instantaneous": (
        "instantaneous:Instantaneous",
        "for mixtures without delays: blind demixing with one matrix for all frequencies",
    ),
    "optimisation": (
        "optimisation:Optimisation",
        "needs the clean mixture, for mixtures without delays: alternating least squares (the WASPAA 2023 method)",
    ),
    "di-cae": ("neural:DiCae", "experimental, may harm: an autoencoder for each source, on each microphone alone"),
    "t-unet": (
        "neural:TUnet",
        "for four sources in an instantaneous mixture: a network estimates the matrix",
    ),
    "f-unet": ("neural:FUnet", "experimental, may harm; for four sources: a Wave-U-Net over all microphones"),
    "df-unet": ("neural:DfUnet", "experimental, may harm; for four sources: a dilated Wave-U-Net over all microphones"),
    "df-unet-gat": (
        "neural:DfUnetGat",
        "experimental, may harm: a dilated Wave-U-Net with attention over any number of microphones",
    ),
    "unprocessed": ("baseline:Unprocessed", "the microphones as they are: the floor of every table"),
    "oracle-wiener": ("baseline:OracleWiener", "needs the truth: the best mask on each microphone alone"),
    "oracle-linear": ("baseline:OracleLinear", "needs the truth: the best fixed filter over all microphones"),
}
"""Name → (``module:attribute`` in this package, one line for people)."""


def create(name: str, **settings: Any) -> Method:
    """Make a method by name, with some of its settings changed.

    Raises
    ------
    InputError
        For an unknown name or setting; the sentence lists the known ones.

    Examples
    --------
    >>> create("unprocessed")
    Unprocessed()
    """
    name = current("method", name)
    if name not in METHODS:
        raise InputError(f"there is no method '{name}'; the methods are {', '.join(METHODS)}")
    module, attribute = METHODS[name][0].split(":")
    method = getattr(importlib.import_module(f"debleed.methods.{module}"), attribute)()
    known = [field.name for field in dataclasses.fields(method)]
    for key in settings:
        if key not in known:
            listed = f"its settings are {', '.join(known)}" if known else "it has no settings"
            raise InputError(f"method '{name}' has no setting '{key}'; {listed}")
    changed: Method = dataclasses.replace(method, **settings)
    return changed
