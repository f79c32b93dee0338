"""The filters of a stage as impulse responses, which any convolver can run."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from debleed.daw.convolvers import FILES, brutefir, jconvolver
from debleed.dsp.rtf import Taps
from debleed.io.chunks import chunks
from debleed.io.documents import Place, write_text
from debleed.io.staging import Staging
from debleed.methods.demix.demixed import Demixed
from debleed.methods.demix.filters import Filters
from debleed.recording import InputError
from debleed.stage import Stage

log = logging.getLogger(__name__)

OMITTED = 1e-12
"""Share of a filter's energy (−120 dB) that may be cut off at each end, so that latency and filters are short."""


@dataclass(frozen=True)
class ImpulseResponses:
    """A matrix of filters with finite impulse responses.

    Parameters
    ----------
    rate
        Sampling rate in Hz.
    names
        The microphones in order; filter ``[i, j]`` leads from input j to output i.
    taps
        ``(mics, mics, taps)``: the impulse responses; zero where two microphones do not hear each other.
    latency
        Samples by which the outputs are late: the tap of lag 0.
    """

    rate: int
    names: tuple[str, ...]
    taps: Taps
    latency: int

    @property
    def pairs(self) -> list[tuple[int, int]]:
        """Output and input of each filter that is not zero."""
        outputs, inputs = np.nonzero(np.any(self.taps, axis=-1))
        return list(zip(outputs.tolist(), inputs.tolist(), strict=True))


def impulse_responses(stage: Stage) -> ImpulseResponses:
    """Return what the fixed filters of a stage do, without tracking, postfilter and what is given back.

    All microphones of the stage are inputs and outputs, in their order. Those that the stage does not change have a
    filter that only delays them, and copies are cleaned like their originals.

    Raises
    ------
    InputError
        If the stage was learnt with another method or holds a matrix for each frequency, and if it changes nothing.
    """
    learned = stage.learned
    if not isinstance(learned, Demixed):
        raise InputError(
            f"the stage was learnt with '{stage.method}', which learns no filters that could be exported; learn it "
            "again with 'demix'"
        )
    if not isinstance(learned.filters, Filters):
        raise InputError(
            "the stage holds a matrix for each frequency, because its microphones are far from their sources, and "
            "these are no impulse responses; learn it again with --set narrowband=false"
        )
    if learned.filters.is_identity:
        raise InputError("the fixed filters of the stage change no microphone, so there are none to export")
    _say_what_is_missing(stage, learned)
    taps, lead = learned.filters.finite()
    whole, latency = shortened(_of_all(stage, taps, lead), lead)
    return ImpulseResponses(stage.rate, stage.names, whole, latency)


def _say_what_is_missing(stage: Stage, learned: Demixed) -> None:
    """Log what the stage does beyond its fixed filters."""
    parts = {
        "the tracking": bool(learned.tracking.changed_mics.any() or learned.gain_changes.variance.any()),
        "the postfilter": bool(learned.postfilter.leakage.any()),
        "what it gives back of the background": not learned.background.silent,
        "what it gives back of the own sound": bool(learned.own_sound.changed_mics.any()),
    }
    if missing := [part for part, used in parts.items() if used]:
        log.info("fixed filters only: without %s, so 'debleed apply' removes more or less", " and ".join(missing))
    if stage.fingerprint is not None and stage.fingerprint.moved.any():
        late = ", ".join(name for name, moved in zip(stage.names, stage.fingerprint.moved, strict=True) if moved)
        log.warning("%s had to be put in step when the stage was learnt; the filters take microphones in step", late)


def _of_all(stage: Stage, taps: Taps, lead: int) -> Taps:
    """Embed filters that are added to the microphones they were learnt from into filters of all microphones."""
    count, learnt = len(stage.names), stage.with_source
    treated = [k for k, mic in enumerate(learnt) if stage.names[mic] not in stage.references]
    whole = np.zeros((count, count, taps.shape[-1]), np.float32)
    whole[np.ix_([learnt[k] for k in treated], learnt)] = taps[treated]
    for copy, (original, gain) in stage.soundcheck.copies.items():
        whole[stage.names.index(copy)] = np.float32(gain) * whole[stage.names.index(original)]
    whole[np.arange(count), np.arange(count), lead] += 1
    return whole


def shortened(taps: Taps, lead: int) -> tuple[Taps, int]:
    """Cut what is inaudible off both ends of filters ``(outputs, inputs, taps)``; also return the new lead.

    Each filter loses at most :data:`OMITTED` of its energy at each end.
    """
    energy: NDArray[np.float64] = np.square(taps, dtype=np.float64).reshape(-1, taps.shape[-1])
    energy = energy[energy.any(axis=1)]
    before = np.cumsum(energy, axis=1)
    after = np.cumsum(energy[:, ::-1], axis=1)
    limit = OMITTED * before[:, -1:]
    start = min(int(np.argmax(np.any(before > limit, axis=0))), lead)
    stop = taps.shape[-1] - int(np.argmax(np.any(after > limit, axis=0)))
    return taps[..., start : max(stop, lead + 1)], lead - start


def write_impulse_responses(responses: ImpulseResponses, folder: Place, force: bool = False) -> list[Path]:
    """Write a float WAV file for each filter, and a configuration for each convolver; all of them or nothing.

    Returns
    -------
    The files: the configurations first.

    Raises
    ------
    InputError
        If the folder holds an export already, or is not writable.
    """
    from debleed.io.forms import Form
    from debleed.io.writing import Writer

    folder = Path(folder)
    if not force and (there := [folder / name for name in FILES if (folder / name).exists()]):
        raise InputError(f"'{there[0]}' exists already; choose another folder, or overwrite it with --force")
    if folder.exists() and not folder.is_dir():
        raise InputError(f"'{folder}' is a file; name a folder for the impulse responses")
    length = responses.taps.shape[-1]
    with Staging(folder, force) as staging:
        place = staging.folder()
        headers = {}
        for i, j in responses.pairs:
            form = Form("WAV", "FLOAT", ".wav")
            writer = Writer(place, file_stem(i, j), form, responses.rate, 1, length)
            writer.write(responses.taps[i, j][None])
            path = writer.close()
            headers[i, j] = next(chunk.start for chunk in chunks(path) if chunk.name == b"data")
        written = [(i, j, f"{file_stem(i, j)}.wav", headers[i, j]) for i, j in responses.pairs]
        described = (responses.rate, responses.names, length, responses.latency, written)
        for name, text in zip(FILES, (jconvolver(*described), brutefir(*described)), strict=True):
            write_text(place / name, text)
        staging.commit()
    return [folder / name for name in (*FILES, *(file for _, _, file, _ in written))]


def file_stem(output: int, source: int) -> str:
    """Name the file of a filter; numbers begin with 1, because names of microphones may hold anything.

    Examples
    --------
    >>> file_stem(0, 11)
    'out01-in12'
    """
    return f"out{output + 1:02d}-in{source + 1:02d}"
