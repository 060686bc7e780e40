"""Windows drop observations older than their size; projections are the same in every process."""

import numpy as np
import pytest

from service.monitoring.quality.windows import DIMENSIONS, CountsWindow, MomentsWindow, project_embedding


@pytest.mark.parametrize(("added", "held"), [(1, 1), (499, 499), (500, 500), (501, 401), (600, 500), (1234, 434)])
def test_a_window_holds_its_last_observations(added: int, held: int) -> None:
    window = CountsWindow(3, 500)
    for number in range(added):
        window.add(0 if number < added - held else 2)

    assert window.counts.tolist() == [0, 0, held]


def test_a_window_of_embeddings_holds_their_moments() -> None:
    vectors = np.random.default_rng(0).normal(1, 3, (1000, DIMENSIONS))
    window = MomentsWindow(500)
    for vector in vectors:
        window.add(vector)

    found = window.moments
    assert found.count == 500
    np.testing.assert_allclose(found.mean, vectors[500:].mean(0))
    np.testing.assert_allclose(found.covariance, np.cov(vectors[500:].T))


def test_the_projection_never_changes() -> None:
    found = project_embedding(np.arange(1280, dtype=np.float32))

    np.testing.assert_allclose(found[:4], [-0.1077649, -0.0331922, 0.0654390, -0.0049813], rtol=1e-5)


def test_a_projection_keeps_distances() -> None:
    random = np.random.default_rng(0)
    vectors = [random.random(1280).astype(np.float32) ** 4 for _ in range(40)]
    units = [vector / np.linalg.norm(vector) for vector in vectors]
    small = [project_embedding(vector) for vector in vectors]

    pairs = [(one, other) for one in range(40) for other in range(one)]
    ratios = [np.linalg.norm(small[a] - small[b]) / np.linalg.norm(units[a] - units[b]) for a, b in pairs]
    assert np.mean(ratios) == pytest.approx(1, abs=0.1)
    assert np.std(ratios) < 0.15
