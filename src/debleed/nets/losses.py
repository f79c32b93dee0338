"""What networks are trained to make small."""

from __future__ import annotations

from torch import Tensor

FLOOR = 1e-3
"""Error against the microphone's level, so −30 dB, below which less error counts for little."""


def squared(found: Tensor, images: Tensor) -> Tensor:
    """Mean squared error, as in Rajesh and Padmanabhan (WASPAA 2023): the microphones with most bleed rule it."""
    return (found - images).square().mean()


def logarithmic(found: Tensor, images: Tensor) -> Tensor:
    """Mean over microphones of the logarithm of the error's power: a decibel counts the same wherever it is won.

    The squared error taught networks to harm microphones with little bleed, which are the most.
    """
    return ((found - images).square().mean(dim=2) + FLOOR).log10().mean()
