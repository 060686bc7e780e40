"""Features from given encoder outputs: how they are encoded, sorted, filtered and summed."""

import asyncio
import base64
from collections.abc import Iterator
from math import inf
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from pydantic import ValidationError

from models.arrays import softmax
from models.labels import load_label_set
from models.manifest import DecisionParameters
from models.registry import Catalog
from pipelines.captioning.encoder import ImageEncoder
from pipelines.captioning.kinds.head import KindHead, find_head
from pipelines.captioning.kinds.treatment import find_told_kind
from pipelines.captioning.options import FeaturesOptions
from pipelines.captioning.pipeline import CaptioningPipeline
from pipelines.cpu_pool import CpuPool
from pipelines.image.decode import ImageLimits, Picture, decode
from pipelines.run_context import RunContext
from pipelines.types import EncodedArray, Features, PictureKind
from tests.pipelines.fakes import CLASSES, PROMOTED, USED, FakeEncoder, logits_of
from tests.pipelines.images import encode, photograph

MANIFEST = Catalog.load().get("efficientnet-lite0")
LABELS = load_label_set("imagenet-1k")
PICTURE = decode(encode(photograph("cat"), "PNG"), limits=ImageLimits())

TABBY, TIGER_CAT, ESPRESSO, CUP = 281, 282, 967, 968


@pytest.fixture
def pool() -> Iterator[CpuPool]:
    pool = CpuPool(threads=1)
    yield pool
    pool.close()


def captioning_pipeline(
    pool: CpuPool, encoder: FakeEncoder, temperature: float = 1.0, kinds: KindHead | None = None
) -> CaptioningPipeline:
    decision = DecisionParameters(temperature=temperature, calibration="made up")
    manifest = MANIFEST.model_copy(update={"decision": decision})
    return CaptioningPipeline(ImageEncoder(manifest, USED, LABELS, encoder, pool), pool, kinds)


def find_kind(pool: CpuPool, encoder: FakeEncoder, kinds: KindHead | None) -> PictureKind | None:
    pipeline = captioning_pipeline(pool, encoder, kinds=kinds)
    return asyncio.run(pipeline.run(PICTURE, FeaturesOptions(), RunContext())).kind


def test_the_head_of_the_encoder_tells_the_kind(pool: CpuPool) -> None:
    assert find_kind(pool, FakeEncoder(), find_head(MANIFEST)) is not None


def test_the_kind_is_told_to_pipelines_of_the_same_request(pool: CpuPool) -> None:
    async def scenario() -> tuple[PictureKind | None, PictureKind | None]:
        context, pipeline = RunContext(), captioning_pipeline(pool, FakeEncoder(), kinds=find_head(MANIFEST))
        found = await pipeline.run(PICTURE, FeaturesOptions(), context)
        return found.kind, await find_told_kind(context)

    kind, told = asyncio.run(scenario())

    assert kind is not None
    assert told == kind


def test_an_encoder_without_a_head_has_no_kind(pool: CpuPool) -> None:
    assert find_kind(pool, FakeEncoder(), None) is None


def test_a_promoted_encoder_has_no_kind(pool: CpuPool) -> None:
    assert find_kind(pool, FakeEncoder(model_info=PROMOTED), find_head(MANIFEST)) is None


def features(pool: CpuPool, encoder: FakeEncoder, **options: Any) -> Features:
    return asyncio.run(captioning_pipeline(pool, encoder).run(PICTURE, FeaturesOptions(**options), RunContext()))


def decode_array(array: EncodedArray | list[float] | None) -> NDArray[Any]:
    assert isinstance(array, EncodedArray)
    little_endian = {"float16": "<f2", "float32": "<f4"}[array.dtype]
    return np.frombuffer(base64.b64decode(array.data, validate=True), little_endian).reshape(array.shape)


def test_the_embedding_is_a_list_of_unit_length(pool: CpuPool) -> None:
    raw = np.random.default_rng(0).normal(3, 20, 1280).astype(np.float32)

    embedding = features(pool, FakeEncoder(embedding=raw)).embedding

    assert isinstance(embedding, list)
    assert np.linalg.norm(embedding) == pytest.approx(1, abs=1e-5)
    assert np.array(embedding) == pytest.approx(raw / np.linalg.norm(raw), abs=1e-6)


def test_the_embedding_as_base64_is_the_same(pool: CpuPool) -> None:
    encoder = FakeEncoder(embedding=np.random.default_rng(1).normal(size=1280).astype(np.float32))

    packed = features(pool, encoder, embedding="base64").embedding

    assert isinstance(packed, EncodedArray)
    assert packed.dtype == "float32"
    assert packed.shape == [1280]
    assert decode_array(packed) == pytest.approx(np.array(features(pool, encoder).embedding), abs=1e-6)


def test_the_embedding_can_be_left_out(pool: CpuPool) -> None:
    assert features(pool, FakeEncoder(), embedding="none").embedding is None


def test_an_embedding_of_zeros_stays_finite(pool: CpuPool) -> None:
    assert features(pool, FakeEncoder(embedding=np.zeros(1280, np.float32))).embedding == [0.0] * 1280


def test_the_grid_is_float16_from_top_left(pool: CpuPool) -> None:
    grid = np.random.default_rng(2).normal(size=(7, 7, 1280)).astype(np.float32)

    packed = features(pool, FakeEncoder(grid=grid), grid=True).grid

    assert isinstance(packed, EncodedArray)
    assert packed.dtype == "float16"
    assert packed.shape == [7, 7, 1280]
    assert np.array_equal(decode_array(packed), grid.astype(np.float16))


def test_the_grid_comes_only_when_asked_for(pool: CpuPool) -> None:
    assert features(pool, FakeEncoder()).grid is None


