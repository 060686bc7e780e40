"""Drawn pages and tables: their pixels, and the lines that a reader would find on them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import product
from random import Random

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from pipelines.boxes import Box
from pipelines.documents.stages import PageText, TextLine, TextWord

WORDS = [
    "the",
    "of",
    "a",
    "model",
    "reading",
    "order",
    "columns",
    "paper",
    "figure",
    "shows",
    "results",
    "where",
    "between",
    "under",
    "these",
    "values",
    "text",
]


Font = ImageFont.FreeTypeFont | ImageFont.ImageFont
PlacedCell = tuple[int, int, int, int, str]


def make_line(words: Sequence[tuple[str, Box]]) -> TextLine:
    x0, y0 = min(box[0] for _, box in words), min(box[1] for _, box in words)
    x1, y1 = max(box[2] for _, box in words), max(box[3] for _, box in words)
    quad = np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]], np.float32)
    found = tuple(TextWord(text, box, 0.99) for text, box in words)
    return TextLine(" ".join(text for text, _ in words), quad, 0.99, found)


@dataclass
class PageDrawing:
    """A white page to write on; each call of `write` adds a line that a reader would find."""

    width: int = 1240
    height: int = 1754
    lines: list[TextLine] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.image = Image.new("RGB", (self.width, self.height), "white")
        self.draw = ImageDraw.Draw(self.image)

    def write(self, text: str, x: float, y: float, size: int = 20, *, bold: bool = False) -> TextLine:
        font = ImageFont.load_default(size)
        words, at = [], x
        for word in text.split():
            end = at + font.getlength(word)
            self.draw.text((at, y), word, "black", font, stroke_width=1 if bold else 0)
            words.append((word, (at, y, end, y + 1.2 * size)))
            at = end + font.getlength(" ")
        self.lines.append(make_line(words))
        return self.lines[-1]

    def paragraph(self, x: float, y: float, right: float, rows: int, size: int = 20, *, seed: int = 0) -> float:
        """Draw justified rows, the first indented and the last short; returns the y of the next paragraph."""
        random, font = Random(seed), ImageFont.load_default(size)
        for row in range(rows):
            left = x + 2 * size if row == 0 else x
            end = right if row < rows - 1 else x + 0.5 * (right - x)
            words = [random.choice(WORDS)]
            while font.getlength(" ".join(words)) < end - left - 3 * size:
                words.append(random.choice(WORDS))
            self._write_justified(words, left, end, y, font, size)
            y += 1.5 * size
        return y

    def _write_justified(self, words: list[str], left: float, right: float, y: float, font: Font, size: int) -> None:
        space = (right - left - sum(font.getlength(word) for word in words)) / max(1, len(words) - 1)
        placed, at = [], left
        for word in words:
            end = at + font.getlength(word)
            self.draw.text((at, y), word, "black", font)
            placed.append((word, (at, y, end, y + 1.2 * size)))
            at = end + space
        self.lines.append(make_line(placed))

    @property
    def text(self) -> PageText:
        return PageText(np.asarray(self.image), tuple(self.lines))


@dataclass(frozen=True)
class DrawnTable:
    """`cells`: (row, column, row span, column span, text) of every cell, row by row."""

    text: PageText
    cells: list[PlacedCell]


def draw_table(seed: int, *, is_ruled: bool) -> DrawnTable:
    """A table of three to six columns, with one cell over two rows and, in every second table, one over two columns."""
    random = Random(seed)
    columns, rows = random.randint(3, 6), random.randint(4, 9)
    widths = [random.randint(120, 200) for _ in range(columns)]
    xs = [60 + sum(widths[:index]) for index in range(columns + 1)]
    ys = [60 + 44 * index for index in range(rows + 1)]
    cells = _make_cells(random, rows, columns)
    sheet = PageDrawing(xs[-1] + 60, ys[-1] + 60)
    for row, column, tall, wide, text in cells:
        frame = (xs[column], ys[row], xs[column + wide], ys[row + tall])
        if is_ruled:
            sheet.draw.rectangle(frame, outline="black", width=2)
        if text:
            length = ImageFont.load_default(18).getlength(text)
            left = (frame[0] + frame[2] - length) / 2 if wide > 1 or column else frame[0] + 8
            sheet.write(text, left, (frame[1] + frame[3]) / 2 - 11, 18)
    if not is_ruled:
        heads = 2 if any(wide > 1 for _, _, _, wide, _ in cells) else 1
        for y in (ys[0], ys[heads], ys[-1]):
            sheet.draw.line((xs[0], y, xs[-1], y), "black", 2)
    return DrawnTable(sheet.text, cells)


def _make_cells(random: Random, rows: int, columns: int) -> list[PlacedCell]:
    has_group = random.random() < 0.5
    spans = [(0, columns - 2, 1, 2, "Group of two")] if has_group else []
    spans.append((random.randint(2, rows - 2), 0, 2, 1, "Both rows"))
    occupied = {(row + y, column + x) for row, column, tall, wide, _ in spans for y in range(tall) for x in range(wide)}
    free = [place for place in product(range(rows), range(columns)) if place not in occupied]
    return sorted(spans + [(*place, 1, 1, _make_text(random, *place, has_group=has_group)) for place in free])


def _make_text(random: Random, row: int, column: int, *, has_group: bool) -> str:
    if row == 0 or (row == 1 and has_group):
        return "" if row == 0 and has_group else f"Head {'ABCDEF'[column]}"
    if column == 0:
        return f"{random.choice(['Alpha', 'Beta', 'Gamma'])} {random.choice(['one', 'two'])}"
    return "" if random.random() < 0.08 else f"{random.uniform(1, 999):.2f}"
