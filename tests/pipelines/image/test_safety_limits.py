"""Small files that once crashed the process, took minutes or gigabytes, or decoded to a wrong picture."""

import io
import struct
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from pipelines.errors import ImageCorrupt, ImageRejected, TooManyFrames
from pipelines.image.decode import ImageLimits, decode
from pipelines.image.formats import is_cut_off, iter_gif_frames
from pipelines.image.safety_limits import MOST_JPEG_SCANS
from tests.pipelines.image.bombs import patched
from tests.pipelines.images import animation, encode, exif, grey_tiff, photograph

LIMITS = ImageLimits()
CAT = photograph("cat", (120, 80))
DECODE = "import sys; from pipelines.image.decode import *; decode(sys.stdin.buffer.read(), limits=ImageLimits())"


def test_a_heic_item_with_a_non_text_type_is_refused() -> None:
    item = b"\0\x02\0\0"
    data = encode(CAT.resize((32, 32)), "HEIC", orientation=6).replace(item + b"Exif", item + b"\xff" * 4, 1)

    done = subprocess.run([sys.executable, "-c", DECODE], input=data, capture_output=True, check=False)

    assert done.returncode == 1
    assert b"ImageCorrupt" in done.stderr


def test_a_damaged_png_is_corrupt_and_not_half_a_picture() -> None:
    data = encode(CAT, "PNG")
    half = len(data) // 2

    with pytest.raises(ImageCorrupt):
        decode(data[:half] + b"\xff" * 400 + data[half + 400 :], limits=LIMITS)


@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_a_png_text_called_transparency_is_no_transparency(mode: str) -> None:
    text = PngImagePlugin.PngInfo()
    text.add_text("transparency", "none")

    assert not decode(encode(CAT.convert(mode), "PNG", pnginfo=text), limits=LIMITS).has_alpha


def test_a_png_text_key_does_not_hide_the_exif_orientation() -> None:
    text = PngImagePlugin.PngInfo()
    text.add_text("original_orientation", "1")

    assert decode(encode(CAT, "PNG", pnginfo=text, exif=exif(6)), limits=LIMITS).orientation == 6


def test_deep_grey_with_transparency_is_not_clipped_to_white() -> None:
    data = encode(Image.fromarray(np.full((4, 4), 40_000, np.uint16)), "PNG", transparency=7)

    assert decode(data, limits=LIMITS).pixels.getpixel((0, 0)) == (156, 156, 156)


def test_both_byte_orders_of_16_bits_give_the_same_picture() -> None:
    samples = np.full((8, 8), 20_000, np.uint16)
    little, big = (np.asarray(decode(grey_tiff(samples, order=order), limits=LIMITS).pixels) for order in "<>")

    assert np.array_equal(little, big)


def test_a_little_overshoot_does_not_darken_a_picture_of_floats() -> None:
    samples = np.broadcast_to(np.linspace(0, 1.01, 64), (8, 64)).astype(np.float32)

    assert np.asarray(decode(grey_tiff(samples, sample_format=3), limits=LIMITS).pixels).max() > 200


def test_a_single_infinity_does_not_blacken_the_rest() -> None:
    samples = np.full((8, 8), 0.5, np.float32)
    samples[0, 0] = np.inf

    assert np.asarray(decode(grey_tiff(samples, sample_format=3), limits=LIMITS).pixels)[4, 4, 0] > 100


def test_a_bigtiff_with_an_impossible_offset_is_refused() -> None:
    data = encode(CAT, "TIFF", big_tiff=True)
    at = next(data.index(tag) for kind in (4, 16) if (tag := struct.pack("<HH", 273, kind)) in data)

    with pytest.raises(ImageRejected):
        decode(patched(data, at + 2, struct.pack("<HQ", 16, 1) + b"\xff" * 8), limits=LIMITS)


def test_a_tiff_whose_strips_cover_a_sliver_is_refused() -> None:
    data = grey_tiff(np.full((8, 8), 200, np.uint8))
    tall = data.replace(struct.pack("<HHII", 257, 4, 1, 8), struct.pack("<HHII", 257, 4, 1, 6_000_000))

    with pytest.raises(ImageCorrupt, match="fewer strips"):
        decode(tall, limits=LIMITS)


def test_what_follows_a_jpeg_is_no_scan() -> None:
    """Phones append clips of megabytes: in random bytes a scan's marker stands once in 64 KiB."""
    clip = b"\xff\xda\x00\x02" * 1_000 + np.random.default_rng(1).bytes(2**23)

    assert decode(encode(CAT, "JPEG") + clip, limits=LIMITS).pixels.size == CAT.size


def test_scans_in_a_jpegs_comment_are_none() -> None:
    data = encode(CAT, "JPEG")
    comment = b"\xff\xda" * 1_000
    with_comment = data[:2] + b"\xff\xfe" + struct.pack(">H", len(comment) + 2) + comment + data[2:]

    assert decode(with_comment, limits=LIMITS).pixels.size == CAT.size


def test_a_jpeg_of_endless_segments_is_refused() -> None:
    data = encode(CAT, "JPEG")
    segments = b"\xff\xfe\x00\x04\xff\xda" * 20_000

    with pytest.raises(ImageCorrupt, match="segments"):
        decode(data[:2] + segments + data[2:], limits=LIMITS)


def test_a_jpeg_of_endless_scans_is_refused() -> None:
    data = encode(CAT, "JPEG", progressive=True)
    scan = data.rindex(b"\xff\xda")
    repeated = data[:-2] + data[scan:-2] * MOST_JPEG_SCANS + data[-2:]

    with pytest.raises(ImageCorrupt, match="scans"):
        decode(repeated, limits=LIMITS)


def test_frames_of_a_gif_are_counted_without_decoding_them() -> None:
    data = animation(20, "GIF")

    assert len(list(iter_gif_frames(data))) == Image.open(io.BytesIO(data)).n_frames == 20  # type: ignore[attr-defined]


def test_pages_of_a_tiff_are_counted_only_up_to_the_limit() -> None:
    with pytest.raises(TooManyFrames):
        decode(animation(20, "TIFF"), limits=ImageLimits(frames=10))


@pytest.mark.parametrize("cut", [1, 2, 3])
def test_a_heic_that_ends_inside_a_box_length_is_cut_off(cut: int) -> None:
    assert is_cut_off(encode(CAT, "HEIC")[: 24 + cut], "HEIF")
