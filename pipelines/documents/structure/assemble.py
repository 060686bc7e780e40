"""Assembles a page's lines and layout blocks into regions in reading order; every line is in exactly one region.

lines ──► entries of contents, lines of graphics set aside ──► rows ──► paragraphs ──► labels ──► order ──► regions
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import cast

import cv2
import numpy as np

from pipelines.boxes import Box, box_area, clip_box, enclosing_box, intersection_area
from pipelines.documents.stages import LayoutBlock, PageText, Pixels, TextLine
from pipelines.documents.struck_text import mark_cells
from pipelines.documents.structure.classify import ParagraphContext, is_beside, label_paragraph
from pipelines.documents.structure.code import find_code, holds_code
from pipelines.documents.structure.contents import find_entries
from pipelines.documents.structure.graphics import GRAPHIC_MIN_SCORES, select_graphics
from pipelines.documents.structure.ink import Grey, hug_content, hug_line, ink_share
from pipelines.documents.structure.key_values import find_key_values, may_have_pairs
from pipelines.documents.structure.lists import PageElement, group_lists
from pipelines.documents.structure.paragraphs import Paragraph, build_paragraphs
from pipelines.documents.structure.reading_order import find_reading_order
from pipelines.documents.structure.rows import TextRow, build_rows, split_at_gutters
from pipelines.documents.structure.side_by_side import BoxPart, find_box_rows
from pipelines.documents.structure.text_patterns import is_item
from pipelines.documents.tables import build_table, to_html
from pipelines.documents.types import DocumentLine, DocumentWord, KeyValuePair, Region, Table


def assemble_regions(
    text: PageText, blocks: Sequence[LayoutBlock]
) -> tuple[list[Region], list[Table], list[KeyValuePair]]:
    """Regions in reading order, tables and key-value pairs, in pixels of the upright page `text.pixels`."""
    text_blocks = [block for block in blocks if block.label not in GRAPHIC_MIN_SCORES]
    grey = cast(Grey, cv2.cvtColor(text.pixels, cv2.COLOR_RGB2GRAY))
    code, lines = find_code(text.lines, grey)
    entries, lines = find_entries(split_at_gutters(lines, text_blocks), text_blocks, grey)
    left = [block for block in blocks if not _holds_entries(block, entries) and not holds_code(block.box, code)]
    graphics, free = select_graphics(lines, left)
    rows = _measure_ink(build_rows(free, text_blocks), grey)
    paragraphs = [*_label_paragraphs(rows, list(graphics), text.pixels), *entries, *code]
    elements = _order_elements(paragraphs, list(graphics))
    regions, tables, pair_lines = [], [], []
    for order, element in enumerate(elements):
        lines = element.lines if isinstance(element, Paragraph) else graphics[element]
        regions.append(_build_region(element, lines, order, grey))
        is_code = isinstance(element, Paragraph) and element.code is not None
        pair_lines += lines if may_have_pairs(element.label, lines) and not is_code else []
        if element.label == "table":
            table = build_table(lines, element.box, element.score, order, text.pixels)
            tables += [_place_table(table, regions[-1])] if table else []
    return regions, tables, find_key_values(pair_lines)


def _holds_entries(block: LayoutBlock, entries: Sequence[Paragraph]) -> bool:
    """Whether it is a table or figure that is really a list of entries."""
    shared = sum(intersection_area(block.box, entry.box) for entry in entries)
    return block.label in ("table", "figure") and shared > 0.5 * box_area(block.box)


def _measure_ink(rows: Sequence[TextRow], grey: Grey) -> list[TextRow]:
    """The rows with their `ink`: their darkness relative to the page's median row."""
    if not rows:
        return []
    shares = np.array([ink_share(grey, row.box) for row in rows])
    median = float(np.median(shares)) or 1.0
    return [replace(row, ink=float(share / median)) for row, share in zip(rows, shares, strict=True)]


def _label_paragraphs(rows: Sequence[TextRow], graphics: Sequence[LayoutBlock], pixels: Pixels) -> list[Paragraph]:
    paragraphs = build_paragraphs(rows)
    context = ParagraphContext.of(pixels.shape[1], pixels.shape[0], paragraphs, graphics)
    return [label_paragraph(paragraph, context) for paragraph in paragraphs]


