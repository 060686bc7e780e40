"""Image files for tests: photographs, encoders, and hand-written headers."""

import io
import struct
import zlib
from typing import Any

import numpy as np
import skimage.data
from numpy.typing import NDArray
from PIL import Image

from tests.heic import write_heic

Pixels = NDArray[np.uint8]

ORIENTATION = 0x0112
TIFF_SHORT, TIFF_LONG = 3, 4


def photograph(name: str, size: tuple[int, int] | None = None) -> Image.Image:
    """One of scikit-image's bundled photographs as RGB, at its own size (cat: 451 x 300) or at `size`."""
    image = Image.fromarray(getattr(skimage.data, name)()).convert("RGB")
    return image.resize(size, Image.Resampling.BICUBIC) if size else image


def encode(image: Image.Image, format: str, **options: Any) -> bytes:
    """The image as a file; "HEIC" takes the options of `write_heic`, the others those of Pillow."""
    if format == "HEIC":
        return write_heic(np.asarray(image.convert("RGB")), **options)
    file = io.BytesIO()
    image.save(file, format, **options)
    return file.getvalue()


def frames(count: int, size: tuple[int, int] = (24, 16)) -> list[Image.Image]:
    """Pictures of one colour each, all different: red grows by 10 from 0."""
    return [Image.new("RGB", size, (10 * number, 90, 160)) for number in range(count)]


def animation(count: int, format: str, **options: Any) -> bytes:
    first, *others = frames(count)
    return encode(first, format, save_all=True, append_images=others, **options)


def exif(orientation: int, kind: int = TIFF_SHORT) -> bytes:
    """An Exif block with the orientation alone, in a field of the TIFF type `kind`."""
    return b"Exif\0\0II*\0" + struct.pack("<IHHHIII", 8, 1, ORIENTATION, kind, 1, orientation, 0)


def with_app1(jpeg: bytes, payload: bytes) -> bytes:
    """The JPEG with an APP1 segment (Exif or XMP) after its first marker."""
    return jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(payload) + 2) + payload + jpeg[2:]


def png_chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png_header(width: int, height: int) -> bytes:
    """Signature and IHDR of an RGB image of 8 bits."""
    return b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))


def riff(*chunks: tuple[bytes, bytes]) -> bytes:
    """A WebP file of these chunks."""
    body = b"WEBP" + b"".join(
        kind + struct.pack("<I", len(data)) + data + bytes(len(data) % 2) for kind, data in chunks
    )
    return b"RIFF" + struct.pack("<I", len(body)) + body


def tiff(*entries: tuple[int, int, int, int], data: bytes = b"", order: str = "<") -> bytes:
    """A TIFF of one page: `entries` are (tag, type, count, value), `data` lies at offset 8, before them."""
    mark = b"II*\0" if order == "<" else b"MM\0*"
    fields = b"".join(_field(*entry, order) for entry in sorted(entries))
    at = 8 + len(data)
    return b"".join(
        (mark, struct.pack(order + "I", at), data, struct.pack(order + "H", len(entries)), fields, bytes(4))
    )


def _field(tag: int, kind: int, count: int, value: int, order: str) -> bytes:
    packed = (
        struct.pack(order + "HH", value, 0) if kind == TIFF_SHORT and count == 1 else struct.pack(order + "I", value)
    )
    return struct.pack(order + "HHI", tag, kind, count) + packed


def grey_tiff(samples: NDArray[Any], *, sample_format: int = 1, order: str = "<") -> bytes:
    """An uncompressed TIFF of one channel, with the samples as they are (sample format 1: unsigned, 3: float)."""
    height, width = samples.shape
    data = samples.astype(samples.dtype.newbyteorder("<" if order == "<" else ">")).tobytes()
    entries = (
        (256, TIFF_LONG, 1, width),
        (257, TIFF_LONG, 1, height),
        (258, TIFF_SHORT, 1, samples.dtype.itemsize * 8),
        (259, TIFF_SHORT, 1, 1),  # not compressed
        (262, TIFF_SHORT, 1, 1),  # black is zero
        (273, TIFF_LONG, 1, 8),
        (277, TIFF_SHORT, 1, 1),
        (278, TIFF_LONG, 1, height),
        (279, TIFF_LONG, 1, len(data)),
        (339, TIFF_SHORT, 1, sample_format),
    )
    return tiff(*entries, data=data, order=order)
