"""What decoding will cost in memory is told from the header, and is not less than it turns out to be."""

import io
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from pipelines.image.decode import ImageLimits, decode
from pipelines.image.decode_cost import PICTURE_BYTES, estimate_decode_bytes
from tests.pipelines.image.bombs import header_bombs, patched
from tests.pipelines.images import encode, exif, frames, png_chunk, png_header

WIDTH, HEIGHT = 2400, 1600
PIXELS = WIDTH * HEIGHT
LIMITS = ImageLimits()
GREY = Image.linear_gradient("L").resize((WIDTH, HEIGHT))
RGB = Image.merge("RGB", (GREY, GREY.rotate(180), GREY))
RGBA = Image.merge("RGBA", (*RGB.split(), GREY))
DEEP = Image.fromarray(np.asarray(GREY).astype(np.uint16) * 256)
SIDEWAYS = Image.Exif()
SIDEWAYS[0x0112] = 6


def write_float_colours(image: Image.Image) -> bytes:
    file = io.BytesIO()
    tifffile.imwrite(file, np.asarray(image, np.float32) / 255, photometric="rgb", compression="zlib")
    return file.getvalue()


FILES = {
    "jpeg": encode(RGB, "JPEG"),
    "jpeg grey": encode(GREY, "JPEG"),
    "jpeg cmyk": encode(RGB.convert("CMYK"), "JPEG"),
    "jpeg sideways": encode(RGB, "JPEG", exif=exif(6)),
    "jpeg progressive": encode(RGB, "JPEG", progressive=True),
    "jpeg progressive 444 sideways": encode(RGB, "JPEG", progressive=True, subsampling=0, exif=exif(6)),
    "jpeg progressive cmyk": encode(RGB.convert("CMYK"), "JPEG", progressive=True),
    "png": encode(RGB, "PNG"),
    "png grey": encode(GREY, "PNG"),
    "png deep": encode(DEEP, "PNG"),
    "png palette": encode(RGB.quantize(64), "PNG"),
    "png palette with alpha": encode(RGB.quantize(64), "PNG", transparency=3),
    "png grey with alpha": encode(RGBA.convert("LA"), "PNG"),
    "png alpha sideways": encode(RGBA, "PNG", exif=SIDEWAYS),
    "gif": encode(RGB.quantize(64), "GIF"),
    "gif with transparency": encode(RGB.quantize(64), "GIF", transparency=3),
    "bmp": encode(RGB, "BMP"),
    "webp": encode(RGB, "WEBP", method=0),
    "webp alpha sideways": encode(RGBA, "WEBP", method=0, exif=SIDEWAYS),
    "webp lossless": encode(RGBA, "WEBP", lossless=True, method=0),
    "webp animated": encode(RGB, "WEBP", method=0, save_all=True, append_images=[RGB.rotate(180)]),
    "tiff": encode(RGB, "TIFF", compression="tiff_lzw"),
    "tiff float": encode(GREY.convert("F"), "TIFF", compression="tiff_lzw"),
    "tiff integer": encode(GREY.convert("I"), "TIFF", compression="tiff_lzw"),
    "tiff cmyk in one strip": encode(RGB.convert("CMYK"), "TIFF", compression="tiff_lzw", strip_size=2**30),
    "tiff float colours": write_float_colours(RGB),
    "tiff alpha sideways": encode(RGBA, "TIFF", compression="tiff_lzw", exif=SIDEWAYS),
    "avif": encode(RGB, "AVIF", speed=10),
    "avif 444 sideways": encode(RGBA, "AVIF", speed=10, subsampling="4:4:4", exif=SIDEWAYS),
}
NOISE_BYTES = 6 * 2**20  # libraries' own memory, what is between blocks, and the peak is known to a mebibyte


@pytest.mark.parametrize("shorter_side", [None, 200])
def test_no_format_takes_more_than_its_header_says(tmp_path: Path, shorter_side: int | None) -> None:
    for name, data in FILES.items():
        (tmp_path / name).write_bytes(data)

    command = [sys.executable, "-m", "tests.pipelines.image.decode_peaks", str(tmp_path), str(shorter_side or 0)]
    printed = subprocess.run(command, capture_output=True, text=True, check=True, timeout=300).stdout
    peaks = {name: int(peak) for name, peak in (line.split("\t") for line in printed.splitlines())}

    over = {
        name: (peak / PIXELS, estimate / PIXELS)
        for name, peak in peaks.items()
        if peak
        > (estimate := estimate_decode_bytes(FILES[name], limits=LIMITS, shorter_side=shorter_side)) + NOISE_BYTES
    }
    assert peaks.keys() == FILES.keys()
    assert over == {}


