"""Sound images in every format and many of its variants, whole and divided into parts, for tests that damage them."""

import numpy as np

from tests.hostile_heic import HOSTILE, HeicLayout, coded, derived
from tests.pipelines.image.file_parts import (
    divide_coded,
    divide_gif,
    divide_iso,
    divide_jpeg,
    divide_png,
    divide_tiff,
    divide_webp,
)
from tests.pipelines.images import animation, encode, exif, grey_tiff, photograph

CAT = photograph("cat", (45, 30))
FILES = {
    "JPEG": encode(CAT, "JPEG", exif=exif(6)),
    "JPEG, progressive": encode(CAT, "JPEG", progressive=True),
    "JPEG, CMYK": encode(CAT.convert("CMYK"), "JPEG"),
    "PNG": encode(CAT, "PNG"),
    "PNG, palette": encode(CAT.quantize(16), "PNG", transparency=3, exif=exif(8)),
    "APNG": animation(4, "PNG"),
    "WebP, lossy": encode(CAT, "WEBP", exif=exif(3)),
    "WebP, lossless": encode(CAT, "WEBP", lossless=True),
    "WebP, animated": animation(4, "WEBP"),
    "GIF": encode(CAT, "GIF"),
    "GIF, animated": animation(4, "GIF"),
    "BMP": encode(CAT, "BMP"),
    "BMP, palette": encode(CAT.quantize(16), "BMP"),
    "TIFF": encode(CAT, "TIFF", exif=exif(5)),
    "TIFF, LZW": encode(CAT, "TIFF", compression="tiff_lzw"),
    "TIFF, pages": animation(4, "TIFF"),
    "AVIF": encode(CAT, "AVIF", exif=exif(6)),
    "AVIF, animated": animation(4, "AVIF"),
    "HEIC": encode(CAT, "HEIC"),
    "HEIC, Exif": encode(CAT, "HEIC", rotation=3, orientation=6),
}

_GRID = HeicLayout(
    {1: derived(b"grid"), 2: coded(), 3: coded(is_grey=True)}, [(b"dimg", 1, 2), (b"thmb", 3, 1)], is_mdat_first=True
)
_HEIC = (FILES["HEIC"], FILES["HEIC, Exif"], _GRID.to_bytes())
_AVIF = (FILES["AVIF"], encode(CAT.convert("RGBA"), "AVIF"))
DIVIDED = {
    # Of damage to boxes, most is refused before a decoder sees it; of damage to what they describe, hardly any.
    "HEIC": [divide_iso(data) for data in _HEIC]
    + [divide_iso(layout.to_bytes()) for layout in HOSTILE.values() if not layout.has_long_entries]
    + 2 * [divide_coded(data) for data in _HEIC],
    "AVIF": [divide(data) for divide in (divide_iso, divide_coded) for data in _AVIF],
    "TIFF": [divide_tiff(data) for name, data in FILES.items() if name.startswith("TIFF")]
    + [divide_tiff(grey_tiff(np.full((8, 8), 0.5, np.float32), sample_format=3, order=">"))]
    + [divide_tiff(encode(CAT, "TIFF", compression=name)) for name in ("jpeg", "tiff_adobe_deflate", "packbits")]
    + [divide_tiff(encode(CAT.convert("1"), "TIFF", compression="group4"))],
    "PNG": [divide_png(data) for name, data in FILES.items() if "PNG" in name],
    "WebP": [divide_webp(data) for name, data in FILES.items() if name.startswith("WebP")],
    "GIF": [divide_gif(data) for name, data in FILES.items() if name.startswith("GIF")],
    "JPEG": [divide_jpeg(data) for name, data in FILES.items() if name.startswith("JPEG")],
}
