"""Makes image files with something beside their pixels, for the tests of the signal "file"."""

import io
import struct
import zipfile
from collections.abc import Mapping

import numpy as np
from PIL import Image

from tests.pipelines.images import ORIENTATION, animation, encode, exif, grey_tiff, photograph, png_chunk, with_app1

CAT = photograph("cat", (90, 60))
JPEG = encode(CAT, "JPEG")
PNG = encode(CAT, "PNG")

XMP = b"http://ns.adobe.com/xap/1.0/\0<?xpacket begin=''?><x:xmpmeta xmlns:x='adobe:ns:meta/'>%s</x:xmpmeta>"
FTYP = struct.pack(">I4s4sI4s", 20, b"ftyp", b"mp42", 0, b"isom")


def ordinary_files() -> Mapping[str, bytes]:
    """Files of every format as encoders write them."""
    return {
        "JPEG": encode(CAT, "JPEG", exif=exif(6), icc_profile=bytes(3000)),
        "JPEG, progressive": encode(CAT, "JPEG", progressive=True),
        "JPEG, XMP": with_app1(JPEG, XMP % b"a photograph"),
        "PNG": encode(CAT, "PNG", exif=exif(6), dpi=(300, 300)),
        "PNG, palette": encode(CAT.quantize(16), "PNG", transparency=3),
        "APNG": animation(3, "PNG"),
        "WebP": encode(CAT, "WEBP", exif=exif(6), xmp=b"<x:xmpmeta/>"),
        "WebP, lossless": encode(CAT, "WEBP", lossless=True),
        "WebP, animated": animation(3, "WEBP"),
        "GIF": encode(CAT, "GIF"),
        "GIF, animated": animation(3, "GIF", loop=0),
        "BMP": encode(CAT, "BMP"),
        "BMP, palette": encode(CAT.quantize(16), "BMP"),
        "BMP, 1 bit": encode(CAT.convert("1"), "BMP"),
        "TIFF": encode(CAT, "TIFF"),
        "TIFF, LZW": encode(CAT, "TIFF", compression="tiff_lzw", exif=exif(6)),
        "TIFF, pages": animation(3, "TIFF"),
        "TIFF, BigTIFF": encode(CAT, "TIFF", big_tiff=True),
        "TIFF, big-endian": grey_tiff(np.asarray(CAT.convert("L")), order=">"),
        "AVIF": encode(CAT, "AVIF", exif=exif(6)),
        "AVIF, animated": animation(3, "AVIF"),
        "HEIC": encode(CAT, "HEIC", orientation=6),
    }


def with_segment(jpeg: bytes, marker: int, payload: bytes) -> bytes:
    return jpeg[:2] + bytes([0xFF, marker]) + struct.pack(">H", len(payload) + 2) + payload + jpeg[2:]


def with_chunk(png: bytes, kind: bytes, body: bytes) -> bytes:
    return png[:33] + png_chunk(kind, body) + png[33:]


def with_comment(gif: bytes, text: bytes, first: int | None = None) -> bytes:
    """`first` is the length of the first sub-block, where `text` has the lengths of others in it."""
    return gif[:-1] + b"\x21\xfe" + bytes([first or len(text)]) + text + b"\0;"


def exif_with_position(*, empty: bool = False) -> Image.Exif:
    """Exif with a position, or with the tags of one that the camera left empty."""
    tags = Image.Exif()
    tags[ORIENTATION] = 1
    position = {1: "N", 2: (51.0, 30.0, 26.0), 3: "W", 4: (0.0, 7.0, 39.0)}
    tags[0x8825] = {0: b"\2\2\0\0"} if empty else position
    return tags


def exif_with_comment(text: str) -> Image.Exif:
    """Exif with a comment as Windows writes it, in UTF-16."""
    tags = Image.Exif()
    tags[0x9C9C] = text.encode("utf-16-le")
    return tags


def make_zip() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("run.sh", "echo hello")
    return file.getvalue()


def make_samsung_trailer(*blocks: bytes) -> bytes:
    """Blocks, then a directory with the distance of each from it."""
    body, distances = b"".join(blocks), []
    at = len(body)
    for block in blocks:
        distances.append((at, len(block)))
        at -= len(block)
    head = b"SEFH" + struct.pack("<II", 106, len(blocks))
    head += b"".join(struct.pack("<HHII", 0, 0x0A30, distance, size) for distance, size in distances)
    return body + head + struct.pack("<I", len(head)) + b"SEFT"


def make_windows_program() -> bytes:
    return b"MZ".ljust(60, b"\0") + struct.pack("<I", 64) + b"PE\0\0" + bytes(200)


def gif_with_script() -> bytes:
    """A GIF of 10,799 x 1 pixels, whose width opens a comment in JavaScript."""
    gif = encode(Image.new("P", (10_799, 1)), "GIF")
    return gif.replace(b"GIF87a", b"GIF89a")[:-1] + b"\x21\xfe\x0c*/=1;alert(1\0;"


def bmp_with_script() -> bytes:
    """A BMP whose file size opens a comment in JavaScript that a comment behind its pixels closes."""
    bmp = encode(CAT, "BMP")
    return bmp[:2] + b"/*" + bmp[4:] + b"*/=1;alert(1);//" + b"x" * 100
