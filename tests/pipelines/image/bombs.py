"""Small files whose headers claim huge pictures; run as a program, measures what decoding each of them costs.

python -m tests.pipelines.image.bombs FOLDER  →  one line per file: name, error, growth of the peak memory in MiB
"""

import re
import struct
import sys
import zlib
from pathlib import Path

import numpy as np
from PIL import Image

from pipelines.errors import ImageRejected
from pipelines.image.decode import ImageLimits, decode
from tests.pipelines.images import animation, encode, grey_tiff, png_chunk, png_header, riff

HUGE = 50_000
LARGEST_WEBP = 16_383
TINY = Image.new("RGB", (8, 8), (10, 200, 90))


def header_bombs() -> dict[str, bytes]:
    """All of them below 10 kB, all of them over 64 million pixels."""
    vp8, vp8l = encode(TINY, "WEBP")[20:], encode(TINY, "WEBP", lossless=True)[20:]
    edge = struct.pack("<I", LARGEST_WEBP - 1)[:3]
    return {
        "PNG": png_header(HUGE, HUGE) + png_chunk(b"IDAT", zlib.compress(bytes(1000))) + png_chunk(b"IEND", b""),
        "WebP, VP8X": riff((b"VP8X", bytes(4) + edge + edge), (b"VP8 ", vp8)),
        "WebP, VP8X with alpha": riff((b"VP8X", b"\x10\0\0\0" + edge + edge), (b"VP8 ", vp8)),
        "WebP, VP8L": riff((b"VP8L", patched(vp8l, 1, struct.pack("<I", (LARGEST_WEBP - 1) * (1 + 2**14))))),
        "WebP, VP8": riff((b"VP8 ", patched(vp8, 6, struct.pack("<HH", LARGEST_WEBP, LARGEST_WEBP)))),
        "WebP, animated": patched(animation(3, "WEBP"), 24, edge + edge),
        "GIF": patched(encode(TINY, "GIF"), 6, struct.pack("<HH", HUGE, HUGE)),
        "BMP": patched(encode(TINY, "BMP"), 18, struct.pack("<ii", HUGE, HUGE)),
        "BMP, top down": patched(encode(TINY, "BMP"), 18, struct.pack("<ii", HUGE, -HUGE)),
        "JPEG": jpeg_bomb(TINY),
        "JPEG, progressive": jpeg_bomb(TINY, progressive=True),
        "TIFF": tiff_bomb("<"),
        "TIFF, big-endian": tiff_bomb(">"),
        "AVIF": with_ispe(encode(TINY, "AVIF"), 16_000),
        "HEIC": with_ispe(encode(TINY, "HEIC"), HUGE),
    }


def patched(data: bytes, at: int, new: bytes) -> bytes:
    return data[:at] + new + data[at + len(new) :]


def jpeg_bomb(image: Image.Image, *, progressive: bool = False) -> bytes:
    data = encode(image, "JPEG", progressive=progressive)
    frame = data.index(b"\xff\xc2" if progressive else b"\xff\xc0")
    return patched(data, frame + 5, struct.pack(">HH", HUGE, HUGE))


def tiff_bomb(order: str) -> bytes:
    """One strip of 64 samples whose tags claim HUGE x HUGE."""
    data = grey_tiff(np.zeros((8, 8), np.uint8), order=order)
    return data.replace(
        struct.pack(order + "HHII", 256, 4, 1, 8), struct.pack(order + "HHII", 256, 4, 1, HUGE)
    ).replace(struct.pack(order + "HHII", 257, 4, 1, 8), struct.pack(order + "HHII", 257, 4, 1, HUGE))


def with_ispe(data: bytes, side: int) -> bytes:
    """The HEIC or AVIF with another size in its `ispe` property."""
    return patched(data, data.index(b"ispe") + 8, struct.pack(">II", side, side))


def peak_mebibytes() -> int:
    """Peak memory of this process so far. `getrusage` would include that of the process that started it."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text("ascii"))
    assert found
    return int(found[1]) // 1024


def main(folder: Path) -> None:
    limits = ImageLimits()
    decode(encode(TINY, "JPEG"), limits=limits)  # memory that the first decode loads is not the bombs' fault
    for path in sorted(folder.iterdir()):
        data, before = path.read_bytes(), peak_mebibytes()
        try:
            decode(data, limits=limits)
            outcome = "picture"
        except ImageRejected as error:
            outcome = type(error).__name__
        print(f"{path.name}\t{outcome}\t{peak_mebibytes() - before}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
