"""What the cells of a table are made of: runs of words that no wide gap interrupts."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np

from pipelines.documents.boxes import across, height, union
from pipelines.documents.stages import TextLine, TextWord
from pipelines.documents.structure.rows import joined
from pipelines.documents.types import Box

GAP = 0.9  # white between two words of one cell, in line heights: a space is 0.3
NEARER = 0.8  # of the distance that rows have: text that is so near to two rows has no row of its own


@dataclass(frozen=True, slots=True)
class Piece:
    """Words that stand together, left to right. `text` joins them as the line they come from did."""

    words: tuple[TextWord, ...]
    text: str

    @property
    def box(self) -> Box:
        return union(word.box for word in self.words)

    @property
    def centre(self) -> tuple[float, float]:
        x0, y0, x1, y1 = self.box
        return (x0 + x1) / 2, (y0 + y1) / 2


def words_of(line: TextLine) -> tuple[TextWord, ...]:
    """Its words; where the reader gave none, its text cut at spaces, each character as wide as the others."""
    if line.words:
        return line.words
    x0, y0, x1, y1 = line.box
    step, at, words = (x1 - x0) / max(1, len(line.text)), 0, []
    for text in line.text.split():
        at = line.text.index(text, at)
        words.append(TextWord(text, (x0 + at * step, y0, x0 + (at + len(text)) * step, y1), line.score))
        at += len(text)
    return tuple(words)


def pieces_of(lines: Sequence[TextLine], *, gap: float = GAP) -> list[Piece]:
    """Every word in exactly one piece."""
    tall = median([line.height for line in lines] or [1.0])
    return [piece for line in lines for piece in _pieces(line, gap * tall)]


def _pieces(line: TextLine, gap: float) -> list[Piece]:
    runs: list[list[TextWord]] = []
    for word in words_of(line):
        if runs and word.box[0] - runs[-1][-1].box[2] < gap:
            runs[-1].append(word)
        else:
            runs.append([word])
    return [Piece(tuple(run), joined(run, line.text)) for run in runs]


def visual_rows(pieces: Sequence[Piece]) -> list[list[Piece]]:
    """Pieces that stand level with each other; top to bottom, each left to right."""
    rows: list[list[Piece]] = []
    for one in sorted(pieces, key=lambda piece: piece.centre[1]):
        if rows and _is_level(rows[-1], one):
            rows[-1].append(one)
        else:
            rows.append([one])
    return [sorted(row, key=lambda piece: piece.box[0]) for row in rows]


def _is_level(row: Sequence[Piece], one: Piece) -> bool:
    middle = median(piece.centre[1] for piece in row)
    tall = min(height(one.box), median(height(piece.box) for piece in row))
    is_beside = all(piece.box[2] - one.box[0] < tall or one.box[2] - piece.box[0] < tall for piece in row)
    return abs(one.centre[1] - middle) < 0.5 * tall and is_beside


def settled_rows(rows: Sequence[list[Piece]]) -> tuple[list[list[Piece]], list[list[Piece]]]:
    """Rows without those that stand between two others, as the text of a cell over both does; and all of them, what
    stands between two added to the upper one."""
    own: list[list[Piece]] = []
    settled: list[list[Piece]] = []
    between = _between_rows(rows)
    for index, row in enumerate(rows):
        if index in between:
            settled[-1] = sorted([*settled[-1], *row], key=lambda piece: piece.box[0])
        else:
            own.append(row)
            settled.append(row)
    return own, settled


def _between_rows(rows: Sequence[list[Piece]]) -> set[int]:
    """Rows that are nearer to the two around them than rows are to each other, and under or over nothing there."""
    ys = [median(piece.centre[1] for piece in row) for row in rows]
    likely = {
        index
        for index in range(1, len(rows) - 1)
        if _is_beside(rows[index], rows[index - 1] + rows[index + 1])
        and len(rows[index]) <= len(rows[index + 1])
        and abs(2 * ys[index] - ys[index - 1] - ys[index + 1]) < 0.5 * (ys[index + 1] - ys[index - 1])
    }
    apart = [ys[index] - ys[index - 1] for index in range(1, len(rows)) if not likely & {index - 1, index}]
    nearest = float(np.percentile(apart, 25)) if apart else 0.0
    near = {index for index in likely if ys[index + 1] - ys[index - 1] < 2 * NEARER * nearest}
    return {index for index in near if not near & {index - 1, index + 1}}


def _is_beside(row: Sequence[Piece], others: Sequence[Piece]) -> bool:
    return all(across(one.box, other.box) == 0 for one in row for other in others)


def is_numeric(text: str) -> bool:
    """Half of it is digits: a value, not a name."""
    bare = [character for character in text if not character.isspace()]
    return 2 * sum(character.isdigit() for character in bare) >= len(bare) > 0
