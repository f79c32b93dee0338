"""What a method is, and the table of all methods; each is imported when it is used."""

from __future__ import annotations

import dataclasses
import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import entry_points
from typing import Any, ClassVar, Protocol, Self, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from debleed.progress import Progress
from debleed.recording import InputError, Recording
from debleed.spelling import current

Arrays = Mapping[str, NDArray[Any]]
"""What a method has learnt, as named arrays of numbers."""


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


class Learned(Protocol):
    """What a method has learnt of the stage."""

    def apply(self, recording: Recording) -> Recording:
        """Clean a recording of the same microphones; the result computes its samples when they are read.

        Any stretch may be read in any order and agrees with the whole to rounding. Reading twice gives equal samples.
        """
        ...


@runtime_checkable
class Portable(Learned, Protocol):
    """Something learnt that can be saved, because named arrays are all of it."""

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return everything that :meth:`PortableMethod.restore` needs."""
        ...


@dataclass(frozen=True)
class Paths:
    """The paths from each source to each microphone, as far as a method has learnt them.

    Parameters
    ----------
    power
        ``(mics, mics)``: power of the source of microphone j in microphone i over its power in its own.
    delay
        ``(mics, mics)``: seconds by which it arrives later than in its own microphone; NaN where that is not known.
    error
        ``(mics, mics)``: standard error of the path's gain, relative to the gain; infinite where it is not known.
    """

    power: NDArray[np.float64]
    delay: NDArray[np.float64]
    error: NDArray[np.float64]


@runtime_checkable
class Described(Learned, Protocol):
    """Something learnt that can say along which paths the bleed arrives."""

    def paths(self, rate: int) -> Paths:
        """Describe the path of each source to each microphone."""
        ...


@runtime_checkable
class Selective(Learned, Protocol):
    """Something learnt that can leave the bleed of chosen sources where it is."""

    def keeping(self, kept: NDArray[np.bool_]) -> Self:
        """Return the same, leaving the bleed of microphone j's source in microphone i where ``kept[i, j]``."""
        ...


class Method(Protocol):
    """A frozen dataclass whose fields are its settings; each field carries ``metadata={"help": ...}``."""

    needs: ClassVar[frozenset[str]]
    """Fields of :class:`Side` without which :func:`debleed.learn` refuses."""

    source_count: ClassVar[int | None]
    """The number of sources a recording must have; any number where ``None``."""

    def learn(self, recording: Recording, side: Side = ..., progress: Progress = ...) -> Learned:
        """Learn from a recording in bounded memory, without changing it; deterministic.

        :func:`debleed.learn` calls this with microphones that each have a source, and with all that :attr:`needs`
        names.

        Raises
        ------
        InputError
            With one sentence, where the recording or the side information is not what the method needs.
        """
        ...


@runtime_checkable
class PortableMethod(Protocol):
    """A method whose result can be saved: it needs no side information and no other file of the machine."""

    def learn(self, recording: Recording, side: Side = ..., progress: Progress = ...) -> Portable:
        """Learn from a recording, see :meth:`Method.learn`."""
        ...

    def restore(self, arrays: Arrays, mics: int) -> Portable:
        """Rebuild what was learnt of so many microphones from :meth:`Portable.arrays`.

        Raises
        ------
        InputError
            Where arrays are missing, have another shape or type, or hold values that are not finite.
        """
        ...


