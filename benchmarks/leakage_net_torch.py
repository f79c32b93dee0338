"""The leakage estimator in training: its network in PyTorch, and the gain that follows from its answer."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from debleed.methods.demix.leakage_net import LEAST, MOST
from debleed.methods.demix.postfilter import DECAY_TIMES, FLOOR

WIDTH = 32
"""Channels of the inner layers."""

HARM = 6.0
"""A dB that is lost counts so many times more than one that is gained, and its square with the same weight on top: a
microphone that loses 3 dB is worse than ten that lose 0.3."""

BAND = 0.3
"""What is gained in each band alone counts so much against what is gained over all: the ear hears all bands, SDR the
loudest."""

NOISE, DROPOUT = 0.3, 0.2
"""During training the features are blurred by so many standard deviations, and so large a share of the inner values is
left out: three songs say little about all others."""

MOST_GAINED = 12.0
"""dB; more is not asked for."""


@dataclass(frozen=True)
class Example:
    """What filters left of a recording whose truth is known.

    Parameters
    ----------
    features
        ``(mics, mics, bands, features)``, stacked in the order of their names.
    allowed, touched
        ``(mics, mics)``: where bleed can be; ``(mics,)``: from which microphones the filters took something.
    power, smooth
        Of the filtered sources, as they are and as the gain is set against, ``(mics, bins, points)``.
    agreement, wanted
        Re⟨source, truth⟩ and the power of the truth, of the same shape.
    sources
        Reverberated powers of the sources, ``(decays, mics, bins, points)``.
    spread
        From bands to bins, ``(bands, bins)``.
    """

    features: Tensor
    allowed: Tensor
    touched: Tensor
    power: Tensor
    smooth: Tensor
    agreement: Tensor
    wanted: Tensor
    sources: Tensor
    spread: Tensor

    def some(self, points: Tensor) -> Example:
        """Take some of the points in time."""
        cut = {name: getattr(self, name)[..., points] for name in ("power", "smooth", "agreement", "wanted", "sources")}
        return Example(**{**self.__dict__, **cut})


class Network(nn.Module):
    """The same function as :func:`debleed.methods.demix.leakage_net.estimate_leakage`, to be trained."""

    def __init__(self, mean: NDArray[np.float32], scale: NDArray[np.float32]) -> None:
        super().__init__()
        inputs = len(mean)
        self.register_buffer("mean", torch.from_numpy(mean))
        self.register_buffer("scale", torch.from_numpy(scale))
        self.first = nn.Conv1d(inputs, WIDTH, 3, padding=1)
        self.second = nn.Conv1d(3 * WIDTH, WIDTH, 3, padding=1)
        self.last = nn.Linear(WIDTH, len(DECAY_TIMES))
        self.dropout = nn.Dropout(DROPOUT)
        with torch.no_grad():  # begin with little: -20 dB
            self.last.weight *= 0.3
            self.last.bias.fill_(-4.6)

    def forward(self, features: Tensor, allowed: Tensor) -> Tensor:
        """Return λ, ``(decays, mics, mics, bands)``."""
        mics, bands, inputs = features.shape[1:]
        may = allowed[:, :, None, None]
        pairs = ((features - self.mean) / self.scale).swapaxes(2, 3).reshape(mics * mics, inputs, bands)
        if self.training:
            pairs = pairs + NOISE * torch.randn(mics * mics, inputs, 1)
        seen = self.dropout(torch.relu(self.first(pairs))).reshape(mics, mics, WIDTH, bands) * may
        count = allowed.sum(1).clamp(min=1)[:, None, None, None]
        around = [a.expand_as(seen) for a in (seen.sum(1, keepdim=True) / count, seen.amax(1, keepdim=True))]
        both = torch.cat([seen, *around], 2).reshape(mics * mics, 3 * WIDTH, bands)
        told = self.last(self.dropout(torch.relu(self.second(both))).swapaxes(1, 2)).clamp(LEAST, MOST)
        return (torch.exp(told).reshape(mics, mics, bands, len(DECAY_TIMES)) * may).permute(3, 0, 1, 2)

    def weights(self) -> dict[str, NDArray[np.float32]]:
        """Name the weights as :func:`debleed.methods.demix.leakage_net.Weights` holds them."""
        return {name: value.detach().numpy().astype(np.float32) for name, value in self.state_dict().items()}


def gained(example: Example, leak: Tensor) -> tuple[Tensor, Tensor]:
    """Change of SDR by the gain that follows from λ, dB: of each touched microphone, and of its bands ``(…, bands)``.

    The error of a gain g is Σ |g y - s|² = Σ g² |y|² - 2 g Re⟨y, s⟩ + |s|².
    """
    left = torch.einsum("rijb,bf,rjft->ift", leak, example.spread, example.sources)
    gain = torch.clamp(1 - left / (example.smooth + 1e-20), min=FLOOR)
    before = (example.power - 2 * example.agreement + example.wanted).clamp(min=0)
    after = (gain**2 * example.power - 2 * gain * example.agreement + example.wanted).clamp(min=0)
    errors = torch.stack([torch.einsum("ift,bf->ib", error, example.spread) for error in (before, after)])
    whole = errors.sum(-1)
    bands = errors + 1e-6 * whole[:1, :, None] + 1e-15
    dB = [10 * torch.log10((e[0] + 1e-12) / (e[1] + 1e-12))[example.touched] for e in (whole, bands)]
    return dB[0], dB[1]


def loss(example: Example, leak: Tensor) -> Tensor:
    """Sum up what is not gained; what is lost counts more."""
    whole, bands = gained(example, leak)
    lost = [torch.relu(-g) for g in (whole, bands)]
    parts = [
        -g.clamp(max=MOST_GAINED).mean() + HARM * (dB + dB**2).mean()
        for g, dB in zip((whole, bands), lost, strict=True)
    ]
    return parts[0] + BAND * parts[1]
