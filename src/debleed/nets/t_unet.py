"""t-UNet: half a U-Net ("truncated") that estimates the mixing matrix from all microphones.

R. Rajesh, P. Rajan: "Neural networks for interference reduction in multi-track recordings", WASPAA 2023. For
instantaneous mixtures X = A S, the network estimates A, and the sources are A⁻¹ X. Here the sources are images in their
own microphones, so the diagonal of A is 1 and only the other entries are estimated.

The loss of the paper is the squared error of A relative to X S⁺. Ours weights this error by the signals, ‖X − A S‖²: an
entry for a silent source cannot be estimated and does not matter.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn

from debleed.nets.losses import squared


@dataclass(frozen=True)
class Config:
    """Configuration of a t-UNet.

    Parameters
    ----------
    filters
        Of the convolutions, which process each microphone separately; each is followed by max-pooling.
    kernel, pool
        Taps and pooling along time.
    dense
        Widths of the layers between the features of all microphones and the matrix.
    mics
        Number of microphones.
    rate, samples
        Sampling rate in Hz, and samples per block.
    """

    filters: tuple[int, ...] = (16, 32, 64, 128, 512)
    kernel: int = 4
    pool: int = 9
    dense: tuple[int, ...] = (512, 128, 64, 32)
    mics: int = 4
    rate: int = 22050
    samples: int = 220500


VARIANTS = {
    "t-unet": {
        "published": Config(),
        "narrow": Config(filters=(8, 16, 32, 64, 64), dense=(64, 32)),
        "tiny": Config(filters=(4, 4, 4, 4), dense=(8,), samples=22050),
    }
}

START = 0.2
"""Initial estimate of the bleed: about the mean of the WASPAA 2023 matrix, 0.18 / 0.8."""


class Network(nn.Module):
    """Estimates the mixing matrix of a block and applies its inverse."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config = config
        layers: list[nn.Module] = []
        inputs, length = 1, config.samples
        for filters in config.filters:
            layers += [nn.ZeroPad2d((config.kernel // 2 - 1, config.kernel // 2, 0, 0))]
            layers += [nn.Conv2d(inputs, filters, (1, config.kernel)), nn.ReLU(), nn.MaxPool2d((1, config.pool))]
            inputs, length = filters, length // config.pool
        self.features = nn.Sequential(*layers)
        widths = (config.mics * length * inputs, *config.dense)
        dense: list[nn.Module] = []
        for wide, narrow in pairwise(widths):
            dense += [nn.Linear(wide, narrow), nn.ReLU()]
        self.last = nn.Linear(widths[-1], config.mics**2)
        nn.init.constant_(self.last.bias, START)
        self.dense = nn.Sequential(*dense)

    def matrix(self, mics: Tensor) -> Tensor:
        """Estimate A, ``(batch, mics, mics)`` with a diagonal of 1, from blocks ``(batch, mics, samples)``."""
        block = nn.functional.pad(mics, (0, max(0, self.config.samples - mics.shape[2])))
        h = self.features(block[:, None, :, : self.config.samples]).flatten(1)
        one = torch.eye(self.config.mics, device=mics.device)
        return self.last(self.dense(h)).unflatten(1, (self.config.mics, self.config.mics)) * (1 - one) + one

    def forward(self, mics: Tensor) -> Tensor:
        """Apply A⁻¹ to microphones ``(batch, mics, samples)``."""
        return torch.linalg.solve(self.matrix(mics), mics)

    def loss(self, mics: Tensor, images: Tensor) -> Tensor:
        """Return the mean of ‖X − A S‖²."""
        return squared(self.matrix(mics) @ images, mics)

    def export(self) -> tuple[nn.Module, tuple[int, int]]:
        """Return the module to export and its input shape, ``(mics, samples)``."""
        return _Matrix(self), (self.config.mics, self.config.samples)


class _Matrix(nn.Module):
    """Estimates A only, because one matrix is applied to the whole recording."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network

    def forward(self, mics: Tensor) -> Tensor:
        return self.network.matrix(mics)
