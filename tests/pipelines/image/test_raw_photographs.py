"""Raw photographs are refused by name, and never answered from their thumbnails."""

import struct

import pytest
from PIL import Image, TiffImagePlugin

from pipelines.errors import ImageUnsupported
from pipelines.image.decode import ImageLimits, decode
from pipelines.image.raw_photographs import name_raw
from tests.pipelines.images import TIFF_LONG, TIFF_SHORT, animation, encode, photograph, tiff

WIDTH, HEIGHT = 60, 40
THUMBNAIL = photograph("cat", (WIDTH, HEIGHT)).convert("L")
ASCII = 2


def write_raw(maker: str, *, photometric: int = 32_803, compression: int = 1, order: str = "<") -> bytes:
    """A TIFF of a thumbnail, with the directory of a sensor's data in its own."""
    entries = [
        (256, TIFF_LONG, 1, 4000),
        (257, TIFF_LONG, 1, 3000),
        (259, TIFF_SHORT, 1, compression),
        (262, TIFF_SHORT, 1, photometric),
    ]
    inner = tiff(*entries, order=order)[8:]
    pixels, name = THUMBNAIL.tobytes(), maker.encode().ljust(8, b"\0")
    return tiff(
        (256, TIFF_LONG, 1, WIDTH),
        (257, TIFF_LONG, 1, HEIGHT),
        (258, TIFF_SHORT, 1, 8),
        (259, TIFF_SHORT, 1, 1),
        (262, TIFF_SHORT, 1, 1),
        (271, ASCII, len(name), 8 + len(pixels)),
        (273, TIFF_LONG, 1, 8),
        (277, TIFF_SHORT, 1, 1),
        (278, TIFF_LONG, 1, HEIGHT),
        (279, TIFF_LONG, 1, len(pixels)),
        (330, TIFF_LONG, 1, 8 + len(pixels) + len(name)),
        data=pixels + name + inner,
        order=order,
    )


def write_dng(**options: bool) -> bytes:
    tags = TiffImagePlugin.ImageFileDirectory_v2()
    tags.tagtype[50_706] = 1
    tags[50_706] = bytes((1, 6, 0, 0))
    return encode(THUMBNAIL, "TIFF", tiffinfo=tags, **options)


def mark(start: int, content: bytes) -> bytes:
    """A TIFF with bytes of its own at `start`."""
    data = encode(THUMBNAIL, "TIFF")
    return data[:start] + content + data[start + len(content) :]


RAW = {
    "Nikon NEF": write_raw("NIKON CORPORATION", compression=34_713),
    "Sony ARW": write_raw("SONY", compression=32_767),
    "Pentax PEF": write_raw("PENTAX Corporation", order=">"),
    "Samsung SRW": write_raw("SAMSUNG", compression=32_770, photometric=1),
    "Hasselblad 3FR": write_raw("Hasselblad"),
    "TIFF/EP": write_raw("An Unknown Maker", photometric=34_892),
    "Adobe DNG": write_dng(),
    "Canon CR2": mark(8, b"CR\x02\0"),
    "Canon CR3": struct.pack(">I", 24) + b"ftypcrx \0\0\0\1crx isom" + bytes(64),
    "Olympus ORF": b"IIRO\x08\0\0\0" + bytes(64),
    "Panasonic RW2": b"IIU\0\x08\0\0\0" + bytes(64),
    "Fujifilm RAF": b"FUJIFILMCCD-RAW 0201" + bytes(64),
    "Sigma X3F": b"FOVb" + bytes(64),
    "Minolta MRW": b"\0MRM" + bytes(64),
}


@pytest.mark.parametrize("name", RAW)
def test_a_raw_photograph_is_refused_by_name(name: str) -> None:
    with pytest.raises(ImageUnsupported, match=f"raw photograph \\({name}"):
        decode(RAW[name], limits=ImageLimits())


def test_a_big_tiff_may_be_raw() -> None:
    assert name_raw(write_dng(big_tiff=True)) == "Adobe DNG"


@pytest.mark.parametrize("name", ["Nikon NEF", "Pentax PEF"])
def test_the_thumbnail_alone_is_an_image(name: str) -> None:
    data = RAW[name].replace(struct.pack("<HH", 330, 4), struct.pack("<HH", 331, 4))
    data = data.replace(struct.pack(">HH", 330, 4), struct.pack(">HH", 331, 4))

    assert decode(data, limits=ImageLimits()).pixels.size == (WIDTH, HEIGHT)


@pytest.mark.parametrize(
    "data",
    [
        encode(THUMBNAIL, "TIFF"),
        encode(THUMBNAIL, "TIFF", compression="tiff_lzw", big_tiff=True),
        encode(Image.new("CMYK", (8, 8)), "TIFF"),
        animation(40, "TIFF"),
        b"II*\0\xff\xff\xff\xff",
        b"MM\0+",
        b"",
    ],
    ids=["plain", "big", "inks", "pages", "nowhere", "cut off", "nothing"],
)
def test_other_files_are_not_raw(data: bytes) -> None:
    assert name_raw(data) is None
