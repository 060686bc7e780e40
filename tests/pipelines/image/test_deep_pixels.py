"""Pictures with more than 8 bits are shown by the values that they hold."""

import io
import struct
import zlib
from typing import Any, Literal

import cv2
import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray
from PIL import Image

from pipelines.errors import ImageUnsupported
from pipelines.image.decode import ImageLimits, decode
from tests.pipelines.images import TIFF_LONG, TIFF_SHORT, Pixels, encode, grey_tiff, photograph, png_chunk, tiff

CAT = np.asarray(photograph("cat", (96, 64)))
GREY = np.asarray(photograph("cat", (96, 64)).convert("L"))


def show(data: bytes) -> Pixels:
    return np.asarray(decode(data, limits=ImageLimits()).pixels)


def differ(shown: Pixels, expected: Pixels) -> float:
    """The mean, in levels."""
    expected = expected if expected.ndim == 3 else np.repeat(expected[..., None], 3, axis=2)
    return float(np.abs(shown.astype(np.int16) - expected).mean())


def deep_colours(values: NDArray[np.uint16], kind: str) -> bytes:
    """Grey with alpha (PNG only), RGB or RGBA of 16 bits, which Pillow cannot write."""
    if kind == "PNG":
        rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
        colour_type = {2: 4, 3: 2, 4: 6}[values.shape[2]]
        head = struct.pack(">IIBBBBB", values.shape[1], values.shape[0], 16, colour_type, 0, 0, 0)
        chunks = (b"IHDR", head), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")
        return b"\x89PNG\r\n\x1a\n" + b"".join(png_chunk(*chunk) for chunk in chunks)
    is_plain = kind == "TIFF"
    options = [cv2.IMWRITE_TIFF_COMPRESSION, 1 if is_plain else 5]
    return bytes(cv2.imencode(".tiff", values[..., ::-1], options)[1].tobytes())


@pytest.mark.parametrize("bits", [8, 10, 12, 14, 16])
@pytest.mark.parametrize("kind", ["PNG", "TIFF", "int32"])
def test_few_bits_in_deep_grey_are_seen(kind: str, bits: int) -> None:
    values = GREY.astype(np.uint32) << bits - 8
    data = grey_tiff(values) if kind == "int32" else encode(Image.fromarray(values.astype(np.uint16)), kind)

    assert differ(show(data), GREY) < 1.5


@pytest.mark.parametrize("bits", [8, 10, 12, 14, 16])
@pytest.mark.parametrize("kind", ["PNG", "TIFF", "TIFF, LZW"])
def test_few_bits_in_deep_colours_are_seen(kind: str, bits: int) -> None:
    data = deep_colours(CAT.astype(np.uint16) * np.uint16(1 << bits - 8), kind)

    assert differ(show(data), CAT) < 1.5


@pytest.mark.parametrize("bits", [12, 16])
@pytest.mark.parametrize("order", "<>")
def test_planes_of_deep_colours_are_seen(order: str, bits: int) -> None:
    planes = [CAT[..., plane].astype(np.uint16) * np.uint16(1 << bits - 8) for plane in range(3)]
    data = b"".join(plane.astype(order + "u2").tobytes() for plane in planes)
    size, table = len(data) // 3, len(data) + 8
    numbers = struct.pack(order + "6I3H", 8, 8 + size, 8 + 2 * size, size, size, size, 16, 16, 16)
    entries = (
        (256, TIFF_LONG, 1, CAT.shape[1]),
        (257, TIFF_LONG, 1, CAT.shape[0]),
        (258, TIFF_SHORT, 3, table + 24),
        (259, TIFF_SHORT, 1, 1),
        (262, TIFF_SHORT, 1, 2),
        (273, TIFF_LONG, 3, table),
        (277, TIFF_SHORT, 1, 3),
        (278, TIFF_LONG, 1, CAT.shape[0]),
        (279, TIFF_LONG, 3, table + 12),
        (284, TIFF_SHORT, 1, 2),
    )

    assert differ(show(tiff(*entries, data=data + numbers, order=order)), CAT) < 1.5


