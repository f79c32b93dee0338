"""f-UNet and df-UNet: (dilated) Wave-U-Nets over all microphones; df-UNet-GAT adds attention over microphones.

R. Rajesh, P. Rajan: "Neural networks for interference reduction in multi-track recordings", WASPAA 2023, and their
later work. Microphones and time are the two axes of an image. The encoder consists of blocks of two convolutions with
batch normalisation, leaky ReLU and dropout, with downsampling in time between them; the decoder mirrors it and has skip
connections. df-UNet dilates its convolutions along time. With graph attention (P. Veličković et al., ICLR 2018),
microphones are nodes, which are connected if their features at the bottleneck are similar; the result multiplies the
deepest skip connection.

The variants ``narrow`` are ours: fewer filters, more pooling, eight samples per step, and no normalisation (whose
statistics in training, on few excerpts, differ from those in use). The output is subtracted from the input, so training
starts from the identity. There are no convolutions across microphones; instead, each block receives a microphone's
features and the mean of the others'. The network is therefore equivariant to permutations of the microphones, and all
microphones train the same filters. Attention starts as the identity, so that ``df-unet-gat`` can be initialised with
the weights of ``df-unet``.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from debleed.nets.losses import logarithmic, squared


@dataclass(frozen=True)
class Config:
    """Configuration of a Wave-U-Net.

    Parameters
    ----------
    filters
        Of the two convolutions of each encoder block; in reverse order for the decoder.
    bottleneck
        Of the two convolutions between them.
    kernel
        Taps along time.
    across
        Taps across microphones; 1 if blocks receive the mean of the other microphones instead.
    dilations, pools
        Along time, in each block and after it.
    normalise
        Batch normalisation; otherwise the initial weights preserve the level of the features.
    dropout, slope
        Dropout rate after a block, slope of the leaky ReLU below zero.
    attention
        Graph attention over the microphones at the bottleneck.
    threshold
        Cosine similarity of features above which two microphones are connected; ``None`` connects all.
    fold
        Consecutive samples that form the features of one time step, which reduces the cost of the first block.
    residual
        Whether the output is the bleed, to be subtracted from the input; otherwise it is the sources.
    logarithmic
        Whether the loss is :func:`debleed.nets.losses.logarithmic`; otherwise it is the squared error.
    rate, samples
        Sampling rate in Hz, and samples per block.
    """

    filters: tuple[int, ...] = (16, 32, 64, 128)
    bottleneck: int = 256
    kernel: int = 4
    across: int = 4
    dilations: tuple[int, ...] = (1, 1, 1, 1)
    pools: tuple[int, ...] = (2, 2, 2, 2)
    normalise: bool = True
    dropout: float = 0.1
    slope: float = 0.3
    attention: bool = False
    threshold: float | None = None
    fold: int = 1
    residual: bool = False
    logarithmic: bool = False
    rate: int = 22050
    samples: int = 220448


FULL = Config()
DILATED = replace(FULL, dilations=(1, 2, 4, 16))
NARROW = Config(
    filters=(32, 48, 64, 96),
    bottleneck=128,
    across=1,
    pools=(2, 4, 4, 2),
    fold=8,
    normalise=False,
    dropout=0.0,
    residual=True,
    logarithmic=True,
    samples=131072,
)
NARROW_DILATED = replace(NARROW, dilations=DILATED.dilations)
TINY = replace(NARROW, filters=(4, 4, 4, 4), bottleneck=4, samples=16384)
TINY_DILATED = replace(TINY, dilations=DILATED.dilations)
VARIANTS = {
    "f-unet": {"published": FULL, "narrow": NARROW, "tiny": TINY},
    "df-unet": {"published": DILATED, "narrow": NARROW_DILATED, "tiny": TINY_DILATED},
    "df-unet-gat": {
        "published": replace(DILATED, attention=True, threshold=0.6),
        "narrow": replace(NARROW_DILATED, attention=True),
        "tiny": replace(TINY_DILATED, attention=True),
    },
}


def same(taps: int, dilation: int) -> tuple[int, int]:
    """Return the zero padding before and after that keeps the length."""
    reach = (taps - 1) * dilation
    return reach // 2, reach - reach // 2


class Block(nn.Module):
    """Two convolutions over ``(batch, features, mics, time)`` with leaky ReLU and optional batch normalisation."""

    def __init__(self, inputs: int, filters: int, dilation: int, config: Config) -> None:
        super().__init__()
        self.with_mean = config.across == 1
        shape, steps = (config.across, config.kernel), (1, dilation)
        pad = nn.ZeroPad2d((*same(config.kernel, dilation), *same(config.across, 1)))
        layers: list[nn.Module] = []
        for channels in (inputs * (2 if self.with_mean else 1), filters):
            convolution = nn.Conv2d(channels, filters, shape, dilation=steps, bias=not config.normalise)
            if not config.normalise:
                nn.init.kaiming_normal_(convolution.weight, config.slope)
            norm = nn.BatchNorm2d(filters) if config.normalise else nn.Identity()
            layers += [pad, convolution, norm, nn.LeakyReLU(config.slope)]
        self.layers = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(batch, inputs, mics, time)`` to ``(batch, filters, mics, time)``."""
        if self.with_mean:
            others = (x.sum(dim=2, keepdim=True) - x) / max(1, x.shape[2] - 1)
            x = torch.cat([x, others], dim=1)
        out: Tensor = self.layers(x)
        return out


