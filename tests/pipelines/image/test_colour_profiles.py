"""Colours are those that people see: profiles and gamma are applied, whatever the format."""

import struct
import zlib
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageCms

from pipelines.image.decode import ImageLimits, Picture, decode
from tests.pipelines.image.icc_profiles import (
    DISPLAY_P3,
    PROPHOTO,
    SRGB,
    power,
    srgb_curve,
    write_grey_profile,
    write_ink_profile,
    write_rgb_profile,
)
from tests.pipelines.images import encode, photograph, png_chunk

CAT = photograph("cat", (96, 64))
P3, WIDE = write_rgb_profile(DISPLAY_P3, srgb_curve), write_rgb_profile(PROPHOTO, power(1.8))
STEEP = power(12.0)  # all but the brightest becomes black
HIDING = write_rgb_profile(SRGB, STEEP)
OPTIONS: dict[str, dict[str, Any]] = {
    "JPEG": {"quality": 98, "subsampling": 0},
    "WEBP": {"lossless": True},
    "AVIF": {"quality": 98},
}
FORMATS = ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"]


def show(image: Image.Image, format: str, profile: bytes) -> Picture:
    data = encode(image, format, icc_profile=profile, **OPTIONS.get(format, {}))
    return decode(data, limits=ImageLimits())


def store_steeply(image: Image.Image) -> Image.Image:
    """The values that a profile with the curve STEEP turns into `image`."""
    table = [round(255 * srgb_curve(at / 255) ** (1 / 12)) for at in range(256)]
    return image.point(table * len(image.getbands()))


def differ(shown: Image.Image, expected: Image.Image) -> float:
    return float(np.abs(np.asarray(shown, np.int16) - np.asarray(expected.convert("RGB"), np.int16)).mean())


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize(
    ("profile", "stored"), [(P3, (234, 51, 35)), (WIDE, (179, 70, 26))], ids=["Display P3", "ProPhoto"]
)
def test_red_is_red_in_every_space(format: str, profile: bytes, stored: tuple[int, int, int]) -> None:
    picture = show(Image.new("RGB", (32, 32), stored), format, profile)

    assert picture.profile == "converted"
    assert picture.pixels.getpixel((16, 16)) == pytest.approx((255, 0, 0), abs=14)


@pytest.mark.parametrize("format", FORMATS)
def test_a_curve_in_a_profile_hides_no_picture(format: str) -> None:
    stored = store_steeply(CAT)

    shown = show(stored, format, HIDING).pixels

    assert differ(stored, CAT) > 60
    assert differ(shown, CAT) < 16  # a dozen stored levels hold all the dark ones


def test_the_name_of_a_profile_proves_nothing() -> None:
    profile = write_rgb_profile(SRGB, STEEP, name="sRGB IEC61966-2.1")

    assert differ(show(store_steeply(CAT), "PNG", profile).pixels, CAT) < 16


@pytest.mark.parametrize(
    "profile",
    [
        write_rgb_profile(SRGB, srgb_curve, name="sRGB IEC61966-2.1"),
        write_rgb_profile(SRGB, srgb_curve, name="a name of its own"),
        ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes(),
        write_rgb_profile(SRGB, srgb_curve, padding=bytes(2**17)),
    ],
    ids=["by tables", "by another name", "by formulas", "too large to be remembered"],
)
def test_srgb_profiles_leave_every_value_alone(profile: bytes) -> None:
    picture = show(CAT, "PNG", profile)

    assert picture.profile == "srgb"
    assert picture.pixels.tobytes() == CAT.tobytes()


@pytest.mark.parametrize("format", ["JPEG", "PNG", "TIFF"])
def test_grey_has_profiles_of_its_own(format: str) -> None:
    picture = show(store_steeply(CAT.convert("L")), format, write_grey_profile(STEEP))

    assert picture.profile == "converted"
    assert differ(picture.pixels, CAT.convert("L")) < 16


