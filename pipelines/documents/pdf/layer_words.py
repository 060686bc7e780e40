"""Splits the characters of a text layer into words: between spaces and gaps, superscripts and accents in place."""

import unicodedata
from dataclasses import dataclass
from typing import cast

import numpy as np
from numpy.typing import NDArray

from pipelines.boxes import Box
from pipelines.documents.pdf.page_characters import Floats
from pipelines.documents.pdf.raised_text import (
    JOINED_GAP,
    WordPiece,
    find_levels,
    find_notes,
    split_levels,
    write_words,
)
from pipelines.documents.pdf.right_to_left import find_right_to_left, normalise, order_characters
from pipelines.documents.pdf.text_quality import is_unreadable

# In heights of the font.
MAX_WORD_GAP = 0.35
SLACK = 0.1  # by which a character may begin before the one that it follows
MIN_OVERLAP = 0.5  # of the lower one's height: what overlaps more is on one line
MAX_SHIFT = 0.25  # of the baseline: beyond it is a drop cap or another line
HYPHEN = 2  # PDFium's mark for a hyphen at a line's end
_LINE_BREAKS = (0xA, 0xD)  # PDFium adds them also before and after a superscript

_LIGATURES = {0xFB00: "ff", 0xFB01: "fi", 0xFB02: "fl", 0xFB03: "ffi", 0xFB04: "ffl", 0xFB05: "st", 0xFB06: "st"}
# Accents that are painted over a letter as characters of their own, and what they are in a letter.
_ACCENTS = {
    0x60: "\u0300", 0xB4: "\u0301", 0x2C6: "\u0302", 0x5E: "\u0302", 0x2DC: "\u0303", 0x7E: "\u0303", 0xAF: "\u0304",
    0x2D8: "\u0306", 0x2D9: "\u0307", 0xA8: "\u0308", 0x2DA: "\u030a", 0x2DD: "\u030b", 0x2C7: "\u030c",
    0xB8: "\u0327", 0x2DB: "\u0328",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class LayerWord:
    """A word of a text layer; `baseline` is the y of its first character's; `is_garbled`: its text is not what it
    shows."""

    box: Box
    text: str
    baseline: float
    is_garbled: bool = False


def split_words(
    codes: NDArray[np.uint32], boxes: Floats, baselines: Floats, garbled: NDArray[np.bool_], *, with_levels: bool
) -> list[LayerWord]:
    """Runs of characters between spaces and gaps, in the order of the page's content.

    Boxes are upright pixels, `baselines` (n,) y; `garbled` (n,) marks characters that are not what they show. Without
    `with_levels` nothing is taken as raised or lowered.
    """
    spelled = {code: _text_of_code(code) for code in set(codes.tolist())}
    texts = [spelled[code] for code in codes.tolist()]
    is_space = np.array([not text for text in texts], np.bool_)
    _attach_accents(codes, boxes, texts)
    marks = [code for code, text in spelled.items() if text and unicodedata.combining(text[0])]
    is_mark = np.isin(codes, marks)
    visible = np.array([bool(text) for text in texts], np.bool_)
    kept = np.flatnonzero(visible & ((boxes[:, 2:] > boxes[:, :2]).all(axis=1) | is_mark))
    if not len(kept):
        return []
    from_right = find_right_to_left(codes[kept])
    levels, joined, leads = _find_levels(boxes[kept], baselines[kept], enabled=with_levels)
    continued = _find_continued(codes, boxes, baselines, kept, is_space, from_right) & (codes[kept[:-1]] != HYPHEN)
    continued |= joined[1:] | is_mark[kept[1:]]
    starts = np.array([0, *(np.flatnonzero(~continued) + 1).tolist()])
    own = [texts[row] for row in kept.tolist()]
    words = _Spans(codes[kept], boxes[kept], own, from_right, levels, leads).write(starts)
    firsts, are_garbled = baselines[kept[starts]].tolist(), np.logical_or.reduceat(garbled[kept], starts).tolist()
    return [
        LayerWord(box, _clean(text), baseline, is_garbled)
        for written, baseline, is_garbled in zip(words, firsts, are_garbled, strict=True)
        for text, box in written
    ]


@dataclass(frozen=True, slots=True)
class _Spans:
    """The characters of all words, in the order of the content; arrays and `texts` have one row for each."""

    codes: NDArray[np.uint32]
    boxes: Floats
    texts: list[str]
    from_right: NDArray[np.bool_]
    levels: NDArray[np.int8]
    leads: NDArray[np.bool_]

    def write(self, starts: NDArray[np.intp]) -> list[list[tuple[str, Box]]]:
        """For each word its text and box; more than one where the marks of notes are words of their own."""
        lows = np.minimum.reduceat(self.boxes[:, :2], starts, axis=0)
        highs = np.maximum.reduceat(self.boxes[:, 2:], starts, axis=0)
        boxes = cast(list[Box], [tuple(row) for row in np.concatenate([lows, highs], axis=1).tolist()])
        is_plain = ~np.logical_or.reduceat((self.levels != 0) | self.from_right, starts)
        spans = list(zip(starts.tolist(), [*starts[1:].tolist(), len(self.texts)], strict=True))
        # Only few words have more to them than their characters.
        pieces = {at: self._divide(*spans[at]) for at in np.flatnonzero(~is_plain).tolist()}
        notes = find_notes(pieces.values())
        return [
            list(write_words(pieces[at], notes)) if at in pieces else [("".join(self.texts[start:end]), boxes[at])]
            for at, (start, end) in enumerate(spans)
        ]

    def _divide(self, start: int, end: int) -> tuple[WordPiece, ...]:
        rows = list(range(start, end))
        if self.from_right[start:end].any():
            rows = order_characters(rows, self.codes, self.boxes, self.from_right)
        return split_levels([self.texts[row] for row in rows], self.boxes[rows], self.levels[rows], self.leads[rows])


def _clean(text: str) -> str:
    """NFC, without soft hyphens: they say where a word may be broken; one at the end says that it is."""
    return text if text.isascii() else normalise(text[:-1].replace("\u00ad", "") + text[-1:])


def _find_levels(
    boxes: Floats, baselines: Floats, *, enabled: bool
) -> tuple[NDArray[np.int8], NDArray[np.bool_], NDArray[np.bool_]]:
    if enabled:
        return find_levels(boxes, baselines)
    return np.zeros(len(boxes), np.int8), np.zeros(len(boxes), np.bool_), np.zeros(len(boxes), np.bool_)


def _find_continued(
    codes: NDArray[np.uint32],
    boxes: Floats,
    baselines: Floats,
    kept: NDArray[np.intp],
    is_space: NDArray[np.bool_],
    from_right: NDArray[np.bool_],
) -> NDArray[np.bool_]:
    """Whether each character continues the word of the one before; parts of a ligature have one box.

    Line breaks within a line mean nothing, spaces end the word.
    """
    is_break = np.isin(codes, _LINE_BREAKS)
    spaces, breaks = np.cumsum(is_space & ~is_break), np.cumsum(is_break)
    before, after = boxes[kept[:-1]], boxes[kept[1:]]
    higher = np.maximum(before[:, 3] - before[:, 1], after[:, 3] - after[:, 1])
    lower = np.minimum(before[:, 3] - before[:, 1], after[:, 3] - after[:, 1])
    overlap = np.minimum(before[:, 3], after[:, 3]) - np.maximum(before[:, 1], after[:, 1])
    most = np.where(breaks[kept[:-1]] == breaks[kept[1:]], MAX_WORD_GAP, JOINED_GAP) * higher
    is_onward = (after[:, 0] - before[:, 2] <= most) & (after[:, 0] >= before[:, 0] - SLACK * higher)
    is_backward = (before[:, 0] - after[:, 2] <= most) & (after[:, 2] <= before[:, 2] + SLACK * higher)
    is_backward &= from_right[:-1] | from_right[1:]
    is_near = (is_onward | is_backward) & (overlap > MIN_OVERLAP * lower)
    is_near &= np.abs(np.diff(baselines[kept])) <= MAX_SHIFT * higher
    return cast(NDArray[np.bool_], is_near & (spaces[kept[:-1]] == spaces[kept[1:]]))


def _attach_accents(codes: NDArray[np.uint32], boxes: Floats, texts: list[str]) -> None:
    """Join each accent that is painted over a letter with it, as TeX and old fonts write é; changes `texts`."""
    for row in np.flatnonzero(np.isin(codes, list(_ACCENTS))).tolist():
        middle = float(boxes[row, 0] + boxes[row, 2]) / 2
        for letter in (row + 1, row - 1):
            if not 0 <= letter < len(texts) or not texts[letter][:1].isalpha() or len(texts[letter]) > 2:
                continue
            left, top, right, bottom = boxes[letter].tolist()
            quarter = (right - left) / 4
            if left + quarter <= middle <= right - quarter and top < boxes[row, 3] and boxes[row, 1] < bottom:
                texts[letter] = texts[letter].replace("ı", "i").replace("ȷ", "j") + _ACCENTS[int(codes[row])]
                texts[row] = ""
                break


def _text_of_code(code: int) -> str:
    """Empty for codes that separate words."""
    if code == HYPHEN:
        return "-"
    if is_unreadable(code):
        return "" if code == 0 else "\N{REPLACEMENT CHARACTER}"
    return _LIGATURES.get(code) or chr(code).strip()
