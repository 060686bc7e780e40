"""Each failure planted into a stream of photographs raises its signal to "major" within one window.

The levels are those of GET /v1/quality; alerts fire on "major".
"""

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from pipelines.findings import Observation
from service.monitoring.quality.report import QualityReport
from tests.service.monitoring.quality import traffic
from tests.service.monitoring.quality.traffic import (
    WINDOW,
    Change,
    find_major_drift,
    observe_photographs,
    observer_with_reference,
    replay,
)

CONFIDENCE, ENTROPY, EMBEDDING = (f"{traffic.USED.id}.{name}" for name in ("confidence", "entropy", "embedding"))


@pytest.fixture(scope="module")
def clean() -> list[Observation]:
    return observe_photographs()


def report_after_window(
    stream: list[Observation], *, clean: list[Observation], seed: int = 1, count: int = WINDOW
) -> QualityReport:
    observer = observer_with_reference(clean)
    replay(stream, count, seed, observer)
    return observer.report()


@pytest.mark.parametrize("seed", range(1, 4))
def test_clean_traffic_stays_steady(clean: list[Observation], seed: int) -> None:
    report = report_after_window(clean, clean=clean, seed=seed)

    levels = [one.level for subject in report.subjects for one in subject.signals if one.level]
    embedding_levels = [subject.embedding.level for subject in report.subjects if subject.embedding]
    assert set(levels) == {"steady"}
    assert len(levels) == 8
    assert embedding_levels == ["steady"]


@pytest.mark.parametrize(
    ("change", "crop"),
    [(lambda tensor: tensor[..., ::-1], 0.875), (traffic.keep_unchanged, 0.5)],
    ids=["BGR for RGB", "a crop of .5 for .875"],
)
def test_a_wrong_preprocessing_constant_shows_only_in_embeddings(
    clean: list[Observation], change: Change, crop: float
) -> None:
    found = find_major_drift(report_after_window(observe_photographs(change=change, crop=crop), clean=clean))

    assert EMBEDDING in found
    assert [name for name in found if name.startswith("images.")] == []


def test_a_darkened_stream_shows_in_brightness(clean: list[Observation]) -> None:
    found = find_major_drift(report_after_window(observe_photographs(light=0.35), clean=clean))

    assert {"images.brightness", EMBEDDING} <= set(found)


def test_another_mix_of_classes_shows_in_tag_groups(clean: list[Observation]) -> None:
    """Every second picture is a cat, of which there was one in twelve."""
    cats = {len(image) for image in traffic.photograph_crops("cat")}
    more = [one for one in clean if one.findings.image.bytes in cats] * (len(traffic.PHOTOGRAPHS) - 2) + clean

    found = find_major_drift(report_after_window(more, clean=clean))

    assert {f"{traffic.USED.id}.group", EMBEDDING} <= set(found)


def test_damaged_weights_show_in_confidence_entropy_and_embeddings(clean: list[Observation], tmp_path: Path) -> None:
    found = find_major_drift(
        report_after_window(observe_photographs(path=write_damaged_encoder(tmp_path)), clean=clean)
    )

    assert {CONFIDENCE, ENTROPY, EMBEDDING} <= set(found)


def write_damaged_encoder(folder: Path) -> Path:
    """The encoder's graph with a third of the kernels of its last convolution dead."""
    graph, random = onnx.load(str(traffic.encoder_graph())), np.random.default_rng(0)
    [last] = [one for one in graph.graph.initializer if list(one.dims) == [1280, 320, 1, 1]]
    weights = numpy_helper.to_array(last).copy()
    weights[random.random(len(weights)) < 1 / 3] = 0
    last.CopyFrom(numpy_helper.from_array(weights, last.name))
    onnx.save(graph, str(folder / "damaged.onnx"))
    return folder / "damaged.onnx"
