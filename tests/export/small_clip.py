"""A CLIP of random weights, small enough to be made in a test, and its archive as OpenAI publishes such models."""

import warnings
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from models.nets.clip import ClipImageNet, ClipTextNet, PatchTower, ResidualTower

SIZE, OUTPUTS = 64, 48


def small_residual_image_net() -> ClipImageNet:
    return ClipImageNet(ResidualTower(SIZE, 16, (1, 2, 1, 1), OUTPUTS))


def small_patch_image_net() -> ClipImageNet:
    return ClipImageNet(PatchTower(SIZE, 32, 128, 2, OUTPUTS))


def small_text_net() -> ClipTextNet:
    return ClipTextNet(64, 2, OUTPUTS)


class PublishedClip(nn.Module):
    """Both towers under the names of the published archives."""

    def __init__(self) -> None:
        super().__init__()
        self.visual, text = small_residual_image_net().visual, small_text_net()
        for name, child in text.named_children():
            self.add_module(name, child)
        for name, parameter in text.named_parameters(recurse=False):
            self.register_parameter(name, parameter)
        self.register_buffer("input_resolution", torch.tensor(SIZE))
        self.register_buffer("context_length", torch.tensor(77))
        self.register_buffer("vocab_size", torch.tensor(49_408))

    def forward(self, images: Tensor) -> Tensor:
        embedding: Tensor = self.visual(images)
        return embedding


def write_archive(path: Path) -> Mapping[str, NDArray[np.float32]]:
    """A TorchScript archive in half precision; returns its tensors as float32."""
    torch.manual_seed(0)
    module = PublishedClip().eval()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # the format that CLIP is published in is no longer advised
        torch.jit.trace(module, torch.zeros(1, 3, SIZE, SIZE)).half().save(str(path))
    return {name: values.half().float().numpy() for name, values in module.state_dict().items()}
