"""The quick reader of GIF gives what Pillow's gives, frame by frame."""

import io
from itertools import product

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import GifImagePlugin, Image, ImageDraw

from pipelines.image.gif import QuickGifFile
from tests.pipelines.image.frame_surveys import animate
from tests.pipelines.images import encode, photograph

SIZE = (90, 60)
PHOTOGRAPHS = [photograph(name).resize(SIZE) for name in ("cat", "coffee", "rocket", "chelsea")]


def draw_steps(mode: str) -> list[Image.Image]:
    """A square that wanders over the ground."""
    ground = (200, 210, 220, 0) if mode == "RGBA" else (200, 210, 220)
    steps = [Image.new(mode, SIZE, ground) for _ in range(6)]
    for number, step in enumerate(steps):
        ImageDraw.Draw(step).rectangle((9 * number, 5 * number, 9 * number + 20, 5 * number + 20), "crimson")
    return steps


def write(steps: list[Image.Image], **options: object) -> bytes:
    return encode(steps[0], "GIF", save_all=True, append_images=steps[1:], duration=50, **options)


FILES = {
    "photographs": animate("GIF", *PHOTOGRAPHS),
    "mixed": write([PHOTOGRAPHS[0], *draw_steps("RGB"), PHOTOGRAPHS[1], *draw_steps("RGBA")]),
    "grey": write([one.convert("L") for one in PHOTOGRAPHS]),
    **{
        f"{mode} disposal {disposal} {optimize}": write(draw_steps(mode), disposal=disposal, optimize=optimize)
        for mode, disposal, optimize in product(("RGB", "RGBA"), (0, 1, 2, 3), (False, True))
    },
    "photographs disposal 2": write(PHOTOGRAPHS, disposal=2),
    "photographs disposal 3": write(PHOTOGRAPHS, disposal=3),
}


def read(reader: GifImagePlugin.GifImageFile) -> list[NDArray[np.uint8]]:
    frames = []
    for number in range(reader.n_frames):
        reader.seek(number)
        frames.append(np.array(reader.convert("RGBA")))
    return frames


@pytest.mark.parametrize("name", FILES)
def test_frames_are_those_of_pillow(name: str) -> None:
    quick = read(QuickGifFile(io.BytesIO(FILES[name])))
    slow = read(GifImagePlugin.GifImageFile(io.BytesIO(FILES[name])))

    assert len(quick) == len(slow) > 1
    assert all(np.array_equal(one, other) for one, other in zip(quick, slow, strict=True))


@pytest.mark.parametrize("name", FILES)
def test_a_shared_frame_stays_as_it_is(name: str) -> None:
    reader = QuickGifFile(io.BytesIO(FILES[name]))
    shared, copied = [], []
    for number in range(reader.n_frames):
        reader.seek(number)
        reader.load()
        shared.append(reader.share_frame())
        copied.append(np.array(reader.convert("RGBA")))

    assert all(
        np.array_equal(np.asarray(one.convert("RGBA")), other) for one, other in zip(shared, copied, strict=True)
    )


def test_a_cut_file_ends_where_pillow_ends() -> None:
    data = FILES["photographs"][: len(FILES["photographs"]) * 2 // 3]

    found = QuickGifFile(io.BytesIO(data)).n_frames

    assert found == GifImagePlugin.GifImageFile(io.BytesIO(data)).n_frames
