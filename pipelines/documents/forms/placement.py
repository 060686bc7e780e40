"""Puts the values of form fields and the states of boxes into the text of their page, beside their labels.

A value that the page shows stays as it is shown; one that has no appearance is added where it belongs. Boxes and radio
buttons become the signs ☑ and ☐, whatever the file draws in them. A label, its field and the field's own label are one
line, however wide the white between them: layout models take a column of fields for a figure.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import cast

import numpy as np

from pipelines.boxes import Box, box_centre, box_height, box_width, enclosing_box
from pipelines.documents.coordinates import PageTransform
from pipelines.documents.forms.labels import FieldLabels, find_labels
from pipelines.documents.pdf.page_annotations import PdfAnnotation
from pipelines.documents.stages import LayoutBlock, PageText, TextLine, TextWord
from pipelines.documents.types import FormField, KeyValuePair

CHECKED, UNCHECKED = "☑", "☐"
SIGNED, UNSIGNED = "signed", "not signed"
LONGEST_SIGN = 2  # characters that a box's own appearance may have
WORD_WIDTH = 0.5  # of a character of a value without appearance, in heights of its line
ROW_SCORE = 0.99  # of the block around a row of the form
LINE_HEIGHT = 1.4  # of a field, in heights of its text; in lines where it has several


@dataclass(frozen=True, slots=True)
class PlacedForm:
    """`text` with all values; `fields` in pixels of the page as it came in, `pairs` and `rows` in those of `text`."""

    text: PageText
    rows: tuple[Box, ...] = ()
    fields: tuple[FormField, ...] = ()
    pairs: tuple[KeyValuePair, ...] = ()


def place_form(text: PageText, annotations: Sequence[PdfAnnotation], size: tuple[int, int]) -> PlacedForm:
    """`size`: width and height of the page as it came in."""
    fields = [one for one in annotations if one.kind != "note"]
    if not fields:
        return PlacedForm(text)
    transform = PageTransform.of(text, *size)
    boxes = [_to_upright(one.box, transform) for one in fields]
    values, rest = _take_values(text.lines, fields, boxes)
    labels = find_labels(boxes, [one.is_button for one in fields], rest)
    names = [_name_field(field, label, rest) for field, label in zip(fields, labels, strict=True)]
    rows, others = _join_rows(rest, values, labels)
    lines = sorted([*rows, *others], key=lambda line: (line.box[1], line.box[0]))
    form_fields = (
        FormField(name=field.name, kind=field.kind, label=name, value=field.value, checked=field.checked, box=field.box)
        for field, name in zip(fields, names, strict=True)
        if field.kind != "note"
    )
    pairs = _build_pairs(fields, boxes, names, labels, rest)
    placed = replace(text, lines=tuple(lines))
    frames = list(_frame_fields(values, labels, rest))
    frames += [line.box for line in rows if not any(_holds(frame, *box_centre(line.box)) for frame in frames)]
    return PlacedForm(placed, tuple(frames), tuple(form_fields), tuple(pairs))


def _to_upright(box: Box, transform: PageTransform) -> Box:
    x0, y0, x1, y1 = box
    corners = transform.to_upright(np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]], np.float32))
    return cast(Box, (*corners.min(axis=0).tolist(), *corners.max(axis=0).tolist()))


def _take_values(
    lines: Sequence[TextLine], fields: Sequence[PdfAnnotation], boxes: Sequence[Box]
) -> tuple[list[list[TextLine]], list[TextLine]]:
    """For each field the lines of its value, and the lines without what stands in fields."""
    inside: dict[int, list[TextLine]] = defaultdict(list)
    rest: list[TextLine] = []
    for line in lines:
        parts: dict[tuple[int, int], list[TextWord]] = defaultdict(list)
        for word in line.words:
            x, y = box_centre(word.box)
            at = next((number for number, box in enumerate(boxes) if _holds(box, x, y)), -1)
            before = sum(box[0] < x and box[1] <= y <= box[3] for box in boxes)  # cuts a line at the fields in it
            parts[at, before if at < 0 else 0].append(word)
        for (at, _), words in parts.items():
            part = line if len(words) == len(line.words) else build_line(words)
            (rest if at < 0 else inside[at]).append(part)
    values = [
        list(_choose_value(field, box, inside[at])) for at, (field, box) in enumerate(zip(fields, boxes, strict=True))
    ]
    return values, rest


def _holds(box: Box, x: float, y: float) -> bool:
    return box[0] <= x <= box[2] and box[1] <= y <= box[3]


def _choose_value(field: PdfAnnotation, box: Box, shown: Sequence[TextLine]) -> Iterator[TextLine]:
    if field.is_button:
        yield build_line([TextWord(CHECKED if field.checked else UNCHECKED, box, 1.0)])
        yield from (line for line in shown if len(line.text) > LONGEST_SIGN)
    elif shown and (_squeeze("".join(line.text for line in shown)) != _squeeze(field.value) or len(shown) > 1):
        yield from shown
    else:
        yield from _write_value(field.value, enclosing_box(line.box for line in shown) if shown else box)


def _squeeze(text: str) -> str:
    return "".join(text.split())


def _write_value(value: str, box: Box) -> Iterator[TextLine]:
    """The value's lines from the top of `box`, their characters taken as equally wide."""
    rows = [row.split() for row in value.splitlines() if row.strip()]
    height = box_height(box) / max(len(rows), 1)
    for number, row in enumerate(rows):
        width = min(WORD_WIDTH * height / LINE_HEIGHT, box_width(box) / max(len(" ".join(row)), 1))
        x, y = box[0], box[1] + number * height
        words = []
        for text in row:
            words.append(TextWord(text, (x, y, x + width * len(text), y + height), 1.0))
            x += width * (len(text) + 1)
        yield build_line(words)


