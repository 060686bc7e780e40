"""The gate on real sessions: what it stores, and when it measures."""

import time
from multiprocessing import get_context
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


def test_a_measuring_process_ends_without_its_parent(store: Store, classes: Manifest) -> None:
    parent = get_context("spawn").Process(target=check_variants, args=(store, classes, [FLOAT32]))
    parent.start()
    assert parent.pid is not None
    while not (measuring := list_children(parent.pid)):
        assert parent.is_alive()
        time.sleep(0.01)

    parent.kill()
    parent.join()

    deadline = time.monotonic() + 60
    while (left := [pid for pid in measuring if is_running(pid)]) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert left == []


def is_running(process: int) -> bool:
    """Not ended, nor waiting for somebody to ask how."""
    try:
        return Path(f"/proc/{process}/cmdline").read_bytes() != b""
    except OSError:
        return False


def list_children(process: int) -> list[int]:
    """Those that it has started to measure in, without the one that tracks what all share."""
    listed = Path(f"/proc/{process}/task").glob("*/children")
    found = [int(one) for file in listed for one in file.read_text().split()]
    return [one for one in found if b"spawn_main" in Path(f"/proc/{one}/cmdline").read_bytes()]