def test_dim_colours_keep_their_transparency() -> None:
    values = np.dstack([CAT.astype(np.uint16) << 4, np.full(GREY.shape, 0x8000, np.uint16)])

    picture = decode(deep_colours(values, "PNG"), limits=ImageLimits())

    assert picture.see_through is not None
    assert picture.see_through.getchannel("A").getextrema() == (128, 128)
    assert differ(np.asarray(picture.see_through.convert("RGB")), CAT) < 1.5


@pytest.mark.parametrize("bits", [8, 10, 12, 14, 16])
def test_few_bits_in_deep_grey_with_alpha_are_seen(bits: int) -> None:
    values = np.dstack([GREY.astype(np.uint16) << bits - 8, np.full(GREY.shape, 0x8000, np.uint16)])

    picture = decode(deep_colours(values, "PNG"), limits=ImageLimits())

    assert picture.see_through is not None
    assert picture.see_through.getchannel("A").getextrema() == (128, 128)
    assert differ(np.asarray(picture.see_through.convert("RGB")), GREY) < 1.5


def test_bright_deep_colours_keep_their_upper_bytes() -> None:
    values = np.random.default_rng(1).integers(0, 2**16, (8, 8, 3)).astype(np.uint16)

    assert np.array_equal(show(deep_colours(values, "PNG")), values >> 8)


DEEP: dict[str, NDArray[Any]] = {
    "unsigned 16 bits": GREY.astype(np.uint16) << 8,
    "unsigned 32 bits": GREY.astype(np.uint32) * 16_843_009,
    "signed 8 bits": (GREY.astype(np.int16) - 128).astype(np.int8),
    "signed 16 bits": ((GREY.astype(np.int32) - 128) * 257).astype(np.int16),
    "signed 32 bits": (GREY.astype(np.int32) - 128) * 16_843_009,
    "floats": GREY.astype(np.float32) / 255,
    "doubles": GREY.astype(np.float64) / 255,
}


@pytest.mark.parametrize("layout", [{}, {"compression": "zlib"}, {"tile": (32, 32)}], ids=["raw", "zlib", "tiles"])
@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("values", DEEP.values(), ids=DEEP)
def test_deep_tiffs_look_the_same_in_every_layout(values: NDArray[Any], order: Any, layout: dict[str, Any]) -> None:
    assert correlate(show(write_tiff(values, order=order, **layout))) > 0.999


@pytest.mark.parametrize("name", ["unsigned 16 bits", "unsigned 32 bits", "floats"])
def test_the_least_value_may_be_white(name: str) -> None:
    assert correlate(show(write_tiff(DEEP[name], photometric="miniswhite"))) < -0.999


COLOURS: dict[str, NDArray[Any]] = {
    "unsigned 32 bits": CAT.astype(np.uint32) << 24,
    "signed 8 bits": (CAT.astype(np.int16) - 128).astype(np.int8),
    "signed 16 bits": ((CAT.astype(np.int32) - 128) * 257).astype(np.int16),
    "signed 32 bits": (CAT.astype(np.int32) - 128) * 16_843_009,
    "floats": CAT.astype(np.float32) / 255,
    "doubles": CAT.astype(np.float64) / 255,
    "floats of 12 bits": CAT.astype(np.float32) * 16,
}
LAYOUTS: dict[str, dict[str, Any]] = {
    "one strip": {"rowsperstrip": 64},
    "strips": {"rowsperstrip": 7},
    "zlib": {"compression": "zlib", "rowsperstrip": 7},
    "tiles": {"tile": (32, 32)},
    "tiles, zlib": {"tile": (32, 32), "compression": "zlib"},
}


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("values", COLOURS.values(), ids=COLOURS)
def test_deep_colours_of_tiffs_look_the_same(values: NDArray[Any], order: Any, layout: dict[str, Any]) -> None:
    shown = show(write_tiff(values, order=order, photometric="rgb", **layout))

    assert np.corrcoef(shown.ravel(), CAT.ravel())[0, 1] > 0.998


def test_channels_of_deep_colours_are_scaled_alike() -> None:
    shown = show(write_tiff(CAT.astype(np.float32) / 255, photometric="rgb"))

    assert np.array_equal(shown, CAT)


