"""Turns the characters of a PDF page into words and lines, as OCR would give them for its picture.

PageCharacters ─► rotation ─► words ─► visible words ─► lines
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

from pipelines.boxes import Box, box_height, enclosing_box, vertical_overlap
from pipelines.documents.coordinates import PageTransform, Rotation
from pipelines.documents.pdf.drop_caps import join_drop_caps
from pipelines.documents.pdf.layer_words import MIN_OVERLAP, LayerWord, split_words
from pipelines.documents.pdf.page_characters import Floats, PageCharacters
from pipelines.documents.pdf.right_to_left import is_right_to_left, order_words
from pipelines.documents.pdf.struck_words import find_struck
from pipelines.documents.pdf.text_quality import find_distrust_reason, find_garbled
from pipelines.documents.stages import PageText, Pixels, TextLine, TextWord
from pipelines.documents.structure.text_patterns import is_item

# In heights of the font. The gap between columns is hardly ever under 1.2, a space in justified text hardly ever over.
MAX_COLUMN_GAP, MAX_STEP_BACK = 1.2, -0.5
MAX_PIECE_GAP = 0.6  # between pieces of one line that were painted separately
LONGEST_MARK = 4  # characters
MAX_MARK_GAP = 4.0  # between the mark of a list item, whose text stands at a tab stop, and its text

MIN_CONTRAST = 16  # of 255 in brightness: words with less cannot be seen, white on white above all


@dataclass(frozen=True, slots=True)
class _Word:
    box: Box
    text: str
    is_struck: bool = False
    score: float = 1.0


@dataclass(slots=True)
class _Line:
    words: list[_Word] = field(default_factory=list)
    box: Box = (0.0, 0.0, 0.0, 0.0)

    def add(self, word: _Word) -> None:
        self.box = enclosing_box([self.box, word.box]) if self.words else word.box
        self.words.append(word)


def read_trusted_text_layer(pixels: Pixels, characters: PageCharacters) -> PageText | None:
    """The page's text; None if its text layer cannot be trusted and the page needs OCR."""
    garbled = find_garbled(characters)
    if find_distrust_reason(characters, garbled) is not None:
        return None
    text = _read_layer(pixels, characters, garbled, include_hidden=False)
    is_blank = int(pixels.max()) - int(pixels.min()) < MIN_CONTRAST
    return text if text.lines or is_blank else None


def read_text_layer(pixels: Pixels, characters: PageCharacters, *, include_hidden: bool = False) -> PageText:
    """The page's visible text, rotated so that most of it stands upright; garbled words have the score 0.

    With `include_hidden`, also text that is not painted or is painted over, such as that of a scanner's own OCR.
    """
    return _read_layer(pixels, characters, find_garbled(characters), include_hidden=include_hidden)


def _read_layer(
    pixels: Pixels, characters: PageCharacters, garbled: NDArray[np.bool_], *, include_hidden: bool
) -> PageText:
    kept = _are_inside(characters, pixels.shape)
    if not include_hidden:
        kept &= ~(characters.invisible | characters.covered)
    quarters = characters.quarters[kept]
    upright = int(np.bincount(quarters, minlength=4).argmax())  # the rotation of most characters
    lines: list[TextLine] = []
    for quarter in np.unique(quarters).tolist():
        rows = np.flatnonzero(kept & (characters.quarters == quarter))
        lines += _build_lines(pixels, characters, rows, garbled, quarter, upright, include_hidden=include_hidden)
    # The order of the page's content is not kept: PDFium changes it on rotated pages, and it says little on others.
    lines.sort(key=lambda line: (line.box[1], line.box[0]))
    transform = _quarter_rotation(pixels, upright)
    return PageText(transform.warp(pixels), tuple(lines), transform.rotation)


