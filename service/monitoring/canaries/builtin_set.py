"""The golden set that is built in: pictures drawn by this code, whose truth is what was drawn.

The truth does not depend on the operator's choices: scores are bounded, verdicts are the policy's own affair. What
the default models make of the pictures is far from every bound, so that a flip means a model, not a rounding.
"""

import io
from collections.abc import Callable, Mapping
from functools import cache
from math import cos, radians, sin

import numpy as np
import zxingcpp
from PIL import Image, ImageDraw, ImageFont

from service.monitoring.canaries.expected import (
    Bounds,
    DocumentExpected,
    Expected,
    FacesExpected,
    FeaturesExpected,
    ModerationExpected,
)
from service.monitoring.canaries.portrait import FACE, portrait

LINES = ("Twelve boxes of paper were delivered", "to the harbour office on Monday.", "Please pay within thirty days.")
LINK = "https://example.com/canary"

SAFE = Bounds(at_most=0.4)  # from here on the built-in policy would ask people
NO_FACE = FacesExpected(count=0)


def clock() -> Image.Image:
    side, middle = 480, 240
    image = Image.new("RGB", (side, side), (205, 190, 170))
    draw, font = ImageDraw.Draw(image), ImageFont.load_default(34)
    draw.ellipse((40, 40, side - 40, side - 40), (60, 40, 30))
    draw.ellipse((62, 62, side - 62, side - 62), "white")

    def point(degrees: float, radius: float) -> tuple[float, float]:
        """Degrees from twelve o'clock on."""
        return middle + radius * sin(radians(degrees)), middle - radius * cos(radians(degrees))

    for hour in range(1, 13):
        draw.text(point(hour * 30, 140), str(hour), "black", font, "mm")
    for minute in range(60):
        draw.line((point(minute * 6, 168), point(minute * 6, 176)), "black", 1 if minute % 5 else 4)
    draw.line(((middle, middle), point(-60, 85)), "black", 10)
    draw.line(((middle, middle), point(60, 125)), "black", 7)
    draw.ellipse((middle - 9, middle - 9, middle + 9, middle + 9), "black")
    return image


def crossword() -> Image.Image:
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


def keyboard() -> Image.Image:
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


def page() -> Image.Image:
    image = Image.new("RGB", (900, 640), "white")
    draw = ImageDraw.Draw(image)
    draw.text((60, 50), "Invoice 2041", "black", ImageFont.load_default(44))
    for number, line in enumerate((*LINES, "Total 148.50")):
        draw.text((60, 140 + number * 60), line, "black", ImageFont.load_default(30))
    return image


def qr_code() -> Image.Image:
    code = zxingcpp.create_barcode(LINK, zxingcpp.BarcodeFormat.QRCode)
    modules = Image.fromarray(np.asarray(zxingcpp.write_barcode_to_image(code, scale=10, add_quiet_zones=True)))
    return modules.convert("RGB")


def _png(draw: Callable[[], Image.Image]) -> Callable[[], bytes]:
    @cache
    def drawn() -> bytes:
        file = io.BytesIO()
        draw().save(file, "PNG")
        return file.getvalue()

    return drawn


def _moderated(scores: Mapping[str, Bounds] | None = None) -> ModerationExpected:
    """Of a drawing that offends nobody."""
    return ModerationExpected(scores={"nsfw": SAFE, **(scores or {})})


def _shows(*tags: str) -> FeaturesExpected:
    return FeaturesExpected(top=tags)


DRAWN: dict[str, tuple[Callable[[], bytes], Expected]] = {
    "clock": (
        _png(clock),
        Expected(moderation=_moderated(), features=_shows("analog clock", "wall clock"), faces=NO_FACE),
    ),
    "crossword": (
        _png(crossword),
        Expected(moderation=_moderated(), features=_shows("crossword puzzle"), faces=NO_FACE),
    ),
    "keyboard": (
        _png(keyboard),
        Expected(
            moderation=_moderated(),
            features=_shows("computer keyboard", "typewriter keyboard", "space bar"),
            faces=NO_FACE,
        ),
    ),
    "page": (
        _png(page),
        Expected(
            moderation=_moderated({"codes.present": Bounds(at_most=0)}),
            faces=NO_FACE,
            document=DocumentExpected(contains=("Invoice 2041", *LINES, "148.50")),
        ),
    ),
    "qr-code": (_png(qr_code), Expected(moderation=_moderated({"codes.url": Bounds(at_least=1)}), faces=NO_FACE)),
    "portrait": (_png(portrait), Expected(moderation=_moderated(), faces=FacesExpected(count=1, boxes=(FACE,)))),
}
