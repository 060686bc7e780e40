"""A window beside its reference: what is compared when, and what never is."""

import numpy as np
import pytest

from service.monitoring.quality.reference import LEAST, Reference
from service.monitoring.quality.tracker import Tracker
from service.monitoring.quality.windows import DIMENSIONS
from tests.service.monitoring.quality.observations import WINDOW, observed, subject


def captured(count: int = 1000, fingerprint: str = "a" * 64) -> Reference:
    tracker = Tracker(subject(fingerprint), WINDOW)
    tracker.begin(count, "traffic")
    observed(tracker, count)
    assert tracker.capture
    return tracker.capture.reference()


def tracking(reference: Reference | None) -> Tracker:
    tracker = Tracker(subject(), WINDOW)
    tracker.reference = reference
    return tracker


def figures(tracker: Tracker) -> list[float | None]:
    apart = tracker.apart()
    return [*(one.psi for one in tracker.compared()), None if apart is None else apart.farther]


@pytest.mark.parametrize(("mean", "is_drift"), [(0.5, False), (0.65, True)])
def test_what_has_moved_since_the_reference_is_far_from_it(mean: float, is_drift: bool) -> None:
    tracker = tracking(captured())
    observed(tracker, WINDOW, mean=mean, seed=1)

    psi, distance = figures(tracker)
    assert psi is not None
    assert distance is not None
    assert (psi > 0.25, distance > 3) == (is_drift, is_drift)


def test_a_drift_is_over_a_window_after_it_has_ended() -> None:
    tracker = tracking(captured())
    observed(tracker, WINDOW, mean=0.9, seed=1)
    during = figures(tracker)[0]
    observed(tracker, WINDOW, seed=2)
    after = figures(tracker)[0]

    assert during is not None
    assert after is not None
    assert (during > 1, after < 0.1) == (True, True)


@pytest.mark.parametrize(
    ("reference", "observations"),
    [
        pytest.param(None, WINDOW, id="no reference"),
        pytest.param(captured(), WINDOW // 2 - 1, id="half a window is not there yet"),
        pytest.param(captured(LEAST - 1), WINDOW, id="the reference is too small"),
        pytest.param(captured(fingerprint="b" * 64), WINDOW, id="the reference is of another model"),
    ],
)
def test_what_would_mean_nothing_is_not_compared(reference: Reference | None, observations: int) -> None:
    tracker = tracking(reference)
    observed(tracker, observations, mean=0.9)

    assert figures(tracker) == [None, None]


def test_a_reference_of_another_model_is_called_stale() -> None:
    states = [tracking(one).state for one in (None, captured(), captured(fingerprint="b" * 64))]

    assert states == ["none", "compared", "stale"]


def test_a_reference_in_other_bins_is_stale() -> None:
    reference = captured()

    other = reference.model_copy(update={"counts": {"margin": [1000]}})

    assert tracking(other).state == "stale"


def test_pictures_that_are_all_the_same_are_no_yardstick_that_everything_exceeds() -> None:
    tracker = Tracker(subject(), WINDOW)
    tracker.begin(1000, "traffic")
    for _ in range(1000):
        tracker.add({"margin": 3}, np.full(DIMENSIONS, 0.125))
    assert tracker.capture
    tracker.reference = tracker.capture.reference()

    assert figures(tracker)[1] == pytest.approx(0, abs=1e-3)
