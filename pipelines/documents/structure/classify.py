"""Labels paragraphs: the model's label for their rows, corrected by their text, size and place."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np
from numpy.typing import NDArray

from pipelines.boxes import (
    Box,
    box_centre,
    box_width,
    enclosing_box,
    horizontal_overlap,
    is_on_same_line,
    vertical_overlap,
)
from pipelines.documents.stages import LayoutBlock
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
from pipelines.documents.types import RegionLabel

# Of the page's height.
MARGIN = 0.12
# In line heights of the body text.
CAPTION_REACH = 4.0
BAND_GAP = 1.0  # white that separates a header or footer from the rest, at least
BAND_HEIGHT = 4.0  # of a band of headers or footers, at most
# Relative to the body's characters and ink.
SMALLER, LARGER, BOLDER = 0.93, 1.18, 1.2

LONGEST_TITLE = 200  # characters, unless they are larger than the body's


@dataclass(frozen=True)
class ParagraphContext:
    """The page that a paragraph is compared with.

    `line_height` and `advance` are those of its body text; `extent` encloses all content. Headers end at
    `header_bottom`, footers begin at `footer_top`.
    """

    height: float
    line_height: float
    advance: float
    graphics: tuple[LayoutBlock, ...]
    extent: Box
    paragraphs: tuple[Paragraph, ...]
    boxes: NDArray[np.float64]
    header_bottom: float
    footer_top: float

    @classmethod
    def of(
        cls, width: float, height: float, paragraphs: Sequence[Paragraph], graphics: Sequence[LayoutBlock]
    ) -> "ParagraphContext":
        """The longest third of the paragraphs counts as body text."""
        by_length = sorted(paragraphs, key=lambda paragraph: -len(paragraph.text))
        body = by_length[: max(1, len(paragraphs) // 3)]
        boxes = [*(paragraph.box for paragraph in paragraphs), *(block.box for block in graphics)]
        line_height = median([paragraph.height for paragraph in body] or [1.0])
        header_bottom, footer_top = find_margin_bands(boxes, height, line_height)
        return cls(
            height=height,
            line_height=line_height,
            advance=median([paragraph.advance for paragraph in body] or [1.0]),
            graphics=tuple(graphics),
            extent=enclosing_box(boxes or [(0, 0, width, height)]),
            paragraphs=tuple(paragraphs),
            boxes=np.array(boxes, np.float64).reshape(-1, 4),
            header_bottom=header_bottom,
            footer_top=footer_top,
        )

    def white_above(self, paragraph: Paragraph) -> float:
        """White up to the next content above, in line heights; infinite if there is none."""
        edges = self._boxes_in_column(paragraph)[:, 3]
        edges = edges[edges <= paragraph.box[1] + 0.5 * self.line_height]
        return float(paragraph.box[1] - edges.max()) / self.line_height if edges.size else float("inf")

    def white_below(self, paragraph: Paragraph) -> float:
        edges = self._boxes_in_column(paragraph)[:, 1]
        edges = edges[edges >= paragraph.box[3] - 0.5 * self.line_height]
        return float(edges.min() - paragraph.box[3]) / self.line_height if edges.size else float("inf")

    def _boxes_in_column(self, paragraph: Paragraph) -> NDArray[np.float64]:
        """(N, 4): the other boxes that share a column with the paragraph."""
        x0, _, x1, _ = self.boxes.T
        is_other = (self.boxes != paragraph.box).any(axis=1)
        in_column: NDArray[np.float64] = self.boxes[
            (np.minimum(x1, paragraph.box[2]) > np.maximum(x0, paragraph.box[0])) & is_other
        ]
        return in_column


def label_paragraph(paragraph: Paragraph, context: ParagraphContext) -> Paragraph:
    """The paragraph with its label and a score."""
    label, score = vote_label(paragraph)
    for rule in (_label_margin, _label_caption, _label_title, _label_footnote, _label_formula, _label_weak_caption):
        labelled = rule(paragraph, label, score, context)
        if labelled is not None:
            return paragraph.with_label(*labelled)
    return paragraph.with_label(*_label_text(paragraph, label, score))


LabelScore = tuple[RegionLabel, float]


def vote_label(paragraph: Paragraph) -> LabelScore:
    """The label of most of its rows' blocks, weighted by width, and their mean score; text and 0 without blocks."""
    votes: dict[RegionLabel, float] = defaultdict(float)
    for row in paragraph.rows:
        if row.block is not None:
            votes[row.block.label] += row.block.score * box_width(row.box)
    if not votes:
        return "text", 0.0
    label = max(votes, key=lambda one: votes[one])
    return label, votes[label] / max(1e-9, sum(box_width(row.box) for row in paragraph.rows))


