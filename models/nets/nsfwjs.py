"""NSFWJS: MobileNetV2 with three dense layers, over the classes drawing, hentai, neutral, porn and sexy.

Source: infinitered/nsfwjs (MIT), npm package nsfwjs, trained by G. Laborde; M. Sandler and others, "MobileNetV2:
Inverted Residuals and Linear Bottlenecks" (CVPR 2018). The published weights are quantised to 8 bits; they are
float32 here. Attribute names are those of the Keras layers.
"""

from collections.abc import Mapping
from itertools import chain, repeat
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from models.nets.efficientnet_lite import SameConv2d

CLASSES = ("drawing", "hentai", "neutral", "porn", "sexy")

Weights = Mapping[str, NDArray[np.float32]]


class BottleneckStage(NamedTuple):
    """`blocks` in a row; only the first strides and changes the number of channels."""

    blocks: int
    stride: int
    channels: int


# After the first block, which does not expand; every other block expands its channels six times.
STAGES = (
    BottleneckStage(2, 2, 24),
    BottleneckStage(3, 2, 32),
    BottleneckStage(4, 2, 64),
    BottleneckStage(3, 1, 96),
    BottleneckStage(3, 2, 160),
    BottleneckStage(1, 1, 320),
)
_EXPANSION = 6


class ConvBatchNorm(nn.Module):
    """Convolution with TensorFlow's SAME padding, and batch norm."""

    def __init__(self, channels_in: int, channels_out: int, kernel: int, stride: int = 1, groups: int = 1) -> None:
        super().__init__()
        self.conv = SameConv2d(channels_in, channels_out, kernel, stride, groups=groups)
        self.norm = nn.BatchNorm2d(channels_out, eps=1e-3)

    def forward(self, images: Tensor) -> Tensor:
        normed: Tensor = self.norm(self.conv(images))
        return normed

    def load(self, weights: Weights, kernel: str, norm: str) -> None:
        """Keras keeps a depthwise kernel as (h, w, channels, 1), any other as (h, w, in, out)."""
        axes = (2, 3, 0, 1) if self.conv.groups > 1 else (3, 2, 0, 1)
        _copy(self.conv.weight, weights[kernel].transpose(axes))
        _copy(self.norm.weight, weights[f"{norm}/gamma"])
        _copy(self.norm.bias, weights[f"{norm}/beta"])
        _copy(self.norm.running_mean, weights[f"{norm}/moving_mean"])
        _copy(self.norm.running_var, weights[f"{norm}/moving_variance"])


class InvertedResidual(nn.Module):
    """Inverted residual with a linear output; `name` is the prefix of its Keras layers."""

    def __init__(self, name: str, channels_in: int, channels_out: int, stride: int, expansion: int) -> None:
        super().__init__()
        self.name = name
        middle = channels_in * expansion
        self.expand = ConvBatchNorm(channels_in, middle, 1) if expansion > 1 else None
        self.depthwise = ConvBatchNorm(middle, middle, 3, stride, groups=middle)
        self.project = ConvBatchNorm(middle, channels_out, 1)
        self.adds_input = stride == 1 and channels_in == channels_out

    def forward(self, images: Tensor) -> Tensor:
        x = F.relu6(self.expand(images)) if self.expand is not None else images
        x = self.project(F.relu6(self.depthwise(x)))
        return images + x if self.adds_input else x

    def load(self, weights: Weights) -> None:
        if self.expand is not None:
            self.expand.load(weights, f"{self.name}_expand/kernel", f"{self.name}_expand_BN")
        self.depthwise.load(weights, f"{self.name}_depthwise/depthwise_kernel", f"{self.name}_depthwise_BN")
        self.project.load(weights, f"{self.name}_project/kernel", f"{self.name}_project_BN")


class NsfwjsNet(nn.Module):
    """Normalised (N, 3, 224, 224) in 0-1 to `logits` (N, 5), in the order of `CLASSES`; 2.6 M parameters."""

    output_names = ("logits",)

    def __init__(self) -> None:
        super().__init__()
        self.stem = ConvBatchNorm(3, 32, 3, stride=2)
        blocks, channels = [InvertedResidual("expanded_conv", 32, 16, 1, 1)], 16
        for stage in STAGES:
            for stride in chain([stage.stride], repeat(1, stage.blocks - 1)):
                blocks.append(InvertedResidual(f"block_{len(blocks)}", channels, stage.channels, stride, _EXPANSION))
                channels = stage.channels
        self.blocks = nn.ModuleList(blocks)
        self.head = ConvBatchNorm(channels, 1280, 1)
        self.dense = nn.ModuleList([nn.Linear(1280, 256), nn.Linear(256, 128), nn.Linear(128, len(CLASSES))])

    def forward(self, images: Tensor) -> tuple[Tensor]:
        x = F.relu6(self.stem(images))
        for block in self.blocks:
            x = block(x)
        x = F.relu6(self.head(x)).mean((2, 3))
        first, second, last = self.dense
        return (last(F.relu(second(F.relu(first(x))))),)

    def load_published(self, weights: Weights) -> None:
        """Load the tensors as TensorFlow names them; raises KeyError for a missing one, RuntimeError for its shape."""
        self.stem.load(weights, "Conv1/kernel", "bn_Conv1")
        for block in self.blocks:
            assert isinstance(block, InvertedResidual)
            block.load(weights)
        self.head.load(weights, "Conv_1/kernel", "Conv_1_bn")
        for number, layer in enumerate(self.dense, start=1):
            assert isinstance(layer, nn.Linear)
            _copy(layer.weight, weights[f"dense_{number}/kernel"].T)
            _copy(layer.bias, weights[f"dense_{number}/bias"])


def _copy(parameter: Tensor | None, values: NDArray[np.float32]) -> None:
    assert parameter is not None
    if parameter.shape != values.shape:
        raise RuntimeError(f"a tensor has shape {values.shape}, not {tuple(parameter.shape)}")
    with torch.no_grad():
        parameter.copy_(torch.from_numpy(np.ascontiguousarray(values)))
