"""How good is it: scores against the truth, and what can be said without one.

Everything is summed over blocks, so recordings may be of any length. Numbers that are no numbers follow one policy: a
silent reference scores NaN (there is nothing to find, and muting must not be rewarded), a perfect estimate +inf, and
medians leave NaN out.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from debleed.recording import InputError, Recording, Samples
from debleed.stft import frame_count, stft

Floats = NDArray[np.float64]

NFFT, HOP = 4096, 1024
"""Frames of the blind figures, at any rate; also the hop of the level measurement."""

DOMINANCE = 4.0
"""Power (6 dB) by which a microphone must lead in a point that is taken for its voice alone. Bleed louder than that is
not seen; measured on rooms and linear scenes, 2 sees other voices' sound and 10 selects against reverberation."""


# ------------------------------------------------------------------------------------------------ against the truth


def decibels(wanted: Floats, unwanted: Floats) -> Floats:
    """Ratio of powers in dB; +inf without unwanted power, −inf without wanted power, NaN without either."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(10 * (np.log10(wanted) - np.log10(unwanted)))


def sdr(reference: Samples | Recording, estimate: Samples | Recording) -> Floats:
    """Signal-to-distortion ratio of each microphone, 10 log₁₀(Σ|r|² / Σ|r − e|²), nothing shifted or scaled first.

    Parameters
    ----------
    reference, estimate
        Arrays ``(mics, samples)`` or recordings of the same microphones.

    Returns
    -------
    dB, ``(mics,)``: NaN for a silent reference, +inf for a perfect estimate.

    Raises
    ------
    InputError
        Where the two are not of one shape.

    Examples
    --------
    >>> sdr(np.ones((1, 8)), np.full((1, 8), 0.5)).round(2)
    array([6.02])
    """
    r, e = (z if isinstance(z, Recording) else Recording.from_array(z, rate=1) for z in (reference, estimate))
    if (len(r), r.length) != (len(e), e.length):
        raise InputError(
            f"reference and estimate differ: {len(r)} microphones of {r.length} samples, {len(e)} of {e.length}"
        )
    wanted, unwanted = np.zeros((2, len(r)))
    step = 2**20  # samples; a rate says nothing about an array
    for start in range(0, r.length, step):
        truth, found = (z.read(start, min(start + step, r.length)).astype(np.float64) for z in (r, e))
        wanted += np.sum(truth**2, axis=1)
        unwanted += np.sum((truth - found) ** 2, axis=1)
    return np.where(wanted > 0, decibels(wanted, unwanted), np.nan)


def median(values: Sequence[float] | Floats) -> float:
    """Median without the NaN; NaN if nothing is left."""
    kept = [value for value in values if not math.isnan(value)]
    if not kept:
        return math.nan
    kept.sort()
    low, high = kept[(len(kept) - 1) // 2], kept[len(kept) // 2]
    return low if low == high else (low + high) / 2  # two infinities have no mean


def jsonable(value: float) -> tuple[float | None, str | None]:
    """Turn a score into what JSON can hold: the number and nothing, or nothing and the reason."""
    if math.isnan(value):
        return None, "undefined: the reference is silent"
    if math.isinf(value):
        return None, "perfect: no error is left (+inf)" if value > 0 else "nothing of the reference is left (-inf)"
    return value, None


@dataclass(frozen=True)
class Scores:
    """Scores of single voices in dB. Adding joins them; the medians are taken over all voices, once, at the end.

    So the median over several recordings is ``(a + b + c).sdr_median``, and a median of medians is not to be had.

    Parameters
    ----------
    names
        Of the voices (or microphones).
    sdr
        SDR of the estimates.
    input_sdr
        SDR of the microphones as they were; empty where they were not given.
    """

    names: tuple[str, ...]
    sdr: tuple[float, ...]
    input_sdr: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if len(self.names) != len(self.sdr) or len(self.input_sdr) not in (0, len(self.names)):
            raise ValueError("one score a voice")

    def __add__(self, other: Scores) -> Scores:
        if bool(self.input_sdr) != bool(other.input_sdr):
            raise ValueError("scores with and without those of the input cannot be joined")
        return Scores(self.names + other.names, self.sdr + other.sdr, self.input_sdr + other.input_sdr)

    @property
    def gain(self) -> tuple[float, ...]:
        """SDR less input SDR of each voice (ΔSDR); 0 where both are perfect."""
        pairs = zip(self.sdr, self.input_sdr, strict=False)
        return tuple(0.0 if after == before else after - before for after, before in pairs)

    @property
    def sdr_median(self) -> float:
        """Median of the SDR."""
        return median(self.sdr)

    @property
    def input_median(self) -> float:
        """Median of the input SDR."""
        return median(self.input_sdr)

    @property
    def gain_median(self) -> float:
        """Median of the gains, which is not the difference of the medians."""
        return median(self.gain)

    def rows(self) -> Iterator[tuple[str, dict[str, float]]]:
        """Yield each voice and its scores by name, the median last."""
        columns = {"input_sdr": self.input_sdr, "sdr": self.sdr, "gain": self.gain}
        given = {key: values for key, values in columns.items() if values}
        for i, name in enumerate(self.names):
            yield name, {key: values[i] for key, values in given.items()}
        yield "median", {key: median(values) for key, values in given.items()}

    def to_json(self) -> dict[str, object]:
        """Describe the scores for JSON, which knows no inf and NaN: those are null, with the reason beside them."""
        *voices, (_, medians) = ((name, described(row)) for name, row in self.rows())
        return {"unit": "dB", "voices": [{"name": name, **row} for name, row in voices], "median": medians}


def described(row: dict[str, float]) -> dict[str, object]:
    """Describe named numbers for JSON: what is no number is null, and ``<name>_reason`` says why."""
    out: dict[str, object] = {}
    for key, value in row.items():
        out[key], reason = jsonable(value)
        if reason:
            out[f"{key}_reason"] = reason
    return out


def score(reference: Recording, estimate: Recording, mics: Recording | None = None) -> Scores:
    """Score a cleaned recording against the truth and, given the microphones, against what it was before.

    Raises
    ------
    InputError
        Where the recordings do not have the same microphones, rate and length.
    """
    refuse_unlike(reference, estimate, "reference", "estimate")
    if mics is not None:
        refuse_unlike(reference, mics, "reference", "microphones")
    before = () if mics is None else tuple(sdr(reference, mics).tolist())
    return Scores(reference.names, tuple(sdr(reference, estimate).tolist()), before)


def refuse_unlike(a: Recording, b: Recording, name_a: str, name_b: str) -> None:
    """Refuse two recordings that cannot be compared sample by sample, saying what differs."""
    if a.names != b.names:
        raise InputError(f"the {name_a} has {', '.join(a.names)}, the {name_b} {', '.join(b.names)}")
    if a.rate != b.rate:
        raise InputError(f"the {name_a} is at {a.rate} Hz, the {name_b} at {b.rate} Hz")
    if a.length != b.length:
        raise InputError(f"the {name_a} has {a.length} samples, the {name_b} {b.length}")


def bleed_matrix_db(images: Samples) -> Floats:
    """Bleed matrix: power of voice j in microphone i over its power in its own microphone.

    Parameters
    ----------
    images
        ``(mics, voices, samples)``, voice j in microphone i; microphone j is voice j's own.

    Returns
    -------
    dB, ``(mics, voices)``; 0 on the diagonal, −inf where nothing is heard, NaN for a silent voice.
    """
    power = np.einsum("ijt,ijt->ij", images, images, dtype=np.float64)
    return decibels(power, np.diag(power)[None])


# ------------------------------------------------------------------------------------------------ without the truth


def spectra(recording: Recording) -> Iterator[NDArray[np.complexfloating]]:
    """Yield the short-time spectra of a recording, each frame once, in blocks of ``(mics, bins, frames)``."""
    skip = NFFT // HOP - 1
    frames, step = frame_count(recording.length, NFFT, HOP), max(1, 2**22 // (NFFT * max(1, len(recording))))
    for first in range(0, frames, step):
        last = min(first + step, frames)
        yield stft(recording.read((first - skip) * HOP, last * HOP), NFFT, HOP)[..., skip : skip + last - first]


def predictable_share(recording: Recording) -> float:
    """Share of a microphone's energy that another one predicts linearly: what is left of bleed, as a single number.

    The mean over ordered pairs (i, j) of Σ_f MSC_ij(f) P_i(f) / Σ_f P_i(f), with the magnitude-squared coherence
    MSC_ij = |S_ij|² / (S_ii S_jj) of spectra averaged over the recording. Microphones of one voice and room microphones
    make no pair, and silent ones none either. Unrelated sounds give 1 over about a quarter of the number of frames, so
    a few seconds tell little.

    Returns
    -------
    0 to 1; NaN where there is no pair.
    """
    cross = np.zeros((NFFT // 2 + 1, len(recording), len(recording)), np.complex128)
    for block in spectra(recording):
        x = block.transpose(1, 0, 2).astype(np.complex128)
        cross += x @ x.conj().swapaxes(1, 2)
    power = np.einsum("fii->fi", cross).real
    sounding = power.sum(axis=0) > 0
    allowed = recording.paths() & sounding & sounding[:, None]
    if not allowed.any():
        return math.nan
    # coherence from spectra divided by their own levels, so that the level of the recording does not matter
    root = np.sqrt(power)
    root[root == 0] = 1
    coherence = np.abs(cross / root[:, :, None] / root[:, None, :]) ** 2
    heard = power / np.where(sounding, power.sum(axis=0), 1)
    return float(np.mean(np.einsum("fij,fi->ij", coherence, heard)[allowed]))


def blind_bleed_matrix(recording: Recording) -> Floats:
    """Estimate the bleed matrix without the truth, from the points where one microphone clearly leads.

    Where microphone j is ``DOMINANCE`` stronger than those of all other voices, the sound is taken for voice j alone;
    the power of microphone i there over that of microphone j is the bleed. Truly known scenes are met within about 1 dB
    in the median and 2 dB for most pairs; up to 10 dB too high for a voice that hardly ever leads. On a cleaned
    recording it is an upper bound, since what microphone i lawfully plays there counts too.

    Returns
    -------
    dB, ``(mics, mics)``, voice of microphone j in microphone i; 0 on the diagonal, −inf for silence, NaN for pairs of
    one voice, room microphones and voices that never lead.
    """
    mics, allowed = len(recording), recording.paths()
    heard = np.zeros((mics, mics))
    for block in spectra(recording):
        v = np.abs(block).reshape(mics, -1).astype(np.float64) ** 2
        for j in range(mics):
            if allowed[j].any():
                led = v[j] > DOMINANCE * v[allowed[j]].max(axis=0)
                heard[:, j] += v[:, led].sum(axis=1)
    return np.where(allowed | np.eye(mics, dtype=bool), decibels(heard, np.diag(heard)[None]), np.nan)


def level_changes(before: Recording, after: Recording) -> Floats:
    """Change of each microphone's level on the frames in which it leads: what a method took from the voices themselves.

    A microphone leads a frame if there it is louder against its own mean than the microphones of all other voices
    against theirs, before.

    Returns
    -------
    dB, ``(mics,)``: 0 if nothing was lost, −inf if everything was, NaN for a microphone that never leads.
    """
    refuse_unlike(before, after, "recording before", "recording after")
    allowed = before.paths()
    rivals = allowed | np.eye(len(before), dtype=bool)
    mean = sum((energies(z).sum(axis=1) for z in stretches(before)), np.zeros(len(before)))
    mean[mean == 0] = 1
    kept, had = np.zeros((2, len(before)))
    for was, became in zip(stretches(before), stretches(after), strict=True):
        energy = energies(was)
        relative = energy / mean[:, None]
        for i in range(len(before)):
            leads = (relative[i] >= relative[rivals[i]].max(axis=0)) & (energy[i] > 0)
            had[i] += energy[i, leads].sum()
            kept[i] += energies(became)[i, leads].sum()
    return decibels(kept, had)


def stretches(recording: Recording) -> Iterator[Samples]:
    """Yield consecutive stretches of whole frames; the last is filled up with silence."""
    step = HOP * max(1, 2**22 // (HOP * max(1, len(recording))))
    for start in range(0, recording.length, step):
        missing = -(-min(step, recording.length - start) // HOP) * HOP
        yield recording.read(start, start + missing)


def energies(samples: Samples) -> Floats:
    """Energy of each frame of ``HOP`` samples, ``(mics, frames)``."""
    framed = samples.astype(np.float64).reshape(len(samples), -1, HOP)
    energy: Floats = np.einsum("ith,ith->it", framed, framed)
    return energy
