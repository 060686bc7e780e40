"""EfficientNet-Lite: EfficientNet without squeeze-and-excitation and with ReLU6, made for integer hardware.

Source: M. Tan and Q. Le, "EfficientNet: Rethinking Model Scaling for Convolutional Neural
Networks" (ICML 2019) and Google's EfficientNet-Lite release notes; weights Apache-2.0.
Attribute names follow the published state dict, so `load_state_dict(strict=True)` takes it as it is.
"""

from math import ceil
from typing import NamedTuple

import torch.nn.functional as F
from torch import Tensor, nn

from models.nets.encoder import EncoderNet

# TensorFlow's batch-norm decay .99 is PyTorch's momentum .01.
_BATCH_NORM = {"eps": 1e-3, "momentum": 0.01}


class MBConvStage(NamedTuple):
    """`repeats` blocks in a row; only the first strides and changes the number of channels."""

    repeats: int
    kernel: int
    stride: int
    expansion: int
    channels: int


STAGES = (
    MBConvStage(1, 3, 1, 1, 16),
    MBConvStage(2, 3, 2, 6, 24),
    MBConvStage(2, 5, 2, 6, 40),
    MBConvStage(3, 3, 2, 6, 80),
    MBConvStage(3, 5, 1, 6, 112),
    MBConvStage(4, 5, 2, 6, 192),
    MBConvStage(1, 3, 1, 6, 320),
)


class SameConv2d(nn.Conv2d):
    """Convolution padded as TensorFlow's SAME: the odd pixel goes to the right and the bottom.

    With PyTorch's symmetric padding instead, these weights lose 6 to 8 points of top-1.
    """

    def __init__(self, channels_in: int, channels_out: int, kernel: int, stride: int = 1, groups: int = 1) -> None:
        super().__init__(channels_in, channels_out, kernel, stride, groups=groups, bias=False)

    def forward(self, images: Tensor) -> Tensor:
        top, bottom = self._padding(images.shape[-2])
        left, right = self._padding(images.shape[-1])
        if top == bottom == left == right:
            return F.conv2d(images, self.weight, None, self.stride, top, 1, self.groups)
        return super().forward(F.pad(images, (left, right, top, bottom)))

    def _padding(self, size: int) -> tuple[int, int]:
        kernel, stride = self.kernel_size[0], self.stride[0]
        total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
        return total // 2, total - total // 2


class MBConvBlock(nn.Module):
    """Inverted residual: expand 1x1, depthwise kxk, project 1x1, and add the input where shapes allow."""

    def __init__(self, channels_in: int, channels_out: int, kernel: int, stride: int, expansion: int) -> None:
        super().__init__()
        middle = channels_in * expansion
        self.expands = expansion != 1
        self.adds_input = stride == 1 and channels_in == channels_out
        if self.expands:
            self._expand_conv = SameConv2d(channels_in, middle, 1)
            self._bn0 = nn.BatchNorm2d(middle, **_BATCH_NORM)
        self._depthwise_conv = SameConv2d(middle, middle, kernel, stride, groups=middle)
        self._bn1 = nn.BatchNorm2d(middle, **_BATCH_NORM)
        self._project_conv = SameConv2d(middle, channels_out, 1)
        self._bn2 = nn.BatchNorm2d(channels_out, **_BATCH_NORM)

    def forward(self, images: Tensor) -> Tensor:
        x = images
        if self.expands:
            x = F.relu6(self._bn0(self._expand_conv(x)))
        x = F.relu6(self._bn1(self._depthwise_conv(x)))
        x = self._bn2(self._project_conv(x))
        return images + x if self.adds_input else x


class EfficientNetLite(EncoderNet):
    """A network of the family: `width` multiplies the channels of `STAGES`, `depth` their repeats; embedding of 1280.

    Unlike in EfficientNet-B, stem and head keep their width, the first and the last stage their one block.
    """

    def __init__(self, *, width: float = 1.0, depth: float = 1.0, classes: int = 1000) -> None:
        super().__init__()
        self._conv_stem = SameConv2d(3, 32, 3, stride=2)
        self._bn0 = nn.BatchNorm2d(32, **_BATCH_NORM)
        blocks: list[MBConvBlock] = []
        channels = 32
        for index, stage in enumerate(STAGES):
            is_scaled = 0 < index < len(STAGES) - 1
            channels_out = _scale_channels(stage.channels, width)
            for repeat in range(ceil(stage.repeats * depth) if is_scaled else stage.repeats):
                stride = stage.stride if repeat == 0 else 1
                blocks.append(MBConvBlock(channels, channels_out, stage.kernel, stride, stage.expansion))
                channels = channels_out
        self._blocks = nn.ModuleList(blocks)
        self._conv_head = SameConv2d(channels, 1280, 1)
        self._bn1 = nn.BatchNorm2d(1280, **_BATCH_NORM)
        self._fc = nn.Linear(1280, classes)

    def features(self, images: Tensor) -> Tensor:
        x = F.relu6(self._bn0(self._conv_stem(images)))  # (N, 32, h / 2, w / 2)
        for block in self._blocks:
            x = block(x)
        return F.relu6(self._bn1(self._conv_head(x)))  # (N, 1280, h / 32, w / 32)

    def pool(self, grid: Tensor) -> Tensor:
        return grid.mean((2, 3))

    def classify(self, embedding: Tensor) -> Tensor:
        return self._fc(embedding)


class EfficientNetLite0(EfficientNetLite):
    """4.65 M parameters, 0.4 GFLOPs at 224 x 224; grid of 7 x 7."""

    def __init__(self) -> None:
        super().__init__()


class EfficientNetLite2(EfficientNetLite):
    """6.09 M parameters, 0.9 GFLOPs at 260 x 260; grid of 9 x 9."""

    def __init__(self) -> None:
        super().__init__(width=1.1, depth=1.2)


def _scale_channels(channels: int, width: float) -> int:
    """`channels` times `width`, to the nearest multiple of 8 that keeps at least 90 % of it."""
    scaled = channels * width
    rounded = max(8, int(scaled + 4) // 8 * 8)
    return rounded if rounded >= 0.9 * scaled else rounded + 8
