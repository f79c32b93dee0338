"""The WASPAA 2023 networks as methods, run by ONNX Runtime on a fixed grid of blocks at the network's sampling rate.

A network expects a level of about 1, one microphone per source, and its own sampling rate. Microphones are therefore
scaled by their level over the whole recording, and scaled back afterwards. Microphones of the same source are processed
one after the other, each together with one microphone of every other source. If the sampling rate differs, the signal
that the network *removes* is resampled and subtracted from the original, so that what the network leaves alone, and
everything above its bandwidth, is unchanged.

A Wave-U-Net may remove more than bleed. Only what filters explain by its outputs for the other sources is taken from a
microphone (:mod:`debleed.methods.explaining`). The filters are learnt from the recording.

Polarity carries no information about bleed, but a network is not an odd function. Microphones are therefore multiplied
by signs that make them correlate positively, before and after the network (:func:`polarities`). Swapping the polarity
of a cable then inverts the output of that microphone and changes nothing else.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from debleed.methods import Arrays, Learned, Side
from debleed.methods.explaining import Explanation, explanation
from debleed.methods.instantaneous import Unmixing
from debleed.nets import NETS, SOURCES, weights
from debleed.progress import Progress, quiet, within
from debleed.recording import InputError, Recording, Samples

Floats = NDArray[np.float32]

EDGE, FADE = 8192, 2048
"""Samples at the network's rate: the part discarded at both ends of a block, where the output depends on the zero
padding, and the length of the crossfade between blocks. The receptive field of the dilated network is larger, but its
weights there are small."""

ALIGNED = 1024
"""Blocks begin at multiples of this where the sampling rates allow it: because of pooling, a smaller shift changes the
output."""

FRAME = 8192
"""Samples per frame for comparing polarities; long compared with any acoustic path on a stage."""

BLOCKS = 12
"""Number of blocks, spread evenly over the recording, from which something is learnt: the matrix of t-UNet, of which
the median of each entry is used, and what explains the bleed."""

NAMES = {
    "vocals": ("voc", "vox", "sing", "choir"),
    "bass": ("bass",),
    "drums": ("drum", "kick", "snare", "hat", "tom", "ride", "cymbal", "perc"),
}
"""Parts of names that identify the kind of a source; all others are ``other``."""


def kind_of(source: str) -> str:
    """Return the kind of source, out of those with a network, that a name suggests.

    Examples
    --------
    >>> kind_of("Lead Vox"), kind_of("kick_in"), kind_of("piano")
    ('vocals', 'drums', 'other')
    """
    known = (kind for kind, parts in NAMES.items() if any(part in source.lower() for part in parts))
    return next(known, SOURCES[-1])


@lru_cache(maxsize=8)
def session(path: Path) -> Callable[[Floats], Floats]:
    """Load a network and return it as a function of ``(mics, samples)``.

    Raises
    ------
    InputError
        If ONNX Runtime is not installed or the file is damaged.
    """
    weights.describe(path)
    try:
        import onnxruntime
    except ModuleNotFoundError:
        raise InputError(
            "this method runs a network, which needs ONNX Runtime; install it with: pip install 'debleed[neural]'"
        ) from None
    runtime = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])

    def run(mics: Floats) -> Floats:
        out: Floats = runtime.run(None, {"mics": np.ascontiguousarray(mics[None], np.float32)})[0][0]
        return out

    return run


@dataclass(frozen=True)
class Scale:
    """Normalisation of the microphones for a network: signs and levels, each ``(mics,)``."""

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
            progress("read", stop / recording.length)
        levels = np.sqrt(energy / recording.length)
        sounding = np.where(levels > 0, levels, 1)
        signs = polarities(phases, cubes / sounding**3)
        if level == "common":
            levels = np.where(levels > 0, np.sqrt(np.mean(levels**2)), 0)
        return cls(signs, levels)

    def down(self, samples: Samples) -> NDArray[np.float64]:
        """Normalise microphones for the network."""
        factor = self.signs / np.where(self.levels > 0, self.levels, 1)
        return samples.astype(np.float64) * factor[:, None]

    def up(self, samples: Samples) -> Samples:
        """Scale the output of the network back; silent microphones stay silent."""
        return samples * (self.signs * self.levels)[:, None]


def common_phases(samples: NDArray[np.float64]) -> NDArray[np.complex128]:
    """Sum cross-spectra with unit magnitude (PHAT) over frames of :data:`FRAME` samples, ``(bins, mics, mics)``."""
    import scipy.fft

    padded = np.pad(samples, ((0, 0), (0, -samples.shape[1] % FRAME)))
    spectra = scipy.fft.rfft(padded.reshape(len(samples), -1, FRAME) * np.hanning(FRAME), axis=2)
    size = np.abs(spectra)
    unit = np.divide(spectra, size, out=np.zeros_like(spectra), where=size > 0).transpose(2, 0, 1)
    summed: NDArray[np.complex128] = unit @ unit.conj().transpose(0, 2, 1)
    return summed


def polarities(phases: NDArray[np.complex128], cubes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return signs that give the microphones the same polarity, ``(mics,)``.

    If one source is picked up by two microphones, the largest peak of their generalised cross-correlation with phase
    transform (C. Knapp, G. Carter 1976) is at the direct sound and has the sign of its gain. The signs are those of the
    first principal component of these peaks; the common sign makes the third moments positive.

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


def microphone_groups(sources: Sequence[str | None]) -> list[list[int]]:
    """Return groups with one microphone per source, which together contain every microphone.

    Sources with fewer microphones repeat their last one.

    Examples
    --------
    >>> microphone_groups(["vox", "keys", "keys"])
    [[0, 1], [0, 2]]
    """
    of = [[i for i, source in enumerate(sources) if source == name] for name in dict.fromkeys(sources)]
    return [[mics[min(k, len(mics) - 1)] for mics in of] for k in range(max(map(len, of)))]


@dataclass(frozen=True)
class Neural:
    """A trained network as a method."""

    folder: str = field(
        default="", metadata={"help": "folder with networks from 'debleed train'; empty for the shipped networks"}
    )
    needs: ClassVar[frozenset[str]] = frozenset()
    source_count: ClassVar[int | None] = None
    net: ClassVar[str]

    def _find(self, name: str) -> Path:
        return weights.find(name, Path(self.folder) if self.folder else None)


@dataclass(frozen=True)
class Blockwise:
    """Networks applied to blocks of a fixed grid.

    Parameters
    ----------
    scale
        Signs and levels.
    runs
        Groups of microphones, and the network for each. A microphone in several groups takes the output of the first.
    explanation
        What explains the bleed; without it, the microphones are the network's own output.
    """

    scale: Scale
    runs: tuple[tuple[tuple[int, ...], Path], ...]
    explanation: Explanation | None = None

    def explained(self, recording: Recording, progress: Progress) -> Blockwise:
        """Learn what explains the bleed, from :data:`BLOCKS` blocks of a recording."""
        config = weights.describe(self.runs[0][1])["config"]
        grid = Grid.of(recording.rate, config["rate"], config["samples"])
        edge = min(EDGE, grid.samples // 8)
        count = max(1, -(-recording.length // grid.step))
        chosen = np.unique(np.linspace(0, count - 1, min(BLOCKS, count)).round().astype(int))
        blocks = []
        for done, k in enumerate(chosen, start=1):
            mics, outputs = self._run(self._block(recording, grid, k), grid)
            inner = slice(edge, grid.samples - edge)
            blocks.append(((mics - outputs)[:, inner].astype(np.float64), outputs[:, inner].astype(np.float64)))
            progress("explain", done / (len(chosen) + 1))
        own = np.array([[a == b for b in recording.sources] for a in recording.sources])
        return replace(self, explanation=explanation(blocks, own | np.eye(len(own), dtype=bool), grid.inner))

    def apply(self, recording: Recording) -> Recording:
        """Clean a recording of the same microphones; a few blocks are kept in memory."""
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

    def _block(self, recording: Recording, grid: Grid, k: int) -> Samples:
        """Read block k with its edges."""
        first = k * grid.step - grid.edge
        return recording.read(first, first + grid.edge * 2 + grid.step + grid.fade)

    def _run(self, native: Samples, grid: Grid) -> tuple[Floats, Floats]:
        """Return a block as the network takes it and what it outputs, ``(mics, grid.samples)``."""
        mics = changed_rate(self.scale.down(native), grid.rate, grid.inner)
        padded = np.zeros((len(mics), grid.samples), np.float32)
        padded[:, : mics.shape[1]] = mics
        outputs, done = padded.copy(), set()
        for group, path in self.runs:
            for i, row in zip(group, session(path)(padded[list(group)]), strict=True):
                if i not in done:
                    outputs[i] = row
                    done.add(i)
        return padded, outputs

    def _removed(self, recording: Recording, grid: Grid, k: int) -> Samples:
        """Return the signal that block k removes, ``(mics, step + fade)``, with fades at both ends."""
        native = self._block(recording, grid, k)
        mics, outputs = self._run(native, grid)
        if self.explanation is None:
            removed = (mics - outputs).astype(np.float64)
        else:
            removed = self.explanation.bleed(outputs.astype(np.float64))
        length = -(-native.shape[1] * grid.inner // grid.rate)
        back = changed_rate(removed[:, :length], grid.inner, grid.rate)
        back = np.pad(back, ((0, 0), (0, max(0, native.shape[1] - back.shape[1]))))
        kept = self.scale.up(back[:, grid.edge : grid.edge + grid.step + grid.fade])
        rise = (np.arange(grid.fade) + 0.5) / grid.fade
        kept[:, : grid.fade] *= rise
        kept[:, grid.step :] *= rise[::-1]
        return kept


@dataclass(frozen=True)
class Grid:
    """Blocks at the recording's rate: block k spans k × step to (k + 1) × step + fade, plus an edge on both sides.

    ``inner`` and ``samples`` are the sampling rate and the block length of the network.
    """

    rate: int
    inner: int
    samples: int
    step: int
    fade: int
    edge: int

    @classmethod
    def of(cls, rate: int, inner: int, samples: int) -> Grid:
        """Choose the blocks for a recording's sampling rate."""
        edge = min(EDGE, samples // 8)
        fade = min(FADE, samples // 16)
        at = [n * rate // inner for n in (samples - 2 * edge - fade - 2, fade, edge)]
        period = rate // math.gcd(rate, inner)  # the sample grids of both rates coincide once per period
        step = next((at[0] // n * n for n in (period * ALIGNED, period) if at[0] >= n), at[0])
        return cls(rate, inner, samples, step, at[1], at[2])


def changed_rate(samples: NDArray[np.float64], rate: int, wanted: int) -> NDArray[np.float64]:
    """Resample microphones ``(mics, samples)``; sample 0 stays sample 0."""
    from debleed.io.audio_file import resampled

    return np.stack([resampled(row, rate, wanted) for row in samples])


@dataclass(frozen=True)
class DiCae(Neural):
    """One network per kind of source, applied to its microphone only."""

    net: ClassVar[str] = "di-cae"

    def learn(self, recording: Recording, side: Side = Side(), progress: Progress = quiet) -> Learned:  # noqa: B008
        """Measure levels, and choose the network of each microphone by the name of its source."""
        paths = [self._network(kind_of(source or "")) for source in recording.sources]
        for path in paths:
            session(path)
        scale = Scale.of(recording, NETS[self.net].level, progress)
        return Blockwise(scale, tuple(((i,), path) for i, path in enumerate(paths)))

    def _network(self, kind: str) -> Path:
        """Return the network of a kind of source, or that of ``other`` if there is none."""
        try:
            return self._find(f"{self.net}-{kind}")
        except InputError:
            return self._find(f"{self.net}-{SOURCES[-1]}")


@dataclass(frozen=True)
class TUnet(Neural):
    """A network that estimates the mixing matrix; its inverse is applied at the recording's own rate."""

    net: ClassVar[str] = "t-unet"
    source_count: ClassVar[int | None] = 4

    def learn(self, recording: Recording, side: Side = Side(), progress: Progress = quiet) -> Unmixing:  # noqa: B008
        """Estimate the matrix from blocks of the whole recording."""
        path = self._find(self.net)
        estimate, config = session(path), weights.describe(path)["config"]
        scale = Scale.of(recording, NETS[self.net].level, progress)
        rows = np.eye(len(recording))
        for group in microphone_groups(recording.sources):
            matrix = estimate_mixing(recording, scale, group, estimate, config)
            rows[np.ix_(group, group)] = np.linalg.inv(matrix)
        turned = np.outer(scale.signs, scale.signs)
        silent = scale.levels == 0
        rows[silent] = rows[:, silent] = 0
        rows[silent, silent] = 1
        return Unmixing(rows * turned)

    def restore(self, arrays: Arrays, mics: int) -> Unmixing:
        """Rebuild the matrix, see :meth:`Unmixing.restored`; the network is no longer needed."""
        return Unmixing.restored(arrays, mics)


def estimate_mixing(
    recording: Recording, scale: Scale, group: list[int], estimate: Callable[[Floats], Floats], config: dict[str, Any]
) -> NDArray[np.float64]:
    """Estimate A for a group of microphones as the median over blocks of the whole recording; 1 on the diagonal."""
    rate, inner, samples = recording.rate, config["rate"], config["samples"]
    length = samples * rate // inner
    many = max(1, min(BLOCKS, recording.length // length))
    starts = [round(k * (recording.length - length) / max(1, many - 1)) if many > 1 else 0 for k in range(many)]
    matrices = []
    for start in starts:
        mics = scale.down(recording.read(start, start + length))[group]
        padded = np.zeros((len(group), samples), np.float32)
        lowered = changed_rate(mics, rate, inner)[:, :samples]
        padded[:, : lowered.shape[1]] = lowered
        matrices.append(estimate(padded))
    return np.median(np.stack(matrices), axis=0).astype(np.float64)


@dataclass(frozen=True)
class WaveUnet(Neural):
    """A network that outputs the samples of all sources."""

    explain: bool = field(
        default=True,
        metadata={"help": "remove only what the network's outputs for the other sources explain; off: its own output"},
    )

    def learn(self, recording: Recording, side: Side = Side(), progress: Progress = quiet) -> Learned:  # noqa: B008
        """Measure levels and polarities, and learn what explains the bleed; everything else was trained."""
        path = self._find(self.net)
        session(path)
        scale = Scale.of(recording, NETS[self.net].level, within(progress, 0, 0.1))
        free = Blockwise(scale, tuple((tuple(group), path) for group in microphone_groups(recording.sources)))
        return free.explained(recording, within(progress, 0.1, 1)) if self.explain else free


@dataclass(frozen=True)
class FUnet(WaveUnet):
    """A Wave-U-Net over four microphones."""

    net: ClassVar[str] = "f-unet"
    source_count: ClassVar[int | None] = 4


@dataclass(frozen=True)
class DfUnet(WaveUnet):
    """A dilated Wave-U-Net over four microphones."""

    net: ClassVar[str] = "df-unet"
    source_count: ClassVar[int | None] = 4


@dataclass(frozen=True)
class DfUnetGat(WaveUnet):
    """A dilated Wave-U-Net with attention over any number of microphones."""

    net: ClassVar[str] = "df-unet-gat"
