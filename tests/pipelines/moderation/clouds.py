"""Embeddings as an encoder might give them, and heads trained on them: two clouds of directions some way apart."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipelines.moderation.categories.head import Head
from pipelines.moderation.categories.training import fit
from pipelines.types import ModelUsed
from tests.pipelines.fakes import USED

DIMENSION = 64
OTHER = ModelUsed(id="other-encoder", version=1, sha256="f" * 64)

Cloud = NDArray[np.float64]


def cloud(count: int, *, towards: int, seed: int, strength: float = 2.0) -> Cloud:
    """(count, 64) non-negative vectors, of which eight dimensions from `towards` on are larger by `strength`."""
    vectors = np.random.default_rng(seed).gamma(1.0, size=(count, DIMENSION))
    vectors[:, towards : towards + 8] += strength
    return vectors


def trained(name: str = "knives", *, count: int = 20, seed: int = 0, encoder: ModelUsed = USED, **of: Any) -> Head:
    return fit(
        name, cloud(count, towards=0, seed=seed, **of), cloud(count, towards=32, seed=seed + 1, **of), encoder
    )  # fmt: skip
