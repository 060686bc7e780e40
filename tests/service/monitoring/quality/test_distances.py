"""PSI, Mahalanobis and Frechet distance: known values, properties for any counts, and the effect of chance."""

from math import log

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from service.monitoring.quality.distances import (
    Counts,
    Moments,
    frechet,
    group_neighbours,
    group_rare,
    join_bins,
    mahalanobis,
    psi,
)

counts = arrays(np.int64, 12, elements=st.integers(0, 400)).filter(lambda found: found.sum() > 0)


def moments(vectors: np.ndarray) -> Moments:
    return Moments(len(vectors), vectors.sum(0), vectors.T @ vectors)


def test_psi_of_known_shares() -> None:
    many = 10**7  # so that neither smoothing nor chance is left

    found = psi(np.array([many // 2, many // 2]), np.array([many // 5, many // 5 * 4]))

    assert found == pytest.approx(0.3 * log(0.5 / 0.2) - 0.3 * log(0.5 / 0.8), rel=1e-5)


@given(counts, counts)
def test_psi_is_the_same_both_ways_and_never_negative(one: Counts, other: Counts) -> None:
    assert psi(one, other) == pytest.approx(psi(other, one))
    assert psi(one, other) >= 0


@given(counts)
def test_a_distribution_does_not_drift_from_itself(one: Counts) -> None:
    assert psi(one, one) == 0


@pytest.mark.parametrize(("window", "most"), [(250, 0.1), (500, 0.05)])
def test_samples_of_one_distribution_stay_under_the_moderate_level(window: int, most: float) -> None:
    random, shares = np.random.default_rng(0), np.full(10, 0.1)
    pairs = [(random.multinomial(window, shares), random.multinomial(1000, shares)) for _ in range(1000)]

    found = np.array([psi(*pair) for pair in pairs])

    assert np.percentile(found, 99) < most
    assert found.max() < 0.15


@given(counts)
def test_neighbouring_bins_form_at_most_ten_groups_in_order(reference: Counts) -> None:
    groups = group_neighbours(reference)

    assert [bin for group in groups for bin in group] == list(range(12))
    assert len(groups) <= 10


@given(counts)
def test_kinds_that_are_not_rare_keep_their_own_group(reference: Counts) -> None:
    groups = group_rare(reference)

    assert sorted(bin for group in groups for bin in group) == list(range(12))
    assert all([bin] in groups for bin in np.flatnonzero(reference >= 0.05 * reference.sum()))


@pytest.mark.parametrize("moved_to", [0, 4, 6, 11])
def test_values_where_the_reference_has_none_are_drift(moved_to: int) -> None:
    reference, current = np.zeros((2, 12), np.int64)
    reference[5], current[moved_to] = 1000, 500
    groups = group_neighbours(reference)

    assert psi(join_bins(current, groups), join_bins(reference, groups)) > 5


def test_frechet_distance_of_aligned_gaussians_is_that_of_means_and_deviations() -> None:
    mean, other = np.array([1.0, 2.0, 3.0]), np.array([1.0, 0.0, 3.5])
    deviations, others = np.array([1.0, 2.0, 0.5]), np.array([3.0, 2.0, 0.1])

    found = frechet(mean, np.diag(deviations**2), other, np.diag(others**2))

    assert found == pytest.approx(((mean - other) ** 2).sum() + ((deviations - others) ** 2).sum())


def test_mahalanobis_distance_is_measured_in_deviations() -> None:
    deviations = np.array([1.0, 2.0, 0.5])

    found = mahalanobis(np.zeros(3), 3 * deviations, np.diag(deviations**2))

    assert found == pytest.approx(9, rel=0.01)


def test_frechet_distance_does_not_change_under_rotation() -> None:
    random = np.random.default_rng(0)
    one, other = (moments(random.normal(0, scale, (200, 8)) @ random.normal(0, 1, (8, 8))) for scale in (1.0, 2.0))
    rotation, _ = np.linalg.qr(random.normal(0, 1, (8, 8)))

    unrotated = frechet(one.mean, one.covariance, other.mean, other.covariance)
    rotated = frechet(
        rotation @ one.mean,
        rotation @ one.covariance @ rotation.T,
        rotation @ other.mean,
        rotation @ other.covariance @ rotation.T,
    )

    assert rotated == pytest.approx(unrotated)


def test_added_moments_are_the_moments_of_all_vectors() -> None:
    vectors = np.random.default_rng(0).normal(3, 2, (300, 5))

    both = moments(vectors[:100]) + moments(vectors[100:])

    np.testing.assert_allclose(both.mean, vectors.mean(0))
    np.testing.assert_allclose(both.covariance, np.cov(vectors.T))
