"""The backdrop of a transparent ground lets what is written on it be seen."""

import asyncio
import io

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from pipelines.cpu_pool import CpuPool
from pipelines.image.backdrop import VisibleRendering, choose_backdrop
from pipelines.image.decode import ImageLimits, decode


def write(*inks: int, ground: int = 0) -> Image.Image:
    """A word in each of these grey levels, in mode LA; `ground` is the level under the transparent ground."""
    image = Image.new("LA", (300, 60 * len(inks)), (ground, 0))
    for row, ink in enumerate(inks):
        ImageDraw.Draw(image).text((20, 60 * row + 10), "Total 4,318.70", (ink, 255), ImageFont.load_default(32))
    return image


def render(image: Image.Image, format: str = "PNG") -> np.ndarray:
    file, pool = io.BytesIO(), CpuPool(threads=1)
    image.save(file, format, **({"lossless": True} if format == "WEBP" else {}))
    try:
        return asyncio.run(VisibleRendering(pool).render(decode(file.getvalue(), limits=ImageLimits())))
    finally:
        pool.close()


@pytest.mark.parametrize(
    ("inks", "expected"),
    [
        ((0,), "white"),
        ((128,), "white"),
        ((255,), "black"),
        ((220,), "black"),
        ((0, 255), "grey"),
        ((0, 128), "white"),
    ],
    ids=["black", "grey", "white", "pale", "black and white", "black and grey"],
)
def test_text_contrasts_with_its_backdrop(inks: tuple[int, ...], expected: str) -> None:
    luma, alpha = (np.asarray(band) for band in write(*inks).split())

    assert choose_backdrop(luma, alpha) == expected


@pytest.mark.parametrize("ground", [0, 255])
def test_colours_under_the_transparent_ground_do_not_count(ground: int) -> None:
    assert render(write(255, ground=ground))[0, 0].tolist() == [0, 0, 0]


@pytest.mark.parametrize("format", ["PNG", "WEBP", "TIFF"])
def test_white_text_is_rendered_on_black(format: str) -> None:
    pixels = render(write(255).convert("RGBA"), format)

    assert pixels[0, 0].tolist() == [0, 0, 0]
    assert pixels.max() == 255


def test_dark_text_is_rendered_as_it_was_decoded() -> None:
    assert render(write(0))[0, 0].tolist() == [255, 255, 255]


def test_transparent_corners_change_nothing() -> None:
    image = Image.new("RGBA", (200, 200), "white")
    image.putpixel((0, 0), (0, 0, 0, 0))

    assert render(image).min() == 255


def test_a_picture_of_nothing_stays_white() -> None:
    assert render(Image.new("RGBA", (40, 40), (255, 255, 255, 0))).min() == 255
