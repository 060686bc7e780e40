"""Files that end early, contradict themselves or are something else give an error that says so, never a picture."""

import struct
from typing import Any

import pytest
from PIL import Image

from pipelines.errors import ImageCorrupt, ImageEmpty, ImageRejected, ImageTruncated, ImageUnsupported
from pipelines.image.decode import ImageLimits, decode
from tests.pipelines.images import animation, encode, exif, photograph, png_chunk, png_header, riff

# Pillow warns of TIFF directories that it cannot read to their end, before it gives up.
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:PIL")

LIMITS = ImageLimits()
CAT = photograph("cat", (120, 80))

# Files whose own structure shows that bytes are missing. In a TIFF it does only if the directory comes
# first, as Pillow writes it when nothing is compressed.
DETECTABLE = {
    "JPEG": encode(CAT, "JPEG"),
    "JPEG, Exif": encode(CAT, "JPEG", exif=exif(6)),
    "JPEG, progressive": encode(CAT, "JPEG", progressive=True),
    "JPEG, CMYK": encode(CAT.convert("CMYK"), "JPEG"),
    "PNG": encode(CAT, "PNG"),
    "PNG, Exif": encode(CAT, "PNG", exif=exif(6)),
    "PNG, palette": encode(CAT.quantize(16), "PNG"),
    "PNG, 1 bit": encode(CAT.convert("1"), "PNG"),
    "WebP, lossy": encode(CAT, "WEBP"),
    "WebP, lossless": encode(CAT, "WEBP", lossless=True),
    "WebP, Exif": encode(CAT, "WEBP", exif=exif(6)),
    "WebP, animated": animation(6, "WEBP"),
    "GIF": encode(CAT, "GIF"),
    "BMP": encode(CAT, "BMP"),
    "BMP, palette": encode(CAT.quantize(16), "BMP"),
    "TIFF": encode(CAT, "TIFF"),
    "AVIF": encode(CAT, "AVIF"),
    "AVIF, animated": animation(6, "AVIF"),
    "HEIC": encode(CAT, "HEIC"),
    "HEIC, Exif": encode(CAT, "HEIC", rotation=3, orientation=6),
}

# The directory comes after the pixels: missing bytes and wrong bytes look the same.
UNDETECTABLE = {
    f"TIFF, {compression}": encode(CAT, "TIFF", compression=compression)
    for compression in ("tiff_lzw", "tiff_adobe_deflate", "packbits", "jpeg")
}

# Bytes at the end of a file that no pixel depends on.
EPILOGUE = {"JPEG": 2, "PNG": 24, "GIF": 3, "TIFF": 0}

