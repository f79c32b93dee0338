"""The protocols that methods implement, and the table of all methods; a method is imported when it is first used."""

from __future__ import annotations

import dataclasses
import importlib
import logging
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

log = logging.getLogger(__name__)

Arrays = Mapping[str, NDArray[Any]]
"""The learnt parameters as named arrays of numbers."""


@dataclass(frozen=True)
class Side:
    """Side information that non-blind methods need.

    Parameters
    ----------
    mixture
        The clean mixture: one microphone, the sum of the sources' images.
    truth
        The image of each microphone's own source; same names, rate and length as the recording.
    """

    mixture: Recording | None = None
    truth: Recording | None = None

    def of(self, recording: Recording) -> Side:
        """Return it with the truth of the microphones of a recording only, in their order.

        Raises
        ------
        InputError
            If the truth does not match the recording.
        """
        truth = self.truth
        if truth is None:
            return self
        if missing := [name for name in recording.names if name not in truth.names]:
            raise InputError(f"the truth lacks the microphones {', '.join(missing)}")
        if (truth.rate, truth.length) != (recording.rate, recording.length):
            raise InputError(
                f"the truth has {truth.length} samples at {truth.rate} Hz, "
                f"the recording {recording.length} at {recording.rate} Hz"
            )
        return dataclasses.replace(self, truth=truth.select([truth.names.index(name) for name in recording.names]))


class Learned(Protocol):
    """The result of learning."""

    def apply(self, recording: Recording) -> Recording:
        """Clean a recording of the same microphones; samples are computed when they are read.

        Any part may be read in any order and agrees with the whole up to rounding. Reading twice gives equal samples.
        """
        ...


@runtime_checkable
class Portable(Learned, Protocol):
    """A result of learning that named arrays describe completely, so that it can be saved."""

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return everything that :meth:`PortableMethod.restore` needs."""
        ...


@dataclass(frozen=True)
class Paths:
    """Level and delay of the bleed from each source to each microphone, as far as a method estimates them.

    Parameters
    ----------
    power
        ``(mics, mics)``: power of microphone j's source in microphone i over its power in microphone j.
    delay
        ``(mics, mics)``: delay in seconds relative to the source's own microphone; NaN if unknown.
    error
        ``(mics, mics)``: standard error of the gain relative to the gain; infinite if unknown.
    """

    power: NDArray[np.float64]
    delay: NDArray[np.float64]
    error: NDArray[np.float64]


@runtime_checkable
class Described(Learned, Protocol):
    """A result of learning that describes the bleed from each source to each microphone."""

    def paths(self, rate: int) -> Paths:
        """Describe the bleed from each source to each microphone."""
        ...


@runtime_checkable
class Cautious(Learned, Protocol):
    """A result of learning that leaves some microphones alone and says why."""

    def left_alone(self) -> tuple[str, ...]:
        """Say why each microphone is left alone; empty for those that are cleaned."""
        ...


@runtime_checkable
class Watchful(Learned, Protocol):
    """A result of learning that notices when the bleed of a recording changes suddenly."""

    def changes(self, recording: Recording, progress: Progress = ...) -> list[tuple[int, int]]:
        """Return the second and the microphone of each sudden change, in the order of time."""
        ...


@runtime_checkable
class Selective(Learned, Protocol):
    """A result of learning that can keep the bleed of selected sources."""

    def keeping(self, kept: NDArray[np.bool_]) -> Self:
        """Return a version that keeps the bleed of microphone j's source in microphone i where ``kept[i, j]``."""
        ...


class Method(Protocol):
    """A frozen dataclass whose fields are its settings; each field carries ``metadata={"help": ...}``."""

    needs: ClassVar[frozenset[str]]
    """Fields of :class:`Side` that :func:`debleed.learn` requires."""

    source_count: ClassVar[int | None]
    """The number of sources a recording must have; ``None`` accepts any number."""

    def learn(self, recording: Recording, side: Side = ..., progress: Progress = ...) -> Learned:
        """Learn from a recording in bounded memory, deterministically and without changing it.

        :func:`debleed.learn` only passes microphones that have a source, and all side information that :attr:`needs`
        names.

        Raises
        ------
        InputError
            If the recording or the side information is unsuitable.
        """
        ...


