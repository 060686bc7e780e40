"""MTCNN: three small nets in a cascade that propose, filter and refine faces.

Source: K. Zhang, Z. Zhang, Z. Li and Y. Qiao, "Joint Face Detection and Alignment Using Multitask
Cascaded Convolutional Networks" (IEEE Signal Processing Letters, 2016); weights as the `mtcnn`
package publishes them (MIT).

Every net takes (N, 3, h, w), normalised with (x - 127.5) / 128, and returns the probability that
its window shows a face, and the offsets of the face's corners (x0, y0, x1, y1) from the window's, in window sizes.
"""

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn


class CascadeNet(nn.Module):
    """Loads weights from a list of arrays in the order in which Keras lists a model's layers."""

    def load_published(self, weights: Sequence[NDArray[np.float32]]) -> None:
        """Raises RuntimeError when the number of arrays or a shape differs."""
        state = self.state_dict()
        if len(weights) != len(state):
            raise RuntimeError(f"{len(weights)} arrays for {len(state)} parameters")
        arrays = (torch.from_numpy(_to_torch_layout(array)) for array in weights)
        self.load_state_dict(dict(zip(state, arrays, strict=True)))


def _to_torch_layout(array: NDArray[np.float32]) -> NDArray[np.float32]:
    """Kernels (h, w, in, out) to (out, in, h, w), matrices (in, out) to (out, in), slopes (1, 1, c) to (c,)."""
    axes = {4: (3, 2, 0, 1), 2: (1, 0)}
    if array.ndim in axes:
        return np.array(array.transpose(axes[array.ndim]), order="C")
    return array.ravel().copy()


class ConvPReLU(nn.Module):
    """A convolution and its PReLU, in operations that ONNX Runtime runs in its layout of blocks of 8 channels.

    ONNX Runtime's own PReLU takes 3 ns for each value on a CPU, and every operation that it lacks in that layout
    costs two copies. PReLU with slope a is (1 - a) relu(x) + a x: the factor (1 - a) goes into the kernels, and
    a convolution over single values scales and adds in one pass. Channels are padded to whole blocks.
    """

    def __init__(self, channels_in: int, channels_out: int, kernel: int, *, is_steep: bool = False) -> None:
        """`is_steep`: some slopes are above 1, where that factor would flip the sign of the input of relu."""
        super().__init__()
        self.weight = nn.Parameter(torch.randn(channels_out, channels_in, kernel, kernel) * 0.1)
        self.bias = nn.Parameter(torch.zeros(channels_out))
        self.slope = nn.Parameter(torch.full((channels_out,), 0.25))
        self.is_steep = is_steep

    def forward(self, x: Tensor, signs: Tensor | None = None) -> Tensor:
        """`signs` are those of the channels of `x`, which may be padded to more channels than the kernels have."""
        spare = (0, 0, 0, 0, 0, x.shape[1] - self.weight.shape[1], 0, _padding_channels(len(self.slope)))
        kernels = F.pad(self.weight, spare)
        if signs is not None:
            kernels = kernels * signs[:, None, None]
        bias, slope = (F.pad(one, (0, _padding_channels(len(one)))) for one in (self.bias, self.slope))
        if self.is_steep:
            x = F.conv2d(x, kernels, bias)
            return _scale_channels(x, slope) + _scale_channels(F.relu(x), 1 - slope)
        x = F.conv2d(x, kernels * (1 - slope)[:, None, None, None], bias * (1 - slope))
        return F.relu(x) + _scale_channels(x, slope / (1 - slope))


