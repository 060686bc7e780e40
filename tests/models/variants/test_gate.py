"""The gate on real sessions: what it stores, and when it measures."""

from pathlib import Path

import pytest

from models.manifest import Manifest
from models.store.store import Store
from models.variants.gate import check_variants
from models.variants.record import VariantCheck, read_checks, write_checks
from models.variants.variant import FLOAT32
from tests.models.tiny_graphs import fill_store, make_manifest, write_classifier_graph

pytest.importorskip("openvino", reason="the extra openvino is not installed")


@pytest.fixture
def classes(tmp_path: Path) -> Manifest:
    return make_manifest(write_classifier_graph(tmp_path / "classes.onnx"), task="moderation-classes")


@pytest.fixture
def store(tmp_path: Path, classes: Manifest) -> Store:
    return fill_store(tmp_path / "store", classes)


def test_an_accurate_variant_passes_with_its_figures(store: Store, classes: Manifest) -> None:
    checks = check_variants(store, classes, [FLOAT32])

    assert checks[FLOAT32].misses == ()
    assert checks[FLOAT32].figures["same_top1"] == 1
    assert checks[FLOAT32].speedup > 0
    assert read_checks(store, classes) == checks


def test_figures_are_measured_again_when_forced(store: Store, classes: Manifest) -> None:
    failed = VariantCheck.of_failure(FLOAT32, "it did not start")
    write_checks(store, classes, {FLOAT32: failed})

    assert check_variants(store, classes, [FLOAT32]) == {FLOAT32: failed}
    assert check_variants(store, classes, [FLOAT32], force=True)[FLOAT32].passed


def test_a_model_whose_outputs_cannot_be_compared_keeps_the_reference(tmp_path: Path) -> None:
    encoder = make_manifest(write_classifier_graph(tmp_path / "encoder.onnx"), task="encoder")  # it has no logits
    checks = check_variants(fill_store(tmp_path / "other store", encoder), encoder, [FLOAT32])

    assert checks[FLOAT32].misses == ("there is no output 'logits' to be compared",)
