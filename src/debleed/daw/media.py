"""The files of a project, of which few are open at a time, and a track that reads like one audio file."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from threading import Lock

import numpy as np
from numpy.typing import DTypeLike

from debleed.daw.timeline import Stretch
from debleed.io.audio_file import BITS, FLOATS, AudioFile, at_rate
from debleed.recording import BLOCK_SECONDS, Samples

MOST_OPEN = 64
"""Files that are open at a time; systems allow a process from 256 on."""


class Opened:
    """The files that are open at the moment, the one that was read last at the end."""

    def __init__(self) -> None:
        self._files: OrderedDict[Path, AudioFile] = OrderedDict()
        self._lock = Lock()

    def read(self, path: Path, start: int, stop: int, dtype: DTypeLike) -> Samples:
        """Read samples of a file, as :meth:`debleed.io.audio.AudioFile.read`."""
        with self._lock:
            file = self._files.pop(path, None) or AudioFile(path)
            self._files[path] = file
            if len(self._files) > MOST_OPEN:
                self._files.popitem(last=False)[1].close()
            return file.read(start, stop, dtype)

    def close(self) -> None:
        """Close all files."""
        while self._files:
            self._files.popitem()[1].close()


class Media(AudioFile):
    """A file of a project, opened when it is read.

    Several tracks may read channels of one file, so what was read last is kept.

    Raises
    ------
    InputError
        If the file is not audio, is empty or is damaged.
    """

    def __init__(self, path: Path, opened: Opened) -> None:
        with closing(AudioFile(path)) as file:
            self._shape = file.rate, file.frames, file.channels
            self._form = file.container, file.subtype, file.endian
            self._track_names = file.track_names
        self.path = path
        self._opened = opened
        self._block: tuple[tuple[int, int, str], Samples] | None = None

    @property
    def rate(self) -> int:
        """Samples per second."""
        return self._shape[0]

    @property
    def frames(self) -> int:
        """Samples per channel."""
        return self._shape[1]

    @property
    def channels(self) -> int:
        """Number of channels."""
        return self._shape[2]

    @property
    def container(self) -> str:
        """File type, as named by libsndfile."""
        return self._form[0]

    @property
    def subtype(self) -> str:
        """Sample format, as named by libsndfile."""
        return self._form[1]

    @property
    def endian(self) -> str:
        """Byte order, as named by libsndfile."""
        return self._form[2]

    def read(self, start: int, stop: int, dtype: DTypeLike) -> Samples:
        """Read samples of shape ``(channels, stop - start)``; samples outside the file are 0."""
        if self.channels <= 2 or stop - start > 2 * BLOCK_SECONDS * self.rate:
            return self._opened.read(self.path, start, stop, dtype)
        wanted = start, stop, np.dtype(dtype).name
        kept = self._block
        if kept is None or kept[0] != wanted:
            self._block = kept = wanted, self._opened.read(self.path, start, stop, dtype)
        return kept[1]

    def close(self) -> None:
        """Forget what was read; whoever made :class:`Opened` closes it."""
        self._block = None


class TrackFile(AudioFile):
    """A track of a project, which reads like a mono or stereo file that begins where all tracks do.

    Parameters
    ----------
    path
        The path that it would have as a file; it need not exist. Its suffix is that of the files, if they are alike.
    stretches
        What plays where, in samples of the project at ``rate``, in order.
    media
        The file of each stretch.
    rate
        Sampling rate of the track.
    first
        The sample of the project where the track begins.
    """

    def __init__(self, path: Path, stretches: Sequence[Stretch], media: Sequence[Media], rate: int, first: int) -> None:
        self.path = path
        self.first = first
        self._rate = rate
        self._stretches, self._media = stretches, media
        self._channels = {len(one.channels or range(file.channels)) for one, file in zip(stretches, media, strict=True)}
        self._track_names = (None,) * self.channels
        self._readers: dict[tuple[Path, str], Callable[[int, int], Samples]] = {}

    @property
    def origin(self) -> Path | None:
        """The file that this track is, sample for sample; ``None`` if it is none."""
        one, file = self._stretches[0], self._media[0]
        whole = (one.origin, one.start, one.stop) == (self.first, self.first, self.first + file.frames)
        alone = len(self._stretches) == 1 and one.channels is None and file.rate == self.rate
        return file.path if whole and alone else None

    @property
    def rate(self) -> int:
        """Samples per second."""
        return self._rate

    @property
    def frames(self) -> int:
        """Samples per channel."""
        return self._stretches[-1].stop - self.first

    @property
    def channels(self) -> int:
        """Number of channels; mono files play on both channels of a stereo track."""
        return max(self._channels)

    @property
    def container(self) -> str:
        """File type of the result: that of the files, if they are alike and the track is as they are."""
        found = {file.container for file in self._media}
        return found.pop() if len(found) == 1 and found != {"WAVEX"} else "WAV"

    @property
    def subtype(self) -> str:
        """Sample format of the result: the finest of those of the files."""
        return max((file.subtype for file in self._media), key=fineness)

    @property
    def endian(self) -> str:
        """Byte order of the result."""
        found = {file.endian for file in self._media}
        return found.pop() if len(found) == 1 else "FILE"

    def read(self, start: int, stop: int, dtype: DTypeLike) -> Samples:
        """Read samples of shape ``(channels, stop - start)``; where nothing plays they are 0."""
        out = np.zeros((self.channels, stop - start), dtype)
        shift = start + self.first
        for one, file in zip(self._stretches, self._media, strict=True):
            a, b = max(shift, one.start), min(stop + self.first, one.stop)
            if a < b:
                whole = self._reader(file, dtype)(a - one.origin, b - one.origin)
                out[:, a - shift : b - shift] = whole if one.channels is None else whole[list(one.channels)]
        return out

    def _reader(self, file: Media, dtype: DTypeLike) -> Callable[[int, int], Samples]:
        """Return the reader of a file at the rate of the track; one that resamples keeps what it has done."""
        key = file.path, np.dtype(dtype).name
        if key not in self._readers:
            self._readers[key] = at_rate(file, self.rate, dtype)
        return self._readers[key]

    def close(self) -> None:
        """Forget what was read."""
        for file in self._media:
            file.close()


def fineness(subtype: str) -> tuple[int, int]:
    """Order sample formats: lossy ones first, then integers by their bits, then floating-point ones.

    Examples
    --------
    >>> sorted(["DOUBLE", "PCM_16", "VORBIS", "PCM_24", "FLOAT"], key=fineness)
    ['VORBIS', 'PCM_16', 'PCM_24', 'FLOAT', 'DOUBLE']
    """
    if subtype in FLOATS:
        return 2, np.dtype(FLOATS[subtype]).itemsize
    return (1, BITS[subtype]) if subtype in BITS else (0, 0)
