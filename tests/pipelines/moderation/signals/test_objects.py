"""Object categories: sums of the encoder's own classes, by a mapping that is data."""

import asyncio

import pytest
from PIL import Image

from models.labels import label_set
from models.registry import Catalog
from models.runtime.model_info import Served
from pipelines.captioning.encoder import Encoder
from pipelines.cpu_pool import CpuPool
from pipelines.image.decode import Limits, decode
from pipelines.moderation.signals.objects import MAPPING, Objects, classes_of
from pipelines.moderation.types import SignalResult
from pipelines.run_context import RunContext
from tests.pipelines.fakes import PROMOTED, USED, FakeEncoder, logits_of
from tests.pipelines.images import encode

MANIFEST = Catalog.load().get("efficientnet-lite0")
LABELS = label_set("imagenet-1k")
RIFLE, REVOLVER, BEER = 764, 763, 440


def read(scores: dict[int, float], served: Served | None = None) -> SignalResult:
    pool = CpuPool(threads=1)
    encoder = Encoder(MANIFEST, USED, LABELS, FakeEncoder(logits_of(scores), served=served), pool)
    picture = decode(encode(Image.new("RGB", (32, 32)), "PNG"), limits=Limits())
    reading = asyncio.run(Objects(encoder).read(picture, RunContext()))
    pool.close()
    return reading


def test_a_category_is_the_sum_of_its_classes() -> None:
    reading = read({RIFLE: 0.4, REVOLVER: 0.3, BEER: 0.1})

    assert (round(reading.scores["weapon"], 2), round(reading.scores["alcohol"], 2), round(reading.score, 2)) == (
        0.7,
        0.1,
        0.7,
    )


def test_the_classes_behind_a_score_are_its_evidence() -> None:
    reading = read({RIFLE: 0.4, REVOLVER: 0.04})

    assert [(one.what, one.detail, round(one.score or 0, 2)) for one in reading.evidence] == [("rifle", "weapon", 0.4)]


def test_the_version_is_that_of_the_model_that_answered() -> None:
    assert read({}, served=PROMOTED).version.startswith("4-444444444444-")


def test_nothing_of_the_mapping_scores_nothing() -> None:
    reading = read({0: 0.99})

    assert (reading.score < 0.01, reading.evidence) == (True, [])


def test_the_mapping_names_classes_by_the_names_that_the_labels_have() -> None:
    mapping = MAPPING.read_text()

    named = {label.wnid: label.name for label in LABELS.labels}
    lines = [line.partition(" = ") for line in mapping.splitlines() if line.startswith("n0")]
    assert {wnid: name.strip('"') for wnid, _, name in lines} == {wnid: named[wnid] for wnid, _, _ in lines}


def test_a_class_that_the_encoder_lacks_is_an_error() -> None:
    with pytest.raises(ValueError, match="n99999999"):
        classes_of(b'[weapon]\nn99999999 = "ray gun"\n', LABELS)