def test_tags_are_the_best_classes_with_their_labels(pool: CpuPool) -> None:
    encoder = FakeEncoder(logits_of({ESPRESSO: 0.2, TABBY: 0.6, CUP: 0.1}))

    tags = features(pool, encoder, min_score=0.05).tags

    assert [(tag.index, tag.wnid, tag.label, tag.group) for tag in tags] == [
        (label.index, label.wnid, label.name, label.group)
        for label in (LABELS.labels[i] for i in (TABBY, ESPRESSO, CUP))
    ]
    assert [tag.score for tag in tags] == pytest.approx([0.6, 0.2, 0.1], abs=1e-5)


@pytest.mark.parametrize("top_k", [0, 1, 3, 10, 1000])
def test_there_are_at_most_top_k_tags_best_first(pool: CpuPool, top_k: int) -> None:
    encoder = FakeEncoder(np.random.default_rng(3).normal(size=CLASSES).astype(np.float32))

    tags = features(pool, encoder, top_k=top_k, min_score=0).tags

    expected = softmax(encoder.logits)
    assert [tag.index for tag in tags] == list(np.argsort(-expected)[:top_k])
    assert [tag.score for tag in tags] == pytest.approx(np.sort(expected)[::-1][:top_k], abs=1e-6)


@pytest.mark.parametrize(("min_score", "count"), [(0.0, 5), (0.05, 3), (0.15, 2), (0.5, 1), (0.9, 0)])
def test_tags_under_min_score_are_left_out(pool: CpuPool, min_score: float, count: int) -> None:
    encoder = FakeEncoder(logits_of({TABBY: 0.6, ESPRESSO: 0.2, CUP: 0.1}))

    assert len(features(pool, encoder, min_score=min_score).tags) == count


def test_a_group_sums_all_of_its_classes(pool: CpuPool) -> None:
    encoder = FakeEncoder(logits_of({TABBY: 0.3, TIGER_CAT: 0.25, ESPRESSO: 0.35}))

    groups = features(pool, encoder).groups

    probabilities = softmax(encoder.logits)
    for found in groups:
        members = [label.index for label in LABELS.labels if label.group == found.group]
        assert found.score == pytest.approx(float(probabilities[members].sum()), abs=1e-5)
    assert groups[0].group == LABELS.labels[TABBY].group
    assert [one.score for one in groups] == sorted((one.score for one in groups), reverse=True)


def test_a_group_score_is_at_most_one(pool: CpuPool) -> None:
    logits = np.full(CLASSES, -inf, np.float32)
    logits[[label.index for label in LABELS.labels if label.group == "animal"]] = 0

    groups = features(pool, FakeEncoder(logits)).groups

    assert [(one.group, one.score <= 1) for one in groups] == [("animal", True)]


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.5])
def test_logits_are_divided_by_the_temperature(pool: CpuPool, temperature: float) -> None:
    encoder = FakeEncoder(logits_of({TABBY: 0.6, ESPRESSO: 0.3}, temperature))

    run = captioning_pipeline(pool, encoder, temperature).run(PICTURE, FeaturesOptions(top_k=2), RunContext())
    found = asyncio.run(run)

    assert [tag.score for tag in found.tags] == pytest.approx([0.6, 0.3], abs=1e-4)
    assert found.calibration == "made up"


def test_a_model_without_decision_parameters_is_not_calibrated(pool: CpuPool) -> None:
    bare = CaptioningPipeline(
        ImageEncoder(MANIFEST.model_copy(update={"decision": None}), USED, LABELS, FakeEncoder(), pool), pool
    )

    found = asyncio.run(bare.run(PICTURE, FeaturesOptions(), RunContext()))

    assert "not calibrated" in found.calibration


def test_the_encoder_gets_the_tensor_the_priority_and_the_deadline(pool: CpuPool) -> None:
    encoder = FakeEncoder()

    asyncio.run(captioning_pipeline(pool, encoder).run(PICTURE, FeaturesOptions(), RunContext("batch", 1e9)))

    ((model, inputs, priority, deadline),) = encoder.asked
    assert model == "efficientnet-lite0"
    assert priority == "batch"
    assert deadline == 1e9
    assert {name: tensor.shape for name, tensor in inputs.items()} == {"image": (224, 224, 3)}


def test_the_context_records_the_stages(pool: CpuPool) -> None:
    context = RunContext()

    asyncio.run(captioning_pipeline(pool, FakeEncoder()).run(PICTURE, FeaturesOptions(), context))

    assert set(context.timings) == {"preprocess", "wait", "session", "postprocess"}
    assert context.timings["wait"] == 0.25  # the fake's values
    assert context.timings["session"] == 0.5


def test_a_picture_of_one_pixel_has_features(pool: CpuPool) -> None:
    dot: Picture = decode(encode(Image.new("RGB", (1, 1), "red"), "PNG"), limits=ImageLimits())

    found = asyncio.run(captioning_pipeline(pool, FakeEncoder()).run(dot, FeaturesOptions(), RunContext()))

    assert [one.name for one in found.appearance.colours] == ["red"]


@pytest.mark.parametrize(
    "options",
    [{"top_k": -1}, {"top_k": 1001}, {"min_score": -0.1}, {"min_score": 1.1}, {"embedding": "hex"}, {"topk": 5}],
)
def test_options_out_of_range_or_unknown_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        FeaturesOptions(**options)


@pytest.mark.parametrize("logits", [[0.0, 0.0], [1e4, 0.0], [-1e4, -1e4], [88.0, 89.0]])
def test_softmax_does_not_overflow(logits: list[float]) -> None:
    scores = softmax(np.array(logits, np.float32))

    assert np.isfinite(scores).all()
    assert float(scores.sum()) == pytest.approx(1, abs=1e-6)