def _are_inside(characters: PageCharacters, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    x, y = (characters.boxes[:, 0] + characters.boxes[:, 2]) / 2, (characters.boxes[:, 1] + characters.boxes[:, 3]) / 2
    inside: NDArray[np.bool_] = (x >= 0) & (y >= 0) & (x <= shape[1]) & (y <= shape[0])
    return inside


def _build_lines(
    pixels: Pixels,
    characters: PageCharacters,
    rows: NDArray[np.intp],
    garbled: NDArray[np.bool_],
    quarter: int,
    upright: int,
    *,
    include_hidden: bool,
) -> Iterator[TextLine]:
    """Lines of the characters in `rows`, which are rotated by `quarter`, on the page that is upright for `upright`."""
    transform = _quarter_rotation(pixels, quarter)
    boxes = _rotate_boxes(characters.boxes[rows], transform)
    baselines = transform.to_upright(characters.origins[rows])[:, 1]
    rotated = transform.warp(pixels)
    grey = cast(NDArray[np.uint8], cv2.cvtColor(rotated, cv2.COLOR_RGB2GRAY))
    is_of_ocr = bool(characters.invisible[rows].mean() > 0.5)  # whose words have sizes and baselines of their own
    split = split_words(characters.codes[rows], boxes, baselines, garbled[rows], with_levels=not is_of_ocr)
    visible = [word for word in split if include_hidden or _is_visible(word.box, grey)]
    words = _mark_struck(join_drop_caps(visible), _rotate_boxes(characters.strokes, transform))
    for line in _join_pieces(_group_words(words)):
        yield _build_text_line(line, _quarter_rotation(rotated, upright - quarter))


def _mark_struck(words: list[LayerWord], strokes: Floats) -> list[_Word]:
    struck = find_struck(words, strokes).tolist()
    return [
        _Word(word.box, word.text, is_struck, score=0.0 if word.is_garbled else 1.0)
        for word, is_struck in zip(words, struck, strict=True)
    ]


def _is_visible(box: Box, grey: NDArray[np.uint8]) -> bool:
    """Whether anything can be seen where the word is supposed to stand."""
    x0, y0, x1, y1 = (max(0, round(edge)) for edge in box)
    part = grey[y0 : max(y1, y0 + 1), x0 : max(x1, x0 + 1)]
    return part.size > 0 and int(part.max()) - int(part.min()) >= MIN_CONTRAST


def _group_words(words: Iterable[_Word]) -> list[_Line]:
    """Pieces of lines: words that follow each other on one line, no further apart than words are."""
    pieces: list[_Line] = []
    for word in words:
        if not pieces or not _follows(pieces[-1], word):
            pieces.append(_Line())
        pieces[-1].add(word)
    return pieces


def _follows(line: _Line, word: _Word) -> bool:
    last = line.words[-1]
    height = max(box_height(last.box), box_height(word.box))
    gaps = [word.box[0] - last.box[2]]
    if is_right_to_left(word.text) or is_right_to_left(last.text):
        gaps.append(last.box[0] - word.box[2])
    is_near = any(MAX_STEP_BACK * height <= gap <= MAX_COLUMN_GAP * height for gap in gaps)
    return is_near and _overlap(last.box, word.box) > MIN_OVERLAP


def _join_pieces(pieces: list[_Line]) -> list[_Line]:
    """Join pieces that stand side by side into lines, in whatever order they were painted."""
    lines: list[_Line] = []
    boxes, reach = np.zeros((len(pieces), 4)), np.zeros(len(pieces))
    for piece in sorted(pieces, key=lambda one: one.box[0]):
        _, y0, x1, y1 = boxes[: len(lines)].T
        higher = np.maximum(y1 - y0, box_height(piece.box))
        lower = np.minimum(y1 - y0, box_height(piece.box))
        gaps = piece.box[0] - x1
        is_near = (gaps >= MAX_STEP_BACK * higher) & (gaps <= reach[: len(lines)] * higher)
        is_near &= np.minimum(y1, piece.box[3]) - np.maximum(y0, piece.box[1]) > MIN_OVERLAP * lower
        if is_near.any():
            at = int(np.where(is_near, np.abs(gaps), np.inf).argmin())
            for word in piece.words:
                lines[at].add(word)
        else:
            at = len(lines)
            lines.append(piece)
        boxes[at], reach[at] = lines[at].box, MAX_MARK_GAP if _is_mark(lines[at]) else MAX_PIECE_GAP
    return lines


def _is_mark(line: _Line) -> bool:
    """Whether it is only a bullet, a number or a tick that an item begins with."""
    return len(line.words) == 1 and len(line.words[0].text) <= LONGEST_MARK and is_item(f"{line.words[0].text} x")


def _build_text_line(line: _Line, transform: PageTransform) -> TextLine:
    """`transform` maps the line's boxes to the page of the result."""
    words = order_words(sorted(line.words, key=lambda word: word.box[0]), lambda word: word.text)
    x0, y0, x1, y1 = line.box
    corners = np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]], np.float32)
    boxes = _rotate_boxes(np.array([word.box for word in words], np.float32), transform)
    return TextLine(
        text=" ".join(word.text for word in words),
        quad=transform.to_upright(corners),
        score=min(word.score for word in words),
        words=tuple(
            TextWord(word.text, (box[0], box[1], box[2], box[3]), word.score, word.is_struck)
            for word, box in zip(words, boxes.tolist(), strict=True)
        ),
    )


def _quarter_rotation(pixels: Pixels, quarters: int) -> PageTransform:
    """A rotation of the page by so many quarters counterclockwise."""
    return PageTransform(pixels.shape[1], pixels.shape[0], cast(Rotation, quarters % 4 * 90))


def _rotate_boxes(boxes: Floats, transform: PageTransform) -> Floats:
    """(n, 4) boxes after a rotation by quarters."""
    corners = transform.to_upright(boxes.reshape(-1, 2, 2))
    return np.concatenate([corners.min(axis=1), corners.max(axis=1)], axis=1)


def _overlap(one: Box, other: Box) -> float:
    """Vertical overlap as a share of the lower one's height."""
    return vertical_overlap(one, other) / max(min(box_height(one), box_height(other)), 1e-6)
