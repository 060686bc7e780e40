"""A vocabulary of the published size, of which a few merges mean something."""

import gzip
from pathlib import Path

FIRST_MERGE = 512  # the id of the first merge's symbol
MERGES = ("c a", "ca t</w>", "a a", "t h")


def write_vocabulary(path: Path) -> Path:
    pairs = [*MERGES, *(f"\u0100 {number}" for number in range(48_894 - len(MERGES)))]
    path.write_bytes(gzip.compress("\n".join(["heading", *pairs, "unused pair", ""]).encode(), mtime=0))
    return path
