"""The signal "custom" over stored heads and an encoder that answers what it is told."""

import asyncio
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from models.labels import label_set
from models.registry import Catalog
from models.runtime.model_info import Served
from pipelines.captioning.encoder import Encoder
from pipelines.cpu_pool import CpuPool
from pipelines.image.decode import Limits, decode
from pipelines.moderation.categories.head import Head
from pipelines.moderation.categories.store import HeadStore
from pipelines.moderation.signals.custom import Custom
from pipelines.moderation.types import SignalResult
from pipelines.run_context import RunContext
from pipelines.types import ModelUsed
from tests.pipelines.fakes import PROMOTED, USED, FakeEncoder
from tests.pipelines.images import encode
from tests.pipelines.moderation.clouds import OTHER, cloud, trained

MANIFEST = Catalog.load().get("efficientnet-lite0")
KNIFE, OTHER_THING = cloud(1, towards=0, seed=50)[0], cloud(1, towards=32, seed=51)[0]


@pytest.fixture
def store(tmp_path: Path) -> HeadStore:
    return HeadStore(tmp_path)


@pytest.fixture(scope="module")
def head() -> Head:
    return trained()


def read(store: HeadStore, embedding: np.ndarray = KNIFE, served: Served | None = None) -> tuple[SignalResult, int]:
    """The reading, and how many encoder passes it took."""
    pool = CpuPool(threads=1)
    fake = FakeEncoder(embedding=embedding.astype(np.float32), served=served)
    encoder = Encoder(MANIFEST, USED, label_set("imagenet-1k"), fake, pool)
    picture = decode(encode(Image.new("RGB", (32, 32)), "PNG"), limits=Limits())

    async def heads() -> HeadStore:
        return store.refresh()

    reading = asyncio.run(Custom(encoder, heads).read(picture, RunContext()))
    pool.close()
    return reading, len(fake.asked)


def test_each_category_has_its_probability(store: HeadStore, head: Head) -> None:
    store.save(head, replace=False)

    reading, _ = read(store)

    assert reading.scores == pytest.approx({"knives": head.score(KNIFE)}, abs=1e-5)
    assert (reading.detector, reading.version) == ("fake-encoder", f"knives:{head.version}")
    assert [(one.what, one.score) for one in reading.evidence] == [("knives", reading.score)]


def test_what_is_unlikely_is_no_evidence(store: HeadStore, head: Head) -> None:
    store.save(head, replace=False)

    reading, _ = read(store, OTHER_THING)

    assert (reading.score < 0.5, reading.evidence, reading.error) == (True, [], None)


def test_all_categories_share_one_pass(store: HeadStore, head: Head) -> None:
    store.save(head, replace=False)
    store.save(trained("forks", seed=9), replace=False)

    reading, passes = read(store)

    assert (list(reading.scores), passes) == (["forks", "knives"], 1)


def test_without_categories_nothing_is_computed(store: HeadStore) -> None:
    reading, passes = read(store)

    assert (reading.scores, reading.score, reading.error, passes) == ({}, 0.0, None, 0)


def test_a_category_of_another_encoder_has_no_score_but_evidence(store: HeadStore, head: Head) -> None:
    store.save(head, replace=False)
    store.save(trained("forks", encoder=OTHER), replace=False)

    reading, _ = read(store)

    assert (list(reading.scores), reading.error, reading.evidence[-1].what) == (["knives"], None, "forks")
    assert "trained on other-encoder 1" in (reading.evidence[-1].detail or "")


def test_after_a_promotion_the_categories_of_the_version_that_answered_count(store: HeadStore, head: Head) -> None:
    store.save(head, replace=False)
    store.save(trained("forks", encoder=ModelUsed.of(PROMOTED)), replace=False)

    reading, _ = read(store, served=PROMOTED)

    assert (list(reading.scores), reading.evidence[-1].what) == (["forks"], "knives")


def test_when_no_category_can_be_used_the_signal_could_not_judge(store: HeadStore) -> None:
    store.save(trained(encoder=OTHER), replace=False)
    (store.folder / "forks.json").write_text("{}")

    reading, _ = read(store)

    assert (reading.scores, "its file is broken" in (reading.error or "")) == ({}, True)
    assert "here runs fake-encoder" in (reading.error or "")
