"""PNGs with more text than picture."""

import os
import struct
import zlib

import pytest

from pipelines.image.decode import ImageLimits, decode
from tests.pipelines.images import encode, exif, photograph

CAT = photograph("cat", (120, 80))
MEGABYTES = 2**22


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def insert(*chunks: bytes, data: bytes | None = None) -> bytes:
    """Behind the header."""
    data = data or encode(CAT, "PNG")
    return data[:33] + b"".join(chunks) + data[33:]


XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF><rdf:Description tiff:Orientation="6"/></rdf:RDF></x:xmpmeta>'

LARGE = {
    "text": chunk(b"tEXt", b"Comment\0" + b"x" * MEGABYTES),
    "compressed text": chunk(b"zTXt", b"Comment\0\0" + zlib.compress(b"x" * MEGABYTES)),
    "compressed Unicode text": chunk(b"iTXt", b"Comment\0\x01\0\0\0" + zlib.compress(b"x" * MEGABYTES)),
    "profile": chunk(b"iCCP", b"p\0\0" + zlib.compress(os.urandom(MEGABYTES))),
    "many texts": b"".join(chunk(b"zTXt", b"C%d\0\0" % at + zlib.compress(b"x" * 900_000)) for at in range(80)),
}


@pytest.mark.parametrize("chunks", LARGE.values(), ids=LARGE)
def test_a_picture_is_decoded_whatever_text_it_carries(chunks: bytes) -> None:
    pixels = decode(insert(chunks), limits=ImageLimits()).pixels

    assert pixels.tobytes() == CAT.tobytes()


def test_texts_give_no_orientation() -> None:
    data = insert(chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + XMP))

    assert decode(data, limits=ImageLimits()).orientation == 1


def test_exif_gives_the_orientation_beside_texts() -> None:
    data = insert(LARGE["compressed text"], data=encode(CAT, "PNG", exif=exif(6)))

    assert decode(data, limits=ImageLimits()).orientation == 6
