"""Characters of a PDF page to words and lines, as a reader would give them for its picture.

glyphs ─► which way up ─► words ─► those that can be seen ─► lines
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

from pipelines.documents.coordinates import Rotation, Turn
from pipelines.documents.pdf.pdfium_text import Floats, Glyphs
from pipelines.documents.pdf.text_quality import is_unreadable, why_not
from pipelines.documents.stages import PageText, Pixels, TextLine, TextWord

# In heights of the font. The gap between columns is hardly ever under 1.2, a space in justified text hardly ever over.
WORD_GAP, COLUMN_GAP, BACKWARDS = 0.35, 1.2, -0.5
SLACK = 0.1  # by which a character may begin before the one that it follows
PIECE_GAP = 0.6  # up to which pieces of a line that were painted apart belong together
OVERLAP = 0.5  # of the lower one's height: more is one line

LEAST_INK = 16  # of 255 in brightness: words with less contrast cannot be seen, white on white above all
LARGE_IMAGE = 0.25  # of the page: smaller ones are mostly photographs and logos, and reading takes time
HYPHEN = 2  # PDFium's mark for a hyphen at a line's end
_LIGATURES = {0xFB00: "ff", 0xFB01: "fi", 0xFB02: "fl", 0xFB03: "ffi", 0xFB04: "ffl", 0xFB05: "st", 0xFB06: "st"}


@dataclass(frozen=True, slots=True)
class _Word:
    box: list[float]
    text: str

    @property
    def height(self) -> float:
        return self.box[3] - self.box[1]


@dataclass(slots=True)
class _Line:
    words: list[_Word] = field(default_factory=list)
    box: list[float] = field(default_factory=list)

    def add(self, word: _Word) -> None:
        self.words.append(word)
        self.box = _union(self.box, word.box) if self.box else list(word.box)

    @property
    def height(self) -> float:
        return self.box[3] - self.box[1]


def trusted_layer(pixels: Pixels, glyphs: Glyphs) -> PageText | None:
    """The page's text; None where the page has to be read by its looks."""
    if why_not(glyphs) is not None:
        return None
    text = read_layer(pixels, glyphs)
    is_blank = int(pixels.max()) - int(pixels.min()) < LEAST_INK
    return text if text.lines or is_blank else None


def unread_images(text: PageText, glyphs: Glyphs) -> Floats:
    """(n, 4) large images without any text on them, in the pixels of `text`: they may show some."""
    height, width = text.pixels.shape[:2]
    before = (height, width) if text.rotation % 180 else (width, height)
    images = _turned(glyphs.images, Turn(*before, text.rotation)).clip(0, (width, height, width, height))
    areas = (images[:, 2:] - images[:, :2]).prod(axis=1)
    middles = np.array([line.quad.mean(axis=0) for line in text.lines], np.float32).reshape(-1, 1, 2)
    holds = ((middles > images[None, :, :2]) & (middles < images[None, :, 2:])).all(axis=2).any(axis=0)
    return cast(Floats, images[(areas > LARGE_IMAGE * width * height) & ~holds])


def read_layer(pixels: Pixels, glyphs: Glyphs, *, hidden: bool = False) -> PageText:
    """The page's text that can be seen, turned so that most of it stands upright.

    With `hidden`, also what is not painted or painted over: what a scanner has read.
    """
    kept = _inside(glyphs, pixels.shape)
    if not hidden:
        kept &= ~(glyphs.invisible | glyphs.covered)
    turns = glyphs.quarters[kept]
    most = int(np.bincount(turns, minlength=4).argmax())
    lines: list[TextLine] = []
    for quarter in np.unique(turns).tolist():
        chosen = np.flatnonzero(kept & (glyphs.quarters == quarter))
        lines += _lines_of(pixels, glyphs, chosen, quarter, most, hidden=hidden)
    # Not in the order of the page's content: PDFium changes it on turned pages, and it says little on others.
    lines.sort(key=lambda line: (line.box[1], line.box[0]))
    turn = _turn(pixels, most)
    return PageText(turn.apply(pixels), tuple(lines), turn.rotation)