@pytest.mark.parametrize("name", ["tiff float", "tiff integer", "png grey with alpha", "png palette with alpha"])
def test_no_kind_of_pixels_costs_more_than_others_while_it_is_converted(name: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(FILES[name])

    command = [sys.executable, "-m", "tests.pipelines.image.decode_peaks", str(tmp_path), "0"]
    printed = subprocess.run(command, capture_output=True, text=True, check=True, timeout=300).stdout

    assert int(printed.split("\t")[1]) <= PICTURE_BYTES * PIXELS  # float was 48 bytes a pixel, alpha 16


@pytest.mark.parametrize("side", [150, 200, 400, 401, 799, 800, 1600, None])
def test_a_jpeg_costs_what_its_decoder_makes_of_it(side: int | None) -> None:
    decoded = decode(FILES["jpeg"], limits=LIMITS, shorter_side=side).pixels

    assert estimate_decode_bytes(FILES["jpeg"], limits=LIMITS, shorter_side=side) == (
        decoded.width * decoded.height * PICTURE_BYTES
    )


def test_coefficients_of_a_progressive_jpeg_cost_the_same_at_every_scale() -> None:
    data = FILES["jpeg progressive"]  # 4:2:0: one and a half samples a pixel, two bytes each

    scaled, plain = (estimate_decode_bytes(one, limits=LIMITS, shorter_side=200) for one in (data, FILES["jpeg"]))

    assert scaled - plain == 3 * PIXELS


@pytest.mark.parametrize("name", header_bombs())
def test_a_header_bomb_costs_no_more_than_the_largest_image(name: str) -> None:
    cost = estimate_decode_bytes(header_bombs()[name], limits=LIMITS)

    assert PICTURE_BYTES * LIMITS.pixels <= cost <= 24 * LIMITS.pixels


@pytest.mark.parametrize(
    "data", [b"", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"II*\0", b"GIF89a", b"BM", b"RIFF0000WEBP"]
)
def test_an_unreadable_header_costs_the_most_or_nothing(data: bytes) -> None:
    cost = estimate_decode_bytes(data, limits=LIMITS)

    assert cost == 0 if not data else cost >= PICTURE_BYTES * LIMITS.pixels


def test_what_is_no_image_costs_nothing() -> None:
    assert estimate_decode_bytes(b"%PDF-1.7", limits=LIMITS) == 0
    assert estimate_decode_bytes(b"plain text", limits=LIMITS) == 0


def test_the_larger_of_two_headers_counts() -> None:
    small, large, pixels = png_header(8, 8)[8:], png_header(3000, 2000), png_chunk(b"IDAT", b"")
    doubled = large + small + pixels

    assert estimate_decode_bytes(doubled, limits=LIMITS) == estimate_decode_bytes(large + pixels, limits=LIMITS)


def test_the_larger_of_two_jpeg_headers_counts() -> None:
    data = encode(Image.new("RGB", (8, 8)), "JPEG")
    start = data.index(b"\xff\xc0")
    segment = data[start : start + 2 + int.from_bytes(data[start + 2 : start + 4], "big")]
    doubled = data[:start] + patched(segment, 5, struct.pack(">HH", 2000, 3000)) + data[start:]

    assert estimate_decode_bytes(doubled, limits=LIMITS) == 3000 * 2000 * PICTURE_BYTES


def test_a_gif_of_one_byte_blocks_costs_its_frame() -> None:
    data = patched(encode(Image.new("P", (8, 8)), "GIF"), 6, struct.pack("<HH", 900, 600))
    at = data.index(b",")
    comment = b"!\xfe" + b"\1x" * 100_000 + b"\0"

    cost = estimate_decode_bytes(data[:at] + comment + data[at:], limits=LIMITS)

    assert cost == estimate_decode_bytes(encode(Image.new("P", (900, 600)), "GIF"), limits=LIMITS)
    assert cost <= 24 * 900 * 600


def test_each_page_of_a_tiff_costs_its_own_pixels() -> None:
    first, *others = frames(1, (300, 200)) + frames(1, (40, 20))
    data = encode(first, "TIFF", save_all=True, append_images=others)

    costs = [estimate_decode_bytes(data, limits=LIMITS, frame=frame) for frame in (0, 1)]

    assert costs[0] == costs[1] * (300 * 200) // (40 * 20)


def test_the_header_is_read_without_decoding() -> None:
    cut_off = FILES["jpeg"][:1000]

    assert estimate_decode_bytes(cut_off, limits=LIMITS) == PIXELS * PICTURE_BYTES
