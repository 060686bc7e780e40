"""Recognising formats by their first bytes, and files that are cut off by their own structure."""

import base64
import struct
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from pipelines.image.formats import FileFormat, describe_content, is_cut_off, read_webp_size, sniff
from tests.pipelines.images import animation, encode, riff

PICTURE = Image.linear_gradient("L").convert("RGB").resize((32, 20))

FILES: dict[str, tuple[FileFormat, bytes]] = {
    "JPEG": ("JPEG", encode(PICTURE, "JPEG")),
    "MPO": ("JPEG", encode(PICTURE, "MPO", save_all=True, append_images=[PICTURE])),
    "PNG": ("PNG", encode(PICTURE, "PNG")),
    "APNG": ("PNG", animation(3, "PNG")),
    "WebP, lossy": ("WEBP", encode(PICTURE, "WEBP")),
    "WebP, lossless": ("WEBP", encode(PICTURE, "WEBP", lossless=True)),
    "WebP, animated": ("WEBP", animation(3, "WEBP")),
    "GIF": ("GIF", encode(PICTURE, "GIF")),
    "BMP": ("BMP", encode(PICTURE, "BMP")),
    "TIFF": ("TIFF", encode(PICTURE, "TIFF")),
    "TIFF, big": ("TIFF", encode(PICTURE, "TIFF", big_tiff=True)),
    "HEIC": ("HEIF", encode(PICTURE, "HEIC")),
    "AVIF": ("AVIF", encode(PICTURE, "AVIF")),
    "AVIF, animated": ("AVIF", animation(3, "AVIF")),
}
HAS_AN_END = [name for name in FILES if not name.startswith(("TIFF", "MPO"))]  # an MPO is two JPEGs in one file


def ftyp(major: bytes, *compatible: bytes) -> bytes:
    body = major + bytes(4) + b"".join(compatible)
    return struct.pack(">I4s", len(body) + 8, b"ftyp") + body


@pytest.mark.parametrize("name", FILES)
def test_every_format_is_known_by_its_first_bytes(name: str) -> None:
    format, data = FILES[name]

    assert sniff(data) == format


@pytest.mark.parametrize("start", [b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"])
def test_tiff_has_two_byte_orders_and_two_sizes(start: bytes) -> None:
    assert sniff(start + bytes(60)) == "TIFF"


@pytest.mark.parametrize(
    ("data", "format"),
    [
        (ftyp(b"heic", b"mif1"), "HEIF"),
        (ftyp(b"mif1", b"heic"), "HEIF"),
        (ftyp(b"mif1", b"avif", b"miaf"), "AVIF"),  # an AVIF is a HEIF too, and has a reader of its own
        (ftyp(b"avis", b"avif", b"msf1"), "AVIF"),
        (ftyp(b"isom", b"iso2", b"avc1", b"mp41"), None),
        (ftyp(b"qt  "), None),
        (ftyp(b"isom") + b"free" + b"heic" * 4, None),  # brands end with their box
        (b"RIFF\x24\0\0\0WAVEfmt ", None),
    ],
)
def test_iso_containers_are_distinguished_by_their_brands(data: bytes, format: FileFormat | None) -> None:
    assert sniff(data) == format


@given(st.binary(max_size=80))
def test_any_bytes_can_be_sniffed_described_and_measured(data: bytes) -> None:
    assert sniff(data) is None or describe_content(data) != ""
    assert read_webp_size(data) >= (0, 0)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b'<svg xmlns="http://www.w3.org/2000/svg"/>', "an SVG"),
        (b'\n  <?xml version="1.0"?><svg/>', "SVG"),
        (b"<!DOCTYPE html><html></html>", "an HTML page"),
        (b"<!doctype html>", "an HTML page"),
        (b"<HTML><BODY>404", "an HTML page"),
        (b"PK\x03\x04\x14\0", "a ZIP archive"),
        (ftyp(b"isom", b"mp41"), "a video"),
        (b"\0\0\1\0\1\0\x10\x10", "a Windows icon"),
        (b"8BPS\0\1", "a Photoshop file"),
        (b"\xff\x0a\xfa\x1f", "a JPEG XL image"),
        (b"\0\0\0\x0cJXL \r\n\x87\n", "a JPEG XL image"),
        (b"\0\0\0\x0cjP  \r\n\x87\n", "a JPEG 2000 image"),
        (b"data:image/png;base64,iVBORw0KGgo", "a data URL"),
        (base64.b64encode(encode(PICTURE, "PNG")), "a file in base64"),
        (base64.encodebytes(encode(PICTURE, "JPEG")), "a file in base64"),
        (b"abcdabcdabcdabcd", "an unknown format"),
        (b"once upon a time", "an unknown format (first bytes 6f 6e 63 65 20 75 70 6f)"),
    ],
)
def test_other_kinds_of_files_are_named(data: bytes, words: str) -> None:
    assert sniff(data) is None
    assert words in describe_content(data)


