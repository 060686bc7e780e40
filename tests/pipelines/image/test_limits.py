"""Limits of bytes, pixels and frames apply before anything is decoded; a small file cannot use much memory."""

import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from pipelines.errors import ImageEmpty, ImageTooLarge, TooManyBytes, TooManyFrames, TooManyPixels
from pipelines.image.decode import ImageLimits, decode
from tests.pipelines.image.bombs import header_bombs
from tests.pipelines.images import animation, encode

ROOT = Path(__file__).parents[3]
BOMBS = header_bombs()
MOST_MEBIBYTES = 50

Costs = dict[str, tuple[str, int]]


def picture(width: int, height: int, format: str = "PNG") -> bytes:
    return encode(Image.new("RGB", (width, height)), format)


def test_no_bytes_are_no_image() -> None:
    with pytest.raises(ImageEmpty):
        decode(b"", limits=ImageLimits())


def test_bytes_are_counted_before_the_format_is_read() -> None:
    with pytest.raises(TooManyBytes, match="101 bytes; the limit is 100"):
        decode(b"x" * 101, limits=ImageLimits(bytes=100))


def test_as_many_bytes_as_the_limit_are_accepted() -> None:
    data = picture(4, 4)

    assert decode(data, limits=ImageLimits(bytes=len(data))).data == data


FORMATS = ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "HEIC"]


@pytest.mark.parametrize("format", FORMATS[1:])
def test_one_pixel_over_the_limit_is_refused_in_every_format(format: str) -> None:
    with pytest.raises(TooManyPixels, match="40 x 25 = 1,000 pixels; the limit is 999"):
        decode(picture(40, 25, format), limits=ImageLimits(pixels=999))


@pytest.mark.parametrize("format", FORMATS)
def test_as_many_pixels_as_the_limit_are_accepted(format: str) -> None:
    found = decode(picture(40, 25, format), limits=ImageLimits(pixels=1000))

    assert (found.width, found.height) == (40, 25)


@pytest.mark.parametrize(
    ("pixels", "side", "expected"),
    [(999_999, None, 500), (250_000, None, 500), (249_999, None, 250), (20_000, 800, 125), (999_999, 200, 250)],
)
def test_a_jpeg_is_decoded_at_the_scale_that_has_room(pixels: int, side: int | None, expected: int) -> None:
    found = decode(picture(1000, 1000, "JPEG"), limits=ImageLimits(pixels=pixels), shorter_side=side)

    assert found.pixels.size == (expected, expected)
    assert (found.width, found.height) == (1000, 1000)


def test_a_jpeg_too_large_for_every_scale_is_refused() -> None:
    with pytest.raises(TooManyPixels, match="the limit is 10,000"):
        decode(picture(1000, 1000, "JPEG"), limits=ImageLimits(pixels=10_000))


def test_the_header_of_a_jpeg_has_a_limit_of_its_own() -> None:
    limits = ImageLimits(pixels=100_000, header_pixels=999_999)

    with pytest.raises(TooManyPixels, match="the limit is 999,999"):
        decode(picture(1000, 1000, "JPEG"), limits=limits)


@pytest.mark.parametrize("kind", ["progressive", "one scan for each channel"])
def test_coefficients_that_a_jpeg_keeps_count_as_pixels(kind: str) -> None:
    image = Image.new("RGB", (1000, 1000))
    data = encode(image, "JPEG", progressive=True) if kind == "progressive" else split_scans(encode(image, "JPEG"))

    with pytest.raises(TooManyPixels, match="the limit is 999,999"):
        decode(data, limits=ImageLimits(pixels=999_999), shorter_side=100)


def split_scans(jpeg: bytes) -> bytes:
    """As if the first scan had the first of several channels alone."""
    at = jpeg.index(b"\xff\xda")
    size = int.from_bytes(jpeg[at + 2 : at + 4], "big")
    return jpeg[:at] + b"\xff\xda\x00\x08\x01" + jpeg[at + 5 : at + 7] + b"\x00\x3f\x00" + jpeg[at + 2 + size :]


@pytest.mark.parametrize("format", ["GIF", "PNG", "WEBP", "TIFF", "AVIF"])
def test_more_frames_than_the_limit_are_refused(format: str) -> None:
    with pytest.raises(TooManyFrames, match="at least 20 frames; the limit is 19"):
        decode(animation(20, format), limits=ImageLimits(frames=19))


def test_a_gif_of_twice_as_many_frames_is_refused() -> None:
    with pytest.raises(TooManyFrames, match=r"at least \d+ frames; the limit is 10"):
        decode(animation(20, "GIF"), limits=ImageLimits(frames=10))


@pytest.mark.parametrize("format", ["GIF", "PNG", "WEBP", "TIFF", "AVIF"])
def test_as_many_frames_as_the_limit_are_accepted(format: str) -> None:
    assert decode(animation(20, format), limits=ImageLimits(frames=20)).frames == 20


def test_every_limit_is_a_kind_of_too_large() -> None:
    kinds = (TooManyBytes, TooManyPixels, TooManyFrames)

    assert all(issubclass(kind, ImageTooLarge) for kind in kinds)
    assert len({kind.code for kind in kinds}) == 3


@pytest.mark.parametrize("name", BOMBS)
def test_a_header_that_claims_a_huge_picture_is_refused(name: str) -> None:
    assert len(BOMBS[name]) < 10_000

    with pytest.raises(TooManyPixels):
        decode(BOMBS[name], limits=ImageLimits())


def test_the_refusal_names_the_size_and_the_limit() -> None:
    with pytest.raises(TooManyPixels, match="50000 x 50000 = 2,500,000,000 pixels; the limit is 64,000,000"):
        decode(BOMBS["PNG"], limits=ImageLimits())


@pytest.fixture(scope="module")
def costs(tmp_path_factory: pytest.TempPathFactory) -> Costs:
    """The outcome of decoding each bomb in a process of its own, and by how many MiB it raised the peak memory."""
    folder = tmp_path_factory.mktemp("bombs")
    for name, data in BOMBS.items():
        (folder / name).write_bytes(data)
    done = subprocess.run(
        [sys.executable, "-m", "tests.pipelines.image.bombs", str(folder)],
        cwd=ROOT, capture_output=True, text=True, check=True, timeout=120,
    )  # fmt: skip
    rows = (line.split("\t") for line in done.stdout.splitlines())
    return {name: (outcome, int(growth)) for name, outcome, growth in rows}


@pytest.mark.parametrize("name", BOMBS)
def test_a_header_bomb_allocates_nothing(costs: Costs, name: str) -> None:
    outcome, mebibytes = costs[name]

    assert outcome == "TooManyPixels"
    assert mebibytes < MOST_MEBIBYTES
