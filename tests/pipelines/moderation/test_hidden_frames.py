"""Decoys do not hide a frame: it is judged, or the policy hears of it."""

from itertools import pairwise

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from pipelines.image.frame_choice import FrameChoice
from tests.pipelines.image.frame_surveys import animate, survey
from tests.pipelines.images import photograph

SIDE = 240
REVIEWED_FROM = 0.25  # by the built-in policy
COLOURS = ("white", "black", "red", "lime", "blue", "yellow", "magenta", "cyan")
PHOTOGRAPHS = ("coffee", "rocket", "cat", "astronaut", "colorwheel", "chelsea")


def draw_patterns(count: int) -> list[Image.Image]:
    """Squares of black and white: nothing differs more."""
    dice = np.random.default_rng(5)
    cells = dice.integers(0, 2, (count, 8, 8), dtype=np.uint8) * 255
    return [Image.fromarray(np.kron(one, np.ones((30, 30), np.uint8))).convert("RGB") for one in cells]


def draw_coloured_patterns(count: int) -> list[Image.Image]:
    dice = np.random.default_rng(6)
    cells = dice.integers(0, 2, (count, 8, 8, 3), dtype=np.uint8) * 255
    return [Image.fromarray(np.kron(one, np.ones((30, 30, 1), np.uint8))) for one in cells]


def draw_noise(count: int) -> list[Image.Image]:
    dice = np.random.default_rng(7)
    return [Image.fromarray(one) for one in dice.integers(0, 256, (count, SIDE, SIDE, 3), dtype=np.uint8)]


def draw_colours(count: int) -> list[Image.Image]:
    return [Image.new("RGB", (SIDE, SIDE), colour) for colour in COLOURS[:count]]


def draw_threat() -> Image.Image:
    page = Image.new("RGB", (SIDE, SIDE), "white")
    ImageDraw.Draw(page).text((15, 60), "i will\nkill you", "black", font=ImageFont.load_default(40))
    return page


def load_photograph(name: str) -> Image.Image:
    return photograph(name).resize((SIDE, SIDE))


def survey_around(bad: Image.Image, others: list[Image.Image], place: int, *, bad_ms: int, ms: int) -> FrameChoice:
    """With the frame that tells most among the chosen."""
    pictures, durations = list(others), [ms] * len(others)
    pictures.insert(place, bad)
    durations.insert(place, bad_ms)
    found = survey(animate("GIF", *pictures, durations=durations), len(pictures), most=3)
    choice = found.choice
    return FrameChoice((found.telling, *choice.chosen), choice.unseen, choice.hidden, choice.unseen_frames)


DECOYS = {
    "patterns": draw_patterns, "coloured": draw_coloured_patterns, "noise": draw_noise, "colours": draw_colours
}  # fmt: skip


@pytest.mark.parametrize("bad", ["photograph", "threat"])
@pytest.mark.parametrize("count", [4, 8])
@pytest.mark.parametrize("decoys", DECOYS)
@pytest.mark.parametrize(("bad_ms", "ms"), [(100, 500), (100, 100), (500, 500), (9000, 100)])
def test_patterns_take_no_place_from_a_picture(decoys: str, count: int, bad: str, bad_ms: int, ms: int) -> None:
    picture = draw_threat() if bad == "threat" else load_photograph("astronaut")

    found = survey_around(picture, DECOYS[decoys](count), count, bad_ms=bad_ms, ms=ms)

    assert count in found.chosen


def test_the_picture_that_is_shown_longest_is_judged() -> None:
    others = [load_photograph(name) for name in PHOTOGRAPHS]

    found = survey_around(draw_threat(), others, 4, bad_ms=9000, ms=150)

    assert 4 in found.chosen


def test_a_flash_between_photographs_is_judged_or_reviewed() -> None:
    others = [load_photograph(name) for name in PHOTOGRAPHS]

    found = [
        survey_around(load_photograph("retina"), others, place, bad_ms=80, ms=800) for place in range(1, len(others))
    ]

    assert all(place in one.chosen or one.hidden >= REVIEWED_FROM for place, one in enumerate(found, 1))
    assert any(one.hidden >= REVIEWED_FROM for one in found)


def test_a_slideshow_hides_nothing() -> None:
    slides = [load_photograph(name) for name in (*PHOTOGRAPHS, "retina")]

    found = survey(animate("GIF", *slides, durations=[800] * 7), 7, most=3).choice

    assert found.unseen > 0.3
    assert found.hidden == 0


def test_a_pan_hides_nothing() -> None:
    wide = photograph("coffee").resize((600, 400))
    steps = [wide.crop((left, 80, left + SIDE, 80 + SIDE)) for left in range(0, 360, 12)]

    assert survey(animate("GIF", *steps, durations=[60] * len(steps)), len(steps), most=3).choice.hidden == 0


def test_a_fade_hides_nothing() -> None:
    pictures = [load_photograph(name) for name in PHOTOGRAPHS[:3]]
    steps = [Image.blend(one, other, step / 6) for one, other in pairwise(pictures) for step in range(7)]

    assert survey(animate("GIF", *steps, durations=[60] * len(steps)), len(steps), most=3).choice.hidden == 0


def test_a_cursor_hides_nothing() -> None:
    screen = Image.new("RGB", (SIDE, SIDE), "white")
    steps = [screen.copy() for _ in range(20)]
    for number, step in enumerate(steps):
        ImageDraw.Draw(step).rectangle((10 * number, 7 * number, 10 * number + 9, 7 * number + 12), "black")

    assert survey(animate("GIF", *steps, durations=[100] * 20), 20, most=3).choice.hidden == 0
