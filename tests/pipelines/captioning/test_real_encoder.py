"""Photographs through the engine, the runtime and the real encoder, whose model `make setup` installs.

Without it, every test here fails with the error that names the command to get it.
"""

import asyncio
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from models.errors import ModelMissing
from models.labels import load_label_set
from models.registry import Catalog
from models.runtime.runtime import Runtime
from models.store.store import Store
from pipelines.captioning.encoder import ImageEncoder
from pipelines.captioning.kinds.head import find_head
from pipelines.captioning.kinds.treatment import has_writing
from pipelines.captioning.options import FeaturesOptions
from pipelines.captioning.pipeline import CaptioningPipeline
from pipelines.captioning.spec import FEATURES
from pipelines.cpu_pool import CpuPool
from pipelines.engine import Engine
from pipelines.findings import Findings
from pipelines.image.decode import ImageLimits
from pipelines.types import Features, ModelUsed
from service.settings import load_settings
from tests.pipelines.images import encode, photograph

MANIFEST = Catalog.load().get("efficientnet-lite0")


def enlarge(image: Image.Image) -> Image.Image:
    return image.resize((image.width * 3, image.height * 3), Image.Resampling.BICUBIC)


def draw_letter() -> Image.Image:
    page = Image.new("RGB", (800, 1100), "white")
    draw, font = ImageDraw.Draw(page), ImageFont.load_default(18)
    for line in range(32):
        if line % 8 != 7:
            draw.text(
                (90, 100 + 28 * line), "The quick brown fox jumps over the lazy dog, and then it rests.", "black", font
            )
    return page


def draw_bars() -> Image.Image:
    chart = Image.new("RGB", (640, 420), "white")
    draw, font = ImageDraw.Draw(chart), ImageFont.load_default(14)
    draw.text((250, 10), "Visitors by month", "black", font)
    for level in range(6):
        draw.line((60, 60 + 60 * level, 620, 60 + 60 * level), (215, 215, 215))
        draw.text((24, 52 + 60 * level), str(100 - 20 * level), (80, 80, 80), font)
    for month, height in enumerate((120, 180, 90, 240, 300, 210, 150)):
        draw.rectangle((80 + 76 * month, 360 - height, 130 + 76 * month, 360), (70, 120, 200))
        draw.text((92 + 76 * month, 368), "JFMAMJJ"[month], (80, 80, 80), font)
    return chart


def write_caption(photo: Image.Image) -> Image.Image:
    draw, font = ImageDraw.Draw(photo), ImageFont.load_default(photo.height / 8)
    for text, height in (("ONE MORE COFFEE", 0.02), ("SAID NOBODY", 0.82)):
        place = photo.width / 2, height * photo.height
        draw.text(place, text, "white", font, anchor="ma", stroke_width=4, stroke_fill="black")
    return photo


PHOTOGRAPHS = ("cat", "coffee", "astronaut", "rocket", "page")
IMAGES = {
    **{name: encode(photograph(name), "PNG") for name in PHOTOGRAPHS},
    **{f"{name}, large JPEG": encode(enlarge(photograph(name)), "JPEG", quality=92) for name in PHOTOGRAPHS},
    **{f"{name}, large PNG": encode(enlarge(photograph(name)), "PNG", compress_level=1) for name in PHOTOGRAPHS},
    "one pixel": encode(Image.new("RGB", (1, 1), "red"), "PNG"),
    "white": encode(Image.new("RGB", (640, 480), "white"), "PNG"),
    "letter": encode(draw_letter(), "PNG"),
    "bars": encode(draw_bars(), "PNG"),
    "captioned coffee": encode(write_caption(photograph("coffee")), "JPEG"),
}


async def analyse(images: Mapping[str, bytes]) -> dict[str, Findings]:
    store = Store(load_settings().models.store.expanduser())
    runtime, pool = Runtime(store, device="cpu"), CpuPool()
    try:
        await runtime.open(MANIFEST)
        used = ModelUsed(id=MANIFEST.id, version=MANIFEST.version, sha256=store.graph_sha256(MANIFEST))
        captioning = CaptioningPipeline(
            ImageEncoder(MANIFEST, used, load_label_set("imagenet-1k"), runtime.infer, pool), pool, find_head(MANIFEST)
        )
        engine = Engine([captioning], pool=pool, limits=ImageLimits())
        options = FeaturesOptions(grid=True)
        found = await asyncio.gather(*(engine.run(data, {"features": options}) for data in images.values()))
        return dict(zip(images, found, strict=True))
    finally:
        await runtime.close()
        pool.close()


