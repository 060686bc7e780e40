"""A page that is written on from top to bottom: headings, paragraphs, tables."""

from PIL import Image, ImageDraw

from benchmarks.kinds.dice import RGB, Dice
from benchmarks.kinds.stock import Stock

SERIF, ANY, HAND, MONO = "Serif|merriweather", "Lato|SourceS|inter|merriweather", "Intuitive|patrick", "mono"


class Sheet:
    """A page that is written on from top to bottom."""

    def __init__(
        self, stock: Stock, dice: Dice, size: tuple[int, int], style: str, paper: RGB = (255, 255, 255)
    ) -> None:
        self.stock, self.dice, self.style = stock, dice, style
        self.picture = Image.new("RGB", size, paper)
        self.draw = ImageDraw.Draw(self.picture)
        self.ink: RGB = dice.pick([(0, 0, 0), (0, 0, 0), (30, 30, 30), (60, 60, 60)])
        self.text_height = size[0] * dice.between(0.014, 0.026)
        self.margin = size[0] * dice.between(0.05, 0.14)
        self.top = self.margin * dice.between(0.6, 1.6)
        self.font = stock.font(dice, self.text_height, style)

    @property
    def bottom(self) -> float:
        return self.picture.height - self.margin

    def write_heading(self, left: float, right: float, factor: float = 1.6, *, centred: bool = False) -> None:
        font = self.stock.font(self.dice, self.text_height * factor, "Bold|Semibold|700|Black")
        x, anchor = ((left + right) / 2, "ma") if centred else (left, "la")
        self.draw.text((x, self.top), self.dice.words(self.dice.whole(2, 6)).title(), self.ink, font, anchor=anchor)
        self.top += self.text_height * factor * 1.7

    def write_paragraph(self, left: float, right: float, lines: int, *, ragged: bool = False) -> None:
        """Lines to the right margin, the last one shorter."""
        leading = self.text_height * self.dice.between(1.2, 1.5)
        for line in range(lines):
            if self.top + leading > self.bottom:
                return
            share = self.dice.between(0.2, 0.9) if line == lines - 1 else self.dice.between(0.8, 1) if ragged else 1.0
            self._write_line(left, (right - left) * share)
            self.top += leading
        self.top += leading * self.dice.between(0.2, 0.9)

    def _write_line(self, left: float, width: float) -> None:
        text = self.dice.words(max(1, int(width / self.text_height / 2.4)) + 3)
        while self.font.getlength(text) > width and " " in text:
            text = text.rsplit(" ", 1)[0]
        self.draw.text((left, self.top), text, self.ink, self.font)

    def _choose_fills(self) -> tuple[RGB | None, RGB | None]:
        """The ground of a table's head and of every other row, as offices colour them; mostly none."""
        if self.dice.chance(0.6):
            return None, None
        red, green, blue = self.dice.colour(90, 235)
        pale = red // 5 + 204, green // 5 + 204, blue // 5 + 204
        return (red, green, blue), self.dice.pick([None, pale, (240, 240, 240)])

    def write_table(self, left: float, right: float, rows: int, columns: int, *, ruled: bool) -> None:
        height = self.text_height * self.dice.between(1.4, 2.6)
        start, step = self.top, (right - left) / columns
        head, stripe = self._choose_fills()
        for row in range(rows):
            if self.top + height > self.bottom:
                break
            if fill := head if row == 0 else stripe if row % 2 == 0 else None:
                self.draw.rectangle((left, self.top, right, self.top + height), fill)
            for column in range(columns):
                text = self.dice.words(1) if column == 0 or row == 0 else self.dice.number()
                self.draw.text((left + column * step + 3, self.top + height * 0.15), text, self.ink, self.font)
            if ruled or row == 0:
                self.draw.line((left, self.top + height, right, self.top + height), self.ink, 1)
            self.top += height
        self.draw.line((left, start, right, start), self.ink, 2)
        if ruled and self.dice.chance(0.6):
            for column in range(columns + 1):
                self.draw.line((left + column * step, start, left + column * step, self.top), self.ink, 1)
        self.top += height
