"""Drawn pictures for batches, each with bytes of its own, and batches run as a user runs them."""

import io
import json
import random
import subprocess
from pathlib import Path
from typing import Any

from PIL import Image

from tests.serving import run

FAST = ("--signals", "nsfw", "--polite", "none")


def drawn(number: int) -> bytes:
    """A JPEG of coloured noise, coarse enough to be small."""
    colours = random.Random(number).randbytes(8 * 8 * 3)
    file = io.BytesIO()
    Image.frombytes("RGB", (8, 8), colours).resize((64, 64), Image.Resampling.NEAREST).save(file, "JPEG")
    return file.getvalue()


def folder_of(parent: Path, count: int, name: str = "pictures") -> Path:
    folder = parent / name
    folder.mkdir()
    for number in range(count):
        (folder / f"{number:04d}.jpg").write_bytes(drawn(number))
    return folder


def moderate(*arguments: str | Path, **settings: str) -> subprocess.CompletedProcess[str]:
    return run("moderate", *map(str, arguments), *FAST, **settings)


def rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]
