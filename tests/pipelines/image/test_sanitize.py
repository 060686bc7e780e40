"""Sanitised images have the pixels of the file, and nothing else of it."""

import asyncio
import io
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageCms, PngImagePlugin

from pipelines.cpu_pool import CpuPool
from pipelines.engine import Engine
from pipelines.errors import ImageTruncated, RequestRejected
from pipelines.image.decode import ImageLimits, decode
from pipelines.image.decoders import DecoderLimits, Decoders
from pipelines.image.sanitize import SanitizePipeline
from pipelines.image.sanitize_types import SanitizedImage, SanitizeOptions
from pipelines.image.spec import SANITIZE
from tests.pipelines.image.icc_profiles import DISPLAY_P3, srgb_curve, write_rgb_profile
from tests.pipelines.images import (  # fmt: skip
    ORIENTATION,
    Pixels,
    animation,
    encode,
    exif,
    grey_tiff,
    photograph,
    png_chunk,
    with_app1,
)

CAT = photograph("cat", (90, 60))
P3 = write_rgb_profile(DISPLAY_P3, srgb_curve)
GLASS = CAT.copy()
GLASS.putalpha(Image.linear_gradient("L").resize(CAT.size))


def gps_exif(orientation: int = 1) -> Image.Exif:
    tags = Image.Exif()
    tags[ORIENTATION] = orientation
    tags[0x8825] = {1: "N", 2: (51.0, 30.0, 0.0), 3: "W", 4: (0.0, 7.0, 0.0)}
    return tags


def sanitize(data: bytes, **options: Any) -> SanitizedImage:
    async def run() -> SanitizedImage:
        pool = CpuPool(threads=1)
        try:
            pipeline = SanitizePipeline(ImageLimits(), pool, Decoders(pool, DecoderLimits(formats=())))
            engine = Engine([pipeline], pool=pool, limits=ImageLimits())
            findings = await engine.run(data, {"sanitize": SanitizeOptions(**options)})
        finally:
            pool.close()
        return findings.of(SANITIZE)

    return asyncio.run(run())


def open_result(found: SanitizedImage) -> Image.Image:
    image = Image.open(io.BytesIO(found.data))
    image.load()
    return image


def rgba(image: Image.Image) -> Pixels:
    return np.asarray(image.convert("RGBA"))


def read_segments(jpeg: bytes) -> list[tuple[int, bytes]]:
    """Marker and content of each segment before the scan."""
    found, at = [], 2
    while jpeg[at + 1] != 0xDA:
        size = int.from_bytes(jpeg[at + 2 : at + 4], "big")
        found.append((jpeg[at + 1], jpeg[at + 4 : at + 2 + size]))
        at += 2 + size
    return found


@pytest.mark.parametrize(
    ("image", "format", "options"),
    [
        (CAT, "PNG", {}),
        (GLASS, "PNG", {}),
        (CAT.convert("L"), "PNG", {}),
        (GLASS.convert("LA"), "PNG", {}),
        (CAT.convert("1"), "PNG", {}),
        (CAT.quantize(16), "PNG", {"transparency": 3}),
        (CAT, "BMP", {}),
        (CAT.quantize(16), "GIF", {}),
        (CAT, "TIFF", {"compression": "tiff_lzw"}),
        (CAT, "WEBP", {"lossless": True}),
        (GLASS, "WEBP", {"lossless": True, "exact": True}),
    ],
    ids=lambda value: value.mode if isinstance(value, Image.Image) else str(value),
)  # fmt: skip
def test_a_lossless_file_keeps_every_pixel(image: Image.Image, format: str, options: dict[str, Any]) -> None:
    data = encode(image, format, **options)

    clean = open_result(sanitize(data))

    assert clean.format == ("WEBP" if format == "WEBP" else "PNG")
    assert np.array_equal(rgba(clean), rgba(Image.open(io.BytesIO(data))))


@pytest.mark.parametrize(
    ("image", "format", "kind"),
    [
        (CAT, "JPEG", "image/jpeg"),
        (CAT, "HEIC", "image/jpeg"),
        (CAT, "AVIF", "image/jpeg"),
        (GLASS, "AVIF", "image/webp"),
        (CAT, "WEBP", "image/webp"),
        (GLASS, "WEBP", "image/webp"),
        (CAT, "PNG", "image/png"),
    ],
    ids=lambda value: value.mode if isinstance(value, Image.Image) else str(value),
)
def test_auto_suits_the_file(image: Image.Image, format: str, kind: str) -> None:
    assert sanitize(encode(image, format)).media_type == kind


def test_only_jfif_precedes_the_pixels_of_a_jpeg() -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    data = encode(CAT, "JPEG", exif=gps_exif(), icc_profile=profile, comment=b"secret", xmp=b"<x:xmpmeta/>")
    data = with_app1(data, b"private") + b"trailing secret"

    found = read_segments(sanitize(data).data)

    assert [(marker, content[:5]) for marker, content in found if marker >= 0xE0] == [(0xE0, b"JFIF\0")]


@pytest.mark.parametrize("format", ["jpeg", "png", "webp"])
def test_no_metadata_of_a_png_is_left(format: str) -> None:
    text = PngImagePlugin.PngInfo()
    for key in ("Comment", "comment", "transparency", "icc_profile", "exif"):
        text.add_text(key, "secret")
    data = encode(CAT, "PNG", pnginfo=text, exif=gps_exif(), dpi=(300, 300)) + b"secret"

    found = sanitize(data, format=format)

    of_the_format = {"jfif", "jfif_version", "jfif_unit", "jfif_density", "loop", "background", "timestamp", "duration"}
    left = open_result(found).info.keys() - of_the_format
    assert left == set()
    assert b"secret" not in found.data
    assert dict(open_result(found).getexif()) == {}