@pytest.fixture(scope="module")
def findings() -> dict[str, Findings]:
    return asyncio.run(analyse(IMAGES))


def features(findings: dict[str, Findings], name: str) -> Features:
    return findings[name].of(FEATURES)


def stated_kind(findings: dict[str, Findings], name: str) -> str | None:
    kind = features(findings, name).kind
    assert kind is not None
    return kind.name


def cosine(findings: dict[str, Findings], one: str, other: str) -> float:
    vectors = [features(findings, name).embedding for name in (one, other)]
    return float(np.dot(*(np.array(vector) for vector in vectors)))  # both of unit length


@pytest.mark.parametrize("version", ["cat", "cat, large JPEG"])
def test_a_cat_is_a_cat_and_an_animal(findings: dict[str, Findings], version: str) -> None:
    found = features(findings, version)

    assert "cat" in found.tags[0].label.lower()
    assert found.tags[0].group == "animal"
    assert found.groups[0].group == "animal"


@pytest.mark.parametrize("version", ["coffee", "coffee, large JPEG"])
def test_a_cup_of_coffee_is_an_espresso_or_a_cup(findings: dict[str, Findings], version: str) -> None:
    assert features(findings, version).tags[0].label in {"espresso", "cup", "coffee mug"}


@pytest.mark.parametrize("name", PHOTOGRAPHS)
def test_decoding_a_jpeg_at_a_smaller_scale_keeps_the_embedding(findings: dict[str, Findings], name: str) -> None:
    assert cosine(findings, f"{name}, large JPEG", f"{name}, large PNG") > 0.95


@pytest.mark.parametrize("name", PHOTOGRAPHS)
def test_the_size_of_a_photograph_hardly_moves_its_embedding(findings: dict[str, Findings], name: str) -> None:
    others = [cosine(findings, name, other) for other in PHOTOGRAPHS if other != name]

    assert cosine(findings, name, f"{name}, large JPEG") > max(others)


@pytest.mark.parametrize("name", IMAGES)
def test_every_result_is_complete(findings: dict[str, Findings], name: str) -> None:
    found = features(findings, name)

    assert isinstance(found.embedding, list)
    assert len(found.embedding) == 1280
    assert float(np.linalg.norm(found.embedding)) == pytest.approx(1, abs=1e-4)
    assert found.grid
    assert found.grid.shape == [7, 7, 1280]
    assert set(findings[name].timings) == {
        "decode",
        "total",
        *(f"features.{stage}" for stage in ("preprocess", "wait", "session", "postprocess")),
    }


@pytest.mark.parametrize("name", ["cat", "coffee", "astronaut", "rocket", "coffee, large JPEG", "cat, large PNG"])
def test_a_photograph_is_a_photo(findings: dict[str, Findings], name: str) -> None:
    assert stated_kind(findings, name) == "photo"


def test_a_written_page_is_a_document(findings: dict[str, Findings]) -> None:
    assert stated_kind(findings, "letter") == "document"


@pytest.mark.parametrize("name", ["page", "page, large JPEG", "page, large PNG"])
def test_a_part_of_a_photographed_page_has_writing(findings: dict[str, Findings], name: str) -> None:
    assert has_writing(features(findings, name).kind)


def test_a_photograph_without_text_has_no_writing(findings: dict[str, Findings]) -> None:
    assert not has_writing(features(findings, "cat").kind)


def test_a_drawn_bar_chart_is_a_chart(findings: dict[str, Findings]) -> None:
    assert stated_kind(findings, "bars") == "chart"


def test_a_photograph_with_a_caption_is_a_meme(findings: dict[str, Findings]) -> None:
    assert stated_kind(findings, "captioned coffee") == "meme"


@pytest.mark.parametrize("name", ["white", "one pixel"])
def test_a_picture_of_one_colour_is_blank(findings: dict[str, Findings], name: str) -> None:
    assert stated_kind(findings, name) == "blank"


def test_the_result_names_the_graph_that_ran(findings: dict[str, Findings]) -> None:
    (used,) = findings["cat"].models

    assert used.id == "efficientnet-lite0"
    assert used.version == 1
    assert len(used.sha256) == 64


def test_a_missing_model_names_the_command_that_gets_it(tmp_path: Path) -> None:
    runtime = Runtime(Store(tmp_path), device="cpu")

    with pytest.raises(ModelMissing, match="get it with: kernelsight models pull efficientnet-lite0"):
        asyncio.run(runtime.open(MANIFEST))
