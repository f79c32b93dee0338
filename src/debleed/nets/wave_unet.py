"""f-UNet and df-UNet: full (dilated) Wave-U-Nets over all microphones; and df-UNet with attention over microphones.

R. Rajesh, P. Rajan: "Neural networks for interference reduction in multi-track recordings", WASPAA 2023, and their
later work. Microphones and time are the two axes of an image: blocks of two convolutions, batch normalisation, leaky
ReLU and dropout, halved in time between them, then back up with skips. df-UNet dilates its convolutions along time.
With graph attention (P. Veličković et al., ICLR 2018) the microphones are nodes, joined where their features at the
bottleneck are alike; what comes out is multiplied into the deepest skip.

The variants ``narrow`` are ours: fewer filters, more pooling, eight samples a step, no normalisation (which is not the
same in training on a few stretches as in use), and what the network gives is taken from its input, so that it begins at
doing nothing. They do without convolutions across microphones: each block hears, beside a microphone's features, the
mean of the others'. So they are equivariant under any order of the microphones, and every microphone teaches the same
filters. Attention begins at doing nothing, so that ``df-unet-gat`` can start from the weights of ``df-unet``.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from debleed.nets.losses import logarithmic, squared


@dataclass(frozen=True)
class Config:
    """Shapes of a Wave-U-Net.

    Parameters
    ----------
    filters
        Of the two convolutions of each block of the encoder, and the other way round of the decoder.
    bottleneck
        Of the two convolutions between them.
    kernel
        Taps along time.
    across
        Taps across microphones; 1 where blocks are told the mean of the other microphones instead.
    dilations, pools
        Along time, of each block and after it.
    normalise
        Batch normalisation; else weights begin so that the level of features is kept.
    dropout, slope
        Share of features dropped after a block, slope of the leaky ReLU below zero.
    attention
        Graph attention over the microphones at the bottleneck.
    threshold
        Cosine similarity of features from which two microphones are joined; all are where not given.
    fold
        Samples that stand beside each other as features of one moment, so that the first block is not the dearest.
    residual
        What the network gives is bleed, to be taken from its input; else it gives the sources.
    logarithmic
        The loss is :func:`debleed.nets.losses.logarithmic`; else the squared error.
    rate, samples
        Samples per second, and of a block.
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
    """Zeros before and after that keep the length."""
    reach = (taps - 1) * dilation
    return reach // 2, reach - reach // 2


class Block(nn.Module):
    """Two convolutions over ``(batch, features, mics, time)``, each with leaky ReLU, and mostly batch normalisation."""

    def __init__(self, given: int, filters: int, dilation: int, config: Config) -> None:
        super().__init__()
        self.told = config.across == 1
        shape, steps = (config.across, config.kernel), (1, dilation)
        pad = nn.ZeroPad2d((*same(config.kernel, dilation), *same(config.across, 1)))
        layers: list[nn.Module] = []
        for channels in (given * (2 if self.told else 1), filters):
            convolution = nn.Conv2d(channels, filters, shape, dilation=steps, bias=not config.normalise)
            if not config.normalise:
                nn.init.kaiming_normal_(convolution.weight, config.slope)
            norm = nn.BatchNorm2d(filters) if config.normalise else nn.Identity()
            layers += [pad, convolution, norm, nn.LeakyReLU(config.slope)]
        self.layers = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(batch, given, mics, time)`` to ``(batch, filters, mics, time)``."""
        if self.told:
            others = (x.sum(dim=2, keepdim=True) - x) / max(1, x.shape[2] - 1)
            x = torch.cat([x, others], dim=1)
        out: Tensor = self.layers(x)
        return out


class GraphAttention(nn.Module):
    """Dense graph attention over the microphones, for each moment by itself; one head.

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
            scores = scores.masked_fill((alike < self.threshold) & ~itself, -1e4)  # as good as no edge, also in half
        return (torch.softmax(scores, dim=3) @ h).permute(0, 3, 2, 1)


class Network(nn.Module):
    """A Wave-U-Net over all microphones."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config = config
        down, given = [], config.fold
        for filters, dilation in zip(config.filters, config.dilations, strict=True):
            down.append(Block(given, filters, dilation, config))
            given = filters
        self.down = nn.ModuleList(down)
        self.pools = nn.ModuleList(nn.MaxPool2d((1, pool)) for pool in config.pools)
        self.drop = nn.Dropout(config.dropout)
        self.middle = Block(given, config.bottleneck, 1, config)
        self.attention = GraphAttention(config.bottleneck, config.threshold) if config.attention else None
        self.gate = nn.Conv2d(config.bottleneck, given, 1) if config.attention else None
        rise, up, given = [], [], config.bottleneck
        for filters, pool, dilation in reversed(list(zip(config.filters, config.pools, config.dilations, strict=True))):
            rise.append(nn.ConvTranspose2d(given, filters, (1, pool), (1, pool)))
            up.append(Block(2 * filters, filters, dilation, config))
            given = filters
        self.rise, self.up = nn.ModuleList(rise), nn.ModuleList(up)
        self.last = nn.Conv2d(given, config.fold, 1)
        if config.residual:
            nothing = [self.last.weight, self.last.bias]
            if self.attention is not None and self.gate is not None:
                nothing += [self.attention.weight.weight, self.gate.bias]
            for parameter in nothing:
                assert parameter is not None
                nn.init.zeros_(parameter)

    def forward(self, mics: Tensor) -> Tensor:
        """Map microphones ``(batch, mics, samples)`` of RMS 1 to the images of their sources, of the same shape."""
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
            heard = self.attention(h)
            h = h + heard
            gate = 2 * torch.sigmoid(self.gate(heard))  # about 1 to begin with
            skips[-1] = skips[-1] * gate.repeat_interleave(self.config.pools[-1], dim=3)
        for rise, block, skip in zip(self.rise, self.up, reversed(skips), strict=True):
            h = self.drop(block(torch.cat([rise(h), skip], dim=1)))
        out: Tensor = self.last(h).permute(0, 2, 3, 1).flatten(2)[:, :, : mics.shape[2]]
        return mics - out if self.config.residual else out

    def loss(self, mics: Tensor, images: Tensor) -> Tensor:
        """Error of the images, see :mod:`debleed.nets.losses`."""
        return (logarithmic if self.config.logarithmic else squared)(self(mics), images)

    def export(self) -> tuple[nn.Module, tuple[int, int]]:
        """Return what is to run without PyTorch, and the ``(mics, samples)`` it is given."""
        return self, (4, self.config.samples)
