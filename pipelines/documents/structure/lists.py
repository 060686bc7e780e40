"""Joins consecutive items into lists, and entries of a bibliography into one block, within each column."""

from collections.abc import Sequence

from pipelines.boxes import box_width, horizontal_overlap
from pipelines.documents.stages import LayoutBlock
from pipelines.documents.structure.paragraphs import Paragraph
from pipelines.documents.structure.rows import TextRow
from pipelines.documents.structure.text_patterns import is_dated, is_item, is_reference, is_references_heading
from pipelines.documents.types import RegionLabel

PageElement = Paragraph | LayoutBlock

MAX_ITEM_GAP = 2.0  # white between two items, in line heights


def group_lists(elements: Sequence[PageElement]) -> list[PageElement]:
    """Join the paragraphs of each list or bibliography into one; takes and keeps reading order."""
    grouped: list[PageElement] = []
    run: list[Paragraph] = []
    in_references = False
    for element in elements:
        if isinstance(element, Paragraph) and element.label == "title":
            in_references = is_references_heading(element.text)
        if isinstance(element, Paragraph) and run and _continues_run(run, element, in_references):
            run.append(element)
            continue
        grouped += _close_run(run, in_references)
        run = []
        if isinstance(element, Paragraph) and _starts_run(element, in_references):
            run = [element]
        else:
            grouped.append(element)
    return grouped + _close_run(run, in_references)


def _starts_run(paragraph: Paragraph, in_references: bool) -> bool:
    if paragraph.code is not None:
        return False
    may_be_item = in_references or paragraph.label == "reference" or is_item(paragraph.text)
    return may_be_item and paragraph.label in ("text", "list", "reference")


def _continues_run(run: Sequence[Paragraph], paragraph: Paragraph, in_references: bool) -> bool:
    last = run[-1]
    overlap, narrower = horizontal_overlap(last.box, paragraph.box), min(box_width(last.box), box_width(paragraph.box))
    is_near = -last.height < paragraph.box[1] - last.box[3] < MAX_ITEM_GAP * last.height
    if (
        paragraph.code is not None
        or not is_near
        or overlap <= 0.3 * narrower
        or paragraph.label not in ("text", "list", "reference")
    ):
        return False
    if in_references or paragraph.label == run[0].label == "reference":
        return True
    is_indented = paragraph.box[0] > run[0].box[0] + 0.5 * paragraph.height
    return is_item(paragraph.text) or (is_indented and paragraph.label == run[0].label)


def _close_run(run: Sequence[Paragraph], in_references: bool) -> list[PageElement]:
    """One list or bibliography; the paragraphs unchanged if there is only one item."""
    if not run:
        return []
    label: RegionLabel = "reference" if in_references or _is_bibliography(run) else "list"
    items = sum(is_item(paragraph.text) for paragraph in run)
    if label == "list" and items < 2:
        return [
            paragraph.with_label("text", paragraph.score) if paragraph.label == "reference" else paragraph
            for paragraph in run
        ]
    rows: tuple[TextRow, ...] = tuple(row for paragraph in run for row in paragraph.rows)
    best = max(paragraph.score for paragraph in run)
    score = max(0.5, best) if label == "reference" else min(0.9, 0.4 + 0.1 * items)
    return [Paragraph(rows, label, score)]


def _is_bibliography(run: Sequence[Paragraph]) -> bool:
    texts = [paragraph.text for paragraph in run]
    if any(paragraph.label == "reference" for paragraph in run):
        return any(is_reference(text) or is_dated(text) for text in texts)
    return len(run) > 3 and all(text.lstrip().startswith("[") and is_reference(text) for text in texts)