def find_margin_bands(boxes: Sequence[Box], page_height: float, line_height: float) -> tuple[float, float]:
    """Lower edge of the band of headers and upper edge of that of footers; 0 and the page's height without one.

    A band is low, lies in the outer part of the page, and is separated from everything else by white.
    """
    bands: list[list[float]] = []  # top and bottom
    for box in sorted(boxes, key=lambda box: box[1]):
        if bands and box[1] - bands[-1][1] < 0.5 * line_height:
            bands[-1][1] = max(bands[-1][1], box[3])
        else:
            bands.append([box[1], box[3]])
    header_bottom, footer_top = 0.0, page_height
    if len(bands) > 1:
        first, second, before_last, last = bands[0], bands[1], bands[-2], bands[-1]
        is_low = first[1] - first[0] < BAND_HEIGHT * line_height and first[1] < MARGIN * page_height
        if is_low and second[0] - first[1] > BAND_GAP * line_height:
            header_bottom = first[1]
        is_low = last[1] - last[0] < BAND_HEIGHT * line_height and last[0] > (1 - MARGIN) * page_height
        if is_low and last[0] - before_last[1] > 0:
            footer_top = last[0]
    return header_bottom, footer_top


def _label_margin(
    paragraph: Paragraph, label: RegionLabel, score: float, context: ParagraphContext
) -> LabelScore | None:
    """Header or footer: in its band, or in the outer part of the page if the model says so."""
    y0, y1 = paragraph.box[1], paragraph.box[3]
    is_header = y1 <= context.header_bottom and (label == "header" or _is_light(paragraph, label, score, context))
    is_separate = context.white_above(paragraph) > BAND_GAP or is_page_number(paragraph.text)
    is_footer = y0 >= context.footer_top and (label == "footer" or is_separate)
    reach = MARGIN * context.height * (2 if _is_lone_number(paragraph, context) else label in ("header", "footer"))
    if is_header or (y1 < reach and context.white_above(paragraph) == float("inf")):
        return "header", max(0.45, score if label == "header" else 0.0)
    if is_footer or (y0 > context.height - reach and context.white_below(paragraph) == float("inf")):
        return "footer", max(0.45, score if label == "footer" else 0.0)
    return None


def _is_lone_number(paragraph: Paragraph, context: ParagraphContext) -> bool:
    white = min(context.white_above(paragraph), context.white_below(paragraph))
    return is_page_number(paragraph.text) and white > BAND_GAP


def _is_light(paragraph: Paragraph, label: RegionLabel, score: float, context: ParagraphContext) -> bool:
    """Whether it is neither a heading nor the end of a paragraph from the previous page."""
    is_heading = label == "title" and score > 0.4
    is_wide = box_width(paragraph.box) > 0.85 * box_width(context.extent)
    is_continuation = is_wide or paragraph.text[:1].islower()
    return not is_heading and not (is_continuation and label == "text" and score > 0.4)


def _label_caption(
    paragraph: Paragraph, label: RegionLabel, score: float, context: ParagraphContext
) -> LabelScore | None:
    graphics = [block.box for block in context.graphics if block.label != "formula"]
    is_near = any(is_beside(paragraph.box, box, context.line_height) for box in graphics)
    if is_surely_caption(paragraph.text) and (is_near or label == "caption"):
        return "caption", max(0.8, score)
    if is_caption(paragraph.text) and is_near and label == "caption":
        return "caption", max(0.7, score)
    if label == "caption" and is_near and score > 0.3:
        return "caption", 0.9 * score
    return None


def _label_weak_caption(
    paragraph: Paragraph, label: RegionLabel, score: float, context: ParagraphContext
) -> LabelScore | None:
    """A caption by the model or by its text alone, without a figure or table near it."""
    if label == "caption" and score > 0.3:
        return "caption", 0.5 * score
    return ("caption", 0.5) if is_surely_caption(paragraph.text) else None


def is_beside(box: Box, graphic: Box, line_height: float) -> bool:
    """Whether the box is right above, below or next to the graphic."""
    gap = max(graphic[1] - box[3], box[1] - graphic[3])
    if horizontal_overlap(box, graphic) > 0.3 * min(box_width(box), box_width(graphic)):
        return -line_height * 2 <= gap <= CAPTION_REACH * line_height
    return gap <= 0 and max(graphic[0] - box[2], box[0] - graphic[2]) <= CAPTION_REACH * line_height