def test_every_page_of_deep_colours_is_read() -> None:
    file = io.BytesIO()
    with tifffile.TiffWriter(file) as writer:
        for page in (CAT, CAT[:, ::-1]):
            writer.write(page.astype(np.float32) / 255, photometric="rgb")

    shown = decode(file.getvalue(), limits=ImageLimits(), frame=1).pixels

    assert np.array_equal(np.asarray(shown), CAT[:, ::-1])


@pytest.mark.parametrize(
    ("values", "options", "words"),
    [
        (np.dstack([CAT, GREY]).astype(np.float32), {"photometric": "rgb"}, "4 floating-point numbers of 32 bits"),
        (np.moveaxis(CAT, 2, 0).astype(np.float32), {"photometric": "rgb", "planarconfig": "separate"}, "3 floating"),
        (GREY.astype(np.uint64), {}, "1 unsigned integers of 64 bits"),
        (CAT.astype(np.float16), {"photometric": "rgb"}, "3 floating-point numbers of 16 bits"),
    ],
    ids=["alpha", "planes", "64 bits", "16 bits"],
)
def test_pixels_that_no_reader_knows_are_named(values: NDArray[Any], options: dict[str, Any], words: str) -> None:
    with pytest.raises(ImageUnsupported, match=f"pixels of {words}"):
        show(write_tiff(values, **options))


def correlate(shown: Pixels) -> float:
    """With the grey photograph."""
    return float(np.corrcoef(shown[..., 0].ravel(), GREY.ravel())[0, 1])


def write_tiff(values: NDArray[Any], *, order: Literal["<", ">"] = "<", **options: Any) -> bytes:
    file = io.BytesIO()
    with tifffile.TiffWriter(file, byteorder=order) as writer:
        writer.write(values, **options)
    return file.getvalue()


SIGNED: dict[str, NDArray[Any]] = {
    "Hounsfield units": GREY.astype(np.int32) * 12 - 1024,
    "signed 16 bits": (GREY.astype(np.int32) * 256 - 32_768).astype(np.int16),
    "signed 8 bits": (GREY.astype(np.int16) - 128).astype(np.int8),
    "signed floats": GREY.astype(np.float32) / 128 - 1,
    "small shares": GREY.astype(np.float32) * 1e-4,
    "heights": GREY.astype(np.float32) / 10 + 300,
    "labels": GREY.astype(np.uint32) // 8,
    "large floats": GREY.astype(np.float32) * 1e30,
}


@pytest.mark.parametrize("values", SIGNED.values(), ids=SIGNED)
def test_other_ranges_are_stretched(values: NDArray[Any]) -> None:
    kind = {"i": 2, "f": 3}.get(values.dtype.kind, 1)

    shown = show(grey_tiff(values, sample_format=kind))

    assert correlate(shown) > 0.99
    assert int(shown.max()) - int(shown.min()) > 180


@pytest.mark.parametrize(
    ("mark", "share"), [(-9999, 0.3), (-3.4e38, 0.1), (65_535, 0.0005), (9e9, 0.001), (float("inf"), 0.2)]
)
def test_marks_of_missing_values_leave_the_rest_visible(mark: float, share: float) -> None:
    is_missing = np.random.default_rng(2).random(GREY.shape) < share
    values = np.where(is_missing, np.float32(mark), GREY.astype(np.float32) / 255)

    shown = show(grey_tiff(values, sample_format=3))[..., 0]

    assert np.corrcoef(shown[~is_missing], GREY[~is_missing])[0, 1] > 0.99
    assert shown[~is_missing].max() - shown[~is_missing].min() > 180


def test_a_hot_pixel_does_not_darken_a_sensors_picture() -> None:
    values = GREY.astype(np.uint16) << 4
    values[3, 3] = 65_535

    assert differ(show(encode(Image.fromarray(values), "PNG")), GREY) < 1.5


def test_a_few_bright_lines_stay_the_brightest() -> None:
    values = np.zeros((64, 64), np.uint16)
    values[5, :10] = 40_000

    assert show(encode(Image.fromarray(values), "PNG"))[5, :10].min() > 100
