"""A subject without a model, and numbers for it."""

import numpy as np

from service.quality.signals import MARGIN
from service.quality.subjects import Subject
from service.quality.tracker import Tracker
from service.quality.windows import DIMENSIONS

WINDOW = 500


def subject(fingerprint: str = "a" * 64) -> Subject:
    return Subject("made-up", fingerprint, (MARGIN,), has_embedding=True)


def observed(tracker: Tracker, count: int, *, mean: float = 0.5, seed: int = 0) -> None:
    """Margins around `mean`, and embeddings around it."""
    random = np.random.default_rng(seed)
    for value in random.normal(mean, 0.1, count):
        tracker.add({MARGIN.name: MARGIN.bin_of(value)}, random.normal(mean, 1, DIMENSIONS))