# Files that people upload instead of images.
OTHERS: dict[str, tuple[bytes, str]] = {
    "text": (b"Dear Sir or Madam,\n", "an unknown format"),
    "PDF": (b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n", "a PDF"),
    "SVG": (b'<svg xmlns="http://www.w3.org/2000/svg"/>', "an SVG drawing"),
    "HTML": (b"<!doctype html><title>404</title>", "an HTML page"),
    "ZIP": (b"PK\x03\x04\x14\0\0\0\x08\0", "a ZIP archive"),
    "MP4": (struct.pack(">I4s4sI8s", 24, b"ftyp", b"isom", 512, b"isomavc1"), "a video"),
    "icon": (encode(CAT, "ICO"), "a Windows icon"),
    "one byte": (b"\xff", "an unknown format"),
    "zeros": (bytes(1000), "an unknown format"),
}


@pytest.mark.parametrize("keep", [0.3, 0.5, 0.75, 0.9, 0.99])
@pytest.mark.parametrize("name", DETECTABLE)
def test_a_file_that_ends_within_its_pixels_is_truncated(name: str, keep: float) -> None:
    data = DETECTABLE[name]

    with pytest.raises(ImageTruncated):
        decode(data[: int((len(data) - EPILOGUE.get(name.partition(",")[0], 0)) * keep)], limits=LIMITS)


@pytest.mark.parametrize("keep", [0.3, 0.5, 0.75, 0.9, 0.99])
@pytest.mark.parametrize("name", UNDETECTABLE)
def test_a_compressed_tiff_that_stops_early_is_corrupt(name: str, keep: float) -> None:
    data = UNDETECTABLE[name]

    with pytest.raises(ImageCorrupt):
        decode(data[: int(len(data) * keep)], limits=LIMITS)


@pytest.mark.parametrize("name", DETECTABLE | UNDETECTABLE)
def test_no_truncated_file_passes_for_a_whole_one(name: str) -> None:
    data = (DETECTABLE | UNDETECTABLE)[name]
    end = len(data) - EPILOGUE.get(name.partition(",")[0], 0)
    cuts = {*range(1, min(300, end)), *range(1, end, 97), *range(end - 20, end)}
    allowed = (ImageTruncated, ImageCorrupt, ImageUnsupported)

    passed = [cut for cut in sorted(cuts) if not isinstance(outcome(data[:cut]), allowed)]

    assert passed == []


@pytest.mark.parametrize("name", DETECTABLE | UNDETECTABLE)
def test_a_cut_inside_the_signature_leaves_nothing_to_recognise(name: str) -> None:
    with pytest.raises(ImageUnsupported):
        decode((DETECTABLE | UNDETECTABLE)[name][:1], limits=LIMITS)


@pytest.mark.parametrize("shorter_side", [None, 20])
def test_a_scaled_jpeg_is_truncated_too(shorter_side: int | None) -> None:
    data = encode(CAT.resize((1200, 800)), "JPEG")

    with pytest.raises(ImageTruncated):
        decode(data[: len(data) * 9 // 10], limits=LIMITS, shorter_side=shorter_side)


CORRUPT = {
    "PNG header of 0 x 0": png_header(0, 0) + png_chunk(b"IEND", b""),
    "PNG without pixels": png_header(8, 8) + png_chunk(b"IEND", b""),
    "PNG with a wrong checksum": DETECTABLE["PNG"][:29] + b"\0\0\0\0" + DETECTABLE["PNG"][33:],
    "PNG of noise": png_header(8, 8) + png_chunk(b"eXIf", exif(1)[6:]) + png_chunk(b"IDAT", bytes(range(40)))
    + png_chunk(b"IEND", b""),
    "JPEG of markers": b"\xff\xd8\xff\xe0\0\x04\0\0\xff\xd9",
    "JPEG without tables": DETECTABLE["JPEG"].replace(b"\xff\xdb", b"\xff\xec"),
    "WebP without a chunk": riff(),
    "WebP of an unknown chunk": riff((b"JUNK", bytes(40))),
    "WebP of noise": riff((b"VP8 ", bytes(range(40)))),
    "WebP frame larger than its canvas": riff((b"VP8X", bytes(10)), (b"VP8 ", DETECTABLE["WebP, lossy"][20:])),
    "GIF without a frame": b"GIF89a\x08\0\x08\0\0\0\0;",
    "BMP of an unknown header": b"BM" + bytes(60),
    "TIFF without a directory": b"II*\0\0\0\0\0" + bytes(40),
    "TIFF whose directory is itself": b"II*\0\x08\0\0\0\0\0\x08\0\0\0",
    "HEIC of nothing": struct.pack(">I4s4sI4s", 20, b"ftyp", b"heic", 0, b"heic"),
}  # fmt: skip


@pytest.mark.parametrize("data", CORRUPT.values(), ids=list(CORRUPT))
def test_a_file_that_contradicts_itself_is_corrupt(data: bytes) -> None:
    assert type(outcome(data)) is ImageCorrupt


@pytest.mark.parametrize(
    ("format", "options"), [("PNG", {"exif": exif(1)}), ("GIF", {}), ("WEBP", {"lossless": True}), ("TIFF", {})]
)
def test_pixels_that_cannot_be_unpacked_are_corrupt(format: str, options: dict[str, Any]) -> None:
    data = encode(CAT, format, **options, **({"compression": "tiff_lzw"} if format == "TIFF" else {}))
    half = len(data) // 2
    damaged = data[:half] + b"\xff" * 400 + data[half + 400 :]

    with pytest.raises(ImageCorrupt):
        decode(damaged, limits=LIMITS)


@pytest.mark.parametrize("name", OTHERS)
def test_other_kinds_of_files_are_refused_by_name(name: str) -> None:
    data, words = OTHERS[name]

    with pytest.raises(ImageUnsupported, match=f"this is {words}.*; images can be JPEG, PNG, WebP, GIF, BMP, TIFF"):
        decode(data, limits=LIMITS)


def test_every_refusal_has_a_code_of_its_own() -> None:
    kinds = (ImageRejected, ImageEmpty, ImageUnsupported, ImageTruncated, ImageCorrupt)

    assert len({kind.code for kind in kinds}) == len(kinds)
    assert all(issubclass(kind, ImageRejected) for kind in kinds)


def outcome(data: bytes) -> Image.Image | ImageRejected:
    try:
        return decode(data, limits=LIMITS).pixels
    except ImageRejected as error:
        return error
