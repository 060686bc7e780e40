"""Parts of screens: themes, icons, buttons, forms, grids, lists, palettes, chats."""

from PIL import Image, ImageDraw, ImageFont

from benchmarks.kinds.dice import RGB, Dice
from benchmarks.kinds.stock import Stock

SANS, MONO = "Lato|SourceSans|inter", "mono"


class Theme:
    """Colours and fonts that belong together."""

    def __init__(self, stock: Stock, dice: Dice) -> None:
        self.dark = dice.chance(0.35)
        grey = dice.whole(18, 50) if self.dark else dice.whole(232, 255)
        self.base: RGB = (grey, grey, min(255, grey + dice.whole(0, 14)))
        self.panel: RGB = shift_colour(self.base, dice.pick([-14, -8, 8, 12]))
        self.line: RGB = shift_colour(self.base, 45 if self.dark else -45)
        self.ink: RGB = (225, 225, 225) if self.dark else dice.pick([(0, 0, 0), (33, 37, 41), (60, 60, 60)])
        self.faint: RGB = shift_colour(self.ink, -90 if self.dark else 100)
        self.accent: RGB = dice.pick(
            [(0, 120, 215), (13, 110, 253), (26, 115, 232), (40, 167, 69), (220, 53, 69), dice.colour(0, 200)]
        )
        self.radius = dice.pick([0, 2, 4, 8, 14])
        self.size = dice.whole(11, 17)
        self.font = stock.font(dice, self.size, SANS)
        self.bold = stock.font(dice, self.size * dice.between(1, 1.6), "Bold|Semibold|700")


def shift_colour(colour: RGB, by: int) -> RGB:
    red, green, blue = (max(0, min(255, one + by)) for one in colour)
    return red, green, blue


def make_canvas(theme: Theme, dice: Dice, ratio: float) -> tuple[Image.Image, ImageDraw.ImageDraw]:
    width = dice.whole(360, 1300)
    picture = Image.new("RGB", (width, round(width * ratio)), theme.base)
    return picture, ImageDraw.Draw(picture)


