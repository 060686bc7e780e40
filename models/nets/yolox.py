"""YOLOX: objects of 80 classes, without anchors, on three grids of cells. One module for all its sizes.

Source: Z. Ge et al., "YOLOX: Exceeding YOLO Series in 2021" (2021); weights as its authors' ONNX graphs have them
(Apache-2.0). Batch normalisation is part of the convolutions there.

What differs from those graphs is how they compute, not what: the stem's slices and convolution are one convolution of
stride 2, pooling over 9 and 13 cells builds on pooling over 5, and boxes are decoded at the end.
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
STRIDES = (8, 16, 32)


class ConvSiLU(nn.Sequential):
    def __init__(self, channels_in: int, channels_out: int, side: int, stride: int = 1, groups: int = 1) -> None:
        super().__init__(nn.Conv2d(channels_in, channels_out, side, stride, side // 2, groups=groups), nn.SiLU())


def spatial_conv(channels_in: int, channels_out: int, *, stride: int = 1, is_separable: bool) -> nn.Module:
    """A convolution over 3 x 3 cells; separable: first over the cells of each channel, then over the channels."""
    if not is_separable:
        return ConvSiLU(channels_in, channels_out, 3, stride)
    within = ConvSiLU(channels_in, channels_in, 3, stride, groups=channels_in)
    return nn.Sequential(within, ConvSiLU(channels_in, channels_out, 1))


class Stem(nn.Module):
    """The four pixels of each 2 x 2 square as channels, then a convolution over 3 x 3 such squares.

    That is one convolution over 6 x 6 pixels with stride 2.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(4 * 3, channels, 3)  # holds the weights in their published form

    def forward(self, images: Tensor) -> Tensor:
        # channels in: column of the square, row of the square, colour
        weight = self.conv.weight.unflatten(1, (2, 2, 3)).permute(0, 3, 4, 2, 5, 1)
        return F.silu(F.conv2d(images, weight.reshape(-1, 3, 6, 6), self.conv.bias, stride=2, padding=2))


class Bottleneck(nn.Module):
    def __init__(self, channels: int, *, has_shortcut: bool, is_separable: bool) -> None:
        super().__init__()
        self.across = ConvSiLU(channels, channels, 1)
        self.within = spatial_conv(channels, channels, is_separable=is_separable)
        self.has_shortcut = has_shortcut

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.within(self.across(x))
        return x + y if self.has_shortcut else y


