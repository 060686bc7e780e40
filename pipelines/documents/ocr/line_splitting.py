"""Lines that are wider than a recogniser takes, cut into pieces between words, and joined again."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from dataclasses import replace as replaced
from math import ceil

from pipelines.documents.ocr.ctc import Character
from pipelines.documents.ocr.whitespace import SPACELESS, blank_runs, inked
from pipelines.documents.stages import Pixels

LIKE_A_SPACE = 0.15  # of the line's height: a blank run as wide as that is a place to cut
SLACK = 0.3  # of a piece's length, to both sides of where it would end


@dataclass(frozen=True, slots=True)
class Piece:
    """`pixels` from column `left` of line number `line`; `after_space` where it was cut between words."""

    line: int
    left: int
    pixels: Pixels
    after_space: bool = False


def pieces(line: int, crop: Pixels, *, widest: int) -> list[Piece]:
    """The line in as few pieces as it takes, all about as wide."""
    width = crop.shape[1]
    if width <= widest:
        return [Piece(line, 0, crop)]
    runs = [(int(first), int(last)) for first, last in blank_runs(inked(crop))]
    runs = [(first, last) for first, last in runs if last - first >= LIKE_A_SPACE * len(crop)]
    cuts: list[tuple[int, bool]] = [(0, False)]
    while width - cuts[-1][0] > widest:
        left = cuts[-1][0]
        even = ceil((width - left) / (widest * (1 - SLACK / 2)))  # pieces that are left
        cuts.append(_cut(runs, left, (width - left) // even, widest))
    ends = [*(cut for cut, _ in cuts[1:]), width]
    return [Piece(line, left, crop[:, left:end], is_space) for (left, is_space), end in zip(cuts, ends, strict=True)]


def _cut(runs: Iterable[tuple[int, int]], left: int, length: int, widest: int) -> tuple[int, bool]:
    """The middle of the widest run near the piece's end, and True; where there is none its end, and False."""
    first, last = left + round(length * (1 - SLACK)), left + min(widest, round(length * (1 + SLACK)))
    near = [run for run in runs if first <= sum(run) // 2 <= last]
    if not near:
        return left + min(length, widest), False
    start, end = max(near, key=lambda run: run[1] - run[0])
    return (start + end) // 2, True


def joined(parts: Sequence[tuple[Piece, list[Character]]]) -> list[Character]:
    """The characters of a line's pieces, positions in columns of the whole line."""
    line: list[Character] = []
    for piece, characters in parts:
        moved = [replaced(one, position=one.position + piece.left) for one in characters]
        if piece.after_space and line and moved and not SPACELESS.match(line[-1].text + moved[0].text):
            line.append(Character(" ", float(piece.left), 1.0))
        line += moved
    return line
