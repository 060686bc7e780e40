"""Writes a document as a PDF of its pages' pictures under invisible text, to search and copy.

No library is needed: a handful of PDF objects suffices. Invisible text needs no glyphs, so one font without any serves
all scripts. Its codes are UTF-16, each half as wide as high and stretched to the word's box, as in Tesseract's PDFs.
"""

import zlib
from collections.abc import Iterator
from math import hypot

from pipelines.documents.outputs.line_joining import clean_text
from pipelines.documents.pages import DEFAULT_DPI
from pipelines.documents.types import Document, DocumentLine, DocumentWord, Page

POINTS_PER_INCH = 72
BASELINE = 0.28  # below a line's middle, in heights of the line
CODE_WIDTH = 0.5  # of every code, in heights of the font

_FONT, _PAGES, _FIRST_PAGE = 3, 2, 7  # numbers of PDF objects; each page has three
_UNICODE_MAP = b"""/CIDInit /ProcSet findresource begin
12 dict begin
begincmap
/CIDSystemInfo << /Registry (Adobe) /Ordering (UCS) /Supplement 0 >> def
/CMapName /Adobe-Identity-UCS def
/CMapType 2 def
1 begincodespacerange
<0000> <FFFF>
endcodespacerange
1 beginbfrange
<0000> <FFFF> <0000>
endbfrange
endcmap
CMapName currentdict /CMap defineresource pop
end
end"""


def to_pdf(document: Document) -> bytes:
    """Pages without a picture are blank, apart from their invisible text."""
    kids = " ".join(f"{_FIRST_PAGE + 3 * index} 0 R" for index in range(len(document.pages)))
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {len(document.pages)} >>".encode(),
        b"<< /Type /Font /Subtype /Type0 /BaseFont /Glyphless /Encoding /Identity-H /DescendantFonts [4 0 R] "
        b"/ToUnicode 6 0 R >>",
        b"<< /Type /Font /Subtype /CIDFontType2 /BaseFont /Glyphless /CIDToGIDMap /Identity /DW 500 "
        b"/CIDSystemInfo << /Registry (Adobe) /Ordering (Identity) /Supplement 0 >> /FontDescriptor 5 0 R >>",
        b"<< /Type /FontDescriptor /FontName /Glyphless /Flags 4 /FontBBox [0 -200 500 800] /ItalicAngle 0 "
        b"/Ascent 800 /Descent -200 /CapHeight 800 /StemV 80 >>",
        _compressed_stream(b"", _UNICODE_MAP),
    ]
    for index, page in enumerate(document.pages):
        objects += _page_objects(page, _FIRST_PAGE + 3 * index)
    return _assemble_file(objects)


def _page_objects(page: Page, number: int) -> Iterator[bytes]:
    """Three objects: the page, its content stream and its picture. Viewers turn a page whose content was rotated."""
    scale = POINTS_PER_INCH / (page.dpi or DEFAULT_DPI)
    width, height = page.width * scale, page.height * scale
    turn = f"/Rotate {360 - page.rotation} " if page.rotation else ""
    resource = f"/XObject << /Picture {number + 2} 0 R >> " if page.picture else ""
    yield (
        f"<< /Type /Page /Parent {_PAGES} 0 R /MediaBox [0 0 {width:.3f} {height:.3f}] {turn}"
        f"/Contents {number + 1} 0 R /Resources << {resource}/Font << /F {_FONT} 0 R >> >> >>"
    ).encode()
    picture = f"q {width:.3f} 0 0 {height:.3f} 0 0 cm /Picture Do Q\n" if page.picture else ""
    lines = (line for region in page.regions for line in region.lines)
    text = "".join(part for line in lines for part in _line_operators(line, scale, height))
    yield _compressed_stream(b"", f"{picture}BT 3 Tr\n{text}ET".encode())
    if page.picture:
        head = f"/Type /XObject /Subtype /Image /Width {page.width} /Height {page.height} "
        yield _plain_stream(
            head.encode() + b"/ColorSpace /DeviceRGB /BitsPerComponent 8 /Filter /DCTDecode ", page.picture
        )
    else:
        yield b"null"


def _line_operators(line: DocumentLine, scale: float, page_height: float) -> Iterator[str]:
    """Each word with a space after it, also the last: PDFium finds no text in a single code without a glyph."""
    ux, uy = _text_direction(line)
    words = line.words or [DocumentWord(text=line.text, box=line.box, score=line.score)]
    for word in words:
        codes = clean_text(word.text).encode("utf-16-be")
        x0, y0, x1, y1 = (edge * scale for edge in word.box)
        length = max(abs(ux) * (x1 - x0) + abs(uy) * (y1 - y0), 0.1)
        size = max(abs(ux) * (y1 - y0) + abs(uy) * (x1 - x0), 0.1)
        x = (x0 + x1) / 2 - ux * length / 2 - uy * size * BASELINE
        y = (y0 + y1) / 2 - uy * length / 2 + ux * size * BASELINE
        stretch = 100 * length / (max(len(codes), 2) / 2 * CODE_WIDTH * size)
        yield (
            f"/F {size:.3f} Tf {stretch:.2f} Tz {ux:.5f} {-uy:.5f} {uy:.5f} {ux:.5f} {x:.3f} {page_height - y:.3f} Tm "
            f"<{codes.hex()}0020> Tj\n"
        )


def _text_direction(line: DocumentLine) -> tuple[float, float]:
    """Unit vector along the text, in the page's pixels."""
    if line.polygon is None:
        return 1.0, 0.0
    (x0, y0), (x1, y1) = line.polygon[:2]
    length = hypot(x1 - x0, y1 - y0)
    return ((x1 - x0) / length, (y1 - y0) / length) if length else (1.0, 0.0)


def _compressed_stream(head: bytes, data: bytes) -> bytes:
    return _plain_stream(head + b"/Filter /FlateDecode ", zlib.compress(data))


def _plain_stream(head: bytes, data: bytes) -> bytes:
    return b"<< %s/Length %d >>\nstream\n%s\nendstream" % (head, len(data), data)


def _assemble_file(objects: list[bytes]) -> bytes:
    parts, offset, offsets = [b"%PDF-1.5\n%\xe2\xe3\xcf\xd3\n"], 15, []
    for number, body in enumerate(objects, start=1):
        offsets.append(offset)
        parts.append(b"%d 0 obj\n%s\nendobj\n" % (number, body))
        offset += len(parts[-1])
    table = "".join(f"{one:010d} 00000 n \n" for one in offsets)
    parts.append(f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n{table}".encode())
    parts.append(f"trailer\n<< /Size {len(objects) + 1} /Root 1 0 R >>\nstartxref\n{offset}\n%%EOF\n".encode())
    return b"".join(parts)
