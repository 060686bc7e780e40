"""PicoDet-S: objects of 80 classes on four grids of cells, boxes as distributions over distances.

Source: G. Yu et al., "PP-PicoDet: A Better Real-Time Object Detector on Mobile Devices" (2021), with boxes after X. Li
et al., "Generalized Focal Loss" (NeurIPS 2020); weights by PaddleDetection (Apache-2.0). Batch normalisation is part
of the published graph's convolutions. That graph spells each hard swish out as four operators, and lists its
weights as inputs, which keeps ONNX Runtime from optimising it: the same net as a module runs in half its time.
"""

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from models.nets.detection import cell_corners, join_grids
from models.nets.published import name_weights

CLASSES = 80
BINS = 8  # of each distribution, one stride apart
STRIDES = (8, 16, 32, 64)
NECK = 96  # channels

# Each stage: channels, those inside its first block, which halves the grid, and those inside each further block.
STAGES = ((96, 44, (24, 24)), (192, 48, (60, 48, 60, 48, 48, 48)), (384, 96, (96, 96)))


class ConvSwish(nn.Sequential):
    """A convolution and a hard swish."""

    def __init__(self, channels_in: int, channels_out: int, side: int = 1, stride: int = 1, groups: int = 1) -> None:
        conv = nn.Conv2d(channels_in, channels_out, side, stride, side // 2, groups=groups)
        super().__init__(conv, HardSwish())


class HardSwish(nn.Module):
    """As two operators: `F.hardswish` is exported as one that ONNX Runtime takes apart again."""

    def forward(self, x: Tensor) -> Tensor:
        return x * F.hardsigmoid(x)


def depthwise(channels: int, side: int = 3, stride: int = 1) -> nn.Conv2d:
    return nn.Conv2d(channels, channels, side, stride, side // 2, groups=channels)


class SqueezeExcite(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.squeeze = nn.Conv2d(channels, channels // 4, 1)
        self.excite = nn.Conv2d(channels // 4, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        return x * F.hardsigmoid(self.excite(F.relu(self.squeeze(F.adaptive_avg_pool2d(x, 1)))))


class HalvingBlock(nn.Module):
    """Halves the grid: two branches side by side, then a separable convolution over both."""

    def __init__(self, channels_in: int, channels: int, inner: int) -> None:
        super().__init__()
        half = channels // 2
        self.first = nn.Sequential(depthwise(channels_in, stride=2), ConvSwish(channels_in, half))
        self.second = nn.Sequential(
            ConvSwish(channels_in, inner), depthwise(inner, stride=2), SqueezeExcite(inner), ConvSwish(inner, half)
        )
        self.both = nn.Sequential(ConvSwish(channels, channels, 3, groups=channels), ConvSwish(channels, channels))

    def forward(self, x: Tensor) -> Tensor:
        joined: Tensor = self.both(torch.cat([self.first(x), self.second(x)], dim=1))
        return joined


class ShuffleBlock(nn.Module):
    """One half of the channels passes, the other is transformed; then the halves are interleaved."""

    def __init__(self, channels: int, inner: int) -> None:
        super().__init__()
        half = channels // 2
        self.enter, self.within = ConvSwish(half, inner), depthwise(inner)
        self.leave = nn.Sequential(SqueezeExcite(2 * inner), ConvSwish(2 * inner, half))

    def forward(self, x: Tensor) -> Tensor:
        passed, taken = x.chunk(2, dim=1)
        entered = self.enter(taken)
        transformed = self.leave(torch.cat([entered, self.within(entered)], dim=1))
        return torch.stack([passed, transformed], dim=2).flatten(1, 2)


class PicoCrossStage(nn.Module):
    """Joins two grids of the neck."""

    def __init__(self) -> None:
        super().__init__()
        half = NECK // 2
        self.bypass = ConvSwish(2 * NECK, half)
        self.enter = ConvSwish(2 * NECK, half)
        self.block = nn.Sequential(ConvSwish(half, half), ConvSwish(half, half, 5, groups=half), ConvSwish(half, half))
        self.leave = ConvSwish(NECK, NECK)

    def forward(self, one: Tensor, other: Tensor) -> Tensor:
        x = torch.cat([one, other], dim=1)
        joined: Tensor = self.leave(torch.cat([self.block(self.enter(x)), self.bypass(x)], dim=1))
        return joined


def separable(stride: int = 1) -> nn.Sequential:
    return nn.Sequential(ConvSwish(NECK, NECK, 5, stride, groups=NECK), ConvSwish(NECK, NECK))


class PicoHead(nn.Module):
    """The outputs on one grid: each cell's classes, and distributions of the distances to its box's four edges."""

    def __init__(self) -> None:
        super().__init__()
        self.branch = nn.Sequential(separable(), separable())
        self.outputs = nn.Conv2d(NECK, CLASSES + 4 * BINS, 1)

    def forward(self, x: Tensor, stride: int) -> tuple[Tensor, Tensor]:
        outputs = self.outputs(self.branch(x)).flatten(2)
        shares = outputs[:, CLASSES:].unflatten(1, (4, BINS)).softmax(dim=2)
        bins = torch.arange(BINS, dtype=torch.float32, device=x.device)[:, None]
        left_top, right_bottom = ((shares * bins).sum(dim=2) * stride).chunk(2, dim=1)
        centre = cell_corners(x, stride) + stride / 2
        return torch.cat([centre - left_top, centre + right_bottom], dim=1), outputs[:, :CLASSES].sigmoid()


class PicoDetNet(nn.Module):
    """Takes (N, 3, H, W) RGB, normalised, with H and W multiples of 32.

    Returns `boxes` (N, cells, 4), x0, y0, x1, y1 in shares of W and H, and `scores` (N, cells, 80) over the cells of
    strides 8, 16, 32 and 64, row by row.
    """

    output_names = ("boxes", "scores")

    def __init__(self) -> None:
        super().__init__()
        # Parts stand in the order in which the published graph runs its convolutions.
        self.stem = ConvSwish(3, 24, 3, 2)
        channels, stages = 24, []
        for wider, inner, further in STAGES:
            blocks = [ShuffleBlock(wider, width) for width in further]
            stages.append(nn.Sequential(HalvingBlock(channels, wider, inner), *blocks))
            channels = wider
        self.stages = nn.ModuleList(stages)
        self.lateral = nn.ModuleList(ConvSwish(wider, NECK) for wider, _, _ in STAGES)
        self.down4, self.down3 = PicoCrossStage(), PicoCrossStage()
        self.shrink3, self.up4 = separable(2), PicoCrossStage()
        self.shrink4, self.up5 = separable(2), PicoCrossStage()
        self.top_before, self.top_after = separable(2), separable(2)
        self.heads = nn.ModuleList(PicoHead() for _ in STRIDES)

    def load_published(self, weights: Sequence[NDArray[np.float32]]) -> None:
        """`weights` are the convolutions' kernels and biases in the graph's order; that graph takes BGR.

        Raises RuntimeError when the number of arrays or a shape differs.
        """
        loaded = name_weights(self, weights)
        self.load_state_dict(loaded | {"stem.0.weight": loaded["stem.0.weight"].flip(1)})

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        x = F.max_pool2d(self.stem(images), 3, stride=2, padding=1)
        grids = []
        for stage, lateral in zip(self.stages, self.lateral, strict=True):
            x = stage(x)
            grids.append(lateral(x))
        c3, c4, c5 = grids
        p4 = self.down4(F.interpolate(c5, scale_factor=2.0), c4)
        p3 = self.down3(F.interpolate(p4, scale_factor=2.0), c3)
        n4 = self.up4(self.shrink3(p3), p4)
        n5 = self.up5(self.shrink4(n4), c5)
        top = self.top_before(c5) + self.top_after(n5)
        levels = zip(self.heads, (p3, n4, n5, top), STRIDES, strict=True)
        return join_grids([head(grid, stride) for head, grid, stride in levels], images)
