"""Explanations of real results sum to the logit and point at the object. Uses the models of `make setup`."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import pytest
from PIL import Image

from models.arrays import Array
from models.errors import ExplanationUnavailable
from models.labels import load_label_set
from models.manifest import Manifest
from models.registry import Catalog
from models.runtime.backends.onnxruntime import OnnxRuntimeSession
from models.store.store import Store
from pipelines.cpu_pool import CpuPool
from pipelines.explain.cam import LogitTarget
from pipelines.explain.explainer import Explainer
from pipelines.explain.types import Explanation
from pipelines.image.decode import ImageLimits, Picture, decode
from pipelines.image.preprocess import central_square, crop_centre
from pipelines.moderation.signals.nsfw_explain import NsfwExplainer
from service.settings import load_settings
from tests.pipelines.images import encode, photograph

PHOTOGRAPHS = ("astronaut", "cat", "chelsea", "coffee", "rocket", "page")
ENCODER, NSFW = (Catalog.load().get(name) for name in ("efficientnet-lite0", "opennsfw"))
LABELS = {label.name: label.index for label in load_label_set("imagenet-1k").labels}


def picture_of(image: Image.Image) -> Picture:
    return decode(encode(image, "PNG"), limits=ImageLimits())


@dataclass(frozen=True)
class Model:
    """A model's session and its explainer."""

    manifest: Manifest
    session: OnnxRuntimeSession
    explainer: Explainer

    def outputs(self, tensor: Array) -> dict[str, Array]:
        rows = self.session.run({self.manifest.input.name: tensor[None]})
        return {name: values[0] for name, values in rows.items()}


def open_model(manifest: Manifest, pool: CpuPool) -> Model:
    graph = Store(load_settings().models.store).graph(manifest)
    session = OnnxRuntimeSession(graph, device="cpu", extra_outputs=manifest.undeclared_outputs)
    return Model(manifest, session, Explainer.load(manifest, graph, pool))


@pytest.fixture(scope="module")
def pool() -> Iterator[CpuPool]:
    pool = CpuPool(threads=1)
    yield pool
    pool.close()


@pytest.fixture(scope="module")
def encoder(pool: CpuPool) -> Model:
    return open_model(ENCODER, pool)


@pytest.fixture(scope="module")
def nsfw(pool: CpuPool) -> Model:
    return open_model(NSFW, pool)


def explain(model: Model, image: Image.Image, index: int | None = None) -> tuple[Explanation, float]:
    """The explanation of a class, or of the best one, and the logit that the graph gives it."""
    outputs = model.outputs(crop_centre(image, ENCODER.input))
    index = int(outputs["logits"].argmax()) if index is None else index
    seen = central_square(*image.size, ENCODER.input.crop)
    found = asyncio.run(model.explainer.explain(outputs, picture_of(image), seen, LogitTarget(index)))
    return found, float(outputs["logits"][index])


def prepare_for_nsfw(image: Image.Image) -> Array:
    middle = np.asarray(image.resize((256, 256)).crop((16, 16, 240, 240)), np.float32)[:, :, ::-1]
    return middle - np.array(NSFW.input.mean, np.float32)


@pytest.mark.parametrize("name", PHOTOGRAPHS)
def test_the_parts_sum_to_the_encoders_logit(encoder: Model, name: str) -> None:
    found, logit = explain(encoder, photograph(name))

    assert found.logit == pytest.approx(logit, abs=2e-4)
    assert np.sum(found.contributions) == pytest.approx(logit, abs=2e-4)


@pytest.mark.parametrize("name", PHOTOGRAPHS)
def test_the_parts_sum_to_the_log_odds_of_nsfw(nsfw: Model, name: str) -> None:
    outputs = nsfw.outputs(prepare_for_nsfw(photograph(name)))
    found = asyncio.run(NsfwExplainer(nsfw.explainer).explain(outputs, picture_of(photograph(name)), draw=False))
    safe, unsafe = (float(score) for score in outputs["outputs"])

    assert np.sum(found.contributions) == pytest.approx(found.logit, abs=2e-4)
    assert found.logit == pytest.approx(np.log(unsafe / safe), abs=1e-3)


def test_most_of_the_evidence_for_espresso_lies_on_the_cup(encoder: Model) -> None:
    found, _ = explain(encoder, photograph("coffee"), LABELS["espresso"])
    cells = np.array(found.contributions)
    x0, y0, x1, y1 = found.box
    xs, ys = (low + (np.arange(7) + 0.5) * (high - low) / 7 for low, high in ((x0, x1), (y0, y1)))
    on_cup = cells[np.ix_((ys > 25) & (ys < 260), (xs > 165) & (xs < 420))].sum()

    assert on_cup / cells.clip(0).sum() > 0.7


@pytest.mark.parametrize("middle", [(130, 130), (320, 130), (130, 320), (320, 320)], ids=str)
def test_the_evidence_moves_with_the_object(encoder: Model, middle: tuple[int, int]) -> None:
    cup = photograph("coffee").crop((150, 15, 435, 300)).resize((150, 150))
    image = photograph("grass", (450, 450))
    image.paste(cup, (middle[0] - 75, middle[1] - 75))
    found, _ = explain(encoder, image, LABELS["espresso"])
    weights = np.array(found.contributions).clip(0) ** 2
    places = found.box[0] + (np.arange(7) + 0.5) * (found.box[2] - found.box[0]) / 7
    centre = (weights.sum(0) @ places / weights.sum(), weights.sum(1) @ places / weights.sum())

    assert centre == pytest.approx(middle, abs=35)  # a cell has 56 pixels


def test_boxes_are_the_models_view_in_original_pixels(encoder: Model, nsfw: Model) -> None:
    large = encode(photograph("coffee").resize((2400, 1600)), "JPEG")
    picture = decode(large, limits=ImageLimits(), shorter_side=400)
    seen = central_square(*picture.pixels.size, ENCODER.input.crop)
    outputs = encoder.outputs(crop_centre(picture.pixels, ENCODER.input))
    square = asyncio.run(encoder.explainer.explain(outputs, picture, seen, LogitTarget(0), draw=False)).box
    outputs = nsfw.outputs(prepare_for_nsfw(picture.pixels))
    whole = asyncio.run(NsfwExplainer(nsfw.explainer).explain(outputs, picture, draw=False)).box
    part = asyncio.run(NsfwExplainer(nsfw.explainer).explain(outputs, picture, (0, 0, 256, 256), draw=False)).box

    assert picture.scale == 0.25
    assert square == (500, 100, 1900, 1500)
    assert whole == (150, 100, 2250, 1500)
    assert part == (64, 64, 960, 960)


def test_a_model_without_exact_parts_is_not_explained(encoder: Model, pool: CpuPool) -> None:
    without = ENCODER.model_copy(update={"classifier": None})
    refusing = Explainer.load(without, Store(load_settings().models.store).graph(ENCODER), pool)

    with pytest.raises(ExplanationUnavailable, match="efficientnet-lite0"):
        explain(replace(encoder, explainer=refusing), photograph("cat"))
