"""When two versions of a model decide the same."""

import numpy as np
import pytest

from models.manifest import Manifest
from models.registry import Catalog
from models.runtime.session import Array
from service.monitoring.shadow.agreement import Compared, compare

CATALOG = Catalog.load()


def probabilities(*rows: list[float]) -> Array:
    return np.array(rows, np.float32)


def test_an_encoder_decides_on_its_best_class_item_by_item() -> None:
    live = {"logits": np.log(probabilities([0.7, 0.2, 0.1], [0.5, 0.4, 0.1]))}
    other = {"logits": np.log(probabilities([0.6, 0.3, 0.1], [0.4, 0.5, 0.1]))}

    found = compare(CATALOG.get("efficientnet-lite0"), live, other)

    assert [(one.same, round(one.delta, 5)) for one in found] == [(True, 0.1), (False, 0.1)]


def test_a_line_is_the_same_when_each_of_its_characters_is() -> None:
    line = probabilities([0.9, 0.1], [0.2, 0.8])
    one_off = probabilities([0.9, 0.1], [0.6, 0.4])
    name = CATALOG.get("ppocr-v6-rec-small").outputs[0].name

    found = compare(
        CATALOG.get("ppocr-v6-rec-small"), {name: np.stack([line, line])}, {name: np.stack([line, one_off])}
    )

    assert [(one.same, round(one.delta, 5)) for one in found] == [(True, 0.0), (False, 0.2)]


@pytest.mark.parametrize(
    ("scores", "same"),
    [([0.1, 0.9], True), ([0.3, 0.7], False)],  # of safe and not; its threshold is .8
)
def test_moderation_decides_at_its_threshold(scores: list[float], same: bool) -> None:
    [found] = compare(
        CATALOG.get("opennsfw"), {"outputs": probabilities([0.15, 0.85])}, {"outputs": probabilities(scores)}
    )

    assert found.same is same


@pytest.mark.parametrize(("kept", "same"), [(10, True), (9, True), (8, False)])
def test_a_detector_decides_at_each_place_and_empty_places_do_not_count(kept: int, same: bool) -> None:
    live = np.zeros((1, 5000), np.float32)
    live[0, :10] = 0.75
    other = np.zeros_like(live)
    other[0, :kept] = 0.75

    [found] = compare(CATALOG.get("yunet"), {"scores": live}, {"scores": other})

    assert (found.same, round(found.delta, 5)) == (same, round(0.075 * (10 - kept), 5))


def test_layouts_are_compared_at_all_strides() -> None:
    manifest = CATALOG.get("picodet-cdla")
    live = {one.name: np.zeros((1, 3, 10), np.float32) for one in manifest.outputs}
    other = {name: values.copy() for name, values in live.items()}
    other[manifest.outputs[3].name][0, 2, 5] = 0.9  # the coarsest stride
    other[manifest.outputs[4].name][0, 0, 0] = 0.9  # a box

    assert [one.same for one in compare(manifest, live, other)] == [False]


def test_two_that_see_nothing_agree() -> None:
    empty = {"scores": np.full((1, 8), 0.25, np.float32)}

    assert compare(CATALOG.get("yunet"), empty, {"scores": empty["scores"] * 2 - 0.25}) == [Compared(True, 0.0)]


@pytest.mark.parametrize("manifest", [CATALOG.get("efficientnet-lite0"), CATALOG.get("yunet")], ids=lambda one: one.id)
def test_what_is_no_number_is_never_the_same(manifest: Manifest) -> None:
    name = "logits" if manifest.task == "encoder" else manifest.outputs[0].name
    live = {name: np.zeros((1, 4), np.float32)}

    assert compare(manifest, live, {name: np.full((1, 4), np.nan, np.float32)}) == [Compared(False, 1.0)]
