"""Signal "nsfw": the reference preprocessing, tiles of suspicious pictures, and the real model on photographs."""

import asyncio
import io
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from models.errors import ExplanationUnavailable
from models.inference import Inference
from models.registry import Catalog
from models.runtime.model_info import ModelInfo
from pipelines.cpu_pool import CpuPool
from pipelines.explain.explainer import Explainer, ExplainerCache
from pipelines.image.decode import ImageLimits, decode
from pipelines.moderation.pipeline import ModerationPipeline
from pipelines.moderation.signals.nsfw import SUSPICIOUS, NsfwSignal, PreprocessingChain, make_tensor, split_into_tiles
from pipelines.moderation.types import SignalResult
from pipelines.run_context import RunContext
from service.components import open_components
from service.settings import load_settings
from service.telemetry.metrics import Metrics
from tests.pipelines.fakes import USED, Answers, Asked
from tests.pipelines.images import encode, photograph

MANIFEST = Catalog.load().get("opennsfw")


def make_reference_tensor(image: Image.Image) -> NDArray[np.float32]:
    """The published chain, spelled out: its own rounding, its JPEG with default quality, its order of steps."""
    resized = image.resize((256, 256), resample=Image.Resampling.BILINEAR)
    cropped = resized.crop((16, 16, 240, 240))
    file = io.BytesIO()
    cropped.save(file, format="JPEG")
    bgr = np.array(Image.open(io.BytesIO(file.getvalue())), dtype=np.float32)[:, :, ::-1]
    return bgr - np.array([104, 117, 123], dtype=np.float32)


@pytest.mark.parametrize("name", ["astronaut", "cat", "coffee"])
def test_the_tensor_equals_the_references_to_the_bit(name: str) -> None:
    image = photograph(name)

    assert np.array_equal(make_tensor(image, (0, 0, *image.size), MANIFEST), make_reference_tensor(image))


@pytest.mark.parametrize("size", [(1, 1), (3, 2000), (257, 255), (4000, 30)])
def test_every_shape_of_picture_becomes_a_tensor(size: tuple[int, int]) -> None:
    values = make_tensor(Image.new("RGB", size, (10, 200, 30)), (0, 0, *size), MANIFEST)

    assert values.shape == (224, 224, 3)
    assert values.dtype == np.float32
    assert np.ptp(values, axis=(0, 1)).max() < 1


@pytest.mark.parametrize("size", [(1, 1), (2, 3), (640, 480), (163, 157)])
def test_tiles_lie_in_the_picture_and_cover_it(size: tuple[int, int]) -> None:
    covered = np.zeros(size[::-1], np.bool_)
    for x0, y0, x1, y1 in split_into_tiles(*size):
        assert 0 <= x0 < x1 <= size[0]
        assert 0 <= y0 < y1 <= size[1]
        covered[y0:y1, x0:x1] = True

    assert covered.all()


@dataclass
class FakeNet(Answers):
    """`Runtime.infer_many` that scores every item by how bright it is."""

    asked: list[NDArray[np.float32]] = field(default_factory=list)

    async def answer(self, asked: Asked) -> Inference:
        items = asked.inputs[MANIFEST.input.name]
        self.asked.append(items)
        bright = ((items.mean(axis=(1, 2, 3)) + 115) / 255).clip(0, 1)
        return Inference({"outputs": np.stack([1 - bright, bright], axis=1)}, 0.0, 0.0, 1)


def make_explainers(pool: CpuPool) -> ExplainerCache:
    async def load(model_info: ModelInfo | None) -> Explainer:
        return Explainer(ExplanationUnavailable("opennsfw", "this is a test"), pool)

    return ExplainerCache(load)


def read(image: Image.Image) -> tuple[SignalResult, FakeNet]:
    net, pool = FakeNet(), CpuPool(threads=1)
    picture = decode(encode(image, "PNG"), limits=ImageLimits())
    result = asyncio.run(NsfwSignal(MANIFEST, USED, net, pool, make_explainers(pool)).read(picture, RunContext()))
    pool.close()
    return result, net


def test_an_unsuspicious_picture_takes_one_pass() -> None:
    result, net = read(Image.new("RGB", (64, 48), (90, 90, 90)))

    assert len(net.asked) == 1
    assert list(result.scores) == ["whole"]
    assert result.score < SUSPICIOUS


def test_a_suspicious_picture_is_scored_by_tiles() -> None:
    image = Image.new("RGB", (100, 100), (160, 160, 160))
    image.paste((255, 255, 255), (0, 0, 60, 60))

    result, net = read(image)

    best = max(result.evidence, key=lambda one: one.score or 0)
    assert len(net.asked) == 2
    assert len(net.asked[1]) == 5
    assert list(result.scores) == list(NsfwSignal.score_names() or ())
    assert best.box == (0.0, 0.0, 60.0, 60.0)
    assert result.scores["tiles"] > result.scores["whole"]


def test_the_score_is_that_of_the_whole_picture() -> None:
    image = Image.new("RGB", (100, 100), (160, 160, 160))
    image.paste((255, 255, 255), (0, 0, 60, 60))

    result, _ = read(image)

    assert result.score == result.scores["whole"]


@pytest.mark.parametrize("chain", ["exact", "fast"])
def test_the_version_has_model_file_and_chain(chain: PreprocessingChain) -> None:
    pool = CpuPool(threads=1)
    picture = decode(encode(Image.new("RGB", (8, 8)), "PNG"), limits=ImageLimits())
    result = asyncio.run(
        NsfwSignal(MANIFEST, USED, FakeNet(), pool, make_explainers(pool), chain).read(picture, RunContext())
    )
    pool.close()

    assert result.version == f"{USED.version}-{USED.sha256[:12]}-{chain}"


def test_the_real_model_scores_photographs_of_things_low(jpeg: Callable[[str], bytes]) -> None:
    async def scenario() -> list[float]:
        async with open_components(load_settings(), Metrics(), only=("moderation",)) as components:
            moderation = components.engine.pipeline("moderation")
            assert isinstance(moderation, ModerationPipeline)
            signal = next(one for one in moderation.signals if one.name == "nsfw")
            pictures = [decode(jpeg(name), limits=ImageLimits()) for name in ("coffee", "cat", "rocket")]
            return [(await signal.read(picture, RunContext())).score for picture in pictures]

    assert max(asyncio.run(scenario())) < 0.1
