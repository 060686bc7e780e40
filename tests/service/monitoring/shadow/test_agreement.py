"""Two versions of a model agree on an item when their decisions are the same."""

import numpy as np
import pytest

from models.arrays import Array
from models.manifest import Manifest
from models.registry import Catalog
from service.monitoring.shadow.agreement import VersionComparison, compare_versions

CATALOG = Catalog.load()


def probabilities(*rows: list[float]) -> Array:
    return np.array(rows, np.float32)


def test_encoders_agree_on_items_with_the_same_best_class() -> None:
    live = {"logits": np.log(probabilities([0.7, 0.2, 0.1], [0.5, 0.4, 0.1]))}
    other = {"logits": np.log(probabilities([0.6, 0.3, 0.1], [0.4, 0.5, 0.1]))}

    found = compare_versions(CATALOG.get("efficientnet-lite0"), live, other)

    assert [(one.same, round(one.delta, 5)) for one in found] == [(True, 0.1), (False, 0.1)]


def test_lines_agree_when_all_of_their_characters_do() -> None:
    line = probabilities([0.9, 0.1], [0.2, 0.8])
    one_off = probabilities([0.9, 0.1], [0.6, 0.4])
    name = CATALOG.get("ppocr-v6-rec-small").outputs[0].name

    found = compare_versions(
        CATALOG.get("ppocr-v6-rec-small"), {name: np.stack([line, line])}, {name: np.stack([line, one_off])}
    )

    assert [(one.same, round(one.delta, 5)) for one in found] == [(True, 0.0), (False, 0.2)]


@pytest.mark.parametrize(
    ("scores", "same"),
    [([0.1, 0.9], True), ([0.3, 0.7], False)],  # of safe and unsafe; its threshold is .8
)
def test_moderation_agrees_on_the_same_side_of_its_threshold(scores: list[float], same: bool) -> None:
    [found] = compare_versions(
        CATALOG.get("opennsfw"), {"outputs": probabilities([0.15, 0.85])}, {"outputs": probabilities(scores)}
    )

    assert found.same is same


@pytest.mark.parametrize(("kept", "same"), [(10, True), (9, True), (8, False)])
def test_detectors_agree_when_nine_of_ten_positions_do(kept: int, same: bool) -> None:
    live = np.zeros((1, 5000), np.float32)
    live[0, :10] = 0.75
    other = np.zeros_like(live)
    other[0, :kept] = 0.75

    [found] = compare_versions(CATALOG.get("yunet"), {"scores": live}, {"scores": other})

    assert found.same is same
    assert found.delta == pytest.approx(0.075 * (10 - kept), abs=1e-5)


@pytest.mark.parametrize(("score", "same"), [(0.75, True), (0.25, False)])
def test_object_detectors_are_compared_by_scores_not_boxes(score: float, same: bool) -> None:
    live, other = (
        {"boxes": np.full((1, 3, 4), share, np.float32), "scores": np.full((1, 3, 80), one, np.float32)}
        for share, one in ((0.1, 0.75), (0.9, score))
    )

    [found] = compare_versions(CATALOG.get("yolox-nano"), live, other)

    assert found.same is same


def test_layouts_are_compared_at_all_strides() -> None:
    manifest = CATALOG.get("picodet-cdla")
    live = {one.name: np.zeros((1, 3, 10), np.float32) for one in manifest.outputs}
    other = {name: values.copy() for name, values in live.items()}
    other[manifest.outputs[3].name][0, 2, 5] = 0.9  # the coarsest stride
    other[manifest.outputs[4].name][0, 0, 0] = 0.9  # a box

    assert [one.same for one in compare_versions(manifest, live, other)] == [False]


def test_detectors_that_find_nothing_agree() -> None:
    empty = {"scores": np.full((1, 8), 0.25, np.float32)}

    assert compare_versions(CATALOG.get("yunet"), empty, {"scores": empty["scores"] * 2 - 0.25}) == [
        VersionComparison(True, 0.0)
    ]


@pytest.mark.parametrize("manifest", [CATALOG.get("efficientnet-lite0"), CATALOG.get("yunet")], ids=lambda one: one.id)
def test_scores_that_are_not_finite_never_agree(manifest: Manifest) -> None:
    name = "logits" if manifest.task == "encoder" else manifest.outputs[0].name
    live = {name: np.zeros((1, 4), np.float32)}

    assert compare_versions(manifest, live, {name: np.full((1, 4), np.nan, np.float32)}) == [
        VersionComparison(False, 1.0)
    ]
