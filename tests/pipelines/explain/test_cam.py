"""The parts of a logit, on made-up grids and classifiers."""

import numpy as np
import pytest

from models.classifier import Classifier
from models.manifest import ClassifierTensors
from pipelines.explain.cam import LogitTarget, decompose_logit

TENSORS = ClassifierTensors(
    grid="grid", grid_layout="NHWC", weight="w", weight_layout="classes-first", bias="b", logits="logits"
)
RANDOM = np.random.default_rng(7)
GRID = RANDOM.normal(size=(5, 8, 6)).astype(np.float32)
CLASSIFIER = Classifier(TENSORS, RANDOM.normal(size=(4, 6)).astype(np.float32), np.array([3, -2, 0, 1], np.float32))
LOGITS = CLASSIFIER.weight @ GRID.mean((0, 1)) + CLASSIFIER.bias


@pytest.mark.parametrize("index", range(4))
def test_the_parts_of_a_logit_sum_to_it(index: int) -> None:
    found = decompose_logit(GRID, CLASSIFIER, LogitTarget(index))

    assert found.cells.shape == (5, 8)
    assert found.total == pytest.approx(LOGITS[index], abs=1e-5)


def test_parts_against_another_class_sum_to_the_difference() -> None:
    found = decompose_logit(GRID, CLASSIFIER, LogitTarget(1, against=3))

    assert found.total == pytest.approx(LOGITS[1] - LOGITS[3], abs=1e-5)
    assert found.bias == pytest.approx(-3, abs=1e-5)


def test_a_cell_adds_its_features_and_its_share_of_the_bias() -> None:
    grid = np.zeros((5, 8, 6), np.float32)
    grid[2, 3] = 1
    cells = decompose_logit(grid, CLASSIFIER, LogitTarget(0)).cells

    assert cells[2, 3] == pytest.approx((CLASSIFIER.weight[0].sum() + 3) / 40, abs=1e-6)
    assert np.delete(cells.ravel(), 2 * 8 + 3) == pytest.approx(3 / 40)
