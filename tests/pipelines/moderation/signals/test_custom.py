"""Signal "custom" on stored heads and a fake encoder."""

import asyncio
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from models.labels import load_label_set
from models.registry import Catalog
from models.runtime.model_info import ModelInfo
from pipelines.captioning.encoder import ImageEncoder
from pipelines.cpu_pool import CpuPool
from pipelines.image.decode import ImageLimits, decode
from pipelines.moderation.categories.head import Head
from pipelines.moderation.categories.store import HeadStore
from pipelines.moderation.signals.custom import CustomCategorySignal
from pipelines.moderation.types import SignalResult
from pipelines.run_context import RunContext
from pipelines.types import ModelUsed
from tests.pipelines.fakes import PROMOTED, USED, FakeEncoder
from tests.pipelines.images import encode
from tests.pipelines.moderation.embeddings import OTHER_ENCODER, make_embeddings, train_head

MANIFEST = Catalog.load().get("efficientnet-lite0")
KNIFE, OTHER_THING = make_embeddings(1, towards=0, seed=50)[0], make_embeddings(1, towards=32, seed=51)[0]


@pytest.fixture
def store(tmp_path: Path) -> HeadStore:
    return HeadStore(tmp_path)


@pytest.fixture(scope="module")
def head() -> Head:
    return train_head()


def read(
    store: HeadStore, embedding: np.ndarray = KNIFE, model_info: ModelInfo | None = None
) -> tuple[SignalResult, int]:
    """The result, and the number of encoder passes that it took."""
    pool = CpuPool(threads=1)
    fake = FakeEncoder(embedding=embedding.astype(np.float32), model_info=model_info)
    encoder = ImageEncoder(MANIFEST, USED, load_label_set("imagenet-1k"), fake, pool)
    picture = decode(encode(Image.new("RGB", (32, 32)), "PNG"), limits=ImageLimits())

    async def heads() -> HeadStore:
        return store.refresh()

    result = asyncio.run(CustomCategorySignal(encoder, heads).read(picture, RunContext()))
    pool.close()
    return result, len(fake.asked)


def test_each_category_has_its_probability(store: HeadStore, head: Head) -> None:
    store.save(head, replace=False)

    result, _ = read(store)

    assert result.scores == pytest.approx({"knives": head.score(KNIFE)}, abs=1e-5)
    assert result.detector == "fake-encoder"
    assert result.version == f"knives:{head.version}"
    assert [(one.what, one.score) for one in result.evidence] == [("knives", result.score)]


def test_an_unlikely_category_is_no_evidence(store: HeadStore, head: Head) -> None:
    store.save(head, replace=False)

    result, _ = read(store, OTHER_THING)

    assert result.score < 0.5
    assert result.evidence == []
    assert result.error is None


def test_all_categories_share_one_encoder_pass(store: HeadStore, head: Head) -> None:
    store.save(head, replace=False)
    store.save(train_head("forks", seed=9), replace=False)

    result, passes = read(store)

    assert list(result.scores) == ["forks", "knives"]
    assert passes == 1


def test_without_categories_the_encoder_does_not_run(store: HeadStore) -> None:
    result, passes = read(store)

    assert passes == 0
    assert result.scores == {}
    assert result.score == 0.0
    assert result.error is None


def test_a_category_of_another_encoder_has_no_score_but_evidence(store: HeadStore, head: Head) -> None:
    store.save(head, replace=False)
    store.save(train_head("forks", encoder=OTHER_ENCODER), replace=False)

    result, _ = read(store)

    assert list(result.scores) == ["knives"]
    assert result.error is None
    assert result.evidence[-1].what == "forks"
    assert "trained on other-encoder 1" in (result.evidence[-1].detail or "")


def test_after_a_promotion_heads_of_the_new_version_score(store: HeadStore, head: Head) -> None:
    store.save(head, replace=False)
    store.save(train_head("forks", encoder=ModelUsed.of(PROMOTED)), replace=False)

    result, _ = read(store, model_info=PROMOTED)

    assert list(result.scores) == ["forks"]
    assert result.evidence[-1].what == "knives"


def test_the_signal_fails_when_no_category_can_be_used(store: HeadStore) -> None:
    store.save(train_head(encoder=OTHER_ENCODER), replace=False)
    (store.folder / "forks.json").write_text("{}")

    result, _ = read(store)

    assert result.scores == {}
    assert "its file is broken" in (result.error or "")
    assert "here runs fake-encoder" in (result.error or "")
