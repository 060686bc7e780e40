"""Writes a document as hOCR 1.2 in XHTML: http://kba.github.io/hocr-spec/1.2/"""

from collections.abc import Iterator
from html import escape

from pipelines.boxes import Box
from pipelines.documents.outputs.line_joining import clean_text
from pipelines.documents.types import Document, DocumentLine, DocumentWord, Page, Region

_HEAD = """<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Transitional//EN" "http://www.w3.org/TR/xhtml1/DTD/xhtml1-transitional.dtd">
<html xmlns="http://www.w3.org/1999/xhtml" xml:lang="en" lang="en">
<head>
<title>{title}</title>
<meta http-equiv="Content-Type" content="text/html;charset=utf-8"/>
<meta name="ocr-system" content="kernelsight"/>
<meta name="ocr-capabilities" content="ocr_page ocr_carea ocr_par ocr_line ocrx_word"/>
</head>
<body>
"""


def to_hocr(document: Document, *, title: str = "document") -> str:
    pages = "".join(part for page in document.pages for part in _write_page(page))
    return f"{_HEAD.format(title=_escape(title))}{pages}</body>\n</html>\n"


def _write_page(page: Page) -> Iterator[str]:
    resolution = f"; scan_res {page.dpi} {page.dpi}" if page.dpi else ""
    box = _bbox((0, 0, page.width, page.height))
    yield f'<div class="ocr_page" id="page_{page.number}" title="{box}; ppageno {page.number - 1}{resolution}">\n'
    for region in page.regions:
        yield from _write_region(region, f"{page.number}_{region.order}")
    yield "</div>\n"


def _write_region(region: Region, name: str) -> Iterator[str]:
    box = _bbox(region.box)
    yield f'<div class="ocr_carea {region.label}" id="block_{name}" title="{box}">\n'
    if region.lines:
        yield f'<p class="ocr_par" id="par_{name}" title="{box}">\n'
        for number, line in enumerate(region.lines):
            yield from _write_line(line, f"{name}_{number}")
        yield "</p>\n"
    yield "</div>\n"


def _write_line(line: DocumentLine, name: str) -> Iterator[str]:
    words = [word for word in line.words if _escape(word.text)] or [
        DocumentWord(text=line.text, box=line.box, score=line.score)
    ]
    spans = (
        f'<span class="ocrx_word" id="word_{name}_{number}" '
        f'title="{_bbox(word.box)}; x_wconf {round(100 * word.score)}">{_write_text(word)}</span>'
        for number, word in enumerate(words)
    )
    yield f'<span class="ocr_line" id="line_{name}" title="{_bbox(line.box)}">{" ".join(spans)}</span>\n'


def _write_text(word: DocumentWord) -> str:
    """A struck word is in a `del` element, as in HTML."""
    text = _escape(word.text)
    return f"<del>{text}</del>" if word.struck else text


def _bbox(box: Box) -> str:
    return "bbox " + " ".join(str(round(edge)) for edge in box)


def _escape(text: str) -> str:
    """Escaped, without characters that XML does not allow."""
    return escape(clean_text(text).replace("\ufffe", "").replace("\uffff", ""))