def _inside(glyphs: Glyphs, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    x, y = (glyphs.boxes[:, 0] + glyphs.boxes[:, 2]) / 2, (glyphs.boxes[:, 1] + glyphs.boxes[:, 3]) / 2
    inside: NDArray[np.bool_] = (x >= 0) & (y >= 0) & (x <= shape[1]) & (y <= shape[0])
    return inside


def _lines_of(
    pixels: Pixels, glyphs: Glyphs, chosen: NDArray[np.intp], quarter: int, most: int, *, hidden: bool
) -> Iterator[TextLine]:
    """Lines whose text is turned by `quarter`, in the frame that is upright for `most`."""
    turn = _turn(pixels, quarter)
    boxes = _turned(glyphs.boxes[chosen], turn)
    upright = turn.apply(pixels)
    grey = cast(NDArray[np.uint8], cv2.cvtColor(upright, cv2.COLOR_RGB2GRAY))
    words = [word for word in _words(glyphs.codes[chosen], boxes) if hidden or _has_ink(word.box, grey)]
    for line in _joined(_pieces(words)):
        yield _text_line(line, _turn(upright, most - quarter))


def _words(codes: NDArray[np.uint32], boxes: Floats) -> Iterator[_Word]:
    """Runs of characters between spaces and gaps, in the order of the page's content."""
    texts = [_text_of(code) for code in codes.tolist()]
    shown = np.array([bool(text) for text in texts], np.bool_)
    kept = np.flatnonzero(shown & (boxes[:, 2:] > boxes[:, :2]).all(axis=1))
    if not len(kept):
        return
    spaces = np.cumsum(~shown)
    before, after = kept[:-1], kept[1:]
    joined = _continues(boxes[before], boxes[after]) & (spaces[before] == spaces[after]) & (codes[before] != HYPHEN)
    starts = np.concatenate([[0], np.flatnonzero(~joined) + 1])
    lows = np.minimum.reduceat(boxes[kept, :2], starts, axis=0).tolist()
    highs = np.maximum.reduceat(boxes[kept, 2:], starts, axis=0).tolist()
    for start, end, low, high in zip(starts.tolist(), [*starts[1:].tolist(), len(kept)], lows, highs, strict=True):
        text = "".join(texts[at] for at in kept[start:end].tolist())
        yield _Word([*low, *high], text)


def _continues(before: Floats, after: Floats) -> NDArray[np.bool_]:
    """Whether each character goes on with the word of the one before it; both parts of a ligature have one box."""
    heights = np.maximum(before[:, 3] - before[:, 1], after[:, 3] - after[:, 1])
    lower = np.minimum(before[:, 3] - before[:, 1], after[:, 3] - after[:, 1])
    common = np.minimum(before[:, 3], after[:, 3]) - np.maximum(before[:, 1], after[:, 1])
    near = after[:, 0] - before[:, 2] <= WORD_GAP * heights
    onward = after[:, 0] >= before[:, 0] - SLACK * heights
    joined: NDArray[np.bool_] = near & onward & (common > OVERLAP * lower)
    return joined


def _text_of(code: int) -> str:
    """Empty for what separates words."""
    if code == HYPHEN:
        return "-"
    if is_unreadable(code):
        return "" if code == 0 else "\N{REPLACEMENT CHARACTER}"
    return _LIGATURES.get(code) or chr(code).strip()


def _has_ink(box: list[float], grey: NDArray[np.uint8]) -> bool:
    """Whether anything is to be seen where the word is said to stand."""
    x0, y0, x1, y1 = (max(0, round(edge)) for edge in box)
    seen = grey[y0 : max(y1, y0 + 1), x0 : max(x1, x0 + 1)]
    return seen.size > 0 and int(seen.max()) - int(seen.min()) >= LEAST_INK


def _pieces(words: Iterable[_Word]) -> list[_Line]:
    """Words that follow each other on one line and no further apart than words are."""
    pieces: list[_Line] = []
    for word in words:
        if not pieces or not _follows(pieces[-1], word):
            pieces.append(_Line())
        pieces[-1].add(word)
    return pieces


def _follows(line: _Line, word: _Word) -> bool:
    gap = word.box[0] - line.words[-1].box[2]
    height = max(line.words[-1].height, word.height)
    return BACKWARDS * height <= gap <= COLUMN_GAP * height and _overlap(line.words[-1].box, word.box) > OVERLAP


def _joined(pieces: list[_Line]) -> list[_Line]:
    """Pieces that stand side by side are one line, in whatever order they were painted."""
    lines: list[_Line] = []
    boxes = np.zeros((len(pieces), 4))
    for piece in sorted(pieces, key=lambda one: one.box[0]):
        _, y0, x1, y1 = boxes[: len(lines)].T
        heights = np.maximum(y1 - y0, piece.height)
        lower = np.minimum(y1 - y0, piece.height)
        gaps = piece.box[0] - x1
        near = (gaps >= BACKWARDS * heights) & (gaps <= PIECE_GAP * heights)
        near &= np.minimum(y1, piece.box[3]) - np.maximum(y0, piece.box[1]) > OVERLAP * lower
        if near.any():
            at = int(np.where(near, np.abs(gaps), np.inf).argmin())
            for word in piece.words:
                lines[at].add(word)
        else:
            at = len(lines)
            lines.append(piece)
        boxes[at] = lines[at].box
    return lines


def _text_line(line: _Line, turn: Turn) -> TextLine:
    """`turn` leads from the frame in which the line's boxes are to that of the result."""
    words = sorted(line.words, key=lambda word: word.box[0])
    x0, y0, x1, y1 = line.box
    corners = np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]], np.float32)
    boxes = _turned(np.array([word.box for word in words], np.float32), turn)
    return TextLine(
        text=" ".join(word.text for word in words),
        quad=turn.forward(corners),
        score=1.0,
        words=tuple(
            TextWord(word.text, (box[0], box[1], box[2], box[3]), 1.0)
            for word, box in zip(words, boxes.tolist(), strict=True)
        ),
    )


def _turn(pixels: Pixels, quarters: int) -> Turn:
    """Of a page by so many quarters counterclockwise."""
    return Turn(pixels.shape[1], pixels.shape[0], cast(Rotation, quarters % 4 * 90))


def _turned(boxes: Floats, turn: Turn) -> Floats:
    """(n, 4) boxes after a turn by quarters."""
    corners = turn.forward(boxes.reshape(-1, 2, 2))
    return np.concatenate([corners.min(axis=1), corners.max(axis=1)], axis=1)


def _overlap(one: list[float], other: list[float]) -> float:
    """Of their heights, as a share of the lower one's."""
    common = min(one[3], other[3]) - max(one[1], other[1])
    return common / max(min(one[3] - one[1], other[3] - other[1]), 1e-6)


def _union(one: list[float], other: list[float]) -> list[float]:
    return [min(one[0], other[0]), min(one[1], other[1]), max(one[2], other[2]), max(one[3], other[3])]
