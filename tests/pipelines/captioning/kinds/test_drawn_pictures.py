"""Drawn pictures of each kind through the engine and the real encoder, whose model `make setup` installs."""

import asyncio

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from pipelines.types import KindName
from tests.pipelines.captioning.test_real_encoder import analyse, features
from tests.pipelines.images import encode, photograph

FONT = ImageFont.load_default


def draw_card() -> Image.Image:
    card = Image.new("RGB", (360, 500), "white")
    draw = ImageDraw.Draw(card)
    draw.rounded_rectangle((6, 6, 354, 494), 24, "white", "black", 3)
    for x in (110, 250):
        for y in (110, 250, 390):
            draw.regular_polygon((x, y, 34), 4, 0, (200, 20, 30))
    for place in ((22, 18), (310, 430)):
        draw.text(place, "6", (200, 20, 30), FONT(44))
    return card


def draw_clock() -> Image.Image:
    clock = Image.new("RGB", (420, 420), "white")
    draw, blue = ImageDraw.Draw(clock), (20, 40, 220)
    draw.ellipse((15, 15, 405, 405), "white", blue, 22)
    for hour in range(12):
        across, up = np.sin(hour * np.pi / 6), -np.cos(hour * np.pi / 6)
        draw.line((210 + 150 * across, 210 + 150 * up, 210 + 172 * across, 210 + 172 * up), blue, 8)
    draw.line((210, 210, 210, 70), blue, 9)
    draw.line((210, 210, 280, 250), blue, 12)
    return clock


def draw_fireworks() -> Image.Image:
    sky = Image.new("RGB", (520, 360), "black")
    draw, rng = ImageDraw.Draw(sky), np.random.default_rng(1)
    for x, y, colour in ((130, 130, (240, 60, 60)), (300, 100, (80, 240, 90)), (400, 210, (90, 120, 250))):
        for angle, length in zip(rng.uniform(0, 6.28, 50), rng.uniform(40, 110, 50), strict=True):
            draw.line((x, y, x + length * np.cos(angle), y + length * np.sin(angle)), colour, 2)
    return sky


def draw_chessboard() -> Image.Image:
    board = Image.new("RGB", (480, 480), "white")
    draw = ImageDraw.Draw(board)
    for place in range(64):
        column, row = place % 8, place // 8
        if (column + row) % 2:
            draw.rectangle((60 * column, 60 * row, 60 * column + 60, 60 * row + 60), "black")
    return board


def draw_gauge() -> Image.Image:
    gauge = Image.new("RGB", (420, 400), "white")
    draw, blue = ImageDraw.Draw(gauge), (84, 112, 198)
    draw.arc((40, 40, 380, 380), 135, 405, (225, 228, 240), 14)
    draw.arc((40, 40, 380, 380), 135, 300, blue, 14)
    for tick in range(11):
        across, down = np.cos(np.radians(135 + 27 * tick)), np.sin(np.radians(135 + 27 * tick))
        draw.text((210 + 125 * across, 210 + 125 * down), str(10 * tick), (90, 90, 90), FONT(16), anchor="mm")
    draw.line((210, 210, 255, 120), blue, 6)
    draw.text((210, 290), "61", (90, 90, 90), FONT(30), anchor="mm")
    return gauge


PICTURES: dict[str, tuple[KindName, Image.Image]] = {
    "playing card": ("drawing", draw_card()),
    "clock": ("drawing", draw_clock()),
    "fireworks": ("drawing", draw_fireworks()),
    "chessboard": ("drawing", draw_chessboard()),
    "gauge": ("chart", draw_gauge()),
    "squeezed photograph": ("photo", photograph("coffee").resize((416, 416))),
}


@pytest.fixture(scope="module")
def guesses() -> dict[str, KindName]:
    """The most probable kind of each picture, stated or not."""
    found = asyncio.run(analyse({name: encode(picture, "PNG") for name, (_, picture) in PICTURES.items()}))
    kinds = {name: features(found, name).kind for name in PICTURES}
    return {name: max(kind.scores, key=lambda one: kind.scores[one]) for name, kind in kinds.items() if kind}


@pytest.mark.parametrize("name", PICTURES)
def test_the_kind_of_a_drawn_picture_is_told(guesses: dict[str, KindName], name: str) -> None:
    assert guesses[name] == PICTURES[name][0]
