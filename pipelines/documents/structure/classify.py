"""What a paragraph is: what the model proposed for its rows, corrected by what its text, size and place say."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np
from numpy.typing import NDArray

from pipelines.documents.boxes import across, along, centre, in_a_row, union, width
from pipelines.documents.stages import Block
from pipelines.documents.structure.paragraphs import Paragraph
from pipelines.documents.structure.text_patterns import (
    ends_sentence,
    is_caption,
    is_equation_number,
    is_formula,
    is_heading_number,
    is_note,
    is_page_number,
    is_surely_caption,
    is_surely_heading,
    is_upper,
)
from pipelines.documents.types import Box, Label

# Of the page's height.
MARGIN = 0.12
# In heights of the body's lines.
CAPTION_REACH = 4.0
APART = 1.0
LOWEST = 4.0  # height of a band of headers or footers
# Against the body's characters and ink.
SMALLER, LARGER, BOLDER = 0.93, 1.18, 1.2

LONGEST_TITLE = 200  # characters, in the size of the body


@dataclass(frozen=True)
class Setting:
    """What a paragraph is measured against: the page, its graphics, the height and advance of its body text, and
    where the band of its headers ends and that of its footers begins."""

    width: float
    height: float
    tall: float
    size: float
    graphics: tuple[Block, ...]
    extent: Box
    paragraphs: tuple[Paragraph, ...]
    boxes: NDArray[np.float64]
    head: float
    foot: float

    @classmethod
    def of(cls, width: float, height: float, paragraphs: Sequence[Paragraph], graphics: Sequence[Block]) -> "Setting":
        body = sorted(paragraphs, key=lambda one: -len(one.text))[: max(1, len(paragraphs) // 3)]
        boxes = [*(one.box for one in paragraphs), *(one.box for one in graphics)]
        tall = median([one.height for one in body] or [1.0])
        head, foot = margins(boxes, height, tall)
        return cls(
            width=width,
            height=height,
            tall=tall,
            size=median([one.size for one in body] or [1.0]),
            graphics=tuple(graphics),
            extent=union(boxes or [(0, 0, width, height)]),
            paragraphs=tuple(paragraphs),
            boxes=np.array(boxes, np.float64).reshape(-1, 4),
            head=head,
            foot=foot,
        )

    def above(self, paragraph: Paragraph) -> float:
        """White up to the next content above, in body lines."""
        edges = self._beside(paragraph)[:, 3]
        edges = edges[edges <= paragraph.box[1] + 0.5 * self.tall]
        return float(paragraph.box[1] - edges.max()) / self.tall if edges.size else float("inf")

    def below(self, paragraph: Paragraph) -> float:
        edges = self._beside(paragraph)[:, 1]
        edges = edges[edges >= paragraph.box[3] - 0.5 * self.tall]
        return float(edges.min() - paragraph.box[3]) / self.tall if edges.size else float("inf")

    def _beside(self, paragraph: Paragraph) -> NDArray[np.float64]:
        """(N, 4): boxes that share a column with it."""
        x0, _, x1, _ = self.boxes.T
        is_other = (self.boxes != paragraph.box).any(axis=1)
        found: NDArray[np.float64] = self.boxes[
            (np.minimum(x1, paragraph.box[2]) > np.maximum(x0, paragraph.box[0])) & is_other
        ]
        return found


def named(paragraph: Paragraph, setting: Setting) -> Paragraph:
    """With its label and how sure that is."""
    label, score = proposed(paragraph)
    for rule in (_margin, _caption, _title, _footnote, _formula, _weak_caption):
        found = rule(paragraph, label, score, setting)
        if found is not None:
            return paragraph.named(*found)
    return paragraph.named(*_text(paragraph, label, score))


Found = tuple[Label, float] | None


def proposed(paragraph: Paragraph) -> tuple[Label, float]:
    """The label that most of its rows' blocks have, and the mean score of those, 0 where there is none."""
    votes: dict[Label, float] = defaultdict(float)
    for row in paragraph.rows:
        if row.block is not None:
            votes[row.block.label] += row.block.score * width(row.box)
    if not votes:
        return "text", 0.0
    label = max(votes, key=lambda one: votes[one])
    return label, votes[label] / max(1e-9, sum(width(row.box) for row in paragraph.rows))


