"""Puts the weights of a published graph into a net whose parameters come in the same order."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn


def name_weights(net: nn.Module, weights: Sequence[NDArray[np.float32]]) -> dict[str, Tensor]:
    """`weights` by the names of the net's parameters; raises RuntimeError when their number differs."""
    names = net.state_dict().keys()
    if len(weights) != len(names):
        raise RuntimeError(f"{len(weights)} arrays for {len(names)} parameters")
    return {name: torch.from_numpy(array) for name, array in zip(names, weights, strict=True)}