@pytest.mark.parametrize("before", [b"", b"\xef\xbb\xbf", b"\r\n" * 400])
def test_a_pdf_is_one_whatever_stands_in_front_of_it(before: bytes) -> None:
    data = before + b"%PDF-1.7\n"

    assert sniff(data) == "PDF"
    assert describe_content(data) == "a PDF"


@pytest.mark.parametrize("name", FILES)
def test_a_whole_file_is_not_cut_off(name: str) -> None:
    format, data = FILES[name]

    assert not is_cut_off(data, format)


@pytest.mark.parametrize("name", HAS_AN_END)
@pytest.mark.parametrize("keep", [0.5, 0.9])
def test_half_a_file_is_cut_off(name: str, keep: float) -> None:
    format, data = FILES[name]

    assert is_cut_off(data[: int(len(data) * keep)], format)


@pytest.mark.parametrize("name", HAS_AN_END)
def test_a_file_without_its_last_byte_is_cut_off(name: str) -> None:
    format, data = FILES[name]
    if name in {"PNG", "APNG"}:
        data = data[:-4]  # the checksum after the end marker is not checked

    assert is_cut_off(data[:-1], format)


@pytest.mark.parametrize("name", ["JPEG", "PNG", "WebP, lossy", "BMP"])
def test_bytes_after_the_end_do_no_harm(name: str) -> None:
    format, data = FILES[name]

    assert not is_cut_off(data + bytes(200), format)


@pytest.mark.parametrize(
    ("boxes", "is_cut"),
    [
        (ftyp(b"heic") + struct.pack(">I4s", 0, b"mdat") + bytes(9), False),  # size 0: to the end of the file
        (ftyp(b"heic") + struct.pack(">I4sQ", 1, b"mdat", 24) + bytes(8), False),  # size 1: 64 bits behind the name
        (ftyp(b"heic") + struct.pack(">I4sQ", 1, b"mdat", 24) + bytes(7), True),
        (ftyp(b"heic") + struct.pack(">I4s", 2**31, b"mdat") + bytes(9), True),
        (ftyp(b"heic") + b"\0\0\x20", True),  # not even a whole size
        (ftyp(b"heic") + struct.pack(">I4s", 7, b"mdat") + bytes(9), False),  # nonsense, but not cut off
    ],
)
def test_iso_boxes_say_where_they_end(boxes: bytes, is_cut: bool) -> None:
    assert is_cut_off(boxes, "HEIF") == is_cut


def lossy(width: int, height: int) -> bytes:
    return riff((b"VP8 ", b"\x30\x01\0\x9d\x01\x2a" + struct.pack("<HH", width, height) + bytes(8)))


def lossless(width: int, height: int) -> bytes:
    return riff((b"VP8L", b"\x2f" + struct.pack("<I", (width - 1) | (height - 1) << 14) + bytes(8)))


def extended(width: int, height: int) -> bytes:
    return riff((b"VP8X", bytes(4) + struct.pack("<I", width - 1)[:3] + struct.pack("<I", height - 1)[:3]))


@pytest.mark.parametrize("write", [lossy, lossless, extended])
@pytest.mark.parametrize("size", [(1, 1), (32, 20), (20, 32), (16_383, 16_383), (16_383, 1)])
def test_a_webps_canvas_is_read_from_its_first_chunk(write: Callable[[int, int], bytes], size: tuple[int, int]) -> None:
    assert read_webp_size(write(*size)) == size


@pytest.mark.parametrize("name", ["WebP, lossy", "WebP, lossless"])
def test_the_canvas_of_a_real_webp_is_its_size(name: str) -> None:
    assert read_webp_size(FILES[name][1]) == PICTURE.size


@pytest.mark.parametrize("data", [b"", b"RIFF", riff((b"JUNK", bytes(20))), riff((b"VP8X", b""))[:21]])
def test_a_webp_without_a_known_first_chunk_has_no_canvas(data: bytes) -> None:
    assert read_webp_size(data) == (0, 0)
