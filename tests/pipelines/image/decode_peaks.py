"""Measures what decoding costs in memory. Run as a program, because a process's peak includes what came before.

python -m tests.pipelines.image.decode_peaks FOLDER SHORTER_SIDE  →  one line per file: name, bytes
"""

import sys
from pathlib import Path

from PIL import Image

from pipelines.allocator import give_back_free_blocks
from pipelines.image.decode import ImageLimits, decode
from tests.pipelines.image.bombs import peak_mebibytes
from tests.pipelines.images import encode


def measure_peak(data: bytes, shorter_side: int | None) -> int:
    """Bytes at the most, over those in use before."""
    give_back_free_blocks()  # what an earlier file left would be used again, and not count
    Path("/proc/self/clear_refs").write_text("5")  # the peak becomes what is in use now
    before = peak_mebibytes()
    decode(data, limits=ImageLimits(), shorter_side=shorter_side)
    return (peak_mebibytes() - before) * 2**20


def main(folder: Path, shorter_side: int | None) -> None:
    measure_peak(encode(Image.new("RGB", (8, 8)), "JPEG"), None)  # what the first decode loads is not the file's fault
    for path in sorted(folder.iterdir()):
        print(f"{path.name}\t{measure_peak(path.read_bytes(), shorter_side)}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]) or None)