class YoloxCrossStage(nn.Module):
    """Two halves of the channels, of which one goes through `depth` bottlenecks."""

    def __init__(
        self, channels_in: int, channels: int, depth: int, *, has_shortcut: bool = True, is_separable: bool
    ) -> None:
        super().__init__()
        half = channels // 2
        self.enter = ConvSiLU(channels_in, half, 1)
        self.bypass = ConvSiLU(channels_in, half, 1)
        self.blocks = nn.Sequential(
            *(Bottleneck(half, has_shortcut=has_shortcut, is_separable=is_separable) for _ in range(depth))
        )
        self.leave = ConvSiLU(channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        entered, passed = self.enter(x), self.bypass(x)
        joined: Tensor = self.leave(torch.cat([self.blocks(entered), passed], dim=1))
        return joined


class PyramidPooling(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.enter = ConvSiLU(channels, channels // 2, 1)
        self.leave = ConvSiLU(channels * 2, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        pooled = [self.enter(x)]
        for _ in range(3):  # maxima over 5, 9 and 13 cells
            pooled.append(F.max_pool2d(pooled[-1], 5, stride=1, padding=2))
        left: Tensor = self.leave(torch.cat(pooled, dim=1))
        return left


class YoloxHead(nn.Module):
    """The outputs on one grid: per cell 4 numbers for a box, its objectness, and the classes."""

    def __init__(self, channels_in: int, channels: int, *, is_separable: bool) -> None:
        super().__init__()

        def branch() -> nn.Module:
            return nn.Sequential(*(spatial_conv(channels, channels, is_separable=is_separable) for _ in range(2)))

        self.stem = ConvSiLU(channels_in, channels, 1)
        self.class_branch, self.classes = branch(), nn.Conv2d(channels, CLASSES, 1)
        self.box_branch, self.box = branch(), nn.Conv2d(channels, 4, 1)
        self.objectness = nn.Conv2d(channels, 1, 1)

    def forward(self, x: Tensor, stride: int) -> tuple[Tensor, Tensor]:
        x = self.stem(x)
        classes, box_features = self.classes(self.class_branch(x)), self.box_branch(x)
        box, objectness = self.box(box_features).flatten(2), self.objectness(box_features)
        centre = box[:, :2] * stride + cell_corners(x, stride)
        half = torch.exp(box[:, 2:]) * (stride / 2)
        scores = torch.sigmoid(objectness) * torch.sigmoid(classes)
        return torch.cat([centre - half, centre + half], dim=1), scores.flatten(2)


class YoloxNet(nn.Module):
    """Takes (N, 3, H, W) RGB, 0-255, with H and W multiples of 32.

    Returns `boxes` (N, cells, 4), x0, y0, x1, y1 in shares of W and H, and `scores` (N, cells, 80) over the cells of
    strides 8, 16 and 32, row by row. `depth` and `width` are the published multipliers.
    """

    output_names = ("boxes", "scores")

    def __init__(self, *, depth: float, width: float, is_separable: bool = False) -> None:
        super().__init__()
        c1, c2, c3, c4, c5 = (int(channels * width) for channels in (64, 128, 256, 512, 1024))
        few = max(round(3 * depth), 1)

        def shrink(channels_in: int, channels_out: int) -> nn.Module:
            return spatial_conv(channels_in, channels_out, stride=2, is_separable=is_separable)

        def join(channels_in: int, channels_out: int) -> nn.Module:
            return YoloxCrossStage(channels_in, channels_out, few, has_shortcut=False, is_separable=is_separable)

        # Parts stand in the order in which the published graphs run their convolutions.
        self.stem = Stem(c1)
        self.quarters = nn.Sequential(shrink(c1, c2), YoloxCrossStage(c2, c2, few, is_separable=is_separable))
        self.eighths = nn.Sequential(shrink(c2, c3), YoloxCrossStage(c3, c3, 3 * few, is_separable=is_separable))
        self.sixteenths = nn.Sequential(shrink(c3, c4), YoloxCrossStage(c4, c4, 3 * few, is_separable=is_separable))
        self.thirty_seconds = nn.Sequential(shrink(c4, c5), PyramidPooling(c5), join(c5, c5))
        self.lateral, self.down4 = ConvSiLU(c5, c4, 1), join(2 * c4, c4)
        self.reduce, self.down3 = ConvSiLU(c4, c3, 1), join(2 * c3, c3)
        self.shrink4, self.up4 = shrink(c3, c3), join(2 * c3, c4)
        self.shrink5, self.up5 = shrink(c4, c4), join(2 * c4, c5)
        self.heads = nn.ModuleList(YoloxHead(channels, c3, is_separable=is_separable) for channels in (c3, c4, c5))

    def load_published(self, weights: Sequence[NDArray[np.float32]]) -> None:
        """`weights` are the convolutions' kernels and biases in the graph's order; that graph takes BGR.

        Raises RuntimeError when the number of arrays or a shape differs.
        """
        loaded = name_weights(self, weights)
        stem = loaded["stem.conv.weight"]
        self.load_state_dict(loaded | {"stem.conv.weight": stem.unflatten(1, (4, 3)).flip(2).flatten(1, 2)})

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        c3 = self.eighths(self.quarters(self.stem(images)))
        c4 = self.sixteenths(c3)
        p5 = self.lateral(self.thirty_seconds(c4))
        p4 = self.reduce(self.down4(torch.cat([F.interpolate(p5, scale_factor=2.0), c4], dim=1)))
        p3 = self.down3(torch.cat([F.interpolate(p4, scale_factor=2.0), c3], dim=1))
        n4 = self.up4(torch.cat([self.shrink4(p3), p4], dim=1))
        n5 = self.up5(torch.cat([self.shrink5(n4), p5], dim=1))
        grids = zip(self.heads, (p3, n4, n5), STRIDES, strict=True)
        return join_grids([head(grid, stride) for head, grid, stride in grids], images)


def yolox_nano() -> YoloxNet:
    return YoloxNet(depth=0.33, width=0.25, is_separable=True)


def yolox_s() -> YoloxNet:
    return YoloxNet(depth=0.33, width=0.5)


def yolox_m() -> YoloxNet:
    return YoloxNet(depth=0.67, width=0.75)
