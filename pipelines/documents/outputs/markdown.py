"""A document as Markdown for a language model: structure as Markdown has it, everything else escaped.

Pages begin with a comment `<!-- page 2 -->`. Headers and footers that repeat from page to page are said once.
Headings get their level from their size among all headings of the document.
"""

import re
from collections.abc import Iterator

from pipelines.documents.outputs.line_joining import clean, height_of, joined
from pipelines.documents.types import Document, Page, Region, Table

SMALLER = 0.87  # a heading that is at most this much of the next larger one's height is a level below it
DEEPEST = 4

_INLINE = re.compile(r"[\\`*]|(?<!\w)_|_(?!\w)|<(?=[\w/!?])|&(?=#|\w+;)|~(?=~)|\](?=[(\[:])|\|")
_AT_START = re.compile(r"(?:[-+#>=~]|\d{1,9}(?=[.)]))")
_BULLET = re.compile(r"^(?:[-–—•·∙◦▪■●○*‣⁃o])\s+(?=\S)")
_NUMBER = re.compile(r"^(\d{1,3})[.)]\s+(?=\S)")


def to_markdown(document: Document) -> str:
    levels, seen = _levels(document), set[str]()
    return "\n\n".join(block for page in document.pages for block in _page(page, levels, seen)) + "\n"


def escape(text: str) -> str:
    """`text` as a paragraph that shows just that; a table's cell as well."""
    escaped = _INLINE.sub(r"\\\g<0>", clean(text))
    start = _AT_START.match(escaped)
    if start is None:
        return escaped
    return f"{start[0]}\\{escaped[start.end() :]}" if start[0].isdigit() else f"\\{escaped}"


def _page(page: Page, levels: list[float], seen: set[str]) -> Iterator[str]:
    yield f"<!-- page {page.number} -->"
    if page.error is not None:
        yield f"<!-- page {page.number} could not be read -->"
    tables = {table.region: table for table in page.tables}
    is_bare = all(region.label in ("header", "footer") for region in page.regions)  # then they are what it says
    for region in page.regions:
        block = _table(tables[region.order]) if region.order in tables else _region(page, region, levels)
        if block and not (region.label in ("header", "footer") and _is_furniture(block, seen) and not is_bare):
            yield block


def _region(page: Page, region: Region, levels: list[float]) -> str:
    text = escape(joined(line.text for line in region.lines))
    match region.label:
        case "title":
            return f"{'#' * _level(page, region, levels)} {text}" if text else ""
        case "list":
            return "\n".join(_items(region))
        case "figure":
            x0, y0, x1, y1 = (round(edge) for edge in region.box)
            place = f"[Figure on page {page.number}, box {x0} {y0} {x1} {y1}]"
            return f"{place}\n\n> {text}" if text else place
        case "caption":
            return f"*{text}*" if text else ""
        case _:
            return text


def _items(region: Region) -> Iterator[str]:
    """Lines from one bullet or number to the next are one item; without any, each line is one."""
    lines = [clean(line.text) for line in region.lines]
    marked = any(_BULLET.match(line) or _NUMBER.match(line) for line in lines)
    items: list[list[str]] = []
    for line in lines:
        if not items or not marked or _BULLET.match(line) or _NUMBER.match(line):
            items.append([])
        items[-1].append(line)
    for item in items:
        text = joined(item)
        number = _NUMBER.match(text)
        mark = f"{number[1]}." if number else "-"
        yield f"{mark} {escape(_NUMBER.sub('', text) if number else _BULLET.sub('', text))}"


def _table(table: Table) -> str:
    """Markdown has no spans: such a cell's text stands in its first place. Its first row is the head."""
    rows = [[""] * table.columns for _ in range(table.rows)]
    for cell in table.cells:
        rows[cell.row][cell.column] = escape(cell.text)
    lines = [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join([*lines[:1], f"|{' --- |' * table.columns}", *lines[1:]])


def _is_furniture(block: str, seen: set[str]) -> bool:
    """Whether a header or footer is a page number, or what another page had, whatever the numbers in it."""
    shape = re.sub(r"\d+", "0", block)
    repeats = shape in seen or not re.sub(r"[\W0]|page", "", shape, flags=re.IGNORECASE)
    seen.add(shape)
    return repeats


def _levels(document: Document) -> list[float]:
    """The largest height of each level of headings, as shares of their pages' heights."""
    titles = ((page, region) for page in document.pages for region in page.regions if region.label == "title")
    levels: list[float] = []
    for height in sorted((_height(page, region) for page, region in titles), reverse=True):
        if not levels or height <= SMALLER * levels[-1]:
            levels.append(height)
    return levels


def _level(page: Page, region: Region, levels: list[float]) -> int:
    height = _height(page, region)
    return min(DEEPEST, max(1, sum(height <= level for level in levels)))


def _height(page: Page, region: Region) -> float:
    heights = sorted(height_of(line) for line in region.lines)
    return heights[len(heights) // 2] / max(1, max(page.width, page.height)) if heights else 0.0
