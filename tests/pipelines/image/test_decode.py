"""Decoding of every format, of the first of several frames, and of JPEGs at a smaller scale."""

import hashlib
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageCms

from pipelines.errors import TooManyPixels
from pipelines.image.decode import ImageLimits, Picture, decode, open_image
from tests.pipelines.images import Pixels, animation, encode, exif, frames, photograph, with_app1

LIMITS = ImageLimits()
CAT = photograph("cat")  # 451 x 300

# (encoder, its options, the format that we call it, mean absolute difference allowed in levels of 255)
FORMATS: tuple[tuple[str, dict[str, Any], str, float], ...] = (
    ("JPEG", {"quality": 90}, "JPEG", 3.0),
    ("JPEG", {"quality": 90, "progressive": True}, "JPEG", 3.0),
    ("MPO", {"quality": 90, "save_all": True, "append_images": [photograph("coffee")]}, "JPEG", 3.0),
    ("PNG", {}, "PNG", 0.0),
    ("WEBP", {"quality": 90}, "WEBP", 3.0),
    ("WEBP", {"lossless": True}, "WEBP", 0.0),
    ("BMP", {}, "BMP", 0.0),
    ("TIFF", {}, "TIFF", 0.0),
    ("TIFF", {"compression": "tiff_lzw"}, "TIFF", 0.0),
    ("TIFF", {"compression": "tiff_adobe_deflate"}, "TIFF", 0.0),
    ("TIFF", {"compression": "jpeg", "quality": 90}, "TIFF", 3.0),
    ("AVIF", {"quality": 90}, "AVIF", 3.0),
    ("HEIC", {}, "HEIF", 1.0),
)


def pixels_of(data: bytes, **options: Any) -> Pixels:
    return np.asarray(decode(data, limits=LIMITS, **options).pixels)


def difference(picture: Picture, expected: Image.Image) -> float:
    """Mean absolute difference in levels of 255."""
    return float(np.abs(np.asarray(picture.pixels, np.int16) - np.asarray(expected.convert("RGB"), np.int16)).mean())


@pytest.mark.parametrize(("encoder", "options", "name", "tolerance"), FORMATS)
def test_a_photograph_survives_every_format(encoder: str, options: dict[str, Any], name: str, tolerance: float) -> None:
    picture = decode(encode(CAT, encoder, **options), limits=LIMITS)

    assert picture.format == name
    assert difference(picture, CAT) <= tolerance


@pytest.mark.parametrize("dither", [Image.Dither.NONE, Image.Dither.FLOYDSTEINBERG])
def test_a_gif_gives_exactly_its_palette_colours(dither: Image.Dither) -> None:
    reduced = CAT.quantize(64, dither=dither)

    picture = decode(encode(reduced, "GIF"), limits=LIMITS)

    assert difference(picture, reduced) == 0


@pytest.mark.parametrize("format", ["GIF", "PNG", "TIFF"])
def test_the_first_of_several_frames_is_decoded_exactly(format: str) -> None:
    picture = decode(animation(5, format), limits=LIMITS)

    assert picture.frames == 5
    assert difference(picture, frames(1)[0]) == 0


@pytest.mark.parametrize("format", ["WEBP", "AVIF"])
def test_the_first_of_several_lossy_frames_is_decoded(format: str) -> None:
    picture = decode(animation(5, format, quality=90), limits=LIMITS)

    assert picture.frames == 5
    assert difference(picture, frames(1)[0]) < 2  # frames are 10 levels of red apart


@pytest.mark.parametrize("turns", range(4))
def test_a_heic_is_turned_by_irot_and_not_again_by_exif(turns: int) -> None:
    exif_orientation = {0: 1, 1: 8, 2: 3, 3: 6}[turns]  # phones write the same turn twice
    upright = np.rot90(np.asarray(CAT), turns)

    picture = decode(encode(CAT, "HEIC", rotation=turns, orientation=exif_orientation), limits=LIMITS)

    assert (picture.width, picture.height) == upright.shape[1::-1]
    assert picture.orientation == exif_orientation
    assert difference(picture, Image.fromarray(upright)) < 1


