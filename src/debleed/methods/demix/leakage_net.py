"""The guide: a small network that tells, from the evidence, how much of each source filters leave in each microphone.

It is one function of a pair of sources, the same for every pair, which sees the pair's evidence over all bands and what
the other sources do in the same microphone (their mean and their maximum). So it knows any number of microphones, and
another order of the microphones gives the same answer in that order. It is small enough to be run by NumPy alone.
Trained by ``python benchmarks/guide.py`` so that the gain that follows from its answer takes most and harms least.
"""

from __future__ import annotations

import hashlib
import io
import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from debleed.methods.demix.features import stacked
from debleed.recording import InputError

Floats = NDArray[np.float32]

SHIPPED = Path(__file__).parent / "leakage_net.npz"
"""The weights, with ``leakage_net.json`` (checksum and history) beside them."""

LEAST, MOST = -14.0, 3.0
"""The logarithm of λ is held between these: -61 dB is nothing, and 13 dB over what a source sends covers what it sends
with."""


@dataclass(frozen=True)
class Weights:
    """What the network has learnt.

    Parameters
    ----------
    features
        Names of the features that it sees, in the order in which it sees them.
    arrays
        ``mean`` and ``scale`` of the features, ``(features,)``; ``weight`` and ``bias`` of three layers: ``first`` and
        ``second``, ``(outputs, inputs, 3)`` over a band and its neighbours, and ``last``, ``(rings, inputs)``.
    """

    features: tuple[str, ...]
    arrays: dict[str, Floats]


@lru_cache(maxsize=4)
def load(path: Path) -> Weights:
    """Read weights after checking them against the checksum beside them.

    Raises
    ------
    InputError
        Where they are missing or damaged.
    """
    try:
        expected = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))["sha256"]
        held = path.read_bytes()
    except (OSError, ValueError, KeyError, TypeError):
        raise InputError(f"'{path}' or the .json beside it is missing or damaged; install debleed again") from None
    if hashlib.sha256(held).hexdigest() != expected:
        raise InputError(f"'{path}' is damaged: it is another file than was described; install debleed again")
    with np.load(io.BytesIO(held), allow_pickle=False) as arrays:
        found = {name: arrays[name] for name in arrays.files}
    names = tuple(str(name) for name in found.pop("features", ()))
    if found["mean"].shape != (len(names),):
        raise InputError(f"'{path}' was made by another version of debleed; train it again")
    return Weights(names, {name: array.astype(np.float32) for name, array in found.items()})


def shipped() -> Weights:
    """Return the weights that come with debleed."""
    return load(SHIPPED)


def estimate_leakage(found: dict[str, Floats], allowed: NDArray[np.bool_], weights: Weights) -> Floats:
    """Estimate λ from the features.

    Parameters
    ----------
    found
        Features by name, see :func:`debleed.methods.demix.features.features`.
    allowed
        ``(mics, mics)``: where bleed can be.
    weights
        What the network has learnt.

    Returns
    -------
    ``(rings, mics, mics, bands)``: of the power of source j, the share left in microphone i; zero where no bleed can
    be. Microphones of one source have an equal part in it.

    Raises
    ------
    InputError
        Where a feature is missing that the network was trained with.
    """
    if missing := [name for name in weights.features if name not in found]:
        raise InputError(
            f"the leakage estimator was trained with the feature '{missing[0]}', which is gone; train it again"
        )
    known = weights.arrays
    of_pairs = np.swapaxes((stacked(found, weights.features) - known["mean"]) / known["scale"], 2, 3)
    seen = np.maximum(over_bands(of_pairs, known["first.weight"], known["first.bias"]), 0)
    seen *= allowed[:, :, None, None]
    count = np.maximum(allowed.sum(axis=1), 1)[:, None, None, None]
    around = [np.broadcast_to(a, seen.shape) for a in (seen.sum(1, keepdims=True) / count, seen.max(1, keepdims=True))]
    both = np.concatenate([seen, *around], axis=2)
    understood = np.maximum(over_bands(both, known["second.weight"], known["second.bias"]), 0)
    log_share = np.einsum("rh,ijhb->rijb", known["last.weight"], understood) + known["last.bias"][:, None, None, None]
    share = np.where(log_share > LEAST, np.exp(np.minimum(log_share, MOST)), 0) * allowed[:, :, None]
    leakage: Floats = (share / same_source(allowed)[:, None]).astype(np.float32)
    return leakage


def same_source(allowed: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Count the microphones of each one's source, itself among them: each of them tells of the same bleed."""
    heard = allowed.any(axis=0)  # room microphones are nobody's
    count: NDArray[np.intp] = np.maximum((~allowed & heard).sum(axis=1), 1)
    return count


def over_bands(values: Floats, weight: Floats, bias: Floats) -> Floats:
    """Convolve over each band and its neighbours, ``(mics, mics, inputs, bands)``; nothing stands outside."""
    padded = np.pad(values, ((0, 0), (0, 0), (0, 0), (1, 1)))
    bands = values.shape[-1]
    out = sum(np.einsum("oh,ijhb->ijob", weight[:, :, k], padded[..., k : k + bands]) for k in range(3))
    convolved: Floats = np.asarray(out, np.float32) + bias[:, None]
    return convolved
