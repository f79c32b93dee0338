"""The WASPAA 2023 networks as methods, run by ONNX Runtime: blocks of a fixed grid, at the network's rate.

A network knows levels of about 1, sources with one microphone each, and its own sample rate. So the microphones are
scaled by their level over the whole recording and back again; a source with several microphones is heard by one after
the other, each time with one microphone of every other source; and where the rate is another, what the network
*removes* is brought back to it and subtracted, so that what is not changed stays as it is, and so does what lies above
the network's band.

Polarity says nothing about bleed, but a network is no odd function. So microphones are turned before and after, to
the signs in which they agree most with each other (:func:`polarities`): a cable that is soldered the other way round
changes nothing but the polarity of its own output.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from debleed.methods import Arrays, Learned, Side
from debleed.methods.instantaneous import Unmixing
from debleed.nets import NETS, SOURCES, weights
from debleed.progress import Progress, quiet
from debleed.recording import InputError, Recording, Samples

Floats = NDArray[np.float32]

EDGE, FADE = 8192, 2048
"""Samples at the network's rate: what is discarded at both ends of a block, where a network hears the silence outside
of it, and over what neighbouring blocks fade into each other. The dilated network reaches farther, but hardly listens
there."""

ALIGNED = 1024
"""Blocks begin at multiples of this where the rates allow: networks pool, so a shift by less gives another result."""

FRAME = 8192
"""Samples of the frames in which microphones are compared; a path of any stage is short against them."""

HEARD = 12
"""Blocks, spread evenly over the recording, from which t-UNet's matrix is taken: the median of each entry."""

NAMES = {
    "vocals": ("voc", "vox", "sing", "choir"),
    "bass": ("bass",),
    "drums": ("drum", "kick", "snare", "hat", "tom", "ride", "cymbal", "perc"),
}
"""Parts of names by which a source is known; others are ``other``."""


def kind_of(source: str) -> str:
    """Tell which of the sources that networks know a name means.

    Examples
    --------
    >>> kind_of("Lead Vox"), kind_of("kick_in"), kind_of("piano")
    ('vocals', 'drums', 'other')
    """
    known = (kind for kind, parts in NAMES.items() if any(part in source.lower() for part in parts))
    return next(known, SOURCES[-1])


@lru_cache(maxsize=8)
def session(path: Path) -> Callable[[Floats], Floats]:
    """Load a network; what comes back maps ``(mics, samples)``.

    Raises
    ------
    InputError
        Where ONNX Runtime is not installed, or the file is damaged.
    """
    weights.describe(path)
    try:
        import onnxruntime
    except ModuleNotFoundError:
        raise InputError(
            "this method runs a network, which needs ONNX Runtime; install it with: pip install 'debleed[neural]'"
        ) from None
    running = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])

    def run(mics: Floats) -> Floats:
        out: Floats = running.run(None, {"mics": np.ascontiguousarray(mics[None], np.float32)})[0][0]
        return out

    return run