def test_a_picture_carries_the_facts_of_its_file() -> None:
    data = encode(CAT.convert("LA"), "PNG")

    picture = decode(data, limits=LIMITS)

    assert picture.format == "PNG"
    assert picture.mode == "LA"
    assert picture.has_alpha
    assert picture.orientation == 1
    assert picture.frames == 1
    assert (picture.width, picture.height) == (451, 300)
    assert picture.scale == 1.0
    assert picture.data == data
    assert picture.sha256 == hashlib.sha256(data).hexdigest()


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
def test_a_colour_profile_changes_no_pixel(format: str) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()

    assert np.array_equal(pixels_of(encode(CAT, format, icc_profile=profile)), pixels_of(encode(CAT, format)))


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "HEIC"])
@pytest.mark.parametrize("size", [(1, 1), (1, 5000), (5000, 1), (3, 2)])
def test_images_of_any_shape_decode(format: str, size: tuple[int, int]) -> None:
    picture = decode(encode(Image.new("RGB", size, (200, 40, 90)), format), limits=LIMITS, shorter_side=384)

    assert picture.pixels.size == size
    assert (picture.width, picture.height) == size


@pytest.mark.parametrize("size", [(451, 300), (1600, 1200), (1201, 1603), (5000, 401), (3333, 3333)])
@pytest.mark.parametrize("shorter_side", [1, 37, 150, 384, 1199])
def test_a_scaled_jpeg_keeps_the_requested_shorter_side(size: tuple[int, int], shorter_side: int) -> None:
    data = encode(CAT.resize(size, Image.Resampling.BOX), "JPEG")

    picture = decode(data, limits=LIMITS, shorter_side=shorter_side)

    divisor = next(one for one in (1, 2, 4, 8) if picture.pixels.width == -(-size[0] // one))
    assert min(picture.pixels.size) >= min(shorter_side, *size)
    assert divisor == 8 or min(size) / divisor / 2 <= shorter_side * 1.01  # half of it would not have done
    assert picture.pixels.height == -(-size[1] // divisor)
    assert (picture.width, picture.height) == size
    assert picture.scale == pytest.approx(1 / divisor, rel=1 / picture.pixels.width)


@pytest.mark.parametrize(("mode", "options"), [("CMYK", {}), ("L", {}), ("RGB", {"progressive": True})])
def test_jpegs_of_every_kind_can_be_scaled(mode: str, options: dict[str, Any]) -> None:
    image = CAT.convert(mode).resize((1600, 1200))

    picture = decode(encode(image, "JPEG", quality=90, **options), limits=LIMITS, shorter_side=300)

    assert picture.pixels.size == (400, 300)
    assert difference(picture, image.resize((400, 300), Image.Resampling.BOX)) < 3


def test_a_turned_jpeg_is_scaled_and_reports_its_upright_size() -> None:
    data = with_app1(encode(CAT.resize((1600, 1200)), "JPEG"), exif(6))

    picture = decode(data, limits=LIMITS, shorter_side=300)

    assert picture.pixels.size == (300, 400)
    assert (picture.width, picture.height) == (1200, 1600)
    assert picture.scale == 0.25


@pytest.mark.parametrize("format", ["PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "HEIC"])
def test_other_formats_are_never_scaled(format: str) -> None:
    picture = decode(encode(CAT, format), limits=LIMITS, shorter_side=20)

    assert picture.pixels.size == CAT.size
    assert picture.scale == 1.0


def test_a_still_avif_lets_go_of_its_decoder() -> None:
    still, moving = encode(CAT, "AVIF"), encode(CAT, "AVIF", save_all=True, append_images=[CAT.rotate(180)])

    with open_image(still, limits=LIMITS) as one, open_image(moving, limits=LIMITS) as several:
        assert getattr(one.image, "_decoder") is None  # noqa: B009
        assert getattr(several.image, "_decoder") is not None  # noqa: B009


def test_a_big_tiff_decodes() -> None:
    picture = decode(encode(CAT, "TIFF", big_tiff=True), limits=LIMITS)

    assert difference(picture, CAT) == 0


def test_pages_of_a_tiff_may_differ_in_size() -> None:
    picture = decode(encode(CAT, "TIFF", save_all=True, append_images=[CAT.resize((45, 30))]), limits=LIMITS)

    assert (picture.width, picture.height) == (451, 300)
    assert picture.frames == 2
    assert difference(picture, CAT) == 0


def test_each_page_of_a_tiff_can_be_decoded() -> None:
    pages = [CAT, CAT.resize((45, 30)), CAT.transpose(Image.Transpose.ROTATE_90)]
    data = encode(pages[0], "TIFF", save_all=True, append_images=pages[1:])

    for number, page in enumerate(pages):
        picture = decode(data, limits=LIMITS, frame=number)

        assert picture.pixels.size == page.size
        assert picture.frames == 3
        assert difference(picture, page) == 0


def test_every_page_has_to_be_within_the_limits() -> None:
    data = encode(CAT.resize((20, 20)), "TIFF", save_all=True, append_images=[CAT])

    with pytest.raises(TooManyPixels):
        decode(data, limits=ImageLimits(pixels=1000), frame=1)
