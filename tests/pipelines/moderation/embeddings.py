"""Makes embeddings as an encoder might, in two clouds of directions some way apart, and heads trained on them."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipelines.moderation.categories.head import Head
from pipelines.moderation.categories.training import fit_head
from pipelines.types import ModelUsed
from tests.pipelines.fakes import USED

DIMENSION = 64
OTHER_ENCODER = ModelUsed(id="other-encoder", version=1, sha256="f" * 64)

Embeddings = NDArray[np.float64]


def make_embeddings(count: int, *, towards: int, seed: int, strength: float = 2.0) -> Embeddings:
    """(count, 64) non-negative vectors, of which eight dimensions from `towards` on are larger by `strength`."""
    vectors = np.random.default_rng(seed).gamma(1.0, size=(count, DIMENSION))
    vectors[:, towards : towards + 8] += strength
    return vectors


def train_head(
    name: str = "knives", *, count: int = 20, seed: int = 0, encoder: ModelUsed = USED, **options: Any
) -> Head:
    positives = make_embeddings(count, towards=0, seed=seed, **options)
    negatives = make_embeddings(count, towards=32, seed=seed + 1, **options)
    return fit_head(name, positives, negatives, encoder)
