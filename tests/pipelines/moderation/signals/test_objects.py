"""Signal "objects": sums of the encoder's classes, by the mapping in objects.toml."""

import asyncio

import pytest
from PIL import Image

from models.labels import load_label_set
from models.registry import Catalog
from models.runtime.model_info import ModelInfo
from pipelines.captioning.encoder import ImageEncoder
from pipelines.cpu_pool import CpuPool
from pipelines.image.decode import ImageLimits, decode
from pipelines.moderation.signals.objects import MAPPING, ObjectsSignal, map_classes, read_detected
from pipelines.moderation.types import SignalResult
from pipelines.run_context import RunContext
from tests.pipelines.fakes import PROMOTED, USED, FakeEncoder, logits_of
from tests.pipelines.images import encode

MANIFEST = Catalog.load().get("efficientnet-lite0")
LABELS = load_label_set("imagenet-1k")
RIFLE, REVOLVER, BEER = 764, 763, 440


def read(scores: dict[int, float], model_info: ModelInfo | None = None) -> SignalResult:
    pool = CpuPool(threads=1)
    encoder = ImageEncoder(MANIFEST, USED, LABELS, FakeEncoder(logits_of(scores), model_info=model_info), pool)
    picture = decode(encode(Image.new("RGB", (32, 32)), "PNG"), limits=ImageLimits())
    result = asyncio.run(ObjectsSignal(encoder).read(picture, RunContext()))
    pool.close()
    return result


def test_a_category_is_the_sum_of_its_classes() -> None:
    result = read({RIFLE: 0.4, REVOLVER: 0.3, BEER: 0.1})

    assert [*result.scores, *read_detected()] == list(ObjectsSignal.score_names() or ())
    assert round(result.scores["weapon"], 2) == 0.7
    assert round(result.scores["alcohol"], 2) == 0.1
    assert round(result.score, 2) == 0.7


def test_the_classes_behind_a_score_are_its_evidence() -> None:
    result = read({RIFLE: 0.4, REVOLVER: 0.04})

    assert [(one.what, one.detail, round(one.score or 0, 2)) for one in result.evidence] == [("rifle", "weapon", 0.4)]


def test_the_version_is_that_of_the_model_that_answered() -> None:
    assert read({}, model_info=PROMOTED).version.startswith("4-444444444444-")


def test_unmapped_classes_score_nothing() -> None:
    result = read({0: 0.99})

    assert result.score < 0.01
    assert result.evidence == []


def test_the_mapping_names_classes_as_the_labels_do() -> None:
    mapping = MAPPING.read_text()

    named = {label.wnid: label.name for label in LABELS.labels}
    lines = [line.partition(" = ") for line in mapping.splitlines() if line.startswith("n0")]
    assert {wnid: name.strip('"') for wnid, _, name in lines} == {wnid: named[wnid] for wnid, _, _ in lines}


def test_a_class_that_the_encoder_lacks_is_an_error() -> None:
    with pytest.raises(ValueError, match="n99999999"):
        map_classes(b'[weapon]\nn99999999 = "ray gun"\n', LABELS)
