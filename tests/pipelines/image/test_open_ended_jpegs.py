"""A JPEG that lacks its end marker is read; one that lacks pixels is not."""

import struct

import numpy as np
import pytest

from pipelines.errors import ImageRejected, ImageTruncated
from pipelines.image.decode import ImageLimits, decode
from pipelines.image.formats import iter_jpeg_segments
from pipelines.moderation.file_structure import read_file_structure
from tests.pipelines.images import encode, photograph

LIMITS = ImageLimits()
CAT = photograph("cat")
KINDS = {
    "baseline": encode(CAT, "JPEG", quality=85),
    "progressive": encode(CAT, "JPEG", quality=85, progressive=True),
    "grey": encode(CAT.convert("L"), "JPEG"),
    "restarts": encode(CAT, "JPEG", restart_marker_rows=1),
    "inks": encode(CAT.convert("CMYK"), "JPEG"),
}


@pytest.mark.parametrize("side", [None, 60])
@pytest.mark.parametrize("missing", [1, 2])
@pytest.mark.parametrize("data", KINDS.values(), ids=KINDS)
def test_a_missing_end_marker_costs_nothing(data: bytes, missing: int, side: int | None) -> None:
    whole = decode(data, limits=LIMITS, shorter_side=side).pixels

    assert decode(data[:-missing], limits=LIMITS, shorter_side=side).pixels.tobytes() == whole.tobytes()


def clip(brand: bytes, size: int = 400_000) -> bytes:
    """A video in which any bytes may stand."""
    noise = np.random.default_rng(1).bytes(size)
    return b"\0\0\0\x14ftyp" + brand + bytes(4) + brand + struct.pack(">I", size + 8) + b"mdat" + noise


@pytest.mark.parametrize("brand", [b"mp42", b"qt  "])
@pytest.mark.parametrize("missing", [0, 1, 2])
@pytest.mark.parametrize("data", KINDS.values(), ids=KINDS)
def test_a_clip_may_follow_where_the_end_marker_lacks(data: bytes, missing: int, brand: bytes) -> None:
    whole = decode(data, limits=LIMITS).pixels
    cut = data[: len(data) - missing]

    assert decode(cut + clip(brand), limits=LIMITS).pixels.tobytes() == whole.tobytes()
    assert read_file_structure(cut + clip(brand), "JPEG").end == len(cut)


def test_a_clip_replaces_no_pixels() -> None:
    data = KINDS["baseline"]

    with pytest.raises(ImageTruncated):
        decode(data[: len(data) // 2] + clip(b"mp42"), limits=LIMITS)


@pytest.mark.parametrize("share", [0.3, 0.9, 0.99])
@pytest.mark.parametrize("data", KINDS.values(), ids=KINDS)
def test_missing_pixels_are_still_an_error(data: bytes, share: float) -> None:
    with pytest.raises(ImageTruncated):
        decode(data[: int(len(data) * share)], limits=LIMITS)


@pytest.mark.parametrize("missing", [6, 20, 100])
@pytest.mark.parametrize("name", ["baseline", "grey", "inks"])
def test_the_last_blocks_count(name: str, missing: int) -> None:
    with pytest.raises(ImageTruncated):
        decode(KINDS[name][:-missing], limits=LIMITS)


@pytest.mark.parametrize("padding", [b"\0", b"\0" * 100_000, b"\xff" * 9])
@pytest.mark.parametrize("data", KINDS.values(), ids=KINDS)
def test_padding_may_follow_where_the_end_marker_lacks(data: bytes, padding: bytes) -> None:
    whole = decode(data, limits=LIMITS).pixels

    assert decode(data[:-2] + padding, limits=LIMITS).pixels.tobytes() == whole.tobytes()


@pytest.mark.parametrize("data", KINDS.values(), ids=KINDS)
def test_padding_replaces_no_pixels(data: bytes) -> None:
    with pytest.raises(ImageRejected):
        decode(data[: len(data) // 2] + bytes(len(data)), limits=LIMITS)


def test_a_progressive_jpeg_needs_all_its_scans() -> None:
    data = KINDS["progressive"]
    scans = [start for marker, start, _ in iter_jpeg_segments(data) if marker == 0xDA]

    with pytest.raises(ImageTruncated):
        decode(data[: scans[-1]], limits=LIMITS)


def test_a_jpeg_may_end_in_another_files_bytes() -> None:
    whole = decode(KINDS["baseline"], limits=LIMITS).pixels

    assert decode(KINDS["baseline"] + b"\0" * 5_000_000, limits=LIMITS).pixels.tobytes() == whole.tobytes()
