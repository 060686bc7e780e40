"""Finds superscripts and subscripts by their size and baseline, and writes them so that no value changes.

10 with a raised 6 is written `10^6`, never 106. Unicode's superscripts would not do: NFKC, which most tokenisers apply,
makes 106 of them again. Lowered digits after letters are written as Unicode has them (CO₂), others behind `_`. A raised
number that is no power is the mark of a note: it becomes a word of its own, `6,000 [^2]`, as Markdown's footnotes.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import cast

import numpy as np
from numpy.typing import NDArray

from pipelines.boxes import Box, enclosing_box
from pipelines.documents.pdf.page_characters import Floats
from pipelines.linear_patterns import text_is

RAISED, LOWERED = 1, -1
# In heights of the text that it belongs to. Drop caps are more than 2.5 times as high as the text beside them.
MIN_SIZE, MAX_SIZE = 0.4, 0.85
MIN_RISE, MAX_RISE = 0.15, 0.95
MIN_DROP, MAX_DROP = 0.06, 0.5
SAME_SIZE_RISE, SAME_SIZE_DROP, MAX_SAME_SIZE = 0.25, 0.15, 1.1  # for what is as large as the text beside it
SAME_BASELINE = 0.04
MIN_GAP, MAX_GAP, JOINED_GAP = -0.5, 0.45, 0.12  # of white before it; at most the last where no space is meant
LONGEST, LONGEST_SAME_SIZE = 15, 3  # characters

_SIGNS = frozenset("+-−±=()<>/")  # raised, these change a value; other signs, such as * and ™, do not
_ORDINAL_ENDINGS = "st nd rd th er ère ere re e ème eme me ter o a os as le lle r tm sm mo ma ta de te"
_UNITS_AND_FUNCTIONS = """
m mm cm dm km nm µm μm in ft yd mi ha s ms µs h d g kg mg µg l ml N J W kW Pa Hz K V A T mol cd rad sr Gy bar eV sin
cos tan log ln exp det dim px pt
"""
_ORDINALS, _UNITS = frozenset(_ORDINAL_ENDINGS.split()), frozenset(_UNITS_AND_FUNCTIONS.split())
_TRADE_MARKS = {"TM": "™", "SM": "℠"}
_is_note_mark = text_is(r"\d{1,3}(?:[,–-]\s?\d{1,3})*,?")
_is_large_number = text_is(r".*(?:\d{4}|\d[,.' ]\d{3})")
_SUBSCRIPTS = str.maketrans("0123456789+-−()", "₀₁₂₃₄₅₆₇₈₉₊₋₋₍₎")


@dataclass(frozen=True, slots=True)
class WordPiece:
    """A part of a word at one height; `level` is RAISED, LOWERED or 0; `leads` if it is raised before its text."""

    text: str
    box: Box
    level: int = 0
    leads: bool = False


@dataclass(slots=True)
class _Run:
    """Consecutive characters on one baseline; `end` is exclusive."""

    start: int
    end: int
    height: float
    baseline: float


def find_levels(boxes: Floats, baselines: Floats) -> tuple[NDArray[np.int8], NDArray[np.bool_], NDArray[np.bool_]]:
    """For characters in the order of the content: their levels, whether each is joined to the one before it although
    it stands higher or lower, and whether it is raised before the text that it belongs to."""
    levels, joined, leads = (
        np.zeros(len(boxes), np.int8),
        np.zeros(len(boxes), np.bool_),
        np.zeros(len(boxes), np.bool_),
    )
    base: _Run | None = None
    last: _Run | None = None
    for run in _split_runs(boxes, baselines):
        if base is not None and last is not None and _stands_beside(run, last, base, boxes):
            gap = float(boxes[run.start, 0] - boxes[last.end - 1, 2])
            level = _compare(run, base)
            if level:
                levels[run.start : run.end] = level
                joined[run.start] = True
            elif last is base and _compare(base, run) == RAISED and base.end - base.start <= LONGEST_SAME_SIZE:
                levels[base.start : base.end] = RAISED
                leads[base.start : base.end] = True
                joined[run.start], base = gap <= JOINED_GAP * run.height, run
            else:
                joined[run.start] = last is not base and gap <= JOINED_GAP * base.height
                base = run
        else:
            base = run
        last = run
    _lead_with_spaced(levels, joined, leads, boxes)
    return levels, joined, leads


def _stands_beside(run: _Run, last: _Run, base: _Run, boxes: Floats) -> bool:
    """Whether it begins where the run before ends, or where the text ends that both belong to: superscripts stand over
    subscripts."""
    gaps = (float(boxes[run.start, 0] - boxes[one.end - 1, 2]) for one in (last, base))
    return any(MIN_GAP * base.height <= gap <= MAX_GAP * base.height for gap in gaps)


def _split_runs(boxes: Floats, baselines: Floats) -> Iterator[_Run]:
    """A new run begins where the baseline changes, or where a character stands far from the one before."""
    if not len(boxes):
        return
    heights = boxes[:, 3] - boxes[:, 1]
    scale = np.maximum(heights[1:], heights[:-1])
    gaps = boxes[1:, 0] - boxes[:-1, 2]
    is_new = (np.abs(np.diff(baselines)) > SAME_BASELINE * scale) | (np.abs(gaps) > 2 * scale)
    starts = [0, *(np.flatnonzero(is_new) + 1).tolist()]
    for start, end in zip(starts, [*starts[1:], len(boxes)], strict=True):
        yield _Run(start, end, max(float(np.median(heights[start:end])), 1e-3), float(baselines[start]))


def _compare(run: _Run, base: _Run) -> int:
    """The level of `run` beside `base`, 0 if it is neither raised nor lowered."""
    size, rise = run.height / base.height, (base.baseline - run.baseline) / base.height
    length = run.end - run.start
    if MIN_SIZE <= size <= MAX_SIZE and length <= LONGEST:
        least_rise, least_drop = MIN_RISE, MIN_DROP
    elif MAX_SIZE < size <= MAX_SAME_SIZE and length <= LONGEST_SAME_SIZE:
        least_rise, least_drop = SAME_SIZE_RISE, SAME_SIZE_DROP
    else:
        return 0
    if least_rise <= rise <= MAX_RISE:
        return RAISED
    return LOWERED if least_drop <= -rise <= MAX_DROP else 0


def _lead_with_spaced(
    levels: NDArray[np.int8], joined: NDArray[np.bool_], leads: NDArray[np.bool_], boxes: Floats
) -> None:
    """A raised number with white before it and none behind it belongs to what follows: `of ¹⁴C`."""
    for start in np.flatnonzero(joined & (levels == RAISED)).tolist():
        height = boxes[start - 1, 3] - boxes[start - 1, 1]
        end = start + 1
        while end < len(levels) and levels[end] == RAISED and not joined[end]:
            end += 1
        is_spaced = boxes[start, 0] - boxes[start - 1, 2] > JOINED_GAP * height
        if is_spaced and end < len(levels) and boxes[end, 0] - boxes[end - 1, 2] <= JOINED_GAP * height:
            joined[start] = False
            joined[end] = leads[start:end] = True


def find_notes(words: Iterable[Sequence[WordPiece]]) -> frozenset[str]:
    """The marks that notes of the page begin with."""
    return frozenset(word[0].text for word in words if word[0].leads and _is_note_mark(word[0].text))


def write_words(pieces: Sequence[WordPiece], notes: frozenset[str]) -> Iterator[tuple[str, Box]]:
    """The word as text; the mark of a note is a word of its own. `notes` are those that the page has."""
    text, boxes, is_mark = "", list[Box](), False
    for at, piece in enumerate(pieces):
        following = pieces[at + 1].text if at + 1 < len(pieces) else ""
        begins_word = _marks_note(piece, text, following, notes)
        if text and (begins_word or (is_mark and piece.text[:1].isalnum())):
            yield text, enclosing_box(boxes)
            text, boxes = "", []
        is_mark = begins_word
        text += f"[^{piece.text.rstrip(',')}]" if begins_word else _write_piece(piece, text, following)
        boxes.append(piece.box)
    if text:
        yield text, enclosing_box(boxes)


def _marks_note(piece: WordPiece, before: str, following: str, notes: frozenset[str]) -> bool:
    if piece.level != RAISED or not _is_note_mark(piece.text):
        return False
    if piece.leads:  # elements have one or two letters: ¹⁴C, ²³⁵U
        return not following or sum(map(str.isalpha, following)) > 2
    if not before:
        return False
    is_known = piece.text.rstrip(",") in notes
    if before[-1].isdecimal():
        number = before[len(before.rstrip("0123456789.,' \u00a0\u202f")) :]
        return number != "10" and (is_known or bool(_is_large_number(number)))
    if not before[-1].isalpha():
        return before[-1] not in ")]}₀₁₂₃₄₅₆₇₈₉" or is_known
    word = before[len(before.rstrip("".join(set(filter(str.isalpha, before))))) :]
    return word not in _UNITS and len(word) > 1 and (is_known or len(word) > 3)


def _write_piece(piece: WordPiece, before: str, following: str) -> str:
    text = _TRADE_MARKS.get(piece.text, piece.text) if piece.level == RAISED else piece.text
    if not piece.level:
        return text
    if not _changes_value(text) or (piece.level == RAISED and text.lower().rstrip(".") in _ORDINALS and before):
        is_index = len(text) == 1 and text.isalpha() and before[-1:].isalpha()  # x^a, but 1^a and 2^o
        if not is_index:
            return text
    if piece.level == LOWERED:
        if before[-1:].isalpha() and text.isascii() and text.isdecimal():
            return text.translate(_SUBSCRIPTS)
        return f"_{_enclose(text, following)}" if before else text
    return f"^{_enclose(text, following if not piece.leads else '')}"


def _changes_value(text: str) -> bool:
    return any(one.isalnum() or one in _SIGNS for one in text)


def _enclose(text: str, following: str) -> str:
    """In parentheses if one could not see where it ends."""
    if text.startswith("(") and text.endswith(")"):
        return text
    is_number = text.lstrip("+-−").isdecimal()
    ends = not following[:1].isalnum()
    return text if (is_number or len(text) == 1) and ends else f"({text})"


def split_levels(
    text: Sequence[str], boxes: Floats, levels: NDArray[np.int8], leads: NDArray[np.bool_]
) -> tuple[WordPiece, ...]:
    """The pieces of one word's characters."""
    cuts = [
        0,
        *(np.flatnonzero((np.diff(levels) != 0) | (np.diff(leads.astype(np.int8)) != 0)) + 1).tolist(),
        len(text),
    ]
    pieces = []
    for start, end in pairwise(cuts):
        low, high = boxes[start:end, :2].min(axis=0).tolist(), boxes[start:end, 2:].max(axis=0).tolist()
        box = cast(Box, (*low, *high))
        pieces.append(WordPiece("".join(text[start:end]), box, int(levels[start]), bool(leads[start])))
    return tuple(pieces)