@runtime_checkable
class PortableMethod(Protocol):
    """A method whose result can be saved: it needs neither side information nor other files."""

    def learn(self, recording: Recording, side: Side = ..., progress: Progress = ...) -> Portable:
        """Learn from a recording, see :meth:`Method.learn`."""
        ...

    def restore(self, arrays: Arrays, mics: int) -> Portable:
        """Rebuild what was learnt from ``mics`` microphones out of :meth:`Portable.arrays`.

        Raises
        ------
        InputError
            If arrays are missing, have the wrong shape or type, or contain values that are not finite.
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
        "kamir with the settings of the paper (Prätzlich et al. 2015)",
    ),
    "instantaneous": (
        "debleed.methods.instantaneous:Instantaneous",
        "blind, for instantaneous mixtures: one matrix for all frequencies",
    ),
    "optimisation": (
        "debleed.methods.optimisation:Optimisation",
        "for instantaneous mixtures; needs the clean mixture; alternating least squares (Rajesh & Padmanabhan)",
    ),
    "di-cae": (
        "debleed.methods.neural:DiCae",
        "experimental, may do harm: one autoencoder per source, on its microphone only (WASPAA 2023)",
    ),
    "t-unet": (
        "debleed.methods.neural:TUnet",
        "for four sources, instantaneously mixed: a network estimates the matrix (WASPAA 2023)",
    ),
    "f-unet": (
        "debleed.methods.neural:FUnet",
        "experimental, may do harm; for four sources: a Wave-U-Net over all microphones (Rajesh & Padmanabhan)",
    ),
    "df-unet": (
        "debleed.methods.neural:DfUnet",
        "experimental, weaker than demix; for four sources: a dilated Wave-U-Net over all microphones",
    ),
    "df-unet-gat": (
        "debleed.methods.neural:DfUnetGat",
        "experimental, weaker than demix: a dilated Wave-U-Net with attention over any number of microphones",
    ),
    "unprocessed": (
        "debleed.methods.baseline:Unprocessed",
        "leaves the microphones unchanged, for comparison",
    ),
    "oracle-wiener": (
        "debleed.methods.baseline:OracleWiener",
        "needs the truth: the ideal Wiener filter on each microphone",
    ),
    "oracle-linear": (
        "debleed.methods.baseline:OracleLinear",
        "needs the truth: the best time-invariant filters over all microphones",
    ),
}
"""Name → (``module:attribute``, one-line description) of the methods that come with debleed."""

ENTRY_POINTS = "debleed.methods"
"""Entry point group in which other packages register methods."""


@cache
def registered() -> Mapping[str, tuple[str, str]]:
    """Return all named methods: the built-in ones, then those that installed packages register as entry points."""
    offered = {
        entry.name: (entry.value, f"from the package {entry.dist.name if entry.dist else entry.module}")
        for entry in sorted(entry_points(group=ENTRY_POINTS), key=lambda entry: entry.name)
    }
    return {**BUILT_IN, **{name: what for name, what in offered.items() if name not in BUILT_IN}}


def create(method: str | Method, /, **settings: Any) -> Method:
    """Create a method and change some of its settings.

    Parameters
    ----------
    method
        A name from :func:`registered`; ``package.module:Class``, which is imported; or a method.
    settings
        Settings that differ from the method's own.

    Raises
    ------
    InputError
        For an unknown name or setting (the message lists the known ones), and for a class that is not a method.

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
            f"there is no method '{name}'; the methods are {', '.join(registered())}, or use package.module:Class for "
            "your own class"
        )
    try:
        made = getattr(importlib.import_module(module), attribute)()
    except ModuleNotFoundError as missing:
        if missing.name is None or not f"{module}.".startswith(f"{missing.name}."):
            raise  # the module exists, but one of its imports does not
        raise InputError(f"method '{name}': there is no module '{missing.name}'; is its package installed?") from None
    except AttributeError:
        raise InputError(f"method '{name}': the module '{module}' has no '{attribute}'") from None
    if not (dataclasses.is_dataclass(made) and all(hasattr(made, part) for part in ("learn", "needs", "source_count"))):
        raise InputError(f"'{name}' is not a method: a method is a frozen dataclass with learn, needs and source_count")
    method: Method = made  # type: ignore[assignment]
    return method


def usable() -> dict[str, Method]:
    """Return one of each registered method by name; a package whose method cannot be made is logged and left out."""
    found = {}
    for name in registered():
        try:
            found[name] = create(name)
        except Exception as failure:  # whatever a package of somebody else does, it must not take ours along
            if name in BUILT_IN:
                raise
            log.warning("the method '%s' cannot be used: %s", name, failure)
    return found


def name_of(method: Method) -> str:
    """Return the name under which :func:`create` makes a method of this class.

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
