"""MTCNN: three small nets in a cascade that propose, filter and refine faces.

Source: K. Zhang, Z. Zhang, Z. Li and Y. Qiao, "Joint Face Detection and Alignment Using Multitask
Cascaded Convolutional Networks" (IEEE Signal Processing Letters, 2016); weights as the `mtcnn`
package publishes them (MIT).

Every net takes (N, 3, h, w), normalised with (x - 127.5) / 128, and answers the probability that
its window shows a face and how far that window's corners (x0, y0, x1, y1) are off, in window sizes.
"""

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn


class CascadeNet(nn.Module):
    """Takes weights as a list of arrays in the order in which Keras lists a model's layers."""

    def load_published(self, weights: Sequence[NDArray[np.float32]]) -> None:
        """Raises RuntimeError when the number of arrays or a shape differs."""
        state = self.state_dict()
        if len(weights) != len(state):
            raise RuntimeError(f"{len(weights)} arrays for {len(state)} parameters")
        arrays = (torch.from_numpy(_as_torch_lays_it_out(array)) for array in weights)
        self.load_state_dict(dict(zip(state, arrays, strict=True)))


def _as_torch_lays_it_out(array: NDArray[np.float32]) -> NDArray[np.float32]:
    """Kernels (h, w, in, out) to (out, in, h, w), matrices (in, out) to (out, in), slopes (1, 1, c) to (c,)."""
    axes = {4: (3, 2, 0, 1), 2: (1, 0)}
    if array.ndim in axes:
        return np.array(array.transpose(axes[array.ndim]), order="C")
    return array.ravel().copy()


class Slope(nn.Module):
    """PReLU spelled out: ONNX Runtime's own takes 3 ns for each value on a CPU, these four steps together 1."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.full((channels,), 0.25))

    def forward(self, x: Tensor) -> Tensor:
        positive = F.relu(x)
        slope = self.weight[:, None, None] if x.ndim == 4 else self.weight
        return positive + (x - positive) * slope


def _convolution(channels_in: int, channels_out: int, kernel: int) -> list[nn.Module]:
    return [nn.Conv2d(channels_in, channels_out, kernel), Slope(channels_out)]


def _probability(scores: Tensor) -> Tensor:
    """(N, 2, …) scores for background and face to (N, …): a softmax of two is a sigmoid of their difference."""
    return torch.sigmoid(scores[:, 1] - scores[:, 0])


class PNet(CascadeNet):
    """Proposals: fully convolutional, one 12 x 12 window every 2 pixels, for images of any size.

    Answers `face` (N, H, W) and `box` (N, H, W, 4) with H = ceil((h - 2) / 2) - 4, likewise W.
    """

    output_names = ("face", "box")

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            *_convolution(3, 10, 3), nn.MaxPool2d(2, 2, ceil_mode=True), *_convolution(10, 16, 3),
            *_convolution(16, 32, 3),
        )  # fmt: skip
        self.box = nn.Conv2d(32, 4, 1)
        self.face = nn.Conv2d(32, 2, 1)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        x = self.features(images)
        return _probability(self.face(x)), self.box(x).permute(0, 2, 3, 1)


class RNet(CascadeNet):
    """Filter: 24 x 24 windows. Answers `face` (N,) and `box` (N, 4)."""

    output_names = ("face", "box")

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            *_convolution(3, 28, 3), nn.MaxPool2d(3, 2, ceil_mode=True), *_convolution(28, 48, 3),
            nn.MaxPool2d(3, 2), *_convolution(48, 64, 2),
        )  # fmt: skip
        self.embedding = nn.Sequential(nn.Linear(576, 128), Slope(128))
        self.box = nn.Linear(128, 4)
        self.face = nn.Linear(128, 2)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        x = self.embedding(_flat(self.features(images)))
        return _probability(self.face(x)), self.box(x)


class ONet(CascadeNet):
    """Refinement: 48 x 48 windows. Answers `face` (N,), `box` (N, 4) and `landmarks` (N, 5, 2).

    Landmarks are (x, y) in window sizes: left eye, right eye, nose, left and right corner of the
    mouth, left and right as seen in the image.
    """

    output_names = ("face", "box", "landmarks")

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            *_convolution(3, 32, 3), nn.MaxPool2d(3, 2, ceil_mode=True), *_convolution(32, 64, 3),
            nn.MaxPool2d(3, 2), *_convolution(64, 64, 3), nn.MaxPool2d(2, 2), *_convolution(64, 128, 2),
        )  # fmt: skip
        self.embedding = nn.Sequential(nn.Linear(1152, 256), Slope(256))
        self.box = nn.Linear(256, 4)
        self.landmarks = nn.Linear(256, 10)
        self.face = nn.Linear(256, 2)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        x = self.embedding(_flat(self.features(images)))
        # Published as five x, then five y.
        points = self.landmarks(x).reshape(-1, 2, 5).permute(0, 2, 1)
        return _probability(self.face(x)), self.box(x), points


def _flat(x: Tensor) -> Tensor:
    """(N, C, H, W) -> (N, W * H * C): the order that the matrices were trained on."""
    return x.permute(0, 3, 2, 1).flatten(1)
