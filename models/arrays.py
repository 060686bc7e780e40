"""The array type that models take and return, and what is computed of their outputs."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]  # of many dtypes


def softmax(logits: NDArray[np.float32], *, temperature: float = 1.0) -> NDArray[np.float32]:
    """Along the last axis, without overflow."""
    powers: NDArray[np.float32] = np.exp((logits - logits.max(-1, keepdims=True)) / np.float32(temperature))
    total: NDArray[np.float32] = powers.sum(-1, keepdims=True)
    return powers / total
