"""Writes a document as Markdown for a language model: its structure as Markdown, all text escaped.

Pages begin with a comment `<!-- page 2 -->`. Headers and footers that say the same on several pages appear once; a
comment at the end lists what was left out. A table over several pages stands whole on its first one, and comments on
all of them say so.
The level of a heading follows from its size among all headings of the document.
"""

from collections.abc import Iterator, Sequence

from pipelines.boxes import is_on_same_line
from pipelines.documents.outputs.furniture import Furniture, Place, find_furniture
from pipelines.documents.outputs.hyphenation import WordForms
from pipelines.documents.outputs.joined_tables import WrittenTable, join_tables
from pipelines.documents.outputs.line_joining import clean_code, clean_text, join_lines, line_height, shorten_leaders
from pipelines.documents.outputs.page_breaks import mend_page_breaks
from pipelines.documents.outputs.warnings import describe_warnings
from pipelines.documents.struck_text import mark_struck, write_marks
from pipelines.documents.types import Document, DocumentLine, Page, Region

NEXT_LEVEL = 0.87  # a heading of at most this share of the next larger one's height is a level below it
MAX_LEVEL = 4

_MARKUP = frozenset("\\`*|_<&~]")
_LONGEST_ENTITY = 31  # letters: https://html.spec.whatwg.org/multipage/named-characters.html
_BULLETS = frozenset("-–—•·∙◦▪■●○*‣⁃o□◆▶►➢❍❏❐❑❒❖⬥⬧⧫➔➲★✶◉◎")
_STATES = frozenset("☐☑☒✓✔✕✖✗✘")  # marks that say something: they stay in the text


def to_markdown(document: Document) -> str:
    levels, forms = _heading_levels(document), WordForms.of(document)
    mended = mend_page_breaks(document, forms)
    furniture = find_furniture(mended)
    tables = join_tables(mended)
    blocks = [block for page in mended.pages for block in _page_blocks(page, levels, furniture, forms, tables)]
    blocks += [_comment(f"left out, {line}") for line in furniture.describe()]
    warnings = (escape_markdown(warning) for warning in describe_warnings(document))
    return write_marks("\n\n".join([*warnings, *blocks]) + "\n")


def _comment(text: str) -> str:
    """A comment that nothing in `text` can end."""
    plain = " ".join(text.replace("--", "- -").replace("<", " ").replace(">", " ").split())
    return f"<!-- {plain} -->"


def escape_markdown(text: str) -> str:
    """`text` escaped so that a paragraph or a table's cell shows exactly that."""
    cleaned = clean_text(text)
    escaped = "".join(
        f"\\{one}" if one in _MARKUP and _is_markup(cleaned, at) else one for at, one in enumerate(cleaned)
    )
    if escaped.startswith((">", "=", "~")) or (escaped.startswith(("-", "+", "#")) and not _is_word(escaped[1:2])):
        return f"\\{escaped}"
    number = escaped[: len(escaped) - len(escaped.lstrip("0123456789"))]
    # An amount such as 1.284,50 is no item: a space or the end follows an item's mark.
    if 0 < len(number) <= 9 and escaped[len(number) :].partition(" ")[0] in (".", ")"):
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


def _page_blocks(
    page: Page, levels: list[float], furniture: Furniture, forms: WordForms, tables: dict[Place, WrittenTable]
) -> Iterator[str]:
    yield f"<!-- page {page.number} -->"
    if page.error is not None:
        yield f"<!-- page {page.number} could not be read -->"
    for region in furniture.select_content(page):
        if (table := tables.get((page.number, region.order))) is not None:
            block = _table_block(table)
        else:
            block = _region_block(page, region, levels, forms)
        if block:
            yield block


def _region_block(page: Page, region: Region, levels: list[float], forms: WordForms) -> str:
    if region.code is not None:
        return _fence_code(clean_code(region.code))
    lines = (mark_struck(line.text, line.words) for line in region.lines)
    text = escape_markdown(shorten_leaders(join_lines(lines, forms)))
    match region.label:
        case "title":
            return f"{'#' * _heading_level(page, region, levels)} {text}" if text else ""
        case "list":
            return "\n".join(_list_items(region, forms))
        case "figure":
            x0, y0, x1, y1 = (round(edge) for edge in region.box)
            place = f"[Figure on page {page.number}, box {x0} {y0} {x1} {y1}]"
            return f"{place}\n\n{_quote_lines(region)}" if text else place
        case "caption":
            return f"*{text}*" if text else ""
        case _:
            return text


def _quote_lines(region: Region) -> str:
    """Lines of a figure are labels or messages, no running text; those side by side are one row."""
    rows: list[list[DocumentLine]] = []
    for line in region.lines:
        if not clean_text(line.text):
            continue
        if rows and is_on_same_line(rows[-1][-1].box, line.box):
            rows[-1].append(line)
        else:
            rows.append([line])
    return "\n".join(f"> {escape_markdown(_join_row(row))}" for row in rows)


def _join_row(row: Sequence[DocumentLine]) -> str:
    return " ".join(mark_struck(line.text, line.words) for line in sorted(row, key=lambda line: line.box[0]))


def _fence_code(code: str) -> str:
    """A block that nothing in `code` can end: its fence is longer than any run of backticks."""
    longest = max((len(run) for run in "".join(one if one == "`" else " " for one in code).split()), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}\n{code}\n{fence}"


def _list_items(region: Region, forms: WordForms) -> Iterator[str]:
    """Lines from one bullet or number to the next are one item; without any, each line is an item.

    In a table of contents each line that ends in a number ends an item.
    """
    texts = (clean_text(mark_struck(line.text, line.words), keep_last_hyphen=True) for line in region.lines)
    lines = [shorten_leaders(text) for text in texts]
    numbered = [line[-1:].isdigit() for line in lines]
    is_contents = sum(numbered) > len(lines) / 2
    has_marks = any(_split_mark(line)[0] for line in lines) and not is_contents
    items: list[list[str]] = []
    for at, line in enumerate(lines):
        begins = numbered[at - 1] if is_contents else not has_marks or bool(_split_mark(line)[0])
        if not items or begins:
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


def _table_block(table: WrittenTable) -> str:
    """Markdown has no spans: a spanning cell's text is in its top left cell. The first row is the head."""
    rows = [f"| {' | '.join(map(escape_markdown, row))} |" for row in table.rows]
    lines = [*rows[:1], f"|{' --- |' * len(table.rows[0])}", *rows[1:]] if rows else []
    notes = [_comment(table.note)] if table.note else []
    return "\n\n".join(part for part in ("\n".join(lines), *notes) if part)


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
