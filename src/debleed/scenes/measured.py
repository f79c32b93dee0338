"""Measured impulse responses: listed in a folder, checked against their checksums, fitted to the delay of a path."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path

import numpy as np

from debleed.decibels import amplitude
from debleed.recording import InputError
from debleed.scenes.acoustics import ImpulseResponse, impulse, reverberation_time

Choice = tuple[str, int]
"""File name and channel (counted from 0)."""

FOOT, DIRECT = 0.0005, 0.0025
"""Seconds before and after the onset that contain the direct sound; the reflection of the floor arrives about then."""


def found(folder: Path) -> tuple[Choice, ...]:
    """List every channel of every audio file directly in a folder, in the same order on every machine."""
    return _listed(folder, folder.stat().st_mtime_ns if folder.is_dir() else 0)


def checksum(folder: Path, name: str) -> str:
    """SHA-256 of a file in the folder, in hexadecimal digits."""
    return _read(folder / name)[0]


def response(folder: Path | None, choice: Choice, sha256: str | None) -> tuple[ImpulseResponse, int]:
    """Read one response and its rate.

    Parameters
    ----------
    folder
        Where the file is.
    choice
        File name and channel.
    sha256
        Checksum that the file must have.

    Raises
    ------
    InputError
        If no folder is given, the file is not in it, or the file is not the one that was drawn.
    """
    name, channel = choice
    if folder is None:
        raise InputError(f"the scene uses the measured response '{name}'; say in which folder it is")
    path = folder / name
    if not path.is_file():
        raise InputError(f"the scene needs the measured response '{name}', which is not in '{folder}'")
    known, rate, samples = _read(path)
    if known != sha256:
        raise InputError(f"'{path}' is another file than the one that the scene was drawn with; put the original there")
    if not 0 <= channel < len(samples):
        raise InputError(f"'{path}' has {len(samples)} channels, and the scene uses number {channel}, counted from 0")
    return samples[channel], rate


def decay(folder: Path, choice: Choice) -> float:
    """Measure the RT60 of a response in seconds; 0 if it has none."""
    _, rate, samples = _read(folder / choice[0])
    with np.errstate(divide="ignore"):  # if nothing decays
        found = reverberation_time(samples[choice[1]], rate)
    return found if 0 < found < np.inf else 0.0


def measured_path(
    response: ImpulseResponse, response_rate: int, delay: float, gain: float, tail_db: float | None, rate: int
) -> ImpulseResponse:
    """Turn a measured response into the path of a scene.

    The distance and the level of the measurement are unknown, and a close microphone is nearer to its source than a
    measuring microphone. Direct sound depends on the distance; what follows it does not, within one room. So the two
    are scaled separately, as in generated paths: the direct sound to ``gain``, the rest to ``tail_db``. The frequency
    response does not depend on the rate.

    Parameters
    ----------
    response, response_rate
        What was measured, ``(taps,)``, at its own rate. Its onset is the first sample within 20 dB of the largest (ISO
        3382-1). The direct sound lasts until 2.5 ms after the onset; what is more than 0.5 ms before it is cut off.
    delay, gain
        Arrival of the onset in seconds; root of the energy of the direct sound.
    tail_db
        Power of everything after the direct sound, against a direct sound of gain 1; if None, the rest keeps its
        proportion to the direct sound.
    rate
        Samples per second of the result.
    """
    from scipy.signal import oaconvolve

    from debleed.io.audio_file import resampled

    onset = int(np.argmax(np.abs(response) >= 0.1 * np.max(np.abs(response))))
    first, last = max(onset - round(FOOT * response_rate), 0), onset + round(DIRECT * response_rate)
    direct, rest = response[first:last], response[last:]
    direct_rms, rest_rms = np.sqrt(np.sum(direct**2)), np.sqrt(np.sum(rest**2))
    scale = gain / direct_rms if tail_db is None else amplitude(tail_db) / (rest_rms or 1.0)
    before = 64 * (1 + response_rate // rate)  # silence in which the resampler can ring
    whole = np.concatenate([np.zeros(before), direct * (gain / direct_rms), rest * scale, np.zeros(before)])
    # resampling keeps the height of a waveform; a filter must keep its sum
    taps = resampled(whole, response_rate, rate) * (response_rate / rate)
    start = delay * rate - (before + onset - first) * rate / response_rate
    whole_start = int(np.floor(start))
    kernel = impulse((np.arange(-20, 22) - (start - whole_start)) / rate, rate)
    moved = oaconvolve(taps, kernel)
    lead = whole_start - 20
    return np.concatenate([np.zeros(lead), moved]) if lead > 0 else moved[-lead:]


@lru_cache(maxsize=8)  # a corpus draws from the same folder for each of its items
def _listed(folder: Path, changed: int) -> tuple[Choice, ...]:
    from debleed.io.audio import audio_files
    from debleed.io.audio_file import AudioFile

    choices: list[Choice] = []
    for path in sorted(audio_files(folder), key=lambda path: path.name):
        file = AudioFile(path)
        choices += [(path.name, channel) for channel in range(file.channels)]
        file.close()
    return tuple(choices)


def _read(path: Path) -> tuple[str, int, ImpulseResponse]:
    status = path.stat()
    return _load(path, status.st_mtime_ns, status.st_size)


@lru_cache(maxsize=64)  # a scene reads its few files once for each of its paths
def _load(path: Path, changed: int, size: int) -> tuple[str, int, ImpulseResponse]:
    """Checksum, rate and samples ``(channels, taps)``."""
    from debleed.io.audio_file import AudioFile

    file = AudioFile(path)
    samples = file.read(0, file.frames, np.float64).astype(np.float64)
    file.close()
    if not np.all(np.isfinite(samples)) or not np.all(np.any(samples, axis=1)):
        raise InputError(
            f"'{path}' has a channel that is silent or has samples that are not numbers; it is no impulse response"
        )
    return hashlib.sha256(path.read_bytes()).hexdigest(), file.rate, samples