BUILT_IN: Mapping[str, tuple[str, str]] = {
    "demix": (
        "debleed.methods.demix.method:Demix",
        "blind demixing: filters over all microphones, then a postfilter (default)",
    ),
    "kamir": (
        "debleed.methods.kamir:Kamir",
        "kernel additive modelling for interference reduction, tuned settings",
    ),
    "kamir-published": (
        "debleed.methods.kamir:published",
        "the same with the settings of the paper (Prätzlich et al. 2015)",
    ),
    "instantaneous": (
        "debleed.methods.instantaneous:Instantaneous",
        "blind, for instantaneous mixtures: one matrix for all frequencies",
    ),
    "optimisation": (
        "debleed.methods.optimisation:Optimisation",
        "for instantaneous mixtures, needs the clean mixture: alternating least squares (WASPAA 2023)",
    ),
    "di-cae": (
        "debleed.methods.neural:DiCae",
        "experimental, may harm: an autoencoder for each source, on each microphone alone (WASPAA 2023)",
    ),
    "t-unet": (
        "debleed.methods.neural:TUnet",
        "for four sources in an instantaneous mixture: a network estimates the matrix (WASPAA 2023)",
    ),
    "f-unet": (
        "debleed.methods.neural:FUnet",
        "experimental, may harm; for four sources: a Wave-U-Net over all microphones (WASPAA 2023)",
    ),
    "df-unet": (
        "debleed.methods.neural:DfUnet",
        "experimental, may harm; for four sources: a dilated Wave-U-Net over all microphones (WASPAA 2023)",
    ),
    "df-unet-gat": (
        "debleed.methods.neural:DfUnetGat",
        "experimental, may harm: a dilated Wave-U-Net with attention over any number of microphones",
    ),
    "unprocessed": (
        "debleed.methods.baseline:Unprocessed",
        "the microphones as they are: the floor of every table",
    ),
    "oracle-wiener": (
        "debleed.methods.baseline:OracleWiener",
        "needs the truth: the best mask on each microphone alone",
    ),
    "oracle-linear": (
        "debleed.methods.baseline:OracleLinear",
        "needs the truth: the best fixed filter over all microphones",
    ),
}
"""Name → (``module:attribute``, one line for people) of the methods that come with debleed."""

ENTRY_POINTS = "debleed.methods"
"""Group of entry points under which other packages offer methods by name."""


@cache
def registered() -> Mapping[str, tuple[str, str]]:
    """Return all methods with a name: those built in, then those that installed packages offer as entry points."""
    offered = {
        entry.name: (entry.value, f"from the package {entry.dist.name if entry.dist else entry.module}")
        for entry in sorted(entry_points(group=ENTRY_POINTS), key=lambda entry: entry.name)
    }
    return {**BUILT_IN, **{name: what for name, what in offered.items() if name not in BUILT_IN}}


def create(method: str | Method, /, **settings: Any) -> Method:
    """Make a method, with some of its settings changed.

    Parameters
    ----------
    method
        A name out of :func:`registered`; ``package.module:Class``, which is imported; or a method.
    settings
        Settings that differ from those it has.

    Raises
    ------
    InputError
        For an unknown name or setting, with the known ones in the sentence, and for a class that is no method.

    Examples
    --------
    >>> create("unprocessed")
    Unprocessed()
    >>> create(create("kamir"), iterations=3).iterations
    3
    """
    name, made = (method, _made(method)) if isinstance(method, str) else (name_of(method), method)
    known = [field.name for field in dataclasses.fields(made)]  # type: ignore[arg-type]
    for key in settings:
        if key not in known:
            listed = f"its settings are {', '.join(known)}" if known else "it has no settings"
            raise InputError(f"method '{name}' has no setting '{key}'; {listed}")
    changed: Method = dataclasses.replace(made, **settings)  # type: ignore[type-var]
    return changed


def _made(name: str) -> Method:
    name = current("method", name)
    where, _ = registered().get(name, (name, ""))
    module, colon, attribute = where.partition(":")
    if not colon:
        raise InputError(
            f"there is no method '{name}'; the methods are {', '.join(registered())}, and a class of yours goes by "
            "package.module:Class"
        )
    try:
        made = getattr(importlib.import_module(module), attribute)()
    except ModuleNotFoundError as missing:
        if missing.name is None or not f"{module}.".startswith(f"{missing.name}."):
            raise  # the module is there, but something that it imports is not
        raise InputError(f"method '{name}': there is no module '{missing.name}'; is its package installed?") from None
    except AttributeError:
        raise InputError(f"method '{name}': the module '{module}' has no '{attribute}'") from None
    if not (dataclasses.is_dataclass(made) and all(hasattr(made, part) for part in ("learn", "needs", "source_count"))):
        raise InputError(f"'{name}' is no method: a method is a frozen dataclass with learn, needs and source_count")
    method: Method = made  # type: ignore[assignment]
    return method


def name_of(method: Method) -> str:
    """Return the name under which a method of this class, with these settings changed back, can be created.

    Examples
    --------
    >>> name_of(create("kamir", iterations=3))
    'kamir'
    """
    kind = type(method)
    where = f"{kind.__module__}:{kind.__qualname__}"
    return next((name for name, (at, _) in registered().items() if at == where), where)


def settings_of(method: Method) -> dict[str, Any]:
    """Return all settings of a method by name."""
    return {field.name: getattr(method, field.name) for field in dataclasses.fields(method)}  # type: ignore[arg-type]
