"""Writes a document as Markdown for a language model: its structure as Markdown, all text escaped.

Pages begin with a comment `<!-- page 2 -->`. Headers and footers that repeat from page to page appear once.
The level of a heading follows from its size among all headings of the document.
"""

from collections.abc import Iterator

from pipelines.documents.outputs.furniture import select_content
from pipelines.documents.outputs.hyphenation import WordForms
from pipelines.documents.outputs.line_joining import clean_text, join_lines, line_height
from pipelines.documents.outputs.page_breaks import mend_page_breaks
from pipelines.documents.outputs.warnings import describe_warnings
from pipelines.documents.struck_text import mark_struck, select_words, write_marks
from pipelines.documents.types import Document, Page, Region, Table

NEXT_LEVEL = 0.87  # a heading of at most this share of the next larger one's height is a level below it
MAX_LEVEL = 4

_MARKUP = frozenset("\\`*|_<&~]")
_LONGEST_ENTITY = 31  # letters: https://html.spec.whatwg.org/multipage/named-characters.html
_BULLETS = frozenset("-–—•·∙◦▪■●○*‣⁃o□◆▶►➢❍❏❐❑❒❖⬥⬧⧫➔➲★✶◉◎")
_STATES = frozenset("☐☑☒✓✔✕✖✗✘")  # marks that say something: they stay in the text


def to_markdown(document: Document) -> str:
    levels, seen_furniture, forms = _heading_levels(document), set[str](), WordForms.of(document)
    pages = mend_page_breaks(document, forms).pages
    blocks = (block for page in pages for block in _page_blocks(page, levels, seen_furniture, forms))
    warnings = (escape_markdown(warning) for warning in describe_warnings(document))
    return write_marks("\n\n".join([*warnings, *blocks]) + "\n")


def escape_markdown(text: str) -> str:
    """`text` escaped so that a paragraph or a table's cell shows exactly that."""
    cleaned = clean_text(text)
    escaped = "".join(
        f"\\{one}" if one in _MARKUP and _is_markup(cleaned, at) else one for at, one in enumerate(cleaned)
    )
    if escaped.startswith(("-", "+", "#", ">", "=", "~")):
        return f"\\{escaped}"
    number = escaped[: len(escaped) - len(escaped.lstrip("0123456789"))]
    if 0 < len(number) <= 9 and escaped.startswith((".", ")"), len(number)):
        return f"{number}\\{escaped[len(number) :]}"
    return escaped


def _is_markup(text: str, at: int) -> bool:
    """Whether Markdown would read the character at `at`, one of _MARKUP, as more than itself."""
    before, after = text[max(0, at - 1) : at], text[at + 1 : at + 2]
    match text[at]:
        case "_":
            return not (_is_word(before) and _is_word(after))
        case "<":
            return _is_word(after) or after in ("/", "!", "?")
        case "&":
            name, end, _ = text[at + 1 : at + 2 + _LONGEST_ENTITY].partition(";")
            return after == "#" or (end == ";" and _is_word(name))
        case "~":
            return after == "~"
        case "]":
            return after in ("(", "[", ":")
        case _:
            return True


def _is_word(text: str) -> bool:
    return text.replace("_", "a").isalnum()


def _page_blocks(page: Page, levels: list[float], seen_furniture: set[str], forms: WordForms) -> Iterator[str]:
    yield f"<!-- page {page.number} -->"
    if page.error is not None:
        yield f"<!-- page {page.number} could not be read -->"
    tables = {table.region: table for table in page.tables}
    for region in select_content(page, seen_furniture):
        if region.order in tables:
            block = _table_block(tables[region.order], region)
        else:
            block = _region_block(page, region, levels, forms)
        if block:
            yield block


def _region_block(page: Page, region: Region, levels: list[float], forms: WordForms) -> str:
    text = escape_markdown(join_lines((mark_struck(line.text, line.words) for line in region.lines), forms))
    match region.label:
        case "title":
            return f"{'#' * _heading_level(page, region, levels)} {text}" if text else ""
        case "list":
            return "\n".join(_list_items(region, forms))
        case "figure":
            x0, y0, x1, y1 = (round(edge) for edge in region.box)
            place = f"[Figure on page {page.number}, box {x0} {y0} {x1} {y1}]"
            return f"{place}\n\n> {text}" if text else place
        case "caption":
            return f"*{text}*" if text else ""
        case _:
            return text


def _list_items(region: Region, forms: WordForms) -> Iterator[str]:
    """Lines from one bullet or number to the next are one item; without any, each line is an item."""
    lines = [clean_text(mark_struck(line.text, line.words), keep_last_hyphen=True) for line in region.lines]
    has_marks = any(_split_mark(line)[0] for line in lines)
    items: list[list[str]] = []
    for line in lines:
        if not items or not has_marks or _split_mark(line)[0]:
            items.append([])
        items[-1].append(line)
    for item in items:
        mark, text = _split_mark(join_lines(item, forms))
        yield f"{mark or '-'} {escape_markdown(text)}"


def _split_mark(text: str) -> tuple[str, str]:
    """The item's mark as Markdown has it, "-" or "1.", and its text; no mark where the text has none."""
    mark, _, rest = text.partition(" ")
    if rest and mark in _BULLETS:
        return "-", rest
    if rest and mark in _STATES:
        return "-", text
    if rest and mark.endswith((".", ")")) and mark[:-1].isdecimal() and len(mark) <= 4:
        return f"{mark[:-1]}.", rest
    return "", text


def _table_block(table: Table, region: Region) -> str:
    """Markdown has no spans: a spanning cell's text is in its top left cell. The first row is the head."""
    rows = [[""] * table.columns for _ in range(table.rows)]
    words = [word for line in region.lines for word in line.words]
    has_struck = any(word.struck for word in words)
    for cell in table.cells:
        text = mark_struck(cell.text, select_words(words, cell.box)) if has_struck else cell.text
        rows[cell.row][cell.column] = escape_markdown(text)
    lines = [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join([*lines[:1], f"|{' --- |' * table.columns}", *lines[1:]])


def _heading_levels(document: Document) -> list[float]:
    """The largest height of each heading level, as a share of the page's longer side."""
    titles = ((page, region) for page in document.pages for region in page.regions if region.label == "title")
    levels: list[float] = []
    for height in sorted((_relative_height(page, region) for page, region in titles), reverse=True):
        if not levels or height <= NEXT_LEVEL * levels[-1]:
            levels.append(height)
    return levels


def _heading_level(page: Page, region: Region, levels: list[float]) -> int:
    height = _relative_height(page, region)
    return min(MAX_LEVEL, max(1, sum(height <= level for level in levels)))


def _relative_height(page: Page, region: Region) -> float:
    heights = sorted(line_height(line) for line in region.lines)
    return heights[len(heights) // 2] / max(1, max(page.width, page.height)) if heights else 0.0
