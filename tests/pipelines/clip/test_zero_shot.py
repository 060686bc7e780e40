"""Zero-shot tags over towers that know three colours."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from models.registry import Catalog
from models.runtime.runtime import Runtime
from models.store.store import Store
from pipelines.clip.encoder import ClipEncoder
from pipelines.clip.tokeniser import ClipTokeniser
from pipelines.clip.zero_shot import ZeroShotClassifier
from pipelines.cpu_pool import CpuPool
from pipelines.image.decode import ImageLimits, Picture, decode
from pipelines.run_context import RunContext
from pipelines.types import GroupScore, ModelUsed, Tag
from tests.pipelines.clip.towers import SCALE, find_text_manifest, write_tiny_clip
from tests.pipelines.images import encode

USED = ModelUsed(id="tiny-clip", version=1, sha256="0" * 64)
LABELS = """
template: a photo of a {} .
[warm]
red
[cold]
green
blue @ 0.95
"""


@pytest.fixture
def pool() -> Iterator[CpuPool]:
    pool = CpuPool(threads=1)
    yield pool
    pool.close()


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return write_tiny_clip(tmp_path_factory.mktemp("clip"))


def picture(*colour: int) -> Picture:
    return decode(encode(Image.new("RGB", (40, 30), colour), "PNG"), limits=ImageLimits())


@asynccontextmanager
async def clip_encoder(folders: tuple[Path, Path], pool: CpuPool) -> AsyncIterator[ClipEncoder]:
    catalog, store = folders
    images, texts = Catalog.load(catalog).get("tiny-clip"), find_text_manifest(catalog)
    runtime = Runtime(Store(store), device="cpu")
    for manifest in (images, texts):
        await runtime.open(manifest)
    tokeniser = ClipTokeniser.load(Store(store).folder(texts) / texts.vocabulary.name)
    try:
        yield ClipEncoder(images, texts, USED, USED, tokeniser, runtime.infer, runtime.infer_many, pool)
    finally:
        await runtime.close()


def classify(
    folders: tuple[Path, Path], pool: CpuPool, tmp_path: Path, labels: str, shown: Picture, min_score: float = 0.0
) -> tuple[list[Tag], list[GroupScore]]:
    (tmp_path / "labels.txt").write_text(labels)

    async def run() -> tuple[list[Tag], list[GroupScore]]:
        async with clip_encoder(folders, pool) as clip:
            classifier = await ZeroShotClassifier.load(tmp_path / "labels.txt", clip)
            scores = classifier.score(await clip.embed_picture(shown, RunContext()))
            tags = classifier.choose_tags(scores, top_k=5, min_score=min_score)
            return tags, classifier.sum_groups(scores, most=3, smallest=0.05)

    return asyncio.run(run())


def test_a_picture_gets_the_label_of_its_colour(folders: tuple[Path, Path], pool: CpuPool, tmp_path: Path) -> None:
    [tag], _ = classify(folders, pool, tmp_path, LABELS, picture(255, 0, 0))

    assert (tag.index, tag.label, tag.group) == (0, "red", "warm")
    assert tag.score == pytest.approx(1 / (1 + 2 * np.exp(-SCALE)), abs=1e-5)


def test_labels_under_their_threshold_are_no_tags(folders: tuple[Path, Path], pool: CpuPool, tmp_path: Path) -> None:
    green, _ = classify(folders, pool, tmp_path, LABELS, picture(0, 110, 100))
    blue, _ = classify(folders, pool, tmp_path, LABELS, picture(0, 100, 110))

    assert [tag.label for tag in green] == ["green"]
    assert blue == []  # as likely as green was, but its threshold is .95


def test_scores_under_the_requests_minimum_are_no_tags(
    folders: tuple[Path, Path], pool: CpuPool, tmp_path: Path
) -> None:
    tags, _ = classify(folders, pool, tmp_path, LABELS, picture(0, 110, 100), min_score=0.99)

    assert tags == []


def test_abstentions_take_the_place_of_tags(folders: tuple[Path, Path], pool: CpuPool, tmp_path: Path) -> None:
    tags, groups = classify(folders, pool, tmp_path, "red\ngreen\nabstain: blue\n", picture(0, 0, 255))

    assert tags == []
    assert groups == []


def test_groups_sum_the_scores_of_their_labels(folders: tuple[Path, Path], pool: CpuPool, tmp_path: Path) -> None:
    _, [cold] = classify(folders, pool, tmp_path, LABELS, picture(0, 100, 100))

    assert cold.group == "cold"
    assert cold.score > 0.99


def test_a_label_is_the_mean_of_its_sentences(folders: tuple[Path, Path], pool: CpuPool, tmp_path: Path) -> None:
    [tag], _ = classify(folders, pool, tmp_path, "yellow = red; green\nblue\n", picture(200, 200, 0))

    assert tag.label == "yellow"
    assert tag.score == pytest.approx(1 / (1 + np.exp(-SCALE)), abs=1e-5)


def test_a_text_tower_has_one_session_on_a_cpu(folders: tuple[Path, Path]) -> None:
    catalog, store = folders

    assert Runtime(Store(store), device="cpu").plan(find_text_manifest(catalog)).workers == 1
