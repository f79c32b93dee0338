"""Loss functions for training."""

from __future__ import annotations

from torch import Tensor

FLOOR = 1e-3
"""Error relative to the microphone's level (−30 dB) below which a smaller error hardly counts."""


def squared(estimates: Tensor, images: Tensor) -> Tensor:
    """Mean squared error, as in Rajesh and Padmanabhan (WASPAA 2023); dominated by microphones with much bleed."""
    return (estimates - images).square().mean()


def logarithmic(estimates: Tensor, images: Tensor) -> Tensor:
    """Mean over microphones of the logarithm of the error's power: a decibel counts the same in every microphone.

    With the squared error, networks learnt to degrade microphones with little bleed, which are the majority.
    """
    return ((estimates - images).square().mean(dim=2) + FLOOR).log10().mean()