def build_line(words: Sequence[TextWord]) -> TextLine:
    x0, y0, x1, y1 = enclosing_box(word.box for word in words)
    quad = np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]], np.float32)
    return TextLine(" ".join(word.text for word in words), quad, min(word.score for word in words), tuple(words))


def _name_field(field: PdfAnnotation, labels: FieldLabels, lines: Sequence[TextLine]) -> str:
    """The name that the file has for people, or the label beside it, or the field's own name."""
    if field.label.strip():
        return " ".join(field.label.split())
    printed = [lines[at].text.strip(" :") for at in (labels.left, labels.right, labels.above) if at is not None]
    return ": ".join(printed) or field.name


def _join_rows(
    lines: Sequence[TextLine], values: Sequence[Sequence[TextLine]], labels: Sequence[FieldLabels]
) -> tuple[list[TextLine], list[TextLine]]:
    """The rows of the form, each one line, and all other lines; a value's further lines are among these."""
    rows: list[tuple[set[int], list[TextLine]]] = []  # label lines by number, first lines of values
    others: list[TextLine] = []
    for value, label in zip(values, labels, strict=True):
        own = {at for at in (label.left, label.right) if at is not None}
        shared = [row for row in rows if row[0] & own]
        rows = [row for row in rows if not row[0] & own]
        rows.append(
            (own.union(*(row[0] for row in shared)), [*value[:1], *(line for row in shared for line in row[1])])
        )
        others += value[1:]
    used: set[int] = set().union(*(row[0] for row in rows))
    others += [line for at, line in enumerate(lines) if at not in used]
    joined = ([*members, *(lines[at] for at in numbers)] for numbers, members in rows)
    return [_join_lines(row) for row in joined if row], others


def _frame_fields(
    values: Sequence[Sequence[TextLine]], labels: Sequence[FieldLabels], lines: Sequence[TextLine]
) -> Iterator[Box]:
    """The boxes of fields that take more than a row: their labels stand above them, or their values have lines."""
    for value, label in zip(values, labels, strict=True):
        if value and (label.above is not None or len(value) > 1):
            printed = [lines[at].box for at in (label.left, label.above) if at is not None]
            yield enclosing_box([*printed, *(line.box for line in value)])


def _join_lines(lines: Sequence[TextLine]) -> TextLine:
    return build_line(sorted((word for line in lines for word in line.words), key=lambda word: word.box[0]))


def _build_pairs(
    fields: Sequence[PdfAnnotation],
    boxes: Sequence[Box],
    names: Sequence[str],
    labels: Sequence[FieldLabels],
    lines: Sequence[TextLine],
) -> Iterator[KeyValuePair]:
    for field, box, name, label in zip(fields, boxes, names, labels, strict=True):
        if field.is_button:
            value = CHECKED if field.checked else UNCHECKED
        elif field.kind == "signature":
            value = SIGNED if field.checked else UNSIGNED
        else:
            value = " ".join(field.value.split())
        if value:
            printed = [lines[at].box for at in (label.left, label.right, label.above) if at is not None]
            yield KeyValuePair(key=name, value=value, key_box=enclosing_box(printed) if printed else box, value_box=box)


def merge_pairs(form: Sequence[KeyValuePair], found: Sequence[KeyValuePair]) -> list[KeyValuePair]:
    """The form's pairs, and those found by their positions that have nothing to do with its fields."""
    boxes = [pair.value_box for pair in form]
    return [*form, *(pair for pair in found if not any(_holds(box, *box_centre(pair.value_box)) for box in boxes))]


def frame_rows(blocks: Sequence[LayoutBlock], form: PlacedForm) -> list[LayoutBlock]:
    """The page's blocks with one for each row of the form, and without figures and formulas that fields lie in."""
    centres = [box_centre(field) for field in form.rows]
    kept = (
        block
        for block in blocks
        if block.label not in ("figure", "formula") or not any(_holds(block.box, *centre) for centre in centres)
    )
    return [*(LayoutBlock("text", box, ROW_SCORE, stands_alone=True) for box in form.rows), *kept]
