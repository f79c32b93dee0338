"""What can be said of a recording without the truth: how much bleed there is, and what a method took from the sources.

Everything is summed over blocks, so recordings may be of any length.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from debleed.decibels import decibels
from debleed.dsp.stft import frame_count, stft
from debleed.recording import Recording, Samples, refuse_unlike
from debleed.scoring.scores import Floats

NFFT, HOP = 4096, 1024
"""Frames of the blind figures, at any rate; also the hop of the level measurement."""

DOMINANCE = 4.0
"""Power (6 dB) by which a microphone must lead in a point that is taken for its source alone. Bleed louder than that is
not seen; measured on rooms and linear scenes, 2 sees other sources' sound and 10 selects against reverberation."""


def spectra(recording: Recording) -> Iterator[NDArray[np.complexfloating]]:
    """Yield the short-time spectra of a recording, each frame once, in blocks of ``(mics, bins, frames)``."""
    skip = NFFT // HOP - 1
    frames, step = frame_count(recording.length, NFFT, HOP), max(1, 2**22 // (NFFT * max(1, len(recording))))
    for first in range(0, frames, step):
        last = min(first + step, frames)
        yield stft(recording.read((first - skip) * HOP, last * HOP), NFFT, HOP)[..., skip : skip + last - first]


def inter_microphone_coherence(recording: Recording) -> float:
    """Share of a microphone's energy that another one predicts linearly: what is left of bleed, as a single number.

    The mean over ordered pairs (i, j) of Σ_f MSC_ij(f) P_i(f) / Σ_f P_i(f), with the magnitude-squared coherence
    MSC_ij = |S_ij|² / (S_ii S_jj) of spectra averaged over the recording. Microphones of one source and room
    microphones make no pair, and silent ones none either. Unrelated sounds give 1 over about a quarter of the number of
    frames, so a few seconds tell little.

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
    allowed = recording.can_bleed() & sounding & sounding[:, None]
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

    Where microphone j is ``DOMINANCE`` stronger than those of all other sources, the sound is taken for source j alone;
    the power of microphone i there over that of microphone j is the bleed. Truly known scenes are met within about 1 dB
    in the median and 2 dB for most pairs; up to 10 dB too high for a source that hardly ever leads. On a cleaned
    recording it is an upper bound, since what microphone i lawfully plays there counts too.

    Returns
    -------
    dB, ``(mics, mics)``, source of microphone j in microphone i; 0 on the diagonal, −inf for silence, NaN for pairs of
    one source, room microphones and sources that never lead.
    """
    mics, allowed = len(recording), recording.can_bleed()
    heard = np.zeros((mics, mics))
    for block in spectra(recording):
        v = np.abs(block).reshape(mics, -1).astype(np.float64) ** 2
        for j in range(mics):
            if allowed[j].any():
                led = v[j] > DOMINANCE * v[allowed[j]].max(axis=0)
                heard[:, j] += v[:, led].sum(axis=1)
    return np.where(allowed | np.eye(mics, dtype=bool), decibels(heard, np.diag(heard)[None]), np.nan)


def level_changes(before: Recording, after: Recording) -> Floats:
    """Change of each microphone's level on the frames in which it leads: what was taken from the sources themselves.

    A microphone leads a frame if there it is louder against its own mean than the microphones of all other sources
    against theirs, before.

    Returns
    -------
    dB, ``(mics,)``: 0 if nothing was lost, −inf if everything was, NaN for a microphone that never leads.
    """
    refuse_unlike(before, after, "recording before", "recording after")
    allowed = before.can_bleed()
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
