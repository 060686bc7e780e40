"""YuNet: faces of 10 pixels and more in one fully convolutional pass, on three grids of cells.

Source: W. Wu, H. Peng and S. Yu, "YuNet: A Tiny Millisecond-level Face Detector" (Machine Intelligence
Research, 2023); weights as libfacedetection.train publishes them, in an ONNX graph (BSD-3-Clause and Apache-2.0).

That graph has four heads of 1, 4, 1 and 10 channels on each grid. ONNX Runtime's layout is of blocks of 8 channels,
which each head alone would leave before its last convolution. Together they fill two blocks and stay in the layout.
"""

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from models.nets.published import name_weights

HEADS = (1, 4, 1, 10)  # channels: class, box, objectness, landmarks
GRIDS = 3


class SeparableConv(nn.Module):
    """A convolution over channels, then one over 3 x 3 cells of each channel."""

    def __init__(self, channels_in: int, channels_out: int) -> None:
        super().__init__()
        self.across = nn.Conv2d(channels_in, channels_out, 1)
        self.within = nn.Conv2d(channels_out, channels_out, 3, padding=1, groups=channels_out)

    def forward(self, x: Tensor) -> Tensor:
        return self.within(self.across(x))


class SeparableConvReLU(SeparableConv):
    """`SeparableConv` and a ReLU."""

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(super().forward(x))


class HeadKind(nn.Module):
    """One kind of head on all grids; the published graph lists its weights in this order."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.grids = nn.ModuleList(SeparableConv(64, channels) for _ in range(GRIDS))


class YuNetNet(nn.Module):
    """Takes (N, 3, H, W) RGB, 0-255, with H and W multiples of 32.

    Returns `scores` (N, cells), the geometric mean of class and objectness, and `offsets` (N, 14, cells): of each
    cell's box the centre and the logarithms of the sides, then five landmarks, in units of the cell's stride from
    its top left corner. The cells are those of strides 8, 16 and 32, row by row.
    """

    output_names = ("scores", "offsets")

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 16, 3, stride=2, padding=1)
        self.halves = SeparableConvReLU(16, 16)
        self.quarters = nn.Sequential(
            SeparableConvReLU(16, 16), SeparableConvReLU(16, 64), SeparableConvReLU(64, 64), SeparableConvReLU(64, 64)
        )
        self.deeper = nn.ModuleList(
            nn.Sequential(SeparableConvReLU(64, 64), SeparableConvReLU(64, 64)) for _ in range(GRIDS)
        )
        self.neck = nn.ModuleList(SeparableConvReLU(64, 64) for _ in range(GRIDS))  # coarsest first
        self.shared = nn.ModuleList(SeparableConvReLU(64, 64) for _ in range(GRIDS))
        self.heads = nn.ModuleList(HeadKind(channels) for channels in HEADS)

    def load_published(self, weights: Sequence[NDArray[np.float32]]) -> None:
        """`weights` are the convolutions' kernels and biases in the graph's order; that graph takes BGR.

        Raises RuntimeError when the number of arrays or a shape differs.
        """
        loaded = name_weights(self, weights)
        self.load_state_dict(loaded | {"first.weight": loaded["first.weight"].flip(1)})

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        x = self.halves(F.relu(self.first(images)))
        x = self.quarters(F.max_pool2d(x, 2))
        grids = []
        for deeper in self.deeper:
            x = deeper(F.max_pool2d(x, 2))
            grids.append(x)
        levels = [self.neck[0](grids[2])]
        for neck, grid in zip(self.neck[1:], grids[1::-1], strict=True):
            levels.append(neck(grid + F.interpolate(levels[-1], scale_factor=2.0)))
        cells = torch.cat([self._heads(level, grid) for level, grid in enumerate(reversed(levels))], dim=2)
        certainty = torch.sigmoid(cells[:, :2])
        return torch.sqrt(certainty[:, 0] * certainty[:, 1]), cells[:, 2:]

    def _heads(self, level: int, x: Tensor) -> Tensor:
        """(N, 16, cells): class, objectness, box, landmarks, by one convolution of each kind instead of four."""
        classes, boxes, objects, landmarks = (heads.grids[level] for heads in self.heads)
        units = (classes, objects, boxes, landmarks)
        x = self.shared[level](x)
        x = F.conv2d(x, torch.cat([one.across.weight for one in units]), torch.cat([one.across.bias for one in units]))
        kernels, shifts = torch.cat([one.within.weight for one in units]), torch.cat([one.within.bias for one in units])
        return F.conv2d(x, kernels, shifts, padding=1, groups=len(shifts)).flatten(2)
