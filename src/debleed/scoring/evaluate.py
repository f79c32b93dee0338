"""Scores against the truth.

All sums run over blocks, so recordings may be of any length. :mod:`debleed.scoring.scores` documents undefined values
and averages. There are two targets: the image of each source in its own microphone, including the room (the default),
and the dry stem. Removing bleed alone cannot restore the dry stem, so the scores against it include the SDR after the
best gain and delay.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

import numpy as np

from debleed.decibels import decibels
from debleed.recording import InputError, Recording, Samples, matched, refuse_unlike
from debleed.scoring.bss_eval import block_size, bss_eval, energy, framewise_sdr, irfft_head, lagged_spectra
from debleed.scoring.scores import Floats, Scores, mean, median

CHALLENGE_EPSILON = 1e-7
"""Energy that the separation challenges add to both sums, relative to full scale ±1."""

SILENCE_DB = -60.0
"""A frame of the truth this far below its mean power is silent: there, the microphone contains only bleed."""

SILENCE_SECONDS = 0.1
"""Length of these frames, shorter than a rest in music."""

LARGEST_DELAY = 0.05
"""Largest delay or advance of an estimate relative to the dry stem in seconds: 17 m, much more than close-miking."""

JOINT = ("sir", "sar", "isr")
AGAINST_IMAGE = ("sdr", "silence", *JOINT, "waspaa2023_sdr", "si_sdr", "challenge_sdr")
"""The measures of :func:`score`; ``silence`` needs the microphones."""


def powers(r: Recording, e: Recording) -> tuple[Floats, Floats]:
    """Return the energies of the reference and of the error, each ``(mics,)``."""
    wanted, unwanted = np.zeros((2, len(r)))
    for true, found in blocks(r, e):
        wanted += energy(true)
        unwanted += energy(true - found)
    return wanted, unwanted


def blocks(*recordings: Recording) -> Iterator[list[Floats]]:
    """Yield the samples of recordings with the same shape, block by block."""
    step = max(1, 2**20 // max(1, len(recordings[0])))  # samples; a rate says nothing about an array
    for start in range(0, recordings[0].length, step):
        stop = min(start + step, recordings[0].length)
        yield [z.read(start, stop).astype(np.float64) for z in recordings]


def sdr(reference: Samples | Recording, estimate: Samples | Recording) -> Floats:
    """Return the signal-to-distortion ratio of each microphone, 10 log₁₀(Σ|r|² / Σ|r − e|²), without any alignment.

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
        If the shapes differ.

    Examples
    --------
    >>> sdr(np.ones((1, 8)), np.full((1, 8), 0.5)).round(2)
    array([6.02])
    """
    return plain(*powers(*matched(reference, estimate)))


def plain(wanted: Floats, unwanted: Floats) -> Floats:
    """Return the SDR from energies; NaN for a silent reference."""
    return np.where(wanted > 0, decibels(wanted, unwanted), np.nan)


def challenge_sdr(reference: Samples | Recording, estimate: Samples | Recording) -> Floats:
    """Return the SDR of the separation challenges MDX and SDX, 10 log₁₀((Σ r² + ε) / (Σ (r − e)² + ε)) with ε = 1e-7.

    Y. Mitsufuji et al.: "Music Demixing Challenge 2021", Frontiers in Signal Processing 2022. Thanks to ε, perfect
    estimates and silent references are finite and every song counts in the challenges' mean. By definition ε is
    absolute, so this is the only measure here that depends on the level; it matters only if the error is close to it,
    −130 dBFS over 30 s.

    Returns
    -------
    dB, ``(mics,)``, always finite.
    """
    return challenge(*powers(*matched(reference, estimate)))


def challenge(wanted: Floats, unwanted: Floats) -> Floats:
    """Return the SDR of the challenges from energies."""
    return decibels(wanted + CHALLENGE_EPSILON, unwanted + CHALLENGE_EPSILON)


def si_sdr(reference: Samples | Recording, estimate: Samples | Recording) -> Floats:
    """Return the scale-invariant SDR, 10 log₁₀(|a r|² / |e − a r|²) with a = ⟨e, r⟩ / ⟨r, r⟩.

    J. Le Roux et al.: "SDR – half-baked or well done?", ICASSP 2019. The mean is not subtracted, since audio has none.
    This function reads both recordings twice.

    Returns
    -------
    dB, ``(mics,)``: NaN if the reference or estimate is silent, −inf for an estimate orthogonal to the reference.
    """
    r, e = matched(reference, estimate)
    own, shared, whole = np.zeros((3, len(r)))
    for true, found in blocks(r, e):
        own += energy(true)
        shared += np.einsum("it,it->i", true, found)
        whole += energy(found)
    scale = shared / np.where(own > 0, own, 1)
    rest = np.zeros(len(r))
    for true, found in blocks(r, e):
        rest += energy(found - scale[:, None] * true)
    return np.where((own > 0) & (whole > 0), decibels(scale**2 * own, rest), np.nan)


def waspaa2023_sdr(reference: Recording, estimate: Recording) -> Floats:
    """Return the SDR of the WASPAA 2023 protocol: BSS Eval of each source alone, mean over frames of 1 s.

    NaN frames and the last incomplete second do not count. One perfect frame makes the mean infinite, as
    in the original protocol.

    Returns
    -------
    dB, ``(mics,)``; NaN if the reference or the estimate is silent in every frame.
    """
    return np.array([mean(row) for row in framewise_sdr(reference, estimate, reference.rate, reference.rate)])


def left_in_silence(reference: Recording, estimate: Recording, mics: Recording) -> Floats:
    """Return the level of the estimate relative to the microphone where the truth is silent: the residual bleed.

    A frame of 0.1 s is silent if its energy is :data:`SILENCE_DB` below the mean of all frames of that source.

    Returns
    -------
    dB, ``(mics,)``: 0 if nothing was removed there, −inf if everything was, NaN if the truth is never silent (or the
    microphone is silent with it).
    """
    step = max(1, round(SILENCE_SECONDS * reference.rate))
    frames = range(0, reference.length, step)
    heard = np.zeros((3, len(reference), len(frames)))
    stride = max(1, 2**18 // step)  # frames read at once
    for first in range(0, len(frames), stride):
        last = min(first + stride, len(frames))
        for row, z in zip(heard, (reference, estimate, mics), strict=True):
            samples = z.read(first * step, last * step).astype(np.float64)
            row[:, first:last] = energy(samples.reshape(len(z), -1, step))
    true, found, before = heard
    silent = true <= 10 ** (SILENCE_DB / 10) * true.mean(axis=1, keepdims=True)
    return decibels(np.sum(found * silent, axis=1), np.sum(before * silent, axis=1))


def fitted_sdr(dry: Recording, estimate: Recording) -> Floats:
    """Return the SDR against the dry stem after the best gain and the best delay of at most :data:`LARGEST_DELAY`.

    The delay d, in whole samples and of either sign, is the maximum of the cross-correlation; the gain
    g = Σ r(t) e(t + d) / Σ e(t + d)² may invert the polarity. This function reads the estimate three times.

    Returns
    -------
    dB, ``(mics,)``: NaN for a silent stem, 0 for a silent estimate.
    """
    most = max(1, round(LARGEST_DELAY * dry.rate))
    product = np.zeros((len(dry), block_size(2 * most + 1) // 2 + 1), np.complex128)
    for x, y in lagged_spectra(dry, (estimate,), -most, most):
        product += x.conj() * y
    delays = np.argmax(np.abs(irfft_head(product, 2 * most + 1)), axis=1) - most
    readers = [estimate.select([i]) for i in range(len(estimate))]
    shifted = estimate.with_reader(
        lambda start, stop: np.concatenate(
            [z.read(start + d, stop + d) for z, d in zip(readers, delays.tolist(), strict=True)]
        )
    )
    shared, whole = np.zeros((2, len(dry)))
    for true, found in blocks(dry, shifted):
        shared += np.einsum("it,it->i", true, found)
        whole += energy(found)
    gain = shared / np.where(whole > 0, whole, 1)
    return sdr(dry, shifted.with_reader(lambda start, stop: gain[:, None] * shifted.read(start, stop)))


def harm(recording: Recording, output: Recording) -> Scores:
    """Score the damage to a recording without bleed: SDR of the output against the input, ``harm``."""
    refuse_unlike(recording, output, "input", "output")
    return Scores(recording.names, {"harm": tuple(sdr(recording, output).tolist())})


def score(
    reference: Recording,
    estimate: Recording,
    mics: Recording | None = None,
    dry: Recording | None = None,
    measures: Collection[str] = ("sdr",),
) -> Scores:
    """Score a cleaned recording against the truth and, if the microphones are passed, the improvement.

    Parameters
    ----------
    reference
        The image of its own source in each microphone.
    estimate
        The cleaned microphones. Measures other than ``sdr`` read them several times, so they should be in memory or in
        files instead of being computed on reading.
    mics
        The microphones before cleaning: adds ``input_sdr``, ``input_waspaa2023_sdr`` and the SDR improvement.
    dry
        The dry stem of each microphone: adds the columns of :func:`score_dry`.
    measures
        Names from :data:`AGAINST_IMAGE`.

    Returns
    -------
    The scores of all sources, as one recording. ``sir``, ``sar`` and ``isr`` are medians over frames of 1 s of
    :func:`debleed.scoring.bss_eval.bss_eval` over all sources.

    Raises
    ------
    InputError
        If the microphones, rates or lengths of the recordings differ, a measure is unknown, or ``silence`` is requested
        without the microphones.
    """
    refuse_unlike(reference, estimate, "reference", "estimate")
    if mics is not None:
        refuse_unlike(reference, mics, "reference", "microphones")
    if unknown := set(measures) - set(AGAINST_IMAGE):
        raise InputError(f"unknown measures: {', '.join(sorted(unknown))}; the measures are {', '.join(AGAINST_IMAGE)}")
    if mics is None and "silence" in measures:
        raise InputError("'silence' is relative to the microphones; pass them as well, or omit 'silence'")
    found: dict[str, Floats] = {}
    if {"sdr", "challenge_sdr"} & set(measures):
        sums = powers(reference, estimate)
        found |= {"sdr": plain(*sums), "challenge_sdr": challenge(*sums)}
    if "si_sdr" in measures:
        found["si_sdr"] = si_sdr(reference, estimate)
    if "waspaa2023_sdr" in measures:
        found["waspaa2023_sdr"] = waspaa2023_sdr(reference, estimate)
    if set(JOINT) & set(measures):
        ratios = bss_eval(reference, estimate, reference.rate, reference.rate)
        found |= {key: np.array([median(row) for row in getattr(ratios, key)]) for key in JOINT}
    found = {key: values for key, values in found.items() if key in measures}
    if mics is not None:
        before = {"sdr": sdr, "waspaa2023_sdr": waspaa2023_sdr}
        found |= {f"input_{key}": before[key](reference, mics) for key in found if key in before}
        if "silence" in measures:
            found["silence"] = left_in_silence(reference, estimate, mics)
    scores = Scores(reference.names, {key: tuple(values.tolist()) for key, values in found.items()})
    return scores if dry is None else scores.beside(score_dry(dry, estimate))


def score_dry(dry: Recording, estimate: Recording) -> Scores:
    """Score against the dry stems: ``dry_sdr``, ``dry_waspaa2023``, and ``dry_fitted`` after the best gain and delay.

    Raises
    ------
    InputError
        If the microphones, rates or lengths of the recordings differ.
    """
    refuse_unlike(dry, estimate, "dry stems", "estimate")
    found = {
        "dry_sdr": sdr(dry, estimate),
        "dry_waspaa2023": waspaa2023_sdr(dry, estimate),
        "dry_fitted": fitted_sdr(dry, estimate),
    }
    return Scores(dry.names, {key: tuple(values.tolist()) for key, values in found.items()})


def bleed_matrix_db(images: Samples) -> Floats:
    """Return the bleed matrix: power of source j in microphone i relative to its own microphone.

    Parameters
    ----------
    images
        ``(mics, sources, samples)``, source j in microphone i; microphone j belongs to source j.

    Returns
    -------
    dB, ``(mics, sources)``; 0 on the diagonal, −inf without bleed, NaN for a silent source.
    """
    power = np.einsum("ijt,ijt->ij", images, images, dtype=np.float64)
    return decibels(power, np.diag(power)[None])
