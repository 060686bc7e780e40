"""Small images for bulk runs, each with different bytes, and bulk runs through the command line."""

import io
import json
import random
import subprocess
from pathlib import Path
from typing import Any

from PIL import Image

from tests.serving import run

FAST_OPTIONS = ("--signals", "nsfw", "--polite", "none")


def draw_jpeg(number: int) -> bytes:
    """A JPEG of coloured noise, coarse enough to be small."""
    colours = random.Random(number).randbytes(8 * 8 * 3)
    file = io.BytesIO()
    Image.frombytes("RGB", (8, 8), colours).resize((64, 64), Image.Resampling.NEAREST).save(file, "JPEG")
    return file.getvalue()


def make_image_folder(parent: Path, count: int, name: str = "pictures") -> Path:
    folder = parent / name
    folder.mkdir()
    for number in range(count):
        (folder / f"{number:04d}.jpg").write_bytes(draw_jpeg(number))
    return folder


def run_moderate(*arguments: str | Path, **settings: str) -> subprocess.CompletedProcess[str]:
    return run("moderate", *map(str, arguments), *FAST_OPTIONS, **settings)


def read_rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]
