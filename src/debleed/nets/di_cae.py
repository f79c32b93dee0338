"""DI-CAE: a convolutional autoencoder with "dynamic input" for each source, which treats bleed as noise.

R. Rajesh, P. Rajan: "Neural networks for interference reduction in multi-track recordings", WASPAA 2023. The input is a
magnitude spectrum with its predecessor and its successor in one row of 3 × 1025 values. Two convolutions along the row
lead to a dense layer of 100 units, and a mirrored decoder back to a spectrum, which is combined with the phase of the
microphone. The frames of the paper do not overlap, so the window is rectangular and the squared error of samples equals
that of spectra.

The variant ``narrow`` is ours. A hundred numbers are not enough to describe a spectrum, but they may be enough for a
mask: the output is a gain for the microphone, frames overlap by half, convolutions have a stride of two, and spectra
are compressed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from debleed.nets.losses import logarithmic, squared


@dataclass(frozen=True)
class Config:
    """Configuration of a DI-CAE.

    Parameters
    ----------
    nfft, overlap
        Samples per frame; 1 for adjacent frames, 2 for frames that overlap by half.
    filters, kernel, stride
        Of the two convolutions along the row of three spectra.
    dense
        Width of the dense layer.
    compression
        Exponent of the input magnitudes.
    mask
        Whether the output is a gain from 0 to 1 for the microphone; otherwise it is the magnitude of the source.
    rate, samples
        Sampling rate in Hz, and samples per block.
    """

    nfft: int = 2048
    overlap: int = 1
    filters: tuple[int, int] = (32, 64)
    kernel: int = 2
    stride: int = 1
    dense: int = 100
    compression: float = 1.0
    mask: bool = False
    rate: int = 22050
    samples: int = 220500


NARROW = Config(overlap=2, filters=(4, 4), stride=2, dense=32, compression=0.3, mask=True, samples=131072)
VARIANTS = {
    "di-cae": {
        "published": Config(),
        "narrow": NARROW,
        "tiny": replace(NARROW, nfft=256, filters=(2, 2), dense=4, samples=16384),
    }
}


class Network(nn.Module):
    """An autoencoder of spectra, applied to each microphone separately."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config = config
        bins = config.nfft // 2 + 1
        length = 3 * bins
        for _ in config.filters:
            length = (length - config.kernel) // config.stride + 1
        first, second = config.filters
        self.down = nn.Sequential(
            *(nn.Conv1d(1, first, config.kernel, config.stride), nn.BatchNorm1d(first), nn.ReLU()),
            *(nn.Conv1d(first, second, config.kernel, config.stride), nn.BatchNorm1d(second), nn.ReLU()),
        )
        self.narrow = nn.Sequential(nn.Linear(second * length, config.dense), nn.ReLU())
        self.wide = nn.Sequential(nn.Linear(config.dense, second * length), nn.ReLU())
        self.up = nn.Sequential(
            *(nn.ConvTranspose1d(second, first, config.kernel, config.stride), nn.ReLU()),
            nn.ConvTranspose1d(first, 1, config.kernel, config.stride),
        )
        self.shape = (second, length)
        window = torch.ones(config.nfft)
        if config.overlap == 2:
            window = torch.sin(math.pi * (torch.arange(config.nfft) + 0.5) / config.nfft)
        self.register_buffer("window", window, persistent=False)

    def output(self, magnitudes: Tensor) -> Tensor:
        """Map rows of three spectra, ``(frames, 3 × bins)``, to the gain or magnitude of the middle one."""
        bins = self.config.nfft // 2 + 1
        h = self.down((magnitudes + 1e-9).pow(self.config.compression)[:, None])
        h = self.wide(self.narrow(h.flatten(1))).unflatten(1, self.shape)
        out: Tensor = self.up(h)[:, 0, bins : 2 * bins]
        return torch.sigmoid(out + 3) if self.config.mask else torch.relu(out)

    def forward(self, mics: Tensor) -> Tensor:
        """Map microphones ``(batch, mics, samples)`` with an RMS of 1 to images of their sources, of the same shape."""
        nfft, overlap = self.config.nfft, self.config.overlap
        hop = nfft // overlap
        length = mics.shape[2]
        rows = nn.functional.pad(mics.flatten(0, 1), (nfft - hop, nfft - hop + -length % hop)).unflatten(1, (-1, hop))
        count = rows.shape[1] - overlap + 1
        frames = torch.cat([rows[:, k : k + count] for k in range(overlap)], dim=2) * self.window
        spectra = torch.fft.rfft(frames) / nfft**0.5
        parts = torch.view_as_real(spectra)
        magnitudes = parts.square().sum(dim=3).clamp_min(1e-18).sqrt()
        beside = nn.functional.pad(magnitudes, (0, 0, 1, 1))
        stacked = torch.cat([beside[:, :-2], magnitudes, beside[:, 2:]], dim=2)
        out = self.output(stacked.flatten(0, 1)).unflatten(0, (-1, count))
        gain = out if self.config.mask else out / magnitudes
        kept = torch.view_as_complex((parts * gain[..., None]).contiguous()) * nfft**0.5
        frames = torch.fft.irfft(kept, n=nfft) * self.window
        pieces = [
            nn.functional.pad(frames[:, :, k * hop : (k + 1) * hop], (0, 0, k, overlap - 1 - k)) for k in range(overlap)
        ]
        return sum(pieces, torch.zeros(())).flatten(1)[:, nfft - hop :][:, :length].unflatten(0, mics.shape[:2])

    def loss(self, mics: Tensor, images: Tensor) -> Tensor:
        """Return the error of the images, see :mod:`debleed.nets.losses`; logarithmic for a mask."""
        return (logarithmic if self.config.mask else squared)(self(mics), images)

    def export(self) -> tuple[nn.Module, tuple[int, int]]:
        """Return the module to export and its input shape, ``(mics, samples)``."""
        return self, (1, self.config.samples)