def margins(boxes: Sequence[Box], page_height: float, tall: float) -> tuple[float, float]:
    """Lower edge of the headers' band and upper edge of the footers', 0 and the page's height where there is none.

    A band is low, in the outer part of the page, and white parts it from everything else.
    """
    bands: list[list[float]] = []
    for box in sorted(boxes, key=lambda one: one[1]):
        if bands and box[1] - bands[-1][1] < 0.5 * tall:
            bands[-1][1] = max(bands[-1][1], box[3])
        else:
            bands.append([box[1], box[3]])
    head, foot = 0.0, page_height
    if len(bands) > 1:
        first, second, last, other = bands[0], bands[1], bands[-1], bands[-2]
        is_low = first[1] - first[0] < LOWEST * tall and first[1] < MARGIN * page_height
        if is_low and second[0] - first[1] > APART * tall:
            head = first[1]
        if last[0] > (1 - MARGIN) * page_height and last[1] - last[0] < LOWEST * tall and last[0] - other[1] > 0:
            foot = last[0]
    return head, foot


def _margin(paragraph: Paragraph, label: Label, score: float, setting: Setting) -> Found:
    """Headers and footers: in their band, or in the outer part of the page where the model says so."""
    y0, y1 = paragraph.box[1], paragraph.box[3]
    is_head = y1 <= setting.head and (label == "header" or _is_light(paragraph, label, score, setting))
    is_apart = setting.above(paragraph) > APART or is_page_number(paragraph.text)
    is_foot = y0 >= setting.foot and (label == "footer" or is_apart)
    reach = MARGIN * setting.height * (2 if _is_lone_number(paragraph, setting) else label in ("header", "footer"))
    if is_head or (y1 < reach and setting.above(paragraph) == float("inf")):
        return "header", max(0.45, score if label == "header" else 0.0)
    if is_foot or (y0 > setting.height - reach and setting.below(paragraph) == float("inf")):
        return "footer", max(0.45, score if label == "footer" else 0.0)
    return None


def _is_lone_number(paragraph: Paragraph, setting: Setting) -> bool:
    return is_page_number(paragraph.text) and min(setting.above(paragraph), setting.below(paragraph)) > APART


def _is_light(paragraph: Paragraph, label: Label, score: float, setting: Setting) -> bool:
    """Not a heading, and not the end of a paragraph from the page before."""
    is_heading = label == "title" and score > 0.4
    is_line = width(paragraph.box) > 0.85 * (setting.extent[2] - setting.extent[0]) or paragraph.text[:1].islower()
    return not is_heading and not (is_line and label == "text" and score > 0.4)


def _caption(paragraph: Paragraph, label: Label, score: float, setting: Setting) -> Found:
    graphics = [block.box for block in setting.graphics if block.label != "formula"]
    is_near = any(is_beside(paragraph.box, box, setting.tall) for box in graphics)
    if is_surely_caption(paragraph.text) and (is_near or label == "caption"):
        return "caption", max(0.8, score)
    if is_caption(paragraph.text) and is_near and label == "caption":
        return "caption", max(0.7, score)
    if label == "caption" and is_near and score > 0.3:
        return "caption", 0.9 * score
    return None


def _weak_caption(paragraph: Paragraph, label: Label, score: float, setting: Setting) -> Found:
    """By the model or by its text alone, where no figure or table was found."""
    if label == "caption" and score > 0.3:
        return "caption", 0.5 * score
    return ("caption", 0.5) if is_surely_caption(paragraph.text) else None


def is_beside(box: Box, graphic: Box, tall: float) -> bool:
    """Right above or below it, or next to it."""
    gap = max(graphic[1] - box[3], box[1] - graphic[3])
    if across(box, graphic) > 0.3 * min(width(box), width(graphic)):
        return -tall * 2 <= gap <= CAPTION_REACH * tall
    return gap <= 0 and max(graphic[0] - box[2], box[0] - graphic[2]) <= CAPTION_REACH * tall


