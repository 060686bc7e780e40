"""Conversion of every kind of pixels to 8-bit RGB: deep, float, indexed, transparent."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from pipelines.image.decode import ImageLimits, decode
from tests.pipelines.images import Pixels, encode, grey_tiff, photograph

LIMITS = ImageLimits()
CAT = photograph("cat", (90, 60))
GREY = CAT.convert("L")

# (encoder, mode, what the pixels should be like, tolerance: mean absolute difference in levels of 255)
MODES: tuple[tuple[str, Image.Image, Image.Image, float], ...] = (
    ("JPEG", CAT.convert("CMYK"), CAT, 3.0),
    ("TIFF", CAT.convert("CMYK"), CAT, 0.0),
    ("TIFF", CAT.convert("YCbCr"), CAT, 1.5),
    ("JPEG", GREY, GREY, 3.0),
    *((format, GREY, GREY, 0.0) for format in ("PNG", "GIF", "BMP", "TIFF")),
    ("WEBP", GREY, GREY, 3.0),
    ("AVIF", GREY, GREY, 3.0),
    *((format, CAT.convert("1"), CAT.convert("1"), 0.0) for format in ("PNG", "GIF", "BMP", "TIFF")),
    *((format, CAT.quantize(40), CAT.quantize(40), 0.0) for format in ("PNG", "GIF", "BMP", "TIFF")),
    *((format, CAT.convert("RGBA"), CAT, 0.0) for format in ("PNG", "TIFF")),
    *((format, CAT.convert("LA"), GREY, 0.0) for format in ("PNG", "TIFF")),
)


def pixels_of(data: bytes) -> Pixels:
    return np.asarray(decode(data, limits=LIMITS).pixels)


def difference(one: Pixels, other: Image.Image) -> float:
    return float(np.abs(one.astype(np.int16) - np.asarray(other.convert("RGB"), np.int16)).mean())


@pytest.mark.parametrize(
    ("format", "image", "expected", "tolerance"), MODES, ids=[f"{m[0]} {m[1].mode}" for m in MODES]
)
def test_a_photograph_looks_the_same_in_every_mode(
    format: str, image: Image.Image, expected: Image.Image, tolerance: float
) -> None:
    data = encode(image, format, **({"quality": 90} if tolerance else {}))

    assert difference(pixels_of(data), expected) <= tolerance


def ramp(top: float, dtype: type[np.generic]) -> NDArray[Any]:
    """32 x 64: from 0 on the left to `top` on the right."""
    return np.broadcast_to(np.linspace(0, top, 64), (32, 64)).astype(dtype)


def is_ramp(pixels: Pixels) -> bool:
    """Whether the pixels go from black to white, straight, within a level."""
    return bool((np.abs(pixels.astype(np.float64) - ramp(255, np.float64)[..., None]) <= 1).all())


DEEP = {
    "16-bit PNG": encode(Image.fromarray(ramp(65_535, np.uint16)), "PNG"),
    "16-bit TIFF": encode(Image.fromarray(ramp(65_535, np.uint16)), "TIFF"),
    "16-bit TIFF, LZW": encode(Image.fromarray(ramp(65_535, np.uint16)), "TIFF", compression="tiff_lzw"),
    "16-bit TIFF, big-endian": grey_tiff(ramp(65_535, np.uint16), order=">"),
    "32-bit TIFF": grey_tiff(ramp(65_535, np.uint32)),
    "signed 32-bit TIFF": encode(Image.fromarray(ramp(65_535, np.int32)), "TIFF"),
    "float TIFF of 0 to 1": grey_tiff(ramp(1, np.float32), sample_format=3),
    "float TIFF of 0 to 255": grey_tiff(ramp(255, np.float32), sample_format=3),
    "float TIFF of 0 to 100,000": grey_tiff(ramp(100_000, np.float32), sample_format=3),
    "float TIFF from Pillow": encode(Image.fromarray(ramp(1, np.float32)), "TIFF"),
    "float TIFF, LZW": encode(Image.fromarray(ramp(1, np.float32)), "TIFF", compression="tiff_lzw"),
    "float TIFF of -1 to 0, lifted": grey_tiff(ramp(2, np.float32) - np.float32(1), sample_format=3),
}


@pytest.mark.parametrize("data", DEEP.values(), ids=list(DEEP))
def test_deep_grey_keeps_its_range_instead_of_clipping_to_white(data: bytes) -> None:
    assert is_ramp(pixels_of(data))


def test_nan_pixels_are_black_and_leave_others_alone() -> None:
    samples = ramp(1, np.float32)
    samples[0, 0] = np.nan

    assert is_ramp(pixels_of(grey_tiff(samples, sample_format=3)))


@pytest.mark.parametrize("value", [0.0, float("nan"), -3.0])
def test_a_flat_float_image_of_zero_or_less_is_black(value: float) -> None:
    assert not pixels_of(grey_tiff(np.full((4, 4), value, np.float32), sample_format=3)).any()


def test_a_palette_with_one_transparent_entry_shows_white_there() -> None:
    image = CAT.quantize(8)
    expected = np.asarray(image.convert("RGB")).copy()
    expected[np.asarray(image) == 3] = 255

    picture = decode(encode(image, "PNG", transparency=3), limits=LIMITS)

    assert picture.has_alpha
    assert np.array_equal(np.asarray(picture.pixels), expected)


def test_a_gif_with_a_transparent_entry_shows_white_there() -> None:
    image = CAT.quantize(8)
    expected = np.asarray(image.convert("RGB")).copy()
    expected[np.asarray(image) == 3] = 255

    picture = decode(encode(image, "GIF", transparency=3), limits=LIMITS)

    assert picture.has_alpha
    assert np.array_equal(np.asarray(picture.pixels), expected)


def test_a_palette_with_alpha_per_entry_is_laid_over_white() -> None:
    image = CAT.quantize(8)
    degrees = np.array([0, 255, 51, 102, 153, 204, 255, 128], np.float64)[np.asarray(image)][..., None] / 255
    expected = np.asarray(image.convert("RGB")) * degrees + 255 * (1 - degrees)

    data = encode(image, "PNG", transparency=bytes([0, 255, 51, 102, 153, 204, 255, 128]))

    assert np.abs(pixels_of(data) - expected).max() <= 1


@pytest.mark.parametrize(
    ("format", "options", "tolerance"),
    [("PNG", {}, 1), ("TIFF", {}, 1), ("WEBP", {"lossless": True}, 1), ("AVIF", {"quality": 100}, 3)],
)
def test_half_transparent_pixels_are_laid_over_white(format: str, options: dict[str, Any], tolerance: int) -> None:
    image = Image.new("RGBA", (64, 64), (200, 0, 100, 128))

    picture = decode(encode(image, format, **options), limits=LIMITS)

    mixed = np.array([200, 0, 100]) * 128 / 255 + 255 * 127 / 255
    assert picture.has_alpha
    assert np.abs(np.asarray(picture.pixels) - mixed).max() <= tolerance


def test_invisible_colours_are_white() -> None:
    image = Image.new("LA", (8, 8), (0, 0))

    assert (pixels_of(encode(image, "PNG")) == 255).all()


@pytest.mark.parametrize(("mode", "colour"), [("L", 77), ("RGB", (77, 20, 9)), ("1", 0)])
def test_the_one_colour_that_a_png_declares_transparent_is_white(mode: str, colour: int | tuple[int, ...]) -> None:
    image = Image.new(mode, (4, 1), colour)
    image.putpixel((0, 0), 255 if mode != "RGB" else (255, 0, 0))

    pixels = pixels_of(encode(image, "PNG", transparency=colour))

    assert (pixels[0, 1:] == 255).all()
    assert tuple(pixels[0, 0]) == ((255, 0, 0) if mode == "RGB" else (255, 255, 255))


def test_white_on_black_and_black_on_white_tiffs_agree() -> None:
    image = CAT.convert("1")

    assert np.array_equal(pixels_of(encode(image, "TIFF", compression="group4")), pixels_of(encode(image, "TIFF")))