@pytest.mark.parametrize("format", ["JPEG", "TIFF"])
def test_cyan_is_red_where_the_profile_says_so(format: str) -> None:
    red, white, black = (54.0, 81.0, 70.0), (100.0, 0.0, 0.0), (0.0, 0.0, 0.0)
    profile = write_ink_profile(lambda inks: black if inks[3] else red if inks[0] else white)

    picture = show(Image.new("CMYK", (32, 32), (255, 0, 0, 0)), format, profile)

    assert picture.profile == "converted"
    assert picture.pixels.getpixel((16, 16)) == pytest.approx((255, 0, 0), abs=20)


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_transparent_pictures_are_converted_before_they_are_laid_over_white(mode: str) -> None:
    profile = write_grey_profile(power(4)) if mode == "LA" else write_rgb_profile(SRGB, power(4))
    image = Image.new("LA" if mode == "LA" else "RGBA", (8, 8), (128, 128) if mode == "LA" else (128, 128, 128, 128))
    stored = image.convert("RGB").quantize(2) if mode == "P" else image
    options = {"transparency": bytes([128] * 2)} if mode == "P" else {}

    picture = decode(encode(stored, "PNG", icc_profile=profile, **options), limits=ImageLimits())

    grey = 255 * 1.055 * ((128 / 255) ** 4) ** (1 / 2.4) - 0.055 * 255
    assert picture.see_through is not None
    assert picture.see_through.convert("RGB").getpixel((4, 4)) == pytest.approx((grey,) * 3, abs=2)
    assert picture.pixels.getpixel((4, 4)) == pytest.approx(((grey + 255) / 2,) * 3, abs=2)


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize(
    "profile",
    [b"nonsense", P3[:200], P3[:130], write_grey_profile(STEEP), write_ink_profile(lambda inks: (50.0, 0.0, 0.0))],
    ids=["nonsense", "cut off", "without tags", "of grey", "of inks"],
)
def test_a_profile_that_does_not_fit_is_ignored(format: str, profile: bytes) -> None:
    picture = show(CAT, format, profile)

    assert picture.profile == "ignored"
    assert differ(picture.pixels, CAT) < 2


def test_a_profile_that_cannot_be_inflated_is_ignored() -> None:
    png = encode(CAT, "PNG")
    damaged = png[:33] + png_chunk(b"iCCP", b"p\0\0" + zlib.compress(P3)[:-50]) + png[33:]

    assert decode(damaged, limits=ImageLimits()).pixels.tobytes() == CAT.tobytes()


def test_a_padded_profile_of_a_png_counts() -> None:
    profile = write_rgb_profile(SRGB, STEEP, padding=bytes(2**21))

    assert differ(show(store_steeply(CAT), "PNG", profile).pixels, CAT) < 16


def test_tables_of_any_number_of_elements_are_left_alone() -> None:
    profile = write_rgb_profile(SRGB, srgb_curve, float_elements=20_000)  # LittleCMS would work for six seconds

    picture = show(CAT, "JPEG", profile)

    assert picture.profile == "srgb"
    assert differ(picture.pixels, CAT) < 2


def test_a_picture_without_a_profile_has_none() -> None:
    assert decode(encode(CAT, "JPEG"), limits=ImageLimits()).profile == "none"


def with_gamma(png: bytes, gamma: float, *others: bytes) -> bytes:
    return png[:33] + png_chunk(b"gAMA", struct.pack(">I", round(gamma * 100_000))) + b"".join(others) + png[33:]


@pytest.mark.parametrize("mode", ["RGB", "L", "RGBA", "P"])
def test_the_gamma_of_a_png_hides_no_picture(mode: str) -> None:
    stored = CAT.point([round(255 * (at / 255) ** 0.1) for at in range(256)] * 3)
    expected = CAT.convert("L") if mode == "L" else CAT
    image = stored.convert("L") if mode == "L" else stored.quantize(256) if mode == "P" else stored.convert(mode)

    picture = decode(with_gamma(encode(image, "PNG"), 0.1 / 2.2), limits=ImageLimits())

    assert picture.profile == "converted"
    assert differ(picture.pixels, expected) < 20


@pytest.mark.parametrize("gamma", [0.45455, 0.0])
def test_the_usual_gamma_changes_nothing(gamma: float) -> None:
    picture = decode(with_gamma(encode(CAT, "PNG"), gamma), limits=ImageLimits())

    assert picture.profile == "none"
    assert picture.pixels.tobytes() == CAT.tobytes()


def test_an_srgb_chunk_outweighs_the_gamma() -> None:
    data = with_gamma(encode(CAT, "PNG"), 0.05, png_chunk(b"sRGB", b"\0"))

    assert decode(data, limits=ImageLimits()).pixels.tobytes() == CAT.tobytes()
