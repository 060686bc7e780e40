"""PSI and the Frechet distance: known values, what they hold for any counts, and what chance makes of them."""

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
    joined,
    mahalanobis,
    neighbours_joined,
    psi,
    rare_joined,
)

counts = arrays(np.int64, 12, elements=st.integers(0, 400)).filter(lambda found: found.sum() > 0)


def moments(vectors: np.ndarray) -> Moments:
    return Moments(len(vectors), vectors.sum(0), vectors.T @ vectors)


def test_psi_of_two_known_shares() -> None:
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

    assert (np.percentile(found, 99) < most, found.max() < 0.15) == (True, True)


@given(counts)
def test_joined_bins_are_ten_at_most_in_their_order_and_lose_none(reference: Counts) -> None:
    bins = neighbours_joined(reference)

    assert [place for places in bins for place in places] == list(range(12))
    assert len(bins) <= 10


@given(counts)
def test_kinds_that_are_not_rare_stay_alone(reference: Counts) -> None:
    bins = rare_joined(reference)

    assert sorted(place for places in bins for place in places) == list(range(12))
    assert all([place] in bins for place in np.flatnonzero(reference >= 0.05 * reference.sum()))


@pytest.mark.parametrize("moved_to", [0, 4, 6, 11])
def test_values_where_the_reference_has_none_are_drift(moved_to: int) -> None:
    reference, current = np.zeros((2, 12), np.int64)
    reference[5], current[moved_to] = 1000, 500
    bins = neighbours_joined(reference)

    assert psi(joined(current, bins), joined(reference, bins)) > 5


def test_the_frechet_distance_of_gaussians_whose_axes_agree_is_that_of_means_and_deviations() -> None:
    mean, other = np.array([1.0, 2.0, 3.0]), np.array([1.0, 0.0, 3.5])
    deviations, others = np.array([1.0, 2.0, 0.5]), np.array([3.0, 2.0, 0.1])

    found = frechet(mean, np.diag(deviations**2), other, np.diag(others**2))

    assert found == pytest.approx(((mean - other) ** 2).sum() + ((deviations - others) ** 2).sum())


def test_the_mahalanobis_distance_of_means_is_measured_in_deviations() -> None:
    deviations = np.array([1.0, 2.0, 0.5])

    found = mahalanobis(np.zeros(3), 3 * deviations, np.diag(deviations**2))

    assert found == pytest.approx(9, rel=0.01)


def test_the_frechet_distance_does_not_change_when_space_is_turned() -> None:
    random = np.random.default_rng(0)
    one, other = (moments(random.normal(0, scale, (200, 8)) @ random.normal(0, 1, (8, 8))) for scale in (1.0, 2.0))
    turn, _ = np.linalg.qr(random.normal(0, 1, (8, 8)))

    plain = frechet(one.mean, one.covariance, other.mean, other.covariance)
    turned = frechet(
        turn @ one.mean, turn @ one.covariance @ turn.T, turn @ other.mean, turn @ other.covariance @ turn.T
    )

    assert turned == pytest.approx(plain)


def test_moments_that_were_added_are_those_of_all() -> None:
    vectors = np.random.default_rng(0).normal(3, 2, (300, 5))

    both = moments(vectors[:100]) + moments(vectors[100:])

    np.testing.assert_allclose(both.mean, vectors.mean(0))
    np.testing.assert_allclose(both.covariance, np.cov(vectors.T))
