"""HEIF and AVIF files whose structure is refused before a native decoder sees it, and those that must pass."""

import struct
from contextlib import suppress
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from pipelines.errors import ImageCorrupt, ImageRejected, ImageTruncated, TooManyPixels
from pipelines.image.decode import ImageLimits, decode
from pipelines.image.heif.structure import check_heif
from tests.hostile_heic import HOSTILE, SIDE, HeicLayout, alpha, coded, derived
from tests.pipelines.images import animation, encode, exif, photograph

PIXELS = 1_000_000
CAT = photograph("cat", (120, 80))
AVIF = encode(CAT, "AVIF", exif=exif(6))
GRID = struct.pack(">BBBBHH", 0, 0, 0, 1, 2 * SIDE, SIDE)  # a row of two tiles


def tiled(*tiles: tuple[bytes, bytes, list[bytes]]) -> HeicLayout:
    size = struct.pack(">I4sIII", 20, b"ispe", 0, 2 * SIDE, SIDE)
    items = {1: (b"grid", GRID, [size])} | dict(enumerate(tiles, 2))
    return HeicLayout(items, [(b"dimg", 1, number) for number in range(2, 2 + len(tiles))])


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_is_refused(name: str) -> None:
    with pytest.raises(ImageCorrupt):
        check_heif(HOSTILE[name].to_bytes(), "HEIF", pixels=PIXELS)


@pytest.mark.parametrize("kind", [b"unci", b"iovl", b"mski", b"tili", b"j2k1", b"vvc1", b"rgan", b"\0\0\0\0"])
def test_items_that_pictures_do_not_have_are_refused(kind: bytes) -> None:
    layout = HeicLayout({1: coded(), 2: (kind, b"", [])})

    with pytest.raises(ImageCorrupt):
        check_heif(layout.to_bytes(), "HEIF", pixels=PIXELS)


@pytest.mark.parametrize("kind", [b"Exif", b"mime", b"uri ", b"tmap", b"jpeg"])
def test_items_of_phones_and_cameras_ride_along(kind: bytes) -> None:
    layout = HeicLayout({1: coded(), 2: (kind, bytes(36), [])}, [(b"cdsc", 2, 1)])

    assert decode(layout.to_bytes(), limits=ImageLimits()).pixels.size == (SIDE, SIDE)


def test_a_grey_picture_passes() -> None:
    assert decode(HeicLayout({1: coded(is_grey=True)}).to_bytes(), limits=ImageLimits()).mode == "L"


def test_an_alpha_of_its_own_passes() -> None:
    kind, data, boxes = coded(is_grey=True)
    layout = HeicLayout({1: coded(), 2: (kind, data, [*boxes, alpha()])}, [(b"auxl", 2, 1)])

    assert decode(layout.to_bytes(), limits=ImageLimits()).has_alpha


def test_another_item_under_another_number_passes() -> None:
    layout = HeicLayout({1: derived(b"iden"), 2: coded()}, [(b"dimg", 1, 2)])

    check_heif(layout.to_bytes(), "HEIF", pixels=PIXELS)


def test_tiles_pass() -> None:
    layout = tiled(coded(), coded())

    check_heif(layout.to_bytes(), "HEIF", pixels=PIXELS)


def test_tiles_of_tiles_are_refused() -> None:
    layout = HeicLayout({1: derived(b"grid"), 2: derived(b"grid"), 3: coded()}, [(b"dimg", 1, 2), (b"dimg", 2, 3)])

    with pytest.raises(ImageCorrupt, match="item 1"):
        check_heif(layout.to_bytes(), "HEIF", pixels=PIXELS)


def test_a_chain_of_auxiliaries_ends_somewhere() -> None:
    items = {number: coded() for number in range(1, 9)}
    layout = HeicLayout(items, [(b"auxl", number + 1, number) for number in range(1, 8)])

    with pytest.raises(ImageCorrupt, match="too deeply"):
        check_heif(layout.to_bytes(), "HEIF", pixels=PIXELS)


def test_a_stream_larger_than_its_header_is_refused() -> None:
    small = HeicLayout({1: coded()}).to_bytes().replace(struct.pack(">II", SIDE, SIDE), struct.pack(">II", 1, 1))
    lying = encode(Image.new("RGB", (400, 400)), "AVIF").replace(struct.pack(">II", 400, 400), struct.pack(">II", 4, 4))

    check_heif(small, "HEIF", pixels=PIXELS)  # within a block's border
    with pytest.raises(ImageCorrupt, match="larger than the header says"):
        check_heif(lying, "AVIF", pixels=PIXELS)


def test_every_picture_in_the_file_counts_against_the_limit() -> None:
    kind, data, [header, _] = coded()
    huge = struct.pack(">I4sIII", 20, b"ispe", 0, 50_000, 50_000)
    layout = HeicLayout({1: coded(), 2: (kind, data, [header, huge])})

    with pytest.raises(TooManyPixels):
        check_heif(layout.to_bytes(), "HEIF", pixels=PIXELS)


@pytest.mark.parametrize(
    ("subsampling", "quality", "mode"),
    [*product(("4:2:0", "4:2:2", "4:4:4"), (60, 100), ("RGB", "RGBA")), ("4:0:0", 60, "L")],
)
def test_avifs_of_every_kind_pass(subsampling: str, quality: int, mode: str) -> None:
    data = encode(CAT.convert(mode), "AVIF", subsampling=subsampling, quality=quality)

    check_heif(data, "AVIF", pixels=PIXELS)


def test_an_animated_avif_passes() -> None:
    check_heif(animation(4, "AVIF"), "AVIF", pixels=PIXELS)


@pytest.mark.parametrize("flag", [0x40, 0x10, 0x08], ids=["10 bits", "grey", "4:4:4"])
def test_an_avif_whose_header_differs_from_its_stream_is_refused(flag: int) -> None:
    at = AVIF.index(b"av1C") + 6
    changed = AVIF[:at] + bytes([AVIF[at] ^ flag]) + AVIF[at + 1 :]

    with pytest.raises(ImageCorrupt, match="bit depth or chroma"):
        check_heif(changed, "AVIF", pixels=PIXELS)


@pytest.mark.parametrize("end", range(12, 400, 7))
def test_a_file_that_is_cut_off_is_truncated(end: int) -> None:
    data = HeicLayout({1: coded()}).to_bytes()
    with pytest.raises(ImageRejected) as refused:
        decode(data[:end], limits=ImageLimits())

    assert isinstance(refused.value, ImageTruncated | ImageCorrupt)


FILES = [HeicLayout({1: coded(), 2: (b"Exif", bytes(36), [])}, [(b"cdsc", 2, 1)]).to_bytes()[:700], AVIF]


@settings(max_examples=500, deadline=None, derandomize=True)
@given(st.sampled_from(FILES), st.lists(st.tuples(st.floats(0, 1), st.binary(min_size=1, max_size=6)), max_size=4))
def test_any_bytes_are_sound_or_refused(data: bytes, edits: list[tuple[float, bytes]]) -> None:
    for place, new in edits:
        at = int(place * len(data))
        data = data[:at] + new + data[at + len(new) :]
    with suppress(ImageRejected):
        check_heif(data, "HEIF", pixels=PIXELS)