def test_the_gps_position_is_removed_and_the_picture_upright() -> None:
    data = encode(CAT, "JPEG", exif=gps_exif(orientation=6), quality=95)

    found = sanitize(data, quality=95)

    clean, expected = open_result(found), decode(data, limits=ImageLimits()).pixels
    difference = np.abs(np.asarray(clean, int) - np.asarray(expected, int)).mean()
    assert clean.size == (60, 90)
    assert (found.width, found.height) == (60, 90)
    assert dict(clean.getexif()) == {}
    assert difference < 3


def test_wide_colours_become_srgb() -> None:
    image = Image.new("RGB", (16, 16), (234, 51, 35))  # sRGB's red, in Display P3

    clean = open_result(sanitize(encode(image, "PNG", icc_profile=P3)))

    assert clean.getpixel((8, 8)) == pytest.approx((255, 0, 0), abs=12)


def test_wide_colours_keep_their_transparency() -> None:
    image = Image.new("RGBA", (16, 16), (234, 51, 35, 77))

    clean = open_result(sanitize(encode(image, "PNG", icc_profile=P3)))

    assert clean.getpixel((8, 8)) == pytest.approx((255, 0, 0, 77), abs=12)


@pytest.mark.parametrize(
    ("profile", "mode"),
    [(b"nonsense", "RGB"), (P3[:200], "RGB"), (P3[:200], "L"), (P3, "L")],
    ids=["nonsense", "cut off", "cut off, grey", "of colours, on grey"],
)
def test_a_broken_profile_counts_as_srgb(profile: bytes, mode: str) -> None:
    image = CAT.convert(mode)

    clean = open_result(sanitize(encode(image, "PNG", icc_profile=profile)))

    assert np.array_equal(np.asarray(clean), np.asarray(image))


def test_cmyk_becomes_rgb() -> None:
    data = encode(CAT.convert("CMYK"), "JPEG", quality=95)

    clean = open_result(sanitize(data))

    assert clean.mode == "RGB"
    assert np.abs(np.asarray(clean, int) - np.asarray(CAT, int)).mean() < 6


def test_a_palette_with_transparency_stays_transparent() -> None:
    image = CAT.quantize(16)
    data = encode(image, "PNG", transparency=3)

    clean = open_result(sanitize(data))

    assert clean.mode == "RGBA"
    assert np.array_equal(rgba(clean)[..., 3] == 0, np.asarray(image) == 3)


def test_alpha_that_hides_nothing_is_left_out() -> None:
    opaque = CAT.copy()
    opaque.putalpha(255)

    assert open_result(sanitize(encode(opaque, "PNG"))).mode == "RGB"


def test_a_jpeg_shows_white_where_the_image_is_transparent() -> None:
    clear = Image.new("RGBA", (16, 16), (200, 0, 0, 0))

    assert open_result(sanitize(encode(clear, "PNG"), format="jpeg")).getpixel((8, 8)) == (255, 255, 255)


def test_the_upper_8_of_16_bits_are_kept() -> None:
    samples = np.arange(0, 65_536, 256, dtype=np.uint16).reshape(16, 16) + 255
    data = encode(Image.fromarray(samples), "PNG")

    clean = open_result(sanitize(data))

    assert clean.mode == "L"
    assert np.array_equal(np.asarray(clean), samples >> 8)


def test_floating_point_becomes_grey() -> None:
    samples = np.linspace(0, 1, 64, dtype=np.float32).reshape(8, 8)

    assert open_result(sanitize(grey_tiff(samples, sample_format=3))).getextrema() == (0, 255)


@pytest.mark.parametrize("format", ["JPEG", "PNG"])
def test_max_side_shrinks_and_never_enlarges(format: str) -> None:
    data = encode(photograph("coffee"), format)  # 600 x 400

    sizes = [open_result(sanitize(data, max_side=side)).size for side in (150, 600, 4000)]

    assert sizes == [(150, 100), (600, 400), (600, 400)]


def test_an_animation_keeps_its_first_frame_and_counts_all() -> None:
    found = sanitize(animation(5, "GIF"))

    clean = open_result(found)
    assert found.frames == 5
    assert getattr(clean, "n_frames", 1) == 1
    assert clean.convert("RGB").getpixel((4, 4)) == (0, 90, 160)


def test_hidden_files_do_not_get_through() -> None:
    hidden = b"PK\x03\x04 <?php system($_GET[0]); ?>"
    data = encode(CAT, "PNG")
    head, end = data[:33], data[33:]

    found = sanitize(head + png_chunk(b"tEXt", b"Comment\0" + hidden) + end + hidden)

    assert hidden[:4] not in found.data
    assert b"<?php" not in found.data


def test_quality_changes_the_size() -> None:
    small, large = (len(sanitize(encode(CAT, "JPEG"), quality=quality).data) for quality in (10, 95))

    assert small < large / 2


def test_a_side_that_the_format_cannot_have_is_refused() -> None:
    with pytest.raises(RequestRejected, match="give max_side"):
        sanitize(encode(Image.new("1", (20_000, 2)), "PNG"), format="webp")


def test_a_file_that_is_cut_off_is_refused() -> None:
    with pytest.raises(ImageTruncated):
        sanitize(encode(CAT, "PNG", exif=exif(1))[:500])
