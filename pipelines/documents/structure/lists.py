"""Items that follow each other become one list, entries of a bibliography one block, in each column."""

from collections.abc import Sequence

from pipelines.documents.boxes import across, width
from pipelines.documents.stages import Block
from pipelines.documents.structure.paragraphs import Paragraph
from pipelines.documents.structure.rows import Row
from pipelines.documents.structure.text_patterns import is_dated, is_item, is_reference, is_references_heading
from pipelines.documents.types import Label

Part = Paragraph | Block

FARTHEST = 2.0  # white between two items, in line heights


def with_series(parts: Sequence[Part]) -> list[Part]:
    """`parts` in reading order; what belongs together is one paragraph afterwards, in the same order."""
    joined: list[Part] = []
    run: list[Paragraph] = []
    in_references = False
    for part in parts:
        if isinstance(part, Paragraph) and part.label == "title":
            in_references = is_references_heading(part.text)
        if isinstance(part, Paragraph) and run and _continues(run, part, in_references):
            run.append(part)
            continue
        joined += _closed(run, in_references)
        run = []
        if isinstance(part, Paragraph) and _opens(part, in_references):
            run = [part]
        else:
            joined.append(part)
    return joined + _closed(run, in_references)


def _opens(part: Paragraph, in_references: bool) -> bool:
    return part.label in ("text", "list", "reference") and (
        in_references or part.label == "reference" or is_item(part.text)
    )


def _continues(run: Sequence[Paragraph], part: Paragraph, in_references: bool) -> bool:
    last = run[-1]
    gap = part.box[1] - last.box[3]
    is_next = -last.height < gap < FARTHEST * last.height and across(last.box, part.box) > 0.3 * min(
        width(last.box), width(part.box)
    )
    if not is_next or part.label not in ("text", "list", "reference"):
        return False
    if in_references or part.label == run[0].label == "reference":
        return True
    is_set_in = part.box[0] > run[0].box[0] + 0.5 * part.height
    return is_item(part.text) or (is_set_in and part.label == run[0].label)


def _closed(run: Sequence[Paragraph], in_references: bool) -> list[Part]:
    """One list or bibliography, or the paragraphs as they were where there is but one item."""
    if not run:
        return []
    label: Label = "reference" if in_references or _is_bibliography(run) else "list"
    items = sum(is_item(part.text) for part in run)
    if label == "list" and items < 2:
        return [part.named("text", part.score) if part.label == "reference" else part for part in run]
    rows: tuple[Row, ...] = tuple(row for part in run for row in part.rows)
    score = max(0.5, max(part.score for part in run)) if label == "reference" else min(0.9, 0.4 + 0.1 * items)
    return [Paragraph(rows, label, score)]


def _is_bibliography(run: Sequence[Paragraph]) -> bool:
    if any(part.label == "reference" for part in run):
        return any(is_reference(part.text) or is_dated(part.text) for part in run)
    return len(run) > 3 and all(part.text.lstrip().startswith("[") and is_reference(part.text) for part in run)