@dataclass(frozen=True)
class Scale:
    """What makes microphones fit for a network: signs and levels, each ``(mics,)``."""

    signs: NDArray[np.float64]
    levels: NDArray[np.float64]

    @classmethod
    def of(cls, recording: Recording, level: str, progress: Progress) -> Scale:
        """Measure a recording in one pass; ``level`` as in :class:`debleed.nets.Net`."""
        count = len(recording)
        energy, cubes = np.zeros((2, count))
        phases = np.zeros((FRAME // 2 + 1, count, count), np.complex128)
        for start, stop in recording.blocks():
            samples = recording.read(start, stop).astype(np.float64)
            energy += np.sum(samples**2, axis=1)
            cubes += np.sum(samples**3, axis=1)
            phases += common_phases(samples)
            progress("listen", stop / recording.length)
        levels = np.sqrt(energy / recording.length)
        sounding = np.where(levels > 0, levels, 1)
        signs = polarities(phases, cubes / sounding**3)
        if level == "common":
            levels = np.where(levels > 0, np.sqrt(np.mean(levels**2)), 0)
        return cls(signs, levels)

    def down(self, samples: Samples) -> NDArray[np.float64]:
        """Scale microphones for the network."""
        factor = self.signs / np.where(self.levels > 0, self.levels, 1)
        return samples.astype(np.float64) * factor[:, None]

    def up(self, samples: Samples) -> Samples:
        """Scale what the network gives back; a silent microphone gets nothing."""
        return samples * (self.signs * self.levels)[:, None]


def common_phases(samples: NDArray[np.float64]) -> NDArray[np.complex128]:
    """Sum the phases between microphones over frames of :data:`FRAME`, ``(bins, mics, mics)``, loud or soft alike."""
    import scipy.fft

    padded = np.pad(samples, ((0, 0), (0, -samples.shape[1] % FRAME)))
    spectra = scipy.fft.rfft(padded.reshape(len(samples), -1, FRAME) * np.hanning(FRAME), axis=2)
    size = np.abs(spectra)
    unit = np.divide(spectra, size, out=np.zeros_like(spectra), where=size > 0).transpose(2, 0, 1)
    summed: NDArray[np.complex128] = unit @ unit.conj().transpose(0, 2, 1)
    return summed


def polarities(phases: NDArray[np.complex128], cubes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Signs in which microphones agree, ``(mics,)``.

    Where one source reaches two microphones, their generalised cross-correlation with phase transform (C. Knapp,
    G. Carter 1976) has its largest peak at the direct sound, of the sign of the path. The signs are those of the first
    principal component of these peaks; all together are turned so that the third moments are positive.

    Parameters
    ----------
    phases
        From :func:`common_phases`.
    cubes
        Sum of each microphone's cubes at a level of 1, ``(mics,)``.
    """
    import scipy.fft

    correlations = scipy.fft.irfft(phases, axis=0)
    at = np.argmax(np.abs(correlations), axis=0)
    peaks = np.take_along_axis(correlations, at[None], axis=0)[0]
    signs = np.where(np.linalg.eigh((peaks + peaks.T) / 2)[1][:, -1] < 0, -1.0, 1.0)
    return -signs if signs @ cubes < 0 else signs


def casts(sources: Sequence[str | None]) -> list[list[int]]:
    """List sets of one microphone for each source, so that every microphone is in one; fewer are repeated.

    Examples
    --------
    >>> casts(["vox", "keys", "keys"])
    [[0, 1], [0, 2]]
    """
    of = [[i for i, source in enumerate(sources) if source == name] for name in dict.fromkeys(sources)]
    return [[mics[min(k, len(mics) - 1)] for mics in of] for k in range(max(map(len, of)))]


@dataclass(frozen=True)
class Neural:
    """A trained network as a method."""

    folder: str = field(
        default="", metadata={"help": "folder of networks that 'debleed train' made; the shipped ones if empty"}
    )
    needs: ClassVar[frozenset[str]] = frozenset()
    source_count: ClassVar[int | None] = None
    net: ClassVar[str]

    def _find(self, name: str) -> Path:
        return weights.find(name, Path(self.folder) if self.folder else None)

    def learn(self, recording: Recording, side: Side = Side(), progress: Progress = quiet) -> Learned:  # noqa: B008
        """Measure levels; a network has learnt all else before."""
        path = self._find(self.net)
        session(path)
        scale = Scale.of(recording, NETS[self.net].level, progress)
        return Blockwise(scale, tuple((tuple(cast), path) for cast in casts(recording.sources)))


@dataclass(frozen=True)
class Blockwise:
    """Networks over blocks of a fixed grid.

    Parameters
    ----------
    scale
        Signs and levels.
    runs
        Microphones that are heard together, and the network that hears them. A microphone takes what the first of
        them gives.
    """

    scale: Scale
    runs: tuple[tuple[tuple[int, ...], Path], ...]

    def apply(self, recording: Recording) -> Recording:
        """Clean any recording of the same microphones; a few blocks are kept in memory."""
        config = weights.describe(self.runs[0][1])["config"]
        grid = Grid.of(recording.rate, config["rate"], config["samples"])
        block = lru_cache(maxsize=4)(lambda k: self._removed(recording, grid, k))

        def read(start: int, stop: int) -> Samples:
            out = recording.read(start, stop).copy()
            for k in range(start // grid.step - 1, -(-stop // grid.step)):
                first = k * grid.step
                a, b = max(start, first), min(stop, first + grid.step + grid.fade)
                if a < b:
                    out[:, a - start : b - start] -= block(k)[:, a - first : b - first].astype(out.dtype)
            return out

        return recording.with_reader(read)

    def _removed(self, recording: Recording, grid: Grid, k: int) -> Samples:
        """Find what block k takes away, ``(mics, step + fade)``, faded in and out."""
        first = k * grid.step - grid.edge
        native = recording.read(first, first + grid.edge * 2 + grid.step + grid.fade)
        mics = changed_rate(self.scale.down(native), grid.rate, grid.inner)
        given = np.zeros((len(mics), grid.samples), np.float32)
        given[:, : mics.shape[1]] = mics
        removed, done = np.zeros_like(given), set()
        for heard, path in self.runs:
            found = given[list(heard)] - session(path)(given[list(heard)])
            for i, row in zip(heard, found, strict=True):
                if i not in done:
                    removed[i] = row
                    done.add(i)
        back = changed_rate(removed[:, : mics.shape[1]].astype(np.float64), grid.inner, grid.rate)
        back = np.pad(back, ((0, 0), (0, max(0, native.shape[1] - back.shape[1]))))
        kept = self.scale.up(back[:, grid.edge : grid.edge + grid.step + grid.fade])
        rise = (np.arange(grid.fade) + 0.5) / grid.fade
        kept[:, : grid.fade] *= rise
        kept[:, grid.step :] *= rise[::-1]
        return kept


@dataclass(frozen=True)
class Grid:
    """Blocks at the recording's rate: block k stands from k × step to (k + 1) × step + fade, with an edge around it.

    ``inner`` and ``samples`` are the rate and the length that the network takes.
    """

    rate: int
    inner: int
    samples: int
    step: int
    fade: int
    edge: int

    @classmethod
    def of(cls, rate: int, inner: int, samples: int) -> Grid:
        """Choose the blocks for a recording's rate."""
        edge = min(EDGE, samples // 8)
        fade = min(FADE, samples // 16)
        at = [n * rate // inner for n in (samples - 2 * edge - fade - 2, fade, edge)]
        period = rate // math.gcd(rate, inner)  # the samples of both rates meet once in so many
        step = next((at[0] // n * n for n in (period * ALIGNED, period) if at[0] >= n), at[0])
        return cls(rate, inner, samples, step, at[1], at[2])


def changed_rate(samples: NDArray[np.float64], rate: int, wanted: int) -> NDArray[np.float64]:
    """Resample microphones ``(mics, samples)``; sample 0 stays sample 0."""
    from debleed.io.audio import resampled

    return np.stack([resampled(row, rate, wanted) for row in samples])


@dataclass(frozen=True)
class DiCae(Neural):
    """A network for each kind of source, which hears its microphone alone."""

    net: ClassVar[str] = "di-cae"

    def learn(self, recording: Recording, side: Side = Side(), progress: Progress = quiet) -> Learned:  # noqa: B008
        """Measure levels, and choose the network of each microphone by the name of its source."""
        paths = [self._known(kind_of(source or "")) for source in recording.sources]
        for path in paths:
            session(path)
        scale = Scale.of(recording, NETS[self.net].level, progress)
        return Blockwise(scale, tuple(((i,), path) for i, path in enumerate(paths)))

    def _known(self, kind: str) -> Path:
        """Find the network of a kind of source; one that has none is ``other``."""
        try:
            return self._find(f"{self.net}-{kind}")
        except InputError:
            return self._find(f"{self.net}-{SOURCES[-1]}")


@dataclass(frozen=True)
class TUnet(Neural):
    """A network that tells the mixing matrix; the recording is unmixed with it, at its own rate."""

    net: ClassVar[str] = "t-unet"
    source_count: ClassVar[int | None] = 4

    def learn(self, recording: Recording, side: Side = Side(), progress: Progress = quiet) -> Unmixing:  # noqa: B008
        """Take the matrix from blocks all over the recording."""
        path = self._find(self.net)
        tell, config = session(path), weights.describe(path)["config"]
        scale = Scale.of(recording, NETS[self.net].level, progress)
        rows = np.eye(len(recording))
        for cast in casts(recording.sources):
            matrix = mixing(recording, scale, cast, tell, config)
            rows[np.ix_(cast, cast)] = np.linalg.inv(matrix)
        turned = np.outer(scale.signs, scale.signs)
        silent = scale.levels == 0
        rows[silent] = rows[:, silent] = 0
        rows[silent, silent] = 1
        return Unmixing(rows * turned)

    def restore(self, arrays: Arrays, mics: int) -> Unmixing:
        """Rebuild the matrix, see :meth:`Unmixing.restored`; it needs the network no more."""
        return Unmixing.restored(arrays, mics)


def mixing(
    recording: Recording, scale: Scale, cast: list[int], tell: Callable[[Floats], Floats], config: dict[str, Any]
) -> NDArray[np.float64]:
    """Tell A of some microphones, the median over blocks from all over the recording; 1 on the diagonal."""
    rate, inner, samples = recording.rate, config["rate"], config["samples"]
    length = samples * rate // inner
    many = max(1, min(HEARD, recording.length // length))
    starts = [round(k * (recording.length - length) / max(1, many - 1)) if many > 1 else 0 for k in range(many)]
    found = []
    for start in starts:
        mics = scale.down(recording.read(start, start + length))[cast]
        given = np.zeros((len(cast), samples), np.float32)
        lowered = changed_rate(mics, rate, inner)[:, :samples]
        given[:, : lowered.shape[1]] = lowered
        found.append(tell(given))
    return np.median(np.stack(found), axis=0).astype(np.float64)


@dataclass(frozen=True)
class FUnet(Neural):
    """A Wave-U-Net over four microphones."""

    net: ClassVar[str] = "f-unet"
    source_count: ClassVar[int | None] = 4


@dataclass(frozen=True)
class DfUnet(Neural):
    """A dilated Wave-U-Net over four microphones."""

    net: ClassVar[str] = "df-unet"
    source_count: ClassVar[int | None] = 4


@dataclass(frozen=True)
class DfUnetGat(Neural):
    """A dilated Wave-U-Net with attention over any number of microphones."""

    net: ClassVar[str] = "df-unet-gat"
