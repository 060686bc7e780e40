"""Suitability as an avatar: each cause gives its own reason, and no worse measure raises it."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.faces import quality
from pipelines.faces.quality import CROP_SIZE, measure_faces, rate_face
from pipelines.faces.types import FaceQuality, Pose
from tests.pipelines.images import photograph


def rate(*, yaw: float = 0.0, pitch: float = 0.0, **changes: Any) -> FaceQuality:
    """Rate a face that has no drawbacks but `changes`."""
    facts: dict[str, Any] = {
        "score": 1.0,
        "side": quality.LARGE,
        "relative_size": 0.3,
        "outside": 0.0,
        "sharpness": quality.SHARP * 2,
        "brightness": (quality.LIGHT + quality.BALANCED) / 2,
        "has_company": False,
    }
    return rate_face(pose=Pose(yaw=yaw, pitch=pitch, roll=0.0), **(facts | changes))


# For each reason: the measure that causes it, its good value and its useless value.
CAUSES: dict[str, tuple[str, float, float]] = {
    "uncertain": ("score", quality.CERTAIN, quality.DOUBTFUL),
    "too small": ("side", quality.LARGE, quality.TINY),
    "blurred": ("sharpness", quality.SHARP, quality.BLURRED),
    "turned away": ("yaw", quality.FRONTAL, quality.PROFILE),
    "tilted up or down": ("pitch", quality.LEVEL, quality.STEEP),
    "cut off": ("outside", quality.WHOLE, quality.HALVED),
    "dark": ("brightness", quality.LIGHT, quality.BLACK),
    "overexposed": ("brightness", quality.BALANCED, quality.WHITE),
}
BY_REASON = [(reason, *facts) for reason, facts in CAUSES.items()]


def test_a_face_with_nothing_against_it_is_as_suitable_as_can_be() -> None:
    best = rate()

    assert best.suitability == 1.0
    assert best.reasons == []


@pytest.mark.parametrize(("reason", "measure", "good", "useless"), BY_REASON)
def test_a_measure_at_its_good_value_is_no_reason(reason: str, measure: str, good: float, useless: float) -> None:
    found = rate(**{measure: good})

    assert found.suitability == pytest.approx(1.0, abs=0.001)
    assert found.reasons == []


@pytest.mark.parametrize(("reason", "measure", "good", "useless"), BY_REASON)
def test_a_measure_half_way_to_useless_is_the_only_reason(
    reason: str, measure: str, good: float, useless: float
) -> None:
    found = rate(**{measure: (good * useless) ** 0.5 if measure == "sharpness" else (good + useless) / 2})

    assert found.suitability == pytest.approx(0.5, abs=0.01)
    assert found.reasons == [reason]


@pytest.mark.parametrize(("reason", "measure", "good", "useless"), BY_REASON)
def test_a_measure_at_its_useless_value_leaves_no_suitability(
    reason: str, measure: str, good: float, useless: float
) -> None:
    found = rate(**{measure: useless})

    assert found.suitability == pytest.approx(0.0, abs=0.001)
    assert found.reasons == [reason]


@pytest.mark.parametrize("angle", ["yaw", "pitch"])
def test_both_directions_of_an_angle_count_alike(angle: str) -> None:
    assert rate(**{angle: 50.0}) == rate(**{angle: -50.0})


def test_company_is_a_reason_of_its_own() -> None:
    found = rate(has_company=True)

    assert 0 < found.suitability < 1
    assert found.reasons == ["several people"]


def test_several_reasons_multiply() -> None:
    both = rate(side=(quality.LARGE + quality.TINY) / 2, has_company=True)

    assert both.reasons == ["too small", "several people"]
    assert both.suitability == pytest.approx(0.5 * rate(has_company=True).suitability, abs=0.001)


measures = st.fixed_dictionaries(
    {
        "score": st.floats(0, 1),
        "side": st.floats(0, 4000),
        "outside": st.floats(0, 1),
        "sharpness": st.floats(0, 1),
        "brightness": st.floats(0, 1),
        "yaw": st.floats(-180, 180),
        "pitch": st.floats(-90, 90),
        "has_company": st.booleans(),
    }
)


@given(facts=measures)
def test_suitability_is_a_share_and_a_large_loss_has_reasons(facts: dict[str, Any]) -> None:
    found = rate(**facts)

    assert 0 <= found.suitability <= 1
    assert found.reasons or found.suitability >= 0.9**8 - 0.001


@given(facts=measures, reason=st.sampled_from(list(CAUSES)), two=st.tuples(st.floats(0, 1), st.floats(0, 1)))
def test_a_measure_nearer_to_useless_never_suits_better(
    facts: dict[str, Any], reason: str, two: tuple[float, float]
) -> None:
    measure, good, useless = CAUSES[reason]
    worse, better = (useless + share * (good - useless) for share in sorted(two))

    first, second = (rate(**(facts | {measure: value})).suitability for value in (worse, better))

    assert first <= second


def test_crops_are_measured_one_by_one() -> None:
    sharp = photograph("astronaut", (CROP_SIZE, CROP_SIZE))
    crops = np.stack(
        [
            np.asarray(sharp),
            np.asarray(sharp.resize((8, 8)).resize((CROP_SIZE, CROP_SIZE))),
            np.full((CROP_SIZE, CROP_SIZE, 3), 51),
        ]
    )

    sharpness, brightness = measure_faces(crops.astype(np.uint8))

    assert sharpness[0] > 5 * sharpness[1]
    assert sharpness[1] > sharpness[2]
    assert round(float(sharpness[2]), 6) == 0
    assert brightness == pytest.approx([np.asarray(sharp.convert("L")).mean() / 255] * 2 + [0.2], abs=0.02)


@pytest.mark.parametrize("colour", ["red", "lime", "blue", "white", "black"])
def test_brightness_is_luma(colour: str) -> None:
    luma = {"red": 0.299, "lime": 0.587, "blue": 0.114, "white": 1.0, "black": 0.0}[colour]
    crop = photograph("cat", (CROP_SIZE, CROP_SIZE))
    crop.paste(colour, (0, 0, CROP_SIZE, CROP_SIZE))

    assert measure_faces(np.asarray(crop)[None])[1] == pytest.approx([luma], abs=1e-4)