def draw_icon(draw: ImageDraw.ImageDraw, dice: Dice, place: tuple[int, int], side: int, theme: Theme) -> None:
    x, y = place
    colour = dice.pick([theme.ink, theme.faint, theme.accent, dice.colour(40, 230)])
    inner = x + side // 5, y + side // 5, x + side * 4 // 5, y + side * 4 // 5
    match dice.whole(0, 3):
        case 0:
            draw.rounded_rectangle(inner, 3, outline=colour, width=2)
        case 1:
            draw.ellipse(inner, colour)
        case 2:
            draw.polygon([(inner[0], inner[3]), (inner[2], inner[3]), ((inner[0] + inner[2]) // 2, inner[1])], colour)
        case _:
            for line in range(3):
                draw.line((inner[0], inner[1] + line * 5, inner[2], inner[1] + line * 5), colour, 2)


def write_row(
    draw: ImageDraw.ImageDraw, theme: Theme, dice: Dice, place: tuple[float, float], width: int, words: list[str]
) -> None:
    x, y = place
    for word in words:
        if x > width - 60:
            return
        draw.text((x, y), word, theme.ink, theme.font)
        x += theme.font.getlength(word) + dice.whole(12, 24)


def draw_button(
    draw: ImageDraw.ImageDraw, theme: Theme, dice: Dice, place: tuple[float, float], *, filled: bool
) -> None:
    x, y = place
    fill = theme.accent if filled else theme.panel
    draw.rounded_rectangle((x, y, x + 88, y + 27), theme.radius, fill, theme.line)
    ink = (255, 255, 255) if filled else theme.ink
    draw.text(
        (x + 44, y + 13),
        dice.pick(["OK", "Cancel", "Save", "Apply", "Close", "Next", dice.words(1).title()]),
        ink,
        theme.font,
        anchor="mm",
    )


Box = tuple[float, float, float, float]


def fill_form(draw: ImageDraw.ImageDraw, theme: Theme, dice: Dice, box: Box) -> None:
    left, top, right, bottom = box
    middle = left + (right - left) * dice.between(0.2, 0.45)
    height = theme.size + 13
    while top + height < bottom:
        draw.text((left, top + 6), dice.words(dice.whole(1, 3)).capitalize(), theme.ink, theme.font)
        match dice.whole(0, 5):
            case 0:
                draw.rectangle((middle, top + 6, middle + 14, top + 20), theme.panel, theme.faint)
                draw.text((middle + 22, top + 5), dice.words(3), theme.ink, theme.font)
            case 1:
                draw.rounded_rectangle(
                    (middle, top + 5, middle + 36, top + 21), 8, theme.accent if dice.chance(0.5) else theme.line
                )
                draw.ellipse((middle + 20, top + 6, middle + 34, top + 20), "white")
            case 2:
                draw.line((middle, top + height / 2, right - 20, top + height / 2), theme.line, 3)
                x = dice.between(middle, right - 24)
                draw.ellipse((x - 7, top + height / 2 - 7, x + 7, top + height / 2 + 7), theme.accent)
            case _:
                draw.rounded_rectangle(
                    (middle, top, right - 4, top + height - 2), theme.radius, shift_colour(theme.base, 10), theme.line
                )
                if dice.chance(0.7):
                    draw.text((middle + 7, top + 5), dice.pick([dice.words(2), dice.number()]), theme.ink, theme.font)
        top += height + dice.whole(3, 12)


def fill_grid(draw: ImageDraw.ImageDraw, theme: Theme, dice: Dice, box: Box) -> None:
    left, top, right, bottom = box
    columns, height = dice.whole(3, 9), theme.size + dice.whole(6, 14)
    step, striped, row = (right - left) / columns, dice.chance(0.5), 0
    while top + height < bottom:
        fill = theme.panel if row == 0 or (striped and row % 2) else theme.base
        draw.rectangle((left, top, right, top + height), fill, theme.line if dice.chance(0.8) else None)
        for column in range(columns):
            text = dice.words(1) if row == 0 or column == 0 else dice.number()
            draw.text((left + column * step + 4, top + 3), text, theme.ink, theme.font)
            if not striped:
                draw.line((left + column * step, top, left + column * step, top + height), theme.line)
        top, row = top + height, row + 1


def fill_list(draw: ImageDraw.ImageDraw, theme: Theme, dice: Dice, box: Box) -> None:
    left, top, right, bottom = box
    height = dice.whole(40, 76)
    while top + height < bottom:
        draw.ellipse((left + 6, top + 6, left + height - 8, top + height - 8), dice.colour(60, 230))
        draw.text((left + height + 4, top + 6), dice.words(3).title(), theme.ink, theme.font)
        draw.text((left + height + 4, top + 9 + theme.size), dice.words(6), theme.faint, theme.font)
        draw.line((left, top + height, right, top + height), theme.line)
        top += height


def fill_palette(draw: ImageDraw.ImageDraw, theme: Theme, dice: Dice, box: Box) -> None:
    """Rows of icons or colours to choose from."""
    side, colours = dice.whole(18, 48), dice.chance(0.4)
    for y in range(round(box[1]), round(box[3] - side), side + 3):
        for x in range(round(box[0]), round(box[2] - side), side + 3):
            if colours:
                draw.rectangle((x, y, x + side, y + side), dice.colour(), theme.line)
            else:
                draw_icon(draw, dice, (x, y), side, theme)


def write_list(
    draw: ImageDraw.ImageDraw, theme: Theme, dice: Dice, start: tuple[float, float], end: tuple[float, float]
) -> None:
    x, y = start
    while y < end[1] - 2 * theme.size:
        if dice.chance(0.1):
            draw.rectangle((x - 4, y - 3, end[0], y + theme.size + 4), theme.accent)
        draw.text((x + dice.pick([0, 0, 14, 28]), y), dice.words(dice.whole(1, 2)), theme.ink, theme.font)
        y += theme.size + dice.whole(8, 12)


def write_cards(picture: Image.Image, stock: Stock, theme: Theme, dice: Dice, top: int) -> int:
    draw, count = ImageDraw.Draw(picture), dice.whole(2, 4)
    step = (picture.width - 30) // count
    tall = round(step * dice.between(0.5, 0.8))
    for one in range(count):
        left = 20 + one * step
        if dice.chance(0.7):
            inside = (
                stock.photograph(dice, (step - 14, tall))
                if dice.chance(0.7)
                else Image.new("RGB", (step - 14, tall), dice.colour(80, 240))
            )
            picture.paste(inside, (left, top))
        draw.rounded_rectangle((left, top, left + step - 14, top + tall + 70), theme.radius, outline=theme.line)
        draw.text((left + 8, top + tall + 8), dice.words(2).title(), theme.ink, theme.font)
        draw.text((left + 8, top + tall + 12 + theme.size), dice.words(4), theme.faint, theme.font)
    return top + tall + 90


def write_text(picture: Image.Image, stock: Stock, theme: Theme, dice: Dice, top: int) -> int:
    draw, left = ImageDraw.Draw(picture), dice.pick([20, picture.width // 6])
    draw.text((left, top), dice.words(4).capitalize(), dice.pick([theme.ink, theme.accent]), theme.bold)
    top += round(theme.size * 2.4)
    for _ in range(dice.whole(1, 8)):
        draw.text((left, top), fit_words(dice, theme.font, picture.width - 2 * left), theme.ink, theme.font)
        top += round(theme.size * 1.5)
    return top + 14


def fit_words(dice: Dice, font: ImageFont.FreeTypeFont, width: float) -> str:
    text = dice.words(max(2, int(width / max(1.0, font.getlength("letters")))))
    return text[: max(4, int(len(text) * min(1.0, width / max(1.0, font.getlength(text)))))]


def fill_chat(draw: ImageDraw.ImageDraw, theme: Theme, dice: Dice, box: Box) -> None:
    left, top, right, bottom = box
    while top < bottom - 60:
        own, lines = dice.chance(0.5), dice.whole(1, 4)
        wide = (right - left) * dice.between(0.4, 0.75)
        x = right - wide if own else left
        tall = lines * (theme.size + 5) + 14
        draw.rounded_rectangle((x, top, x + wide, top + tall), 12, theme.accent if own else theme.panel)
        for line in range(lines):
            draw.text(
                (x + 9, top + 7 + line * (theme.size + 5)),
                fit_words(dice, theme.font, wide - 18),
                theme.ink,
                theme.font,
            )
        top += tall + dice.whole(6, 20)
