"""Observations of the engine become samples in Prometheus."""

from dataclasses import replace
from math import log
from typing import Any

import numpy as np
import pytest
from prometheus_client import CollectorRegistry, generate_latest

from pipelines.documents.types import Document, DocumentLine, Page, Region
from pipelines.faces.spec import TRACKED_FACES
from pipelines.faces.types import Face, Faces
from pipelines.findings import Observation
from pipelines.moderation.types import FiredRule, Moderation
from pipelines.text.types import PictureText
from pipelines.types import PICTURE_KINDS, KindName, PictureKind
from service.monitoring.quality.metrics import DriftCollector, QualityMetrics
from service.monitoring.quality.observer import QualityObserver, mean_brightness
from tests.pipelines.fakes import FEATURES, logits_of
from tests.pipelines.images import photograph
from tests.pipelines.moderation.signal_results import failed_result, signal_result
from tests.service.monitoring.quality.observations import PICTURE, make_observation
from tests.service.monitoring.quality.traffic import ENCODER_WITHOUT_INFERENCE, USED, make_observer

BOX = (0.0, 0.0, 1.0, 1.0)
ANIMAL, FOOD = 281, 967


def samples(*observations: Observation) -> dict[str, float]:
    """Every exported sample except zeros and buckets, by its name without the prefix."""
    registry = CollectorRegistry()
    observer = make_observer(registry)
    for observation in observations:
        observer.observe(observation)
    return {
        line.removeprefix("kernelsight_").rpartition(" ")[0]: float(line.rpartition(" ")[2])
        for line in generate_latest(registry).decode().splitlines()
        if not line.startswith("#") and "_bucket" not in line and "_created" not in line and not line.endswith(" 0.0")
    }


def page(*scores: float, **more: Any) -> Page:
    lines = [DocumentLine(text="x", box=BOX, score=score, words=[]) for score in scores]
    region = Region(label="text", box=BOX, score=0.75, order=0, lines=lines)
    return Page(number=1, width=10, height=10, **{"regions": [region], "source": "ocr"} | more)


def face(score: float, *, is_face: bool = True) -> Face:
    return Face.model_construct(score=score, is_face=is_face)


def test_every_picture_is_measured() -> None:
    found = samples(make_observation(), make_observation(features=FEATURES))

    assert found == {
        "image_brightness_count": 2,
        "image_brightness_sum": pytest.approx(
            mean_brightness(PICTURE.pixels) + FEATURES.appearance.brightness, abs=1e-4
        ),
        "image_pixels_count": 2,
        "image_pixels_sum": 120_000,
        "image_bytes_count": 2,
        "image_bytes_sum": 2 * len(PICTURE.data),
        "image_sharpness_count": 1,
        "image_sharpness_sum": pytest.approx(0.1),
    }


@pytest.mark.parametrize(("name", "label"), [("chart", "chart"), (None, "none")])
def test_a_picture_counts_by_its_kind(name: KindName | None, label: str) -> None:
    kind = PictureKind(name=name, score=0.5, scores=dict.fromkeys(PICTURE_KINDS, 0.125))

    found = samples(make_observation(features=FEATURES.model_copy(update={"kind": kind})))

    assert {value: number for value, number in found.items() if not value.startswith("image")} == {
        f'picture_kinds_total{{kind="{label}"}}': 1,
        'score_count{pipeline="features",signal="kind"}': 1,
        'score_sum{pipeline="features",signal="kind"}': 0.5,
    }


def test_kinds_are_tracked_for_drift() -> None:
    observer = make_observer()
    observer.capture(1, "traffic")
    kind = PictureKind(name="chart", score=0.5, scores=dict.fromkeys(PICTURE_KINDS, 0.125))

    observer.observe(make_observation(features=FEATURES.model_copy(update={"kind": kind})))

    capture = observer.trackers["images"].capture
    assert capture is not None
    assert capture.reference().counts["kind"][PICTURE_KINDS.index("chart")] == 1


def test_a_pdf_does_not_count_as_a_picture() -> None:
    assert samples(make_observation(replace(PICTURE, format="PDF"))) == {}


def test_an_encoder_answer_counts_with_its_confidence_and_group() -> None:
    sure, torn = logits_of({ANIMAL: 0.9, FOOD: 0.05}), logits_of({FOOD: 0.25, ANIMAL: 0.2})

    found = samples(make_observation(logits=sure, features=FEATURES), make_observation(logits=torn))

    model = f'{{model="{USED.id}"}}'
    assert {name: round(value, 3) for name, value in found.items() if not name.startswith("image")} == {
        f"confidence_count{model}": 2,
        f"confidence_sum{model}": 1.15,
        f"margin_count{model}": 2,
        f"margin_sum{model}": 0.9,
        f"entropy_count{model}": 2,
        f"entropy_sum{model}": round(entropy(0.9, 0.05) + entropy(0.25, 0.2), 3),
        f'answers_total{{confidence="fair",model="{USED.id}"}}': 1,
        f'answers_total{{confidence="low",model="{USED.id}"}}': 1,
        'tag_groups_total{group="animal"}': 1,
        'tag_groups_total{group="food"}': 1,
        'found_count{kind="tags",pipeline="features"}': 1,
        'found_sum{kind="tags",pipeline="features"}': 1,
    }


def entropy(*known: float) -> float:
    """Of 1000 classes; those without a known probability share the rest equally."""
    rest, others = 1 - sum(known), 1000 - len(known)
    return -(sum(one * log(one) for one in known) + rest * log(rest / others)) / log(1000)


