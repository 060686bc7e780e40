"""Colour spaces that files name by codes are converted, as those of profiles are."""

import struct

import numpy as np
import pytest
from PIL import Image

from pipelines.image.decode import ImageLimits, decode
from tests.pipelines.image.icc_profiles import DISPLAY_P3, srgb_curve, write_rgb_profile
from tests.pipelines.images import encode, photograph, png_chunk

CAT = photograph("cat", (96, 64))
BT709, BT2020, P3 = 1, 9, 12
SRGB, LINEAR, PQ, HLG = 13, 8, 16, 18


def name_codes(image: Image.Image, format: str, primaries: int, transfer: int) -> bytes:
    if format == "PNG":
        png = encode(image, "PNG")
        return png[:33] + png_chunk(b"cICP", bytes((primaries, transfer, 0, 1))) + png[33:]
    data = encode(image, "AVIF", quality=100, subsampling="4:4:4")
    at = data.index(b"colrnclx") + 8
    return data[:at] + struct.pack(">HH", primaries, transfer) + data[at + 4 :]


def store(image: Image.Image, transfer: int) -> Image.Image:
    """The values that the transfer function shows as `image`."""
    light = np.array([srgb_curve(at / 255) for at in range(256)])
    if transfer == LINEAR:
        values = light
    elif transfer == PQ:
        power = (light * 203 / 10_000) ** 0.1593017578125
        values = ((0.8359375 + 18.8515625 * power) / (1 + 18.6875 * power)) ** 78.84375
    else:
        scene = (light * 0.265**1.2) ** (1 / 1.2)
        bright = 0.17883277 * np.log(np.maximum(12 * scene - 0.28466892, 1e-9)) + 0.55991073
        values = np.where(scene <= 1 / 12, np.sqrt(3 * scene), bright)
    return image.point((255 * values).round().astype(int).tolist() * len(image.getbands()))


@pytest.mark.parametrize("format", ["PNG", "AVIF"])
@pytest.mark.parametrize(("transfer", "tolerance"), [(LINEAR, 8), (PQ, 6), (HLG, 4)])
def test_a_named_curve_hides_no_picture(format: str, transfer: int, tolerance: float) -> None:
    picture = decode(name_codes(store(CAT, transfer), format, BT709, transfer), limits=ImageLimits())

    difference = np.abs(np.asarray(picture.pixels, np.int16) - np.asarray(CAT, np.int16)).mean()
    assert picture.profile == "converted"
    assert difference < tolerance


@pytest.mark.parametrize("format", ["PNG", "AVIF"])
@pytest.mark.parametrize(("primaries", "stored"), [(P3, (234, 51, 35)), (BT2020, (208, 74, 35))])
def test_named_wide_colours_become_srgb(format: str, primaries: int, stored: tuple[int, int, int]) -> None:
    picture = decode(name_codes(Image.new("RGB", (32, 32), stored), format, primaries, SRGB), limits=ImageLimits())

    assert picture.pixels.getpixel((16, 16)) == pytest.approx((255, 0, 0), abs=14)


@pytest.mark.parametrize("mode", ["L", "RGBA"])
def test_grey_and_alpha_keep_their_mode(mode: str) -> None:
    image = Image.new(mode, (16, 16), 55 if mode == "L" else (55, 55, 55, 128))

    picture = decode(name_codes(image, "PNG", BT709, LINEAR), limits=ImageLimits())

    shown = picture.see_through or picture.pixels
    assert shown.convert("L").getpixel((8, 8)) == pytest.approx(128, abs=2)
    assert (picture.see_through is None) == (mode == "L")


@pytest.mark.parametrize("codes", [(1, 13), (2, 2), (6, 6), (1, 1), (77, 77)])
def test_codes_near_srgb_leave_every_value_alone(codes: tuple[int, int]) -> None:
    picture = decode(name_codes(CAT, "PNG", *codes), limits=ImageLimits())

    assert picture.profile == "none"
    assert picture.pixels.tobytes() == CAT.tobytes()


def test_a_profile_outweighs_the_codes_of_an_avif() -> None:
    profile = write_rgb_profile(DISPLAY_P3, srgb_curve)
    data = encode(Image.new("RGB", (32, 32), (234, 51, 35)), "AVIF", quality=98, icc_profile=profile)

    picture = decode(data.replace(b"colrnclx\0\1\0\15", b"colrnclx\0\1\0\10"), limits=ImageLimits())

    assert picture.pixels.getpixel((16, 16)) == pytest.approx((255, 0, 0), abs=14)