def _label_footnote(
    paragraph: Paragraph, label: RegionLabel, score: float, context: ParagraphContext
) -> LabelScore | None:
    """Smaller text at the foot of its column, with the mark of a note or very small."""
    if label not in ("text", "footer", "reference") or box_centre(paragraph.box)[1] < 0.6 * context.height:
        return None
    top, bottom = paragraph.box[1] + context.line_height, paragraph.box[3] - context.line_height
    column = [
        other
        for other in context.paragraphs
        if horizontal_overlap(other.box, paragraph.box) > 0 and other is not paragraph
    ]
    above = [other for other in column if other.box[3] <= top and len(other.rows) > 1]
    below = [other for other in column if other.box[1] >= bottom and other.box[3] < context.footer_top]
    if not above or any(not _is_small(other, context) for other in below):
        return None
    if is_note(paragraph.text) and _is_small(paragraph, context):
        return "footnote", 0.6
    is_low = paragraph.box[3] - paragraph.box[1] < MARGIN * context.height
    is_very_small = is_low and _is_small(paragraph, context, SMALLER**2) and context.white_above(paragraph) > 0.3
    return ("footnote", 0.4) if is_very_small else None


def _is_small(paragraph: Paragraph, context: ParagraphContext, limit: float = SMALLER) -> bool:
    return len(paragraph.text) > 20 and paragraph.advance < limit * context.advance


def _label_formula(
    paragraph: Paragraph, label: RegionLabel, score: float, context: ParagraphContext
) -> LabelScore | None:
    if label == "formula":
        return "formula", score
    if label == "text" and is_equation_number(paragraph.text) and _is_numbering(paragraph, context):
        return "formula", 0.35
    is_short = box_width(paragraph.box) < 0.8 * box_width(context.extent)
    if label in ("text", "caption") and len(paragraph.rows) <= 3 and is_short and is_formula(paragraph.text):
        return "formula", 0.35
    return None


def _is_numbering(paragraph: Paragraph, context: ParagraphContext) -> bool:
    """Whether it stands in a row with a formula."""
    formulas = [block.box for block in context.graphics if block.label == "formula"]
    formulas += [other.box for other in context.paragraphs if is_formula(other.text)]
    return any(vertical_overlap(box, paragraph.box) > 0 for box in formulas)


def _label_title(
    paragraph: Paragraph, label: RegionLabel, score: float, context: ParagraphContext
) -> LabelScore | None:
    """A title by the model; else a short numbered, large or bold text that another text follows."""
    text = paragraph.text
    is_large = paragraph.height > LARGER * context.line_height and paragraph.advance > LARGER * context.advance
    if label == "title":
        return ("title", max(0.3, score)) if len(text) < LONGEST_TITLE or is_large else None
    is_short = len(paragraph.rows) <= 2 and len(text) < 120 and any(letter.isalpha() for letter in text)
    if label == "formula" or not is_short or ends_sentence(text) or context.white_below(paragraph) > 6:
        return None
    if _is_form_entry(paragraph, context):
        return None
    is_bold = paragraph.ink > BOLDER
    signs = 2 * is_large + is_bold + is_heading_number(text) + is_surely_heading(text) + is_upper(text)
    if signs >= 2 and context.white_above(paragraph) > (0.1 if signs > 2 or is_surely_heading(text) else 0.3):
        return "title", 0.3 + 0.1 * signs
    return None


def _is_form_entry(paragraph: Paragraph, context: ParagraphContext) -> bool:
    """Whether a single line stands left of it: later entries in a row of a form are no headings."""
    lines = (other.box for other in context.paragraphs if len(other.rows) == 1)
    return any(is_on_same_line(box, paragraph.box) and box[2] <= paragraph.box[0] for box in lines)


def _label_text(paragraph: Paragraph, label: RegionLabel, score: float) -> LabelScore:
    """Body text; a paragraph of a single row scores less, for it is less often a region of its own."""
    if label in ("header", "footer", "title"):  # from the model, but outside the margins or too long
        label, score = "text", 0.0
    if label == "text":
        score = 0.4 + 0.15 * min(3, len(paragraph.rows) - 1) / 3 + 0.4 * score
    return label, max(0.3, score)
