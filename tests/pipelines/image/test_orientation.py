"""Exif orientation is applied as the standard defines it, and ignored when it is invalid."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from PIL import Image, PngImagePlugin, TiffImagePlugin

from pipelines.image.decode import ImageLimits, decode
from tests.pipelines.images import (
    ORIENTATION,
    TIFF_LONG,
    TIFF_SHORT,
    Pixels,
    encode,
    exif,
    photograph,
    png_chunk,
    with_app1,
)

# Pillow warns of metadata that it cannot read.
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")

LIMITS = ImageLimits()
ROCKET = photograph("rocket", (60, 40))

# From stored pixels to upright ones: Exif 2.32 defines which side of the picture row 0 and column 0 are.
UPRIGHT: dict[int, Callable[[Pixels], Pixels]] = {
    1: lambda stored: stored,
    2: lambda stored: stored[:, ::-1],
    3: lambda stored: stored[::-1, ::-1],
    4: lambda stored: stored[::-1],
    5: lambda stored: stored.swapaxes(0, 1),
    6: lambda stored: stored[::-1].swapaxes(0, 1),
    7: lambda stored: stored[::-1, ::-1].swapaxes(0, 1),
    8: lambda stored: stored.swapaxes(0, 1)[::-1],
}

FORMATS = ["JPEG", "PNG", "WEBP", "AVIF", "TIFF", "TIFF, LZW"]


def tagged(format: str, orientation: int, kind: int = TIFF_SHORT) -> bytes:
    """The photograph with the orientation in a field of the TIFF type `kind`."""
    if not format.startswith("TIFF"):
        return encode(ROCKET, format, exif=exif(orientation, kind))
    directory = TiffImagePlugin.ImageFileDirectory_v2()
    directory.tagtype[ORIENTATION] = kind
    directory[ORIENTATION] = orientation
    return encode(ROCKET, "TIFF", tiffinfo=directory, compression="tiff_lzw" if "LZW" in format else None)


def untagged(format: str) -> bytes:
    return encode(ROCKET, format.split(",", maxsplit=1)[0])


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("orientation", UPRIGHT)
def test_every_orientation_turns_the_picture_upright(format: str, orientation: int) -> None:
    upright = UPRIGHT[orientation](np.asarray(decode(untagged(format), limits=LIMITS).pixels))

    picture = decode(tagged(format, orientation), limits=LIMITS)

    assert np.array_equal(np.asarray(picture.pixels), upright)
    assert (picture.width, picture.height) == upright.shape[1::-1]
    # AVIF stores the turn in its own properties; Pillow converts them back to the Exif value.
    assert picture.orientation == orientation
    assert picture.scale == 1.0


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "AVIF", "TIFF"])
@pytest.mark.parametrize(("orientation", "kind"), [(0, TIFF_SHORT), (9, TIFF_SHORT), (65537, TIFF_LONG)])
def test_an_orientation_out_of_range_is_ignored(format: str, orientation: int, kind: int) -> None:
    picture = decode(tagged(format, orientation, kind), limits=LIMITS)

    assert picture.orientation == 1
    assert (picture.width, picture.height) == (60, 40)


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "AVIF", "TIFF"])
def test_a_long_integer_is_as_good_as_a_short_one(format: str) -> None:
    picture = decode(tagged(format, 6, TIFF_LONG), limits=LIMITS)

    assert picture.orientation == 6
    assert (picture.width, picture.height) == (40, 60)


DAMAGED = {
    "nothing": b"Exif\0\0",
    "no header": b"Exif\0\0" + bytes(range(200)),
    "a directory behind the end": b"Exif\0\0II*\0\xff\xff\xff\xff",
    "an endless directory": b"Exif\0\0II*\0\x08\0\0\0\xff\xff" + bytes(60),
    "a cut off entry": exif(6)[:20],
    "an ascii field": exif(6, kind=2),
    "an unknown type": exif(6, kind=99),
}


@pytest.mark.parametrize("block", DAMAGED.values(), ids=list(DAMAGED))
def test_damaged_exif_costs_neither_the_picture_nor_its_orientation(block: bytes) -> None:
    picture = decode(with_app1(encode(ROCKET, "JPEG"), block), limits=LIMITS)

    assert picture.orientation == 1
    assert (picture.width, picture.height) == (60, 40)


@pytest.mark.parametrize("format", ["PNG", "WEBP"])
@pytest.mark.parametrize("block", DAMAGED.values(), ids=list(DAMAGED))
def test_damaged_exif_is_ignored_in_other_formats_too(format: str, block: bytes) -> None:
    picture = decode(encode(ROCKET, format, exif=block), limits=LIMITS)

    assert picture.orientation == 1
    assert (picture.width, picture.height) == (60, 40)


def test_an_orientation_after_the_pixels_of_a_png_counts() -> None:
    png = encode(ROCKET, "PNG")

    picture = decode(png[:-12] + png_chunk(b"eXIf", exif(6)[6:]) + png[-12:], limits=LIMITS)

    assert np.array_equal(np.asarray(picture.pixels), UPRIGHT[6](np.asarray(ROCKET)))


XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description tiff:Orientation="6"/></x:xmpmeta>'


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
def test_an_orientation_in_xmp_is_ignored_as_browsers_do(format: str) -> None:
    options: dict[str, Any] = {"xmp": XMP}
    if format == "PNG":
        options = {"pnginfo": PngImagePlugin.PngInfo()}
        options["pnginfo"].add_itxt("XML:com.adobe.xmp", XMP.decode())
    if format == "TIFF":
        options = {"tiffinfo": {700: XMP}}
    data = encode(ROCKET, format, **options)

    picture = decode(data, limits=LIMITS)

    assert b"tiff:Orientation" in data
    assert picture.orientation == 1
    assert (picture.width, picture.height) == (60, 40)


def test_texts_of_a_png_give_no_orientation() -> None:
    text = PngImagePlugin.PngInfo()
    block = exif(8)
    text.add_text("Raw profile type exif", f"\nexif\n{len(block):8d}\n{block.hex()}\n", zip=True)

    assert decode(encode(ROCKET, "PNG", pnginfo=text), limits=LIMITS).orientation == 1


@pytest.mark.parametrize("rotation", [1, 2, 3])
def test_a_heic_is_turned_by_its_own_property(rotation: int) -> None:
    upright = np.rot90(np.asarray(ROCKET), rotation).astype(np.int16)

    picture = decode(encode(ROCKET, "HEIC", rotation=rotation), limits=LIMITS)

    assert (picture.width, picture.height) == upright.shape[1::-1]
    assert np.abs(np.asarray(picture.pixels) - upright).mean() < 16


@pytest.mark.parametrize("mirror", [0, 1])
@pytest.mark.parametrize("rotation", [0, 1, 2, 3])
def test_a_heic_is_mirrored_by_its_own_property(rotation: int, mirror: int) -> None:
    upright = np.flip(np.rot90(np.asarray(ROCKET), rotation), axis=mirror).astype(np.int16)

    picture = decode(encode(ROCKET, "HEIC", rotation=rotation, mirror=mirror, orientation=5), limits=LIMITS)

    assert (picture.width, picture.height) == upright.shape[1::-1]
    assert np.abs(np.asarray(picture.pixels) - upright).mean() < 16


def test_a_heic_without_a_rotation_property_is_not_turned() -> None:
    picture = decode(encode(ROCKET, "HEIC", orientation=6), limits=LIMITS)  # ISO/IEC 23008-12 ignores Exif

    assert (picture.width, picture.height) == (60, 40)


def test_a_turned_panorama_has_its_upright_size() -> None:
    data = with_app1(encode(Image.new("RGB", (5000, 1)), "JPEG"), exif(5))

    picture = decode(data, limits=LIMITS)

    assert (picture.width, picture.height) == (1, 5000)
    assert picture.pixels.size == (1, 5000)