def test_a_verdict_counts_with_rules_and_scores_of_working_signals() -> None:
    rule = FiredRule(
        rule="unsafe", category="sexual", signal="nsfw", score=0.9, threshold=0.5, verdict="block", severity=4
    )
    judged = Moderation(
        verdict="block", severity=4, rules=[rule], actions=[], policy="p", policy_version="1", policy_sha256="0" * 64,
        signals={"nsfw": signal_result(0.9), "objects": failed_result()}, categories={},
    )  # fmt: skip

    found = samples(make_observation(moderation=judged))

    assert {name: value for name, value in found.items() if not name.startswith("image")} == {
        'moderation_verdicts_total{verdict="block"}': 1,
        'moderation_rule_hits_total{rule="unsafe",verdict="block"}': 1,
        'score_count{pipeline="moderation",signal="nsfw"}': 1,
        'score_sum{pipeline="moderation",signal="nsfw"}': 0.9,
    }


def test_faces_count_and_other_candidates_do_not() -> None:
    faces = Faces.model_construct(faces=[face(0.9), face(0.75), face(0.1, is_face=False)], count=2)

    found = samples(make_observation(faces=faces))

    assert {name: value for name, value in found.items() if not name.startswith("image")} == {
        'found_count{kind="faces",pipeline="faces"}': 1,
        'found_sum{kind="faces",pipeline="faces"}': 2,
        'score_count{pipeline="faces",signal="face"}': 2,
        'score_sum{pipeline="faces",signal="face"}': 1.65,
    }


def test_text_in_a_picture_counts_with_its_mean_score() -> None:
    found = samples(make_observation(text=PictureText(regions=page(0.5, 1.0).regions, unread_lines=2)))

    assert {name: value for name, value in found.items() if not name.startswith("image")} == {
        'found_count{kind="lines",pipeline="text"}': 1,
        'found_sum{kind="lines",pipeline="text"}': 2,
        'score_count{pipeline="text",signal="ocr"}': 1,
        'score_sum{pipeline="text",signal="ocr"}': 0.75,
    }


def test_a_page_counts_with_the_mean_scores_of_its_ocr_lines() -> None:
    pages = [page(0.5, 1.0), page(1.0, source="text_layer"), page(regions=[], error="broken")]

    found = samples(make_observation(document=Document(page_count=3, pages=pages)))

    assert {name: value for name, value in found.items() if not name.startswith("image")} == {
        'found_count{kind="pages",pipeline="document"}': 1,
        'found_sum{kind="pages",pipeline="document"}': 3,
        'found_count{kind="lines",pipeline="document"}': 2,
        'found_sum{kind="lines",pipeline="document"}': 3,
        'score_count{pipeline="document",signal="ocr"}': 1,
        'score_sum{pipeline="document",signal="ocr"}': 0.75,
        'score_count{pipeline="document",signal="layout"}': 2,
        'score_sum{pipeline="document",signal="layout"}': 1.5,
    }


@pytest.mark.parametrize("name", ["cat", "coffee", "astronaut", "page", "moon"])
def test_mean_brightness_of_few_pixels_is_that_of_all(name: str) -> None:
    whole = photograph(name)

    assert mean_brightness(whole) == pytest.approx(np.asarray(whole.convert("L")).mean() / 255, abs=0.01)


def test_drift_is_computed_at_each_scrape() -> None:
    registry = CollectorRegistry()
    observer = make_observer(registry)
    registry.register(DriftCollector(observer))
    observer.capture(500, "traffic")
    for _ in range(500):
        observer.observe(make_observation())
    images = observer.trackers["images"]
    assert images.capture
    images.reference, images.capture = images.capture.reference(), None

    text = generate_latest(registry).decode()

    assert 'kernelsight_drift_psi{signal="brightness",subject="images"} 0.0' in text
    assert 'kernelsight_drift_window{subject="images"} 500.0' in text
    assert 'kernelsight_drift_reference{state="compared",subject="images"} 1.0' in text
    assert 'kernelsight_drift_reference{state="capturing",subject="faces"} 1.0' in text
    assert 'kernelsight_drift_reference_seconds{subject="images"}' in text
    assert 'signal="sharpness"' not in text  # features were not requested


def test_unused_models_are_not_subjects() -> None:
    whole = make_observer()
    tracked = whole.subjects.tracked
    only = QualityObserver(
        replace(whole.subjects, tracked={one: found for one, found in tracked.items() if one != TRACKED_FACES}),
        ENCODER_WITHOUT_INFERENCE,
        QualityMetrics(CollectorRegistry()),
        500,
    )

    only.observe(make_observation(faces=Faces.model_construct(faces=[face(0.9)], count=1)))

    assert set(whole.trackers) - set(only.trackers) == {"faces"}
    assert only.trackers["images"].observations == 1


def test_encoder_answers_are_sampled() -> None:
    whole = make_observer()
    sampled = QualityObserver(
        whole.subjects, ENCODER_WITHOUT_INFERENCE, QualityMetrics(CollectorRegistry()), 500, encoded_per_second=0.001
    )
    answer = make_observation(logits=logits_of({FOOD: 0.9}))
    for observer in (whole, sampled):
        for _ in range(3):
            observer.observe(answer)

    assert whole.trackers[USED.id].observations == 3
    assert whole.trackers["images"].observations == 3
    assert sampled.trackers[USED.id].observations == 1
    assert sampled.trackers["images"].observations == 3
