"""Cuts lines wider than the recogniser accepts into slices, between words, and joins what was read in them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from math import ceil

from pipelines.documents.ocr.ctc import Character
from pipelines.documents.ocr.whitespace import find_blank_runs, find_ink_columns, has_spaceless
from pipelines.documents.stages import Pixels

MIN_SPACE = 0.15  # of the line's height: the narrowest blank run to cut at
SLACK = 0.3  # of a slice's length: how far from its even end, to both sides, it may be cut


@dataclass(frozen=True, slots=True)
class LineSlice:
    """`pixels` from column `left` of line number `line`; `after_space`: the cut before it is between words."""

    line: int
    left: int
    pixels: Pixels
    after_space: bool = False


def slice_line(line: int, crop: Pixels, *, widest: int) -> list[LineSlice]:
    """The line in as few slices as possible, all about equally wide."""
    width = crop.shape[1]
    if width <= widest:
        return [LineSlice(line, 0, crop)]
    runs = [(int(first), int(last)) for first, last in find_blank_runs(find_ink_columns(crop))]
    runs = [(first, last) for first, last in runs if last - first >= MIN_SPACE * len(crop)]
    cuts: list[tuple[int, bool]] = [(0, False)]
    while width - cuts[-1][0] > widest:
        left = cuts[-1][0]
        remaining = ceil((width - left) / (widest * (1 - SLACK / 2)))  # slices
        cuts.append(_find_cut(runs, left, (width - left) // remaining, widest))
    ends = [*(cut for cut, _ in cuts[1:]), width]
    return [
        LineSlice(line, left, crop[:, left:end], is_space) for (left, is_space), end in zip(cuts, ends, strict=True)
    ]


def _find_cut(runs: Iterable[tuple[int, int]], left: int, length: int, widest: int) -> tuple[int, bool]:
    """The middle of the widest run near the slice's end, and True; without one the slice's end, and False."""
    first, last = left + round(length * (1 - SLACK)), left + min(widest, round(length * (1 + SLACK)))
    near = [run for run in runs if first <= sum(run) // 2 <= last]
    if not near:
        return left + min(length, widest), False
    start, end = max(near, key=lambda run: run[1] - run[0])
    return (start + end) // 2, True


def join_slices(parts: Sequence[tuple[LineSlice, list[Character]]]) -> list[Character]:
    """The characters of a whole line, with its columns as positions, from those of its slices."""
    line: list[Character] = []
    for part, characters in parts:
        moved = [replace(one, position=one.position + part.left) for one in characters]
        if part.after_space and line and moved and not has_spaceless((line[-1].text + moved[0].text)[:1]):
            line.append(Character(" ", float(part.left), 1.0))
        line += moved
    return line
