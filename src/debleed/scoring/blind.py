"""Blind measures, which need no truth: how much bleed a recording has, and how a method changed its levels.

Those of the bleed describe a recording before cleaning. They do not tell how well it was cleaned, since a mask that
damages the sources lowers them too; :mod:`debleed.scoring.prediction` does.

All sums run over blocks, so recordings may be of any length.
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
"""STFT of the blind measures at any rate; the hop is also the frame length of the level measurement."""

DOMINANCE = 4.0
"""Power ratio (6 dB) by which a microphone must exceed the others for a bin to count as its source alone. Louder bleed
is not detected. In room and instantaneous scenes, a ratio of 2 includes other sources, and 10 loses reverberation."""


def spectra(recording: Recording) -> Iterator[NDArray[np.complexfloating]]:
    """Yield the STFT of a recording in blocks of ``(mics, bins, frames)``, each frame once."""
    skip = NFFT // HOP - 1
    frames, step = frame_count(recording.length, NFFT, HOP), max(1, 2**22 // (NFFT * max(1, len(recording))))
    for first in range(0, frames, step):
        last = min(first + step, frames)
        yield stft(recording.read((first - skip) * HOP, last * HOP), NFFT, HOP)[..., skip : skip + last - first]


def inter_microphone_coherence(recording: Recording) -> float:
    """Return the fraction of a microphone's energy that another one predicts linearly, a single number for the bleed.

    The mean over ordered pairs (i, j) of Σ_f MSC_ij(f) P_i(f) / Σ_f P_i(f), with the magnitude-squared coherence
    MSC_ij = |S_ij|² / (S_ii S_jj) of spectra averaged over the recording. Pairs of one source, room microphones and
    silent microphones do not count. Unrelated signals give about 4 over the number of frames, so a recording of a few
    seconds is not conclusive.

    Returns
    -------
    0 to 1; NaN if there is no pair.
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
    # normalize the spectra first, so that the level of the recording does not matter
    root = np.sqrt(power)
    root[root == 0] = 1
    coherence = np.abs(cross / root[:, :, None] / root[:, None, :]) ** 2
    heard = power / np.where(sounding, power.sum(axis=0), 1)
    return float(np.mean(np.einsum("fij,fi->ij", coherence, heard)[allowed]))


def blind_bleed_matrix(recording: Recording) -> Floats:
    """Estimate the bleed matrix without the truth, from the bins where one microphone is clearly dominant.

    Bins where the power of microphone j exceeds that of all other sources' microphones by the factor ``DOMINANCE``
    count as source j alone; the bleed is the power ratio of microphones i and j there. On scenes with known truth, the
    error is about 1 dB in the median and below 2 dB for most pairs; the estimate is up to 10 dB too high for a source
    that is hardly ever dominant. It says nothing about a cleaned recording, where what it measures is mostly the own
    source of microphone i.

    Returns
    -------
    dB, ``(mics, mics)``, source of microphone j in microphone i; 0 on the diagonal, −inf for silence, NaN for pairs of
    one source, room microphones and sources that are never dominant.
    """
    mics, allowed = len(recording), recording.can_bleed()
    names = [source for source in dict.fromkeys(recording.sources) if source is not None]
    members = [[i for i, source in enumerate(recording.sources) if source == name] for name in names]
    heard = np.zeros((mics, mics))
    for block in spectra(recording) if len(members) > 1 else ():
        v = np.abs(block).reshape(mics, -1).astype(np.float64) ** 2
        loudest = np.stack([v[group].max(axis=0) for group in members])
        first = loudest.argmax(axis=0)
        top = loudest.max(axis=0)
        np.put_along_axis(loudest, first[None], -1.0, axis=0)
        second = loudest.max(axis=0)
        for k, group in enumerate(members):
            rival = DOMINANCE * np.where(first == k, second, top)  # the loudest microphone of any other source
            for j in group:
                if allowed[j].any():
                    heard[:, j] += v[:, v[j] > rival].sum(axis=1)
    return np.where(allowed | np.eye(mics, dtype=bool), decibels(heard, np.diag(heard)[None]), np.nan)


def level_changes(before: Recording, after: Recording) -> Floats:
    """Return the level change of each microphone in frames where it is dominant: the damage to the sources themselves.

    A microphone is dominant in a frame if its level relative to its own mean exceeds that of all other sources'
    microphones, before cleaning.

    Returns
    -------
    dB, ``(mics,)``: 0 if nothing was lost, −inf if everything was, NaN for a microphone that is never dominant.
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
    """Yield consecutive blocks of whole frames; the last is padded with silence."""
    step = HOP * max(1, 2**22 // (HOP * max(1, len(recording))))
    for start in range(0, recording.length, step):
        missing = -(-min(step, recording.length - start) // HOP) * HOP
        yield recording.read(start, start + missing)


def energies(samples: Samples) -> Floats:
    """Return the energy of each frame of ``HOP`` samples, ``(mics, frames)``."""
    framed = samples.astype(np.float64).reshape(len(samples), -1, HOP)
    energy: Floats = np.einsum("ith,ith->it", framed, framed)
    return energy