def _footnote(paragraph: Paragraph, label: Label, score: float, setting: Setting) -> Found:
    """Smaller text at the foot of its column, or text with a note's mark there."""
    if label not in ("text", "footer", "reference") or centre(paragraph.box)[1] < 0.6 * setting.height:
        return None
    column = [one for one in setting.paragraphs if across(one.box, paragraph.box) > 0 and one is not paragraph]
    under = [one for one in column if one.box[1] >= paragraph.box[3] - setting.tall and one.box[3] < setting.foot]
    over = [one for one in column if one.box[3] <= paragraph.box[1] + setting.tall and len(one.rows) > 1]
    if not over or any(not _is_small(one, setting) for one in under):
        return None
    if is_note(paragraph.text) and _is_small(paragraph, setting):
        return "footnote", 0.6
    is_low = paragraph.box[3] - paragraph.box[1] < MARGIN * setting.height
    is_very_small = is_low and _is_small(paragraph, setting, SMALLER**2) and setting.above(paragraph) > 0.3
    return ("footnote", 0.4) if is_very_small else None


def _is_small(paragraph: Paragraph, setting: Setting, limit: float = SMALLER) -> bool:
    return len(paragraph.text) > 20 and paragraph.size < limit * setting.size


def _formula(paragraph: Paragraph, label: Label, score: float, setting: Setting) -> Found:
    if label == "formula":
        return "formula", score
    if label == "text" and is_equation_number(paragraph.text) and _is_numbering(paragraph, setting):
        return "formula", 0.35
    is_short = width(paragraph.box) < 0.8 * (setting.extent[2] - setting.extent[0])
    if label in ("text", "caption") and len(paragraph.rows) <= 3 and is_short and is_formula(paragraph.text):
        return "formula", 0.35
    return None


def _is_numbering(paragraph: Paragraph, setting: Setting) -> bool:
    """Whether a formula stands in its row."""
    formulas = [one.box for one in setting.graphics if one.label == "formula"]
    formulas += [one.box for one in setting.paragraphs if is_formula(one.text)]
    return any(along(one, paragraph.box) > 0 for one in formulas)


def _title(paragraph: Paragraph, label: Label, score: float, setting: Setting) -> Found:
    """What the model says; else a short numbered, large or bold text that another follows."""
    text = paragraph.text
    is_large = paragraph.height > LARGER * setting.tall and paragraph.size > LARGER * setting.size
    if label == "title":
        return ("title", max(0.3, score)) if len(text) < LONGEST_TITLE or is_large else None
    is_short = len(paragraph.rows) <= 2 and len(text) < 120 and any(letter.isalpha() for letter in text)
    if label == "formula" or not is_short or ends_sentence(text) or setting.below(paragraph) > 6:
        return None
    if _is_entry(paragraph, setting):
        return None
    is_bold = paragraph.ink > BOLDER
    signs = 2 * is_large + is_bold + is_heading_number(text) + is_surely_heading(text) + is_upper(text)
    if signs >= 2 and setting.above(paragraph) > (0.1 if signs > 2 or is_surely_heading(text) else 0.3):
        return "title", 0.3 + 0.1 * signs
    return None


def _is_entry(paragraph: Paragraph, setting: Setting) -> bool:
    """Whether a single line stands left of it: what follows in a row of a form is no heading."""
    lines = (one.box for one in setting.paragraphs if len(one.rows) == 1)
    return any(in_a_row(one, paragraph.box) and one[2] <= paragraph.box[0] for one in lines)


def _text(paragraph: Paragraph, label: Label, score: float) -> tuple[Label, float]:
    """Body text; a block of one row is less often one in its own right."""
    if label in ("header", "footer", "title"):  # the model's, but not in a margin, or too long
        label, score = "text", 0.0
    if label == "text":
        score = 0.4 + 0.15 * min(3, len(paragraph.rows) - 1) / 3 + 0.4 * score
    return label, max(0.3, score)
