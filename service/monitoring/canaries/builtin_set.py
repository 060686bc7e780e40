"""The built-in golden set: images drawn by this code, so that the right answers are known.

The expectations do not depend on the operator's settings: they bound scores, and leave verdicts to the policy. The
scores of the default models are far from every bound, so that a flip means another model, not a rounding error.
"""

import io
from collections.abc import Callable, Mapping
from functools import cache
from math import cos, radians, sin

import numpy as np
import zxingcpp
from PIL import Image, ImageDraw, ImageFont

from models.portrait import FACE_BOX, draw_portrait
from service.monitoring.canaries.expected import (
    DocumentExpectation,
    FacesExpectation,
    FeaturesExpectation,
    ImageExpectations,
    ModerationExpectation,
    ScoreBounds,
)

LINES = ("Twelve boxes of paper were delivered", "to the harbour office on Monday.", "Please pay within thirty days.")
LINK = "https://example.com/canary"

SAFE_SCORE = ScoreBounds(at_most=0.4)  # from this score on the built-in policy asks for a review
NO_FACE = FacesExpectation(count=0)


def draw_clock() -> Image.Image:
    side, middle = 480, 240
    image = Image.new("RGB", (side, side), (205, 190, 170))
    draw, font = ImageDraw.Draw(image), ImageFont.load_default(34)
    draw.ellipse((40, 40, side - 40, side - 40), (60, 40, 30))
    draw.ellipse((62, 62, side - 62, side - 62), "white")

    def point(degrees: float, radius: float) -> tuple[float, float]:
        """Degrees clockwise from twelve o'clock."""
        return middle + radius * sin(radians(degrees)), middle - radius * cos(radians(degrees))

    for hour in range(1, 13):
        draw.text(point(hour * 30, 140), str(hour), "black", font, "mm")
    for minute in range(60):
        draw.line((point(minute * 6, 168), point(minute * 6, 176)), "black", 1 if minute % 5 else 4)
    draw.line(((middle, middle), point(-60, 85)), "black", 10)
    draw.line(((middle, middle), point(60, 125)), "black", 7)
    draw.ellipse((middle - 9, middle - 9, middle + 9, middle + 9), "black")
    return image


def draw_crossword() -> Image.Image:
    cells, size = 13, 36
    image = Image.new("RGB", (cells * size + 1, cells * size + 1), "white")
    draw, font = ImageDraw.Draw(image), ImageFont.load_default(11)
    number = 0
    for row in range(cells):
        for column in range(cells):
            x, y = column * size, row * size
            if (row % 2 and column % 2) or (row * 5 + column * 3) % 11 == 0:
                draw.rectangle((x, y, x + size, y + size), "black")
                continue
            draw.rectangle((x, y, x + size, y + size), outline="black")
            if row == 0 or column == 0:
                number += 1
                draw.text((x + 3, y + 2), str(number), "black", font)
    return image


def draw_keyboard() -> Image.Image:
    image = Image.new("RGB", (640, 260), (60, 60, 65))
    draw, font = ImageDraw.Draw(image), ImageFont.load_default(18)
    rows = ((16, "1234567890-="), (34, "QWERTYUIOP[]"), (46, "ASDFGHJKL;'"), (62, "ZXCVBNM,./"))
    for number, (left, letters) in enumerate(rows):
        for column, letter in enumerate(letters):
            x, y = left + column * 48, 16 + number * 48
            draw.rounded_rectangle((x, y, x + 42, y + 42), 6, (25, 25, 28), (110, 110, 110))
            draw.text((x + 21, y + 21), letter, "white", font, "mm")
    draw.rounded_rectangle((150, 208, 450, 250), 6, (25, 25, 28), (110, 110, 110))
    return image


def draw_page() -> Image.Image:
    image = Image.new("RGB", (900, 640), "white")
    draw = ImageDraw.Draw(image)
    draw.text((60, 50), "Invoice 2041", "black", ImageFont.load_default(44))
    for number, line in enumerate((*LINES, "Total 148.50")):
        draw.text((60, 140 + number * 60), line, "black", ImageFont.load_default(30))
    return image


def draw_qr_code() -> Image.Image:
    code = zxingcpp.create_barcode(LINK, zxingcpp.BarcodeFormat.QRCode)
    modules = Image.fromarray(np.asarray(zxingcpp.write_barcode_to_image(code, scale=10, add_quiet_zones=True)))
    return modules.convert("RGB")


def _cached_png(draw: Callable[[], Image.Image]) -> Callable[[], bytes]:
    @cache
    def render() -> bytes:
        file = io.BytesIO()
        draw().save(file, "PNG")
        return file.getvalue()

    return render


def _expect_moderation(scores: Mapping[str, ScoreBounds] | None = None) -> ModerationExpectation:
    """The expectation of a harmless drawing."""
    return ModerationExpectation(scores={"nsfw": SAFE_SCORE, **(scores or {})})


def _expect_tags(*tags: str) -> FeaturesExpectation:
    return FeaturesExpectation(top=tags)


BUILTIN_IMAGES: dict[str, tuple[Callable[[], bytes], ImageExpectations]] = {
    "clock": (
        _cached_png(draw_clock),
        ImageExpectations(
            moderation=_expect_moderation(), features=_expect_tags("analog clock", "wall clock"), faces=NO_FACE
        ),
    ),
    "crossword": (
        _cached_png(draw_crossword),
        ImageExpectations(moderation=_expect_moderation(), features=_expect_tags("crossword puzzle"), faces=NO_FACE),
    ),
    "keyboard": (
        _cached_png(draw_keyboard),
        ImageExpectations(
            moderation=_expect_moderation(),
            features=_expect_tags("computer keyboard", "typewriter keyboard", "space bar"),
            faces=NO_FACE,
        ),
    ),
    "page": (
        _cached_png(draw_page),
        ImageExpectations(
            moderation=_expect_moderation({"codes.present": ScoreBounds(at_most=0)}),
            faces=NO_FACE,
            document=DocumentExpectation(contains=("Invoice 2041", *LINES, "148.50")),
        ),
    ),
    "qr-code": (
        _cached_png(draw_qr_code),
        ImageExpectations(moderation=_expect_moderation({"codes.url": ScoreBounds(at_least=1)}), faces=NO_FACE),
    ),
    "portrait": (
        _cached_png(draw_portrait),
        ImageExpectations(moderation=_expect_moderation(), faces=FacesExpectation(count=1, boxes=(FACE_BOX,))),
    ),
}