def _order_elements(paragraphs: Sequence[Paragraph], graphics: Sequence[LayoutBlock]) -> list[PageElement]:
    """Headers first, footers last, captions beside their figure or table, the rest in reading order."""
    headers = [paragraph for paragraph in paragraphs if paragraph.label == "header"]
    footers = [paragraph for paragraph in paragraphs if paragraph.label == "footer"]
    others = (paragraph for paragraph in paragraphs if paragraph.label not in ("header", "footer"))
    body: list[PageElement] = [*others, *graphics]
    line_height = float(np.median([paragraph.height for paragraph in paragraphs])) if paragraphs else 1.0
    bundles = _bundle_boxes(_attach_captions(body, line_height))
    order = find_reading_order(
        [enclosing_box(element.box for element in bundle) for bundle in bundles],
        line_height,
        floats=[bundle[0].label in ("figure", "table", "caption") for bundle in bundles],
    )
    flow = [element for index in order for element in bundles[index]]
    return [*_order_band(headers), *group_lists(flow), *_order_band(footers)]


def _order_band(paragraphs: Sequence[Paragraph]) -> list[Paragraph]:
    """The headers or footers of a page in reading order."""
    return [paragraphs[index] for index in find_reading_order([paragraph.box for paragraph in paragraphs], 1.0)]


def _attach_captions(elements: Sequence[PageElement], line_height: float) -> list[list[PageElement]]:
    """Bundle each caption with the nearest figure or table that nothing separates it from; the rest stays single.

    What is in a bundle comes from top to bottom."""
    bundles = [[element] for element in elements if element.label != "caption"]
    for caption in (element for element in elements if element.label == "caption"):
        nearest, gap = None, float("inf")
        for bundle in bundles:
            if bundle[0].label in ("figure", "table") and is_beside(caption.box, bundle[0].box, line_height):
                distance = max(bundle[0].box[1] - caption.box[3], caption.box[1] - bundle[0].box[3])
                between = enclosing_box([caption.box, bundle[0].box])
                if distance < gap and _is_clear(between, caption, bundle, elements):
                    nearest, gap = bundle, distance
        if nearest is None:
            bundles.append([caption])
        else:
            nearest.append(caption)
    return [sorted(bundle, key=lambda element: element.box[1]) for bundle in bundles]


def _bundle_boxes(bundles: Sequence[list[PageElement]]) -> list[list[PageElement]]:
    """Bundle boxes that stand side by side, such as those of a slide: one after the other, each with its heading."""
    singles = [bundle[0] for bundle in bundles if len(bundle) == 1 and isinstance(bundle[0], Paragraph)]
    paragraphs = [element for element in singles if isinstance(element, Paragraph)]
    parts = [BoxPart(one.box, one.height, one.label == "list" or is_item(one.text)) for one in paragraphs]
    rows = find_box_rows(parts)
    boxed: list[list[PageElement]] = []
    for row in rows:
        heads = {box[0] for box in row if len(box) > 1}
        boxed.append([_as_heading(paragraphs[at]) if at in heads else paragraphs[at] for box in row for at in box])
    used = {id(paragraphs[at]) for row in rows for box in row for at in box}
    return [bundle for bundle in bundles if id(bundle[0]) not in used] + boxed


def _as_heading(paragraph: Paragraph) -> Paragraph:
    is_heading = paragraph.label == "title" or len(paragraph.rows) > 2
    return paragraph if is_heading else paragraph.with_label("title", 0.5)


def _is_clear(area: Box, caption: PageElement, bundle: Sequence[PageElement], elements: Sequence[PageElement]) -> bool:
    """Whether no element but the caption and its bundle lies in the area."""
    own = {id(element) for element in (caption, *bundle)}
    others = (element.box for element in elements if id(element) not in own)
    return all(intersection_area(box, area) < 0.2 * box_area(box) for box in others)


def _build_region(element: PageElement, lines: Sequence[TextLine], order: int, grey: Grey) -> Region:
    """The boxes of paragraphs and graphics are those of their ink: the layout model leaves room to spare."""
    if isinstance(element, Paragraph):
        box = enclosing_box(hug_line(grey, line.box) for line in lines)
    else:
        box = hug_content(grey, element.box, [line.box for line in lines])
    return Region(
        label=element.label, box=box, score=element.score, order=order, lines=[_build_line(line) for line in lines],
        code=element.code if isinstance(element, Paragraph) else None,
    )  # fmt: skip


def _place_table(table: Table, region: Region) -> Table:
    """The table in its region's box, which cells without text must not leave, with struck words marked in its HTML."""
    cells = [cell.model_copy(update={"box": clip_box(cell.box, region.box)}) for cell in table.cells]
    html = to_html(mark_cells(cells, region.lines))
    return table.model_copy(update={"box": region.box, "cells": cells, "html": html})


def _build_line(line: TextLine) -> DocumentLine:
    words = [DocumentWord(text=word.text, box=word.box, score=word.score, struck=word.is_struck) for word in line.words]
    return DocumentLine(text=line.text, box=line.box, score=line.score, words=words)
