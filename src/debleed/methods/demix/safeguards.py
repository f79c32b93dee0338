"""Do no harm: say which paths, bands and microphones are rightly cleaned, and hold back the rest."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from debleed.dsp.rtf import Response
from debleed.methods.demix.excerpt import Bins, Powers, power

FAINT = 1e-7
"""Power against that of a microphone over all bins (-70 dB) from which on a bin counts: what a codec left in bins where
hardly anything sounds would else decide as much as the music does."""

DOUBT = 0.8
"""A path is scaled down where it removes less than this share of the power that it subtracts."""

COARSE_BANDS, FINE_BANDS = (172.0, 1.81), (43.0, 1.45)
"""First edge in Hz, and width as a ratio, of the bands in which paths are scaled down and microphones are judged."""

LOUDER, STILL_LOUDER, MUCH_LOUDER, MOSTLY = 0.3, 0.48, 0.55, 0.5
"""Of what would be subtracted where it is more than half of what is heard, a share makes that louder. Above the first
figure it is scaled band by band; above the second after that, or the third before, the microphone is left as it was.
Measured: at most 0.28 on songs; on drums 0.6 to 0.9 where they came out worse, up to 0.5 where not; without any bleed
mostly near 1, seldom down to 0.4."""

SELDOM = 0.05
"""The same if less than this share of what would be subtracted is ever more than half of what is heard. Measured: at
least 0.14 on songs, 0.2 on drums, mostly below 0.03 without any bleed."""

UNEXPLAINED = 2.0
"""A microphone is left as it was if what is subtracted, fitted to it, would have to be this many times larger: most of
what goes with it is still there, and it is no path. Measured: 0.3 to 1.7 where there is bleed, 3 to 100 where two
sources without bleed were taken for one."""

NOTHING = 1e-5
"""So little bleed (-50 dB) is none: the microphone is left as it was, to the bit."""


def band_edges(bins: int, rate: int, layout: tuple[float, float]) -> NDArray[np.intp]:
    """First bin of each band, and the end of the last; the same bands at every rate, as far as it reaches."""
    first, ratio = layout
    count = int(np.log(rate / 2 / first) / np.log(ratio))
    hertz = first * ratio ** np.arange(count + 1)
    return np.unique(np.r_[0, np.round(hertz[hertz < rate / 2.2] * 2 * (bins - 1) / rate), bins]).astype(int)


def scaled_by_effect(mixing: Response, cross: Response, rate: int) -> Response:
    """Scale down, band by band, the paths that subtract more than they remove.

    Paths are learnt where source i is quiet. A path that was learnt from sound that neither source made (a cymbal
    without a microphone) does harm where source j plays. There the truth shows: what a right path subtracts, b = a_ij
    y_j, is all bleed, and what is left is orthogonal to it; the factor by which b explains microphone i best,
    Re⟨y_i + b, b⟩ / ⟨b, b⟩ = 1 + Re⟨y_i, b⟩ / ⟨b, b⟩, is 1. With the sources of before the round in place of those of
    after, what one round puts on too much the next one takes off. Bins count by the square root of source i's power
    there, inverted: neither the loudest bin alone nor the noise between the bins decides.

    Parameters
    ----------
    mixing
        ``(bins, mics, mics)``, unit diagonal.
    cross
        Cross-spectra of the sources before the round, on a grid of bins coarser by a whole factor.
    """
    coarse, mics = cross.shape[:2]
    grid = (len(mixing) - 1) // (coarse - 1)
    at = mixing[::grid]
    own = np.einsum("fjj->fj", cross).real
    weight = 1 / np.sqrt(own + FAINT * own.max(axis=0) + np.finfo(np.float32).tiny)[:, :, None]
    edges = band_edges(coarse, rate, COARSE_BANDS)
    subtracted = at * own[:, None, :]
    gained = np.add.reduceat(((cross + subtracted) * at.conj()).real * weight, edges[:-1])
    spent = np.add.reduceat((subtracted * at.conj()).real * weight, edges[:-1])
    effect = np.clip(gained / np.where(spent > 0, spent, 1), 0, 1)
    effect = np.where((effect > DOUBT) | np.eye(mics, dtype=bool), 1, effect).astype(np.float32)
    band = np.searchsorted(edges, np.arange(len(mixing)) // grid, side="right") - 1
    scaled: Response = mixing * effect[np.minimum(band, len(effect) - 1)]
    return scaled


def trusted(microphones: Bins, sources: Bins, rate: int) -> NDArray[np.float32]:
    """Say how much of what was subtracted from each microphone was rightly subtracted: do no harm.

    What is subtracted, b = x - y, is right where 1 + Re⟨y, b⟩ / ⟨b, b⟩ is 1, see :func:`scaled_by_effect`. Where that
    is less, and over all bands or in many moments, b is scaled to it band by band (in a band alone, kick and bass may
    agree by chance). A microphone that becomes louder where b is most of what is heard is not understood (a drum that
    rings with every other one) and is left as it was. So is one without bleed, in which b is chance, and what goes with
    b is a multiple of b.

    Returns
    -------
    ``(mics, bins)``, 0 to 1.
    """
    removed = microphones - sources
    spent = power(removed).sum(axis=-1)
    gained = spent + (sources * removed.conj()).real.sum(axis=-1)
    bins = len(removed)
    edges = band_edges(bins, rate, FINE_BANDS)
    total = np.add.reduceat(spent, edges[:-1])
    effect = np.clip(np.add.reduceat(gained, edges[:-1]) / np.where(total > 0, total, 1), 0, 1)
    at_first = louder(microphones, removed, edges)
    understood = (gained.sum(axis=0) > DOUBT * spent.sum(axis=0)) & (at_first <= LOUDER)
    effect = np.where((effect > DOUBT) | understood, 1, effect)
    centres = (edges[:-1] + edges[1:] - 1) / 2
    trust = np.stack([np.interp(np.arange(bins), centres, row) for row in effect.T], axis=1).astype(np.float32)
    removed = removed * trust[:, :, None]
    blind = (at_first > MUCH_LOUDER) | (louder(microphones, removed, edges) > STILL_LOUDER)
    nothing = power(removed).sum(axis=(0, 2)) <= NOTHING * power(microphones).sum(axis=(0, 2))
    unexplained = gained.sum(axis=0) > UNEXPLAINED * spent.sum(axis=0)
    return np.where((blind | nothing | unexplained)[:, None], 0, trust.T).astype(np.float32)


def louder(microphones: Bins, removed: Bins, edges: NDArray[np.intp]) -> Powers:
    """Of what is subtracted where it is most of what is heard, say how much makes that louder, ``(mics,)``.

    Where source i is soft against its bleed, taking the bleed must leave less, band by band and moment by moment; where
    it is loud, it is chance whether the sum of the two is more or less than its parts. 1 where it hardly ever is soft.
    """
    heard, taken, left = (
        np.add.reduceat(power(values), edges[:-1]) for values in (microphones, removed, microphones - removed)
    )
    most = np.where(taken > MOSTLY * heard, taken, 0)
    here, whole = most.sum(axis=(0, 2)), taken.sum(axis=(0, 2))
    share = (most * (left > heard)).sum(axis=(0, 2)) / np.where(here > 0, here, 1)
    found: Powers = np.where(here > SELDOM * whole, share, 1)
    return found
