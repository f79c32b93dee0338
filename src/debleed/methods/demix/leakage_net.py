"""Leakage estimator: a small network that estimates the leakage λ from the features.

It applies the same function to every pair of sources. The input is the pair's features in all bands, plus the mean and
the maximum over the other sources in the same microphone. It therefore accepts any number of microphones, and permuting
the microphones permutes the result. It is small enough to run in NumPy. ``benchmarks/leakage_net.py`` trains it so
that the resulting postfilter removes as much bleed and does as little harm as possible.
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
"""The weights; ``leakage_net.json`` beside them holds their checksum and history."""

LEAST, MOST = -14.0, 3.0
"""Limits of log λ: -61 dB has no audible effect, and 13 dB above the power of a source attenuates everything it bleeds
into."""


@dataclass(frozen=True)
class Weights:
    """Trained weights.

    Parameters
    ----------
    features
        Names of the input features, in order.
    arrays
        ``mean`` and ``scale`` of the features, ``(features,)``; ``weight`` and ``bias`` of three layers: ``first`` and
        ``second``, ``(outputs, inputs, 3)``, over a band and its neighbours, and ``last``, ``(decays, inputs)``.
    """

    features: tuple[str, ...]
    arrays: dict[str, Floats]


@lru_cache(maxsize=4)
def load(path: Path) -> Weights:
    """Read weights and verify the checksum in the file beside them.

    Raises
    ------
    InputError
        If they are missing or damaged.
    """
    try:
        expected = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))["sha256"]
        content = path.read_bytes()
    except (OSError, ValueError, KeyError, TypeError):
        raise InputError(f"'{path}' or the .json beside it is missing or damaged; install debleed again") from None
    if hashlib.sha256(content).hexdigest() != expected:
        raise InputError(f"'{path}' is damaged: its checksum is wrong; install debleed again")
    with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
        found = {name: arrays[name] for name in arrays.files}
    names = tuple(str(name) for name in found.pop("features", ()))
    if found["mean"].shape != (len(names),):
        raise InputError(f"'{path}' was made by another version of debleed; train it again")
    return Weights(names, {name: array.astype(np.float32) for name, array in found.items()})


def shipped() -> Weights:
    """Return the weights that come with debleed."""
    return load(SHIPPED)


def estimate_leakage(by_name: dict[str, Floats], allowed: NDArray[np.bool_], weights: Weights) -> Floats:
    """Estimate λ from the features.

    Parameters
    ----------
    by_name
        Features by name, see :func:`debleed.methods.demix.features.features`.
    allowed
        ``(mics, mics)``: where bleed is possible.
    weights
        Trained weights.

    Returns
    -------
    ``(decays, mics, mics, bands)``: share of source j's power that is left in microphone i; zero where bleed is
    impossible. It is divided equally among the microphones of one source.

    Raises
    ------
    InputError
        If a feature that the network was trained with is missing.
    """
    if missing := [name for name in weights.features if name not in by_name]:
        raise InputError(
            f"the leakage estimator needs the feature '{missing[0]}', which no longer exists; train it again"
        )
    layers = weights.arrays
    of_pairs = np.swapaxes((stacked(by_name, weights.features) - layers["mean"]) / layers["scale"], 2, 3)
    first = np.maximum(over_bands(of_pairs, layers["first.weight"], layers["first.bias"]), 0)
    first *= allowed[:, :, None, None]
    count = np.maximum(allowed.sum(axis=1), 1)[:, None, None, None]
    pooled = [
        np.broadcast_to(a, first.shape) for a in (first.sum(1, keepdims=True) / count, first.max(1, keepdims=True))
    ]
    joined = np.concatenate([first, *pooled], axis=2)
    second = np.maximum(over_bands(joined, layers["second.weight"], layers["second.bias"]), 0)
    log_share = np.einsum("rh,ijhb->rijb", layers["last.weight"], second) + layers["last.bias"][:, None, None, None]
    share = np.where(log_share > LEAST, np.exp(np.minimum(log_share, MOST)), 0) * allowed[:, :, None]
    leakage: Floats = (share / same_source(allowed)[:, None]).astype(np.float32)
    return leakage


def same_source(allowed: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Count the microphones of each microphone's source, including itself; each of them predicts the same bleed."""
    with_source = allowed.any(axis=0)  # False for room microphones
    count: NDArray[np.intp] = np.maximum((~allowed & with_source).sum(axis=1), 1)
    return count


def over_bands(values: Floats, weight: Floats, bias: Floats) -> Floats:
    """Convolve over each band and its neighbours, ``(mics, mics, inputs, bands)``, with zero padding."""
    padded = np.pad(values, ((0, 0), (0, 0), (0, 0), (1, 1)))
    bands = values.shape[-1]
    out = sum(np.einsum("oh,ijhb->ijob", weight[:, :, k], padded[..., k : k + bands]) for k in range(3))
    convolved: Floats = np.asarray(out, np.float32) + bias[:, None]
    return convolved
