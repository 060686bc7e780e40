"""A window is compared with its reference when both are large enough and from the same models."""

import numpy as np
import pytest

from service.monitoring.quality.reference import MIN_OBSERVATIONS, Reference
from service.monitoring.quality.tracker import DriftTracker
from service.monitoring.quality.windows import DIMENSIONS
from tests.service.monitoring.quality.observations import WINDOW, make_subject, observe_random


def capture_reference(count: int = 1000, fingerprint: str = "a" * 64) -> Reference:
    tracker = DriftTracker(make_subject(fingerprint), WINDOW)
    tracker.start_capture(count, "traffic")
    observe_random(tracker, count)
    assert tracker.capture
    return tracker.capture.reference()


def tracker_with(reference: Reference | None) -> DriftTracker:
    tracker = DriftTracker(make_subject(), WINDOW)
    tracker.reference = reference
    return tracker


def figures(tracker: DriftTracker) -> list[float | None]:
    distances = tracker.compare_embeddings()
    return [*(one.psi for one in tracker.compare()), None if distances is None else distances.larger]


@pytest.mark.parametrize(("mean", "is_drift"), [(0.5, False), (0.65, True)])
def test_observations_that_moved_are_far_from_the_reference(mean: float, is_drift: bool) -> None:
    tracker = tracker_with(capture_reference())
    observe_random(tracker, WINDOW, mean=mean, seed=1)

    psi, distance = figures(tracker)
    assert psi is not None
    assert distance is not None
    assert (psi > 0.25) is is_drift
    assert (distance > 3) is is_drift


def test_drift_disappears_one_window_after_it_ended() -> None:
    tracker = tracker_with(capture_reference())
    observe_random(tracker, WINDOW, mean=0.9, seed=1)
    during = figures(tracker)[0]
    observe_random(tracker, WINDOW, seed=2)
    after = figures(tracker)[0]

    assert during is not None
    assert after is not None
    assert during > 1
    assert after < 0.1


@pytest.mark.parametrize(
    ("reference", "observations"),
    [
        pytest.param(None, WINDOW, id="no reference"),
        pytest.param(capture_reference(), WINDOW // 2 - 1, id="less than half a window"),
        pytest.param(capture_reference(MIN_OBSERVATIONS - 1), WINDOW, id="the reference is too small"),
        pytest.param(capture_reference(fingerprint="b" * 64), WINDOW, id="the reference is of another model"),
    ],
)
def test_meaningless_comparisons_are_not_made(reference: Reference | None, observations: int) -> None:
    tracker = tracker_with(reference)
    observe_random(tracker, observations, mean=0.9)

    assert figures(tracker) == [None, None]


def test_a_reference_of_another_model_is_stale() -> None:
    assert tracker_with(None).state == "none"
    assert tracker_with(capture_reference()).state == "compared"
    assert tracker_with(capture_reference(fingerprint="b" * 64)).state == "stale"


def test_a_reference_in_other_bins_is_stale() -> None:
    reference = capture_reference()

    other = reference.model_copy(update={"counts": {"margin": [1000]}})

    assert tracker_with(other).state == "stale"


def test_a_reference_of_equal_pictures_does_not_inflate_distances() -> None:
    tracker = DriftTracker(make_subject(), WINDOW)
    tracker.start_capture(1000, "traffic")
    for _ in range(1000):
        tracker.add({"margin": 3}, np.full(DIMENSIONS, 0.125))
    assert tracker.capture
    tracker.reference = tracker.capture.reference()

    assert figures(tracker)[1] == pytest.approx(0, abs=1e-3)