class ConvPReLUMaxPool(nn.Module):
    """Maxima over 2 x 2 of a convolution and its PReLU, which here runs on a quarter of the values: on the maxima.

    Where a slope a is negative PReLU falls and rises, and the maximum lies at the largest or at the smallest value,
    max(u, v) = u + relu(v - u) with u = max x and v = -a max(-x): such channels get a twin for -x, in the blocks'
    padding channels. Where a slope is above 1 the output has the other sign, see `signs`.
    """

    signs: Tensor
    kernels: Tensor
    shifts: Tensor
    straight: Tensor
    bent: Tensor

    def __init__(self, channels_in: int, channels_out: int, kernel: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(channels_out, channels_in, kernel, kernel) * 0.1)
        self.bias = nn.Parameter(torch.zeros(channels_out))
        self.slope = nn.Parameter(torch.full((channels_out,), 0.25))
        self.prepare()

    def prepare(self) -> None:
        """Compute the buffers that `forward` uses; call it after the parameters have changed."""
        weight, bias, slope, own = self.weight.detach(), self.bias.detach(), self.slope.detach(), len(self.slope)
        (falling,) = torch.nonzero(slope < 0, as_tuple=True)
        spare = _padding_channels(own + len(falling))
        kernels = torch.cat([weight, -weight[falling]])
        shifts = torch.cat([bias, -bias[falling]])
        signs = torch.where(slope > 1, -1.0, 1.0)
        rows = own + _padding_channels(own)
        straight, bent = torch.zeros(rows, len(shifts)), torch.zeros(rows, len(shifts))
        straight[:own, :own] = torch.diag(torch.where(slope < 0, 1.0, slope * signs))
        bent[:own, :own] = torch.diag(torch.where(slope < 0, -1.0, (1 - slope).abs()))
        bent[falling, own + torch.arange(len(falling))] = -slope[falling]
        for name, values in {
            "signs": F.pad(signs, (0, _padding_channels(own))),
            "kernels": F.pad(kernels, (0, 0, 0, 0, 0, 0, 0, spare)),
            "shifts": F.pad(shifts, (0, spare)),
            "straight": F.pad(straight, (0, spare))[:, :, None, None],
            "bent": F.pad(bent, (0, spare))[:, :, None, None],
        }.items():
            self.register_buffer(name, values, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """Returns channels times `signs`."""
        peaks = F.max_pool2d(F.conv2d(x, self.kernels, self.shifts), 2, 2, ceil_mode=True)
        return F.relu(F.conv2d(peaks, self.bent)) + F.conv2d(peaks, self.straight)


class DensePReLU(nn.Module):
    """A dense layer over (N, C, H, W), trained on values ordered as (W, H, C), and its PReLU: (N, size)."""

    def __init__(self, shape: tuple[int, int, int], size: int) -> None:
        """`shape` is (C, H, W)."""
        super().__init__()
        self.shape = shape
        channels, height, width = shape
        self.weight = nn.Parameter(torch.randn(size, width * height * channels) * 0.1)
        self.bias = nn.Parameter(torch.zeros(size))
        self.slope = nn.Parameter(torch.full((size,), 0.25))

    def forward(self, x: Tensor) -> Tensor:
        channels, height, width = self.shape
        matrix = self.weight.reshape(-1, width, height, channels).permute(0, 3, 2, 1).flatten(1)
        x = F.linear(x.flatten(1), matrix, self.bias)
        return F.relu(x) * (1 - self.slope) + x * self.slope


def _padding_channels(channels: int) -> int:
    """How many channels are missing in the last block of 8."""
    return -channels % 8


def _scale_channels(x: Tensor, factors: Tensor) -> Tensor:
    """Each channel times its factor, as a convolution: a multiplication would leave the blocked layout."""
    return F.conv2d(x, factors[:, None, None, None], groups=len(factors))


def _probability(scores: Tensor) -> Tensor:
    """(N, 2) scores for background and face to (N,): a softmax of two is a sigmoid of their difference."""
    return torch.sigmoid(scores[:, 1] - scores[:, 0])


class ProposalHeads(nn.Module):
    """PReLU and both heads of P-Net, computed as the sum of two convolutions of 8 channels."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.slope = nn.Parameter(torch.full((channels,), 0.25))
        self.box = nn.Conv2d(channels, 4, 1)
        self.face = nn.Conv2d(channels, 2, 1)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        kernels, shifts = (
            torch.cat([face[1:] - face[:1], box, torch.zeros_like(box[:3])])
            for face, box in ((self.face.weight, self.box.weight), (self.face.bias, self.box.bias))
        )
        slope = self.slope[:, None, None]
        heads = F.conv2d(x, kernels * slope, shifts) + F.conv2d(F.relu(x), kernels * (1 - slope))
        return torch.sigmoid(heads[:, 0]), heads[:, 1:5].permute(0, 2, 3, 1)


class PNet(CascadeNet):
    """Proposals: fully convolutional, one 12 x 12 window every 2 pixels, for images of any size.

    Returns `face` (N, H, W) and `box` (N, H, W, 4) with H = ceil((h - 2) / 2) - 4, likewise W.
    """

    output_names = ("face", "box")

    def __init__(self) -> None:
        super().__init__()
        self.first = ConvPReLUMaxPool(3, 10, 3)
        self.second = ConvPReLU(10, 16, 3)
        self.third = nn.Conv2d(16, 32, 3)
        self.heads = ProposalHeads(32)

    def load_published(self, weights: Sequence[NDArray[np.float32]]) -> None:
        super().load_published(weights)
        self.first.prepare()

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        x = self.second(self.first(images), self.first.signs)
        return self.heads(self.third(x))


class RNet(CascadeNet):
    """Filter: 24 x 24 windows. Returns `face` (N,) and `box` (N, 4)."""

    output_names = ("face", "box")

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            ConvPReLU(3, 28, 3, is_steep=True), nn.MaxPool2d(3, 2, ceil_mode=True), ConvPReLU(28, 48, 3),
            nn.MaxPool2d(3, 2), ConvPReLU(48, 64, 2),
        )  # fmt: skip
        self.embedding = DensePReLU((64, 3, 3), 128)
        self.box = nn.Linear(128, 4)
        self.face = nn.Linear(128, 2)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        x = self.embedding(self.features(images))
        return _probability(self.face(x)), self.box(x)


class ONet(CascadeNet):
    """Refinement: 48 x 48 windows. Returns `face` (N,), `box` (N, 4) and `landmarks` (N, 5, 2).

    Landmarks are (x, y) in window sizes: left eye, right eye, nose, left and right corner of the
    mouth, left and right as seen in the image.
    """

    output_names = ("face", "box", "landmarks")

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            ConvPReLU(3, 32, 3), nn.MaxPool2d(3, 2, ceil_mode=True), ConvPReLU(32, 64, 3),
            nn.MaxPool2d(3, 2), ConvPReLU(64, 64, 3), nn.MaxPool2d(2, 2), ConvPReLU(64, 128, 2),
        )  # fmt: skip
        self.embedding = DensePReLU((128, 3, 3), 256)
        self.box = nn.Linear(256, 4)
        self.landmarks = nn.Linear(256, 10)
        self.face = nn.Linear(256, 2)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        x = self.embedding(self.features(images))
        # Published as five x, then five y.
        points = self.landmarks(x).reshape(-1, 2, 5).permute(0, 2, 1)
        return _probability(self.face(x)), self.box(x), points
