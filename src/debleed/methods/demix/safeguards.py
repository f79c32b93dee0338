"""Safeguards against harm: decide which RTFs, bands and microphones are cleaned, and scale down or undo the rest."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from debleed.dsp.parallel import in_parallel
from debleed.dsp.rtf import Response
from debleed.methods.demix.excerpt import Bins, Powers, power

FAINT = 1e-7
"""Power relative to a microphone's over all bins (-70 dB) below which a bin has little weight. Otherwise the artefacts
of a codec in nearly silent bins would decide as much as the music."""

LEAST_EFFECT = 0.8
"""An RTF is scaled down if it removes less than this share of the power that it subtracts."""

COARSE_BANDS, FINE_BANDS = (172.0, 1.81), (43.0, 1.45)
"""First edge in Hz and ratio of the bands in which RTFs are scaled down (coarse), and microphones are assessed
(fine)."""

LOUDER, STILL_LOUDER, MUCH_LOUDER, MOSTLY = 0.3, 0.48, 0.55, 0.5
"""Consider the points where more than the share ``MOSTLY`` of the power is to be subtracted. These are limits on the
share of that power whose subtraction makes the point louder. Above the first limit the microphone is scaled band by
band; above the second one after scaling, or above the third one before, it is left unchanged. Measured: at most 0.28 on
songs; on drums 0.6 to 0.9 where the result was worse, up to 0.5 otherwise; without bleed mostly close to 1, seldom as
low as 0.4."""

LEAST_DOMINATED = 0.05
"""The microphone is also left unchanged if less than this share of the power to be subtracted lies in such points.
Measured: at least 0.14 on songs, 0.2 on drums, mostly below 0.03 without bleed."""

NEARLY_ALL = 0.9
"""A band of a microphone is left out if subtracting makes this share of it louder, in the same points: two sources
share sound there. Measured: 1.00 at 50 Hz, where kick and bass of one sequencer coincide (8 dB lost with that band); at
most 0.76 on kits where the result gained."""

QUIETER, AUDIBLE = 0.45, 0.1
"""An RTF, or a band of a microphone, is left out if subtracting its bleed makes the microphone quieter in less than the
first share of that bleed, over the points in which it is more than the second share (-10 dB) of what is there before.
Measured for RTFs: 0.1 to 0.3 where toms resonate with each other, which cost one of them 1.4 dB; at least 0.64 in
songs, people who walk and compressors included, 0.5 with an audience, 0.48 on kits otherwise. For bands: 0.08 to 0.44
where the bleed grew by 2 to 8 dB, at least 0.5 where anything was at stake otherwise."""

UNEXPLAINED = 2.0
"""A microphone is left unchanged if the subtracted signal, fitted to it, would have to be this many times larger: most
of what correlates with it is still there, so it is not bleed. Measured: 0.3 to 1.7 with bleed, 3 to 100 where two
sources without bleed were mistaken for one."""

NEGLIGIBLE = 1e-5
"""Less bleed than this (-50 dB) is ignored: the microphone is left unchanged, to the bit."""

LEAST_SHARE = 0.03
"""A source with less than this share of its own microphone's power (-15 dB) is almost silent. Measured: -18 dB where a
singer is silent for 30 s, at most -3 dB in 11 other excerpts of songs."""

OWN_SHARE, QUIETEST = 0.26, 0.1
"""A microphone is left unchanged if more than the first share of what is removed from it follows its own sound, see
:func:`own_share`; the second number is the quantile of the ratio that is compared. Measured: 0.29 to 0.44 on kicks that
lost 1 to 5 dB, because their snare's microphone hears them as loud as the snare; at most 0.23 in 200 other microphones
of songs and drums."""

MOSTLY_OWN = 0.1
"""Only a microphone from which less than this share of its power (-10 dB) is removed is left unchanged for that reason:
it is mostly its own sound and has most to lose. Measured: 0.01 to 0.05 on those kicks; 0.2 on snares that gain 3 dB and
0.4 on microphones far from their sources that gain 8 to 12, with shares of up to 0.33."""

Verdicts = NDArray[np.int64]
"""Why microphones are left alone, ``(mics,)``: indices of :data:`LEFT_ALONE`."""

LEFT_ALONE = (
    "",
    "no bleed was found in it",
    "its source never pauses, so bleed cannot be told from its own sound",
    "subtracting what was found would add sound instead of removing it",
    "it shares sound with another track that is not bleed",
    "what would be removed follows its own sound",
)
"""Why a microphone is left alone; the first entry is for those that are cleaned."""

CLEANED, NO_BLEED, NEVER_PAUSES, LOUDER_AFTER, SHARED_SOUND, OWN_SOUND = range(len(LEFT_ALONE))


def band_edges(bins: int, rate: int, layout: tuple[float, float]) -> NDArray[np.intp]:
    """Return the first bin of each band and the end of the last; the bands in Hz do not depend on the sampling rate."""
    first, ratio = layout
    count = int(np.log(rate / 2 / first) / np.log(ratio))
    hertz = first * ratio ** np.arange(count + 1)
    return np.unique(np.r_[0, np.round(hertz[hertz < rate / 2.2] * 2 * (bins - 1) / rate), bins]).astype(int)


def powers_in_bands(firsts: NDArray[np.intp], *values: Bins) -> Iterator[Powers]:
    """Yield the power of each argument, ``(bins, ..., frames)``, summed over the bands that begin at these bins."""
    return (np.add.reduceat(power(each), firsts) for each in values)


def scaled_by_effect(mixing: Response, cross: Response, together: NDArray[np.float32], rate: int) -> Response:
    """Scale down, band by band, RTFs that subtract more power than they remove.

    RTFs are estimated mainly while source i is quiet. An RTF that was fitted to sound of neither source (a cymbal
    without a microphone) does harm while source j plays. A regression detects this: if the RTF is correct, the
    subtracted signal b = a_ij y_j is all bleed and the residual is orthogonal to it, so the factor by which b fits
    microphone i best, Re⟨y_i + b, b⟩ / ⟨b, b⟩ = 1 + Re⟨y_i, b⟩ / ⟨b, b⟩, is 1. Since the sources are those before the
    round, not after it, an overshoot of one round is corrected by the next. Bins are weighted by the inverse square
    root of source i's power, so that neither the loudest bin nor the noise between harmonics dominates.

    Source i may also correlate with b by chance, the more so the louder it is: at 30 dB over the bleed a minute of
    speech suggests a factor of 0.5 for a correct RTF. So what the factor lacks, 1 less the factor, is shrunk by
    1 - σ² / lack². σ² is its variance if y_i and b are independent: half of Σ |y_i|² |b|² over (Σ |b|²)², because half
    of the power of y_i b* is in its real part.

    Parameters
    ----------
    mixing
        ``(bins, mics, mics)``, with a unit diagonal.
    cross
        Cross-spectra of the sources before the round, on a bin grid that is coarser by an integer factor.
    together
        Sums over the frames of the products of two sources' powers, on the same grid.
    rate
        Sampling rate in Hz.
    """
    coarse, mics = cross.shape[:2]
    grid = (len(mixing) - 1) // (coarse - 1)
    at = mixing[::grid]
    own = np.einsum("fjj->fj", cross).real
    weight = 1 / np.sqrt(own + FAINT * own.max(axis=0) + np.finfo(np.float32).tiny)[:, :, None]
    edges = band_edges(coarse, rate, COARSE_BANDS)
    subtracted = at * own[:, None, :]
    explained = np.add.reduceat(((cross + subtracted) * at.conj()).real * weight, edges[:-1])
    predicted = np.add.reduceat((subtracted * at.conj()).real * weight, edges[:-1])
    known = np.where(predicted > 0, predicted, 1).astype(np.float64)  # squares of faint bands are 0 in float32
    chance = np.add.reduceat(together * np.square(np.abs(at) * weight, dtype=np.float64), edges[:-1])
    error = 0.5 * chance / np.square(known)
    lacks = np.clip(1 - explained / known, 0, 1)
    effect = 1 - lacks * np.maximum(1 - error / np.square(np.where(lacks > 0, lacks, 1)), 0)
    effect = np.where((effect > LEAST_EFFECT) | np.eye(mics, dtype=bool), 1, effect).astype(np.float32)
    band = np.searchsorted(edges, np.arange(len(mixing)) // grid, side="right") - 1
    scaled: Response = mixing * effect[np.minimum(band, len(effect) - 1)]
    return scaled


def estimate_trust(
    microphones: Bins, sources: Bins, rate: int, follows: Powers
) -> tuple[NDArray[np.float32], Verdicts]:
    """Estimate which share of the signal subtracted from each microphone should be subtracted.

    The subtracted signal b = x - y is correct where 1 + Re⟨y, b⟩ / ⟨b, b⟩ is 1, see :func:`scaled_by_effect`. If it is
    less over all bands together, or if the subtraction makes many points louder, b is scaled by this factor band by
    band (in a single band, kick and bass may correlate by chance). A microphone that becomes much louder where b
    dominates it is left unchanged: the model does not fit (a drum that resonates with all others). The same holds for a
    microphone without bleed, where b is arbitrary and the microphone contains a multiple of b. Nor may b follow the
    microphone's own sound: ``follows`` is the result of :func:`own_share`. In a microphone that is cleaned, bands are
    left out in which subtracting b seldom makes it quieter, see :data:`QUIETER`, or nearly always louder where it
    dominates, see :data:`NEARLY_ALL`.

    Returns
    -------
    trust
        ``(mics, bins)``, 0 to 1.
    verdicts
        ``(mics,)``: indices of :data:`LEFT_ALONE`.
    """
    removed = microphones - sources
    predicted = power(removed).sum(axis=-1)
    explained = predicted + (sources * removed.conj()).real.sum(axis=-1)
    bins = len(removed)
    edges = band_edges(bins, rate, FINE_BANDS)
    total = np.add.reduceat(predicted, edges[:-1])
    effect = np.clip(np.add.reduceat(explained, edges[:-1]) / np.where(total > 0, total, 1), 0, 1)
    before, subtracted, after = powers_in_bands(edges[:-1], microphones, removed, sources)
    louder, dominated = made_louder(before, subtracted, after)
    loudness_before, tells = loudness(louder, dominated, subtracted)
    plausible = (explained.sum(axis=0) > LEAST_EFFECT * predicted.sum(axis=0)) & (loudness_before <= LOUDER)
    effect = np.where((effect > LEAST_EFFECT) | plausible, 1, effect)
    trust = between_bands(effect, edges)
    quieter, audible = made_quieter(before, subtracted, after)
    dominates = dominated > LEAST_DOMINATED * subtracted.sum(axis=-1)
    cancelling = (quieter >= QUIETER * audible) & ~(dominates & (louder > NEARLY_ALL * dominated))
    cancels = between_bands(np.where(cancelling, effect, 0), edges)
    removed = removed * trust[:, :, None]
    subtracted, after = powers_in_bands(edges[:-1], removed, microphones - removed)
    still, _ = loudness(*made_louder(before, subtracted, after), subtracted)
    verdicts = np.select(
        [
            power(removed).sum(axis=(0, 2)) <= NEGLIGIBLE * power(microphones).sum(axis=(0, 2)),
            explained.sum(axis=0) > UNEXPLAINED * predicted.sum(axis=0),
            ~tells,
            (follows > OWN_SHARE) & (predicted.sum(axis=0) < MOSTLY_OWN * power(microphones).sum(axis=(0, 2))),
            (loudness_before > MUCH_LOUDER) | (still > STILL_LOUDER),
        ],
        [NO_BLEED, SHARED_SOUND, NEVER_PAUSES, OWN_SOUND, LOUDER_AFTER],
        CLEANED,
    )
    return np.where((verdicts != CLEANED)[:, None], 0, cancels.T).astype(np.float32), verdicts


def between_bands(values: NDArray[np.floating], edges: NDArray[np.intp]) -> Powers:
    """Interpolate values of bands, ``(bands, mics)``, linearly between their centres, ``(bins, mics)``."""
    centres, bins = (edges[:-1] + edges[1:] - 1) / 2, np.arange(edges[-1])
    spread: Powers = np.stack([np.interp(bins, centres, row) for row in values.T], axis=1).astype(np.float32)
    return spread


def own_share(microphones: Bins, sources: Bins, rate: int) -> Powers:
    """Return the share of what is removed that follows the microphone's own sound, ``(mics,)``, 0 to 1.

    Bleed comes from another source, while what is taken of source i by mistake (its remains in the estimates of the
    other sources) comes and goes with source i. Two figures tell them apart, in each band:

    - The ratio r of the removed power to the power of source i. Bleed now and then is quiet while source i plays; then
      r falls far below its mean. Remains of source i never do. The ratio in the quietest moments, weighted by the power
      of source i, over its mean is low for bleed unless its source never pauses.
    - The part of the removed power that a regression on the power of source i explains. It is low for bleed unless both
      sources always play together.

    The result is the geometric mean of the two, weighted by the removed power.
    """
    edges = band_edges(len(microphones), rate, COARSE_BANDS)[:-1]
    removed, own = powers_in_bands(edges, microphones - sources, sources)
    tiny = np.finfo(np.float32).tiny
    level, whole = own.mean(axis=-1), removed.mean(axis=-1)
    loud = np.maximum(own, tiny)
    constant = np.quantile(removed / loud, QUIETEST, axis=-1, weights=loud, method="inverted_cdf") * level
    varying = rising_with(own, removed)
    follows = np.sqrt(np.clip(constant, 0, whole) * np.clip(varying, 0, whole)).sum(axis=0)
    total, heard = whole.sum(axis=0), power(microphones).mean(axis=-1).sum(axis=0)
    share: Powers = np.divide(follows, total, out=np.zeros_like(total), where=total > NEGLIGIBLE * heard)
    return share


def rising_with(own: Powers, removed: Powers) -> Powers:
    """Return the mean of the removed power that a regression on the own power explains, both ``(..., frames)``."""
    level, tiny = own.mean(axis=-1), np.finfo(np.float32).tiny
    slope = np.mean((own - level[..., None]) * removed, axis=-1) / np.maximum(own.var(axis=-1), tiny)
    explained: Powers = slope * level
    return explained


def quieting(mixing: Response, sources: Bins, rate: int) -> NDArray[np.bool_]:
    """Return which RTFs describe bleed: subtracting it makes the microphone quieter, ``(mics, mics)``.

    Two toms that resonate with each other correlate as bleed does, but differently with every hit. What is subtracted,
    b = a_ij y_j, then adds as often as it cancels. That is heard in y_i + b, microphone i without all other bleed.

    Parameters
    ----------
    mixing
        A on the bins of ``sources``, ``(bins, mics, mics)``, with a unit diagonal.
    sources
        ``(bins, mics, frames)``.
    rate
        Sampling rate in Hz.
    """
    edges = band_edges(len(sources), rate, FINE_BANDS)[:-1]
    mics = sources.shape[1]
    (after,) = powers_in_bands(edges, sources)
    found = np.ones((mics, mics), bool)

    def work(pair: NDArray[np.intp]) -> None:
        i, j = pair
        bleed = mixing[:, i, j, None] * sources[:, j]
        before, subtracted = powers_in_bands(edges, sources[:, i] + bleed, bleed)
        quieter, audible = made_quieter(before, subtracted, after[:, i])
        found[i, j] = quieter.sum() >= QUIETER * audible.sum()

    in_parallel(work, np.argwhere(mixing.any(axis=0) & ~np.eye(mics, dtype=bool)))
    return found


def made_quieter(before: Powers, subtracted: Powers, after: Powers) -> tuple[Powers, Powers]:
    """Return the power that is subtracted where it makes the microphone quieter, and wherever it is :data:`AUDIBLE`.

    Parameters
    ----------
    before, subtracted, after
        Powers of the microphone before, of what is subtracted, and of what is left, ``(bands, ..., frames)``.

    Returns
    -------
    Sums over the frames, ``(bands, ...)`` each.
    """
    audible = np.where(subtracted > AUDIBLE * before, subtracted, 0)
    return np.where(after < before, audible, 0).sum(axis=-1), audible.sum(axis=-1)


def made_louder(before: Powers, subtracted: Powers, after: Powers) -> tuple[Powers, Powers]:
    """Return the subtracted power that makes points louder in which it dominates, and all of it in such points.

    Where source i is weak relative to its bleed, subtracting the bleed must reduce the power in every band and frame.
    Where it is strong, the power may change either way by chance. The parameters are those of :func:`made_quieter`.

    Returns
    -------
    Sums over the frames, ``(bands, mics)`` each.
    """
    dominated = np.where(subtracted > MOSTLY * before, subtracted, 0)
    return np.where(after > before, dominated, 0).sum(axis=-1), dominated.sum(axis=-1)


def loudness(louder: Powers, dominated: Powers, subtracted: Powers) -> tuple[Powers, NDArray[np.bool_]]:
    """Return the share of :func:`made_louder` over all bands, and whether it tells, ``(mics,)`` each.

    If the bleed hardly ever dominates, the share is 1 and tells nothing.
    """
    here, whole = dominated.sum(axis=0), subtracted.sum(axis=(0, 2))
    tells: NDArray[np.bool_] = here > LEAST_DOMINATED * whole
    share: Powers = np.where(tells, louder.sum(axis=0) / np.where(here > 0, here, 1), 1)
    return share, tells