class GraphAttention(nn.Module):
    """Dense graph attention over the microphones, separately for each time step; one head.

    α_ij = softmax_j LeakyReLU(a · [W h_i, W h_j]) over the neighbours j of i, and h_i' = Σ_j α_ij W h_j.
    """

    def __init__(self, features: int, threshold: float | None) -> None:
        super().__init__()
        self.threshold = threshold
        self.weight = nn.Linear(features, features, bias=False)
        self.receiver, self.sender = (
            nn.Linear(features, 1, bias=False),
            nn.Linear(features, 1, bias=False),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(batch, features, mics, time)`` to the same shape."""
        nodes = x.permute(0, 3, 2, 1)  # (batch, time, mics, features)
        h = self.weight(nodes)
        scores = nn.functional.leaky_relu(self.receiver(h) + self.sender(h).transpose(2, 3), 0.2)
        if self.threshold is not None:
            unit = nn.functional.normalize(nodes, dim=3)
            alike = unit @ unit.transpose(2, 3)
            itself = torch.eye(x.shape[2], dtype=torch.bool, device=x.device)
            scores = scores.masked_fill((alike < self.threshold) & ~itself, -1e4)  # no edge; fits into half precision
        return (torch.softmax(scores, dim=3) @ h).permute(0, 3, 2, 1)


class Network(nn.Module):
    """A Wave-U-Net over all microphones."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config = config
        down, inputs = [], config.fold
        for filters, dilation in zip(config.filters, config.dilations, strict=True):
            down.append(Block(inputs, filters, dilation, config))
            inputs = filters
        self.down = nn.ModuleList(down)
        self.pools = nn.ModuleList(nn.MaxPool2d((1, pool)) for pool in config.pools)
        self.drop = nn.Dropout(config.dropout)
        self.middle = Block(inputs, config.bottleneck, 1, config)
        self.attention = GraphAttention(config.bottleneck, config.threshold) if config.attention else None
        self.gate = nn.Conv2d(config.bottleneck, inputs, 1) if config.attention else None
        rise, up, inputs = [], [], config.bottleneck
        for filters, pool, dilation in reversed(list(zip(config.filters, config.pools, config.dilations, strict=True))):
            rise.append(nn.ConvTranspose2d(inputs, filters, (1, pool), (1, pool)))
            up.append(Block(2 * filters, filters, dilation, config))
            inputs = filters
        self.rise, self.up = nn.ModuleList(rise), nn.ModuleList(up)
        self.last = nn.Conv2d(inputs, config.fold, 1)
        if config.residual:
            nothing = [self.last.weight, self.last.bias]
            if self.attention is not None and self.gate is not None:
                nothing += [self.attention.weight.weight, self.gate.bias]
            for parameter in nothing:
                assert parameter is not None
                nn.init.zeros_(parameter)

    def forward(self, mics: Tensor) -> Tensor:
        """Map microphones ``(batch, mics, samples)`` with an RMS of 1 to images of their sources, of the same shape."""
        fold = self.config.fold
        whole = fold
        for pool in self.config.pools:
            whole *= pool
        h = nn.functional.pad(mics, (0, -mics.shape[2] % whole)).unflatten(2, (-1, fold)).permute(0, 3, 1, 2)
        skips = []
        for block, pool in zip(self.down, self.pools, strict=True):
            skips.append(block(h))
            h = self.drop(pool(skips[-1]))
        h = self.middle(h)
        if self.attention is not None and self.gate is not None:
            attended = self.attention(h)
            h = h + attended
            gate = 2 * torch.sigmoid(self.gate(attended))  # about 1 initially
            skips[-1] = skips[-1] * gate.repeat_interleave(self.config.pools[-1], dim=3)
        for rise, block, skip in zip(self.rise, self.up, reversed(skips), strict=True):
            h = self.drop(block(torch.cat([rise(h), skip], dim=1)))
        out: Tensor = self.last(h).permute(0, 2, 3, 1).flatten(2)[:, :, : mics.shape[2]]
        return mics - out if self.config.residual else out

    def loss(self, mics: Tensor, images: Tensor) -> Tensor:
        """Return the error of the images, see :mod:`debleed.nets.losses`."""
        return (logarithmic if self.config.logarithmic else squared)(self(mics), images)

    def export(self) -> tuple[nn.Module, tuple[int, int]]:
        """Return the module to export and its input shape, ``(mics, samples)``."""
        return self, (4, self.config.samples)
