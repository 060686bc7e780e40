"""Small PDFs that between them use what PDFium has code for: fonts, filters, colour spaces, functions, forms."""

import io
from typing import Any

from PIL import Image
from reportlab.lib.pdfencrypt import StandardEncryption
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas

from tests.pipelines.documents.sample_pdfs import draw_all, draw_picture, draw_text, make_pdf, rotate_page
from tests.pipelines.images import encode, photograph

_SIDE = 24  # pixels of the images
_LINES = ("The harbour was quiet", "when the boats came in.")


def make_varied_pdfs() -> dict[str, bytes]:
    """The same in every run."""
    pdfmetrics.registerFont(TTFont("Vera", "Vera.ttf"))
    text = draw_text(_LINES)
    return {
        "text": make_pdf(text, draw_text(["second"]), pageCompression=0),
        "compressed": make_pdf(draw_all(text, draw_picture((72, 72, 200, 200)))),
        "embedded font": make_pdf(draw_text(_LINES, font="Vera"), pageCompression=0),
        "rotated": make_pdf(rotate_page(90, text), pageCompression=0),
        "form": make_pdf(_draw_form, pageCompression=0),
        "locked without a password": make_pdf(text, encrypt=StandardEncryption("", "owner", canPrint=0)),
        "filters": _write_pdf(*_page_with_images()),
        "colours": _write_pdf(*_page_with_colours()),
        "fonts": _write_pdf(*_page_with_fonts()),
    }


def _draw_form(canvas: Any) -> None:
    assert isinstance(canvas, Canvas)
    canvas.acroForm.textfield(name="name", value="Anna", x=72, y=600, width=120, height=20)
    canvas.acroForm.checkbox(name="yes", checked=True, x=72, y=560)
    canvas.linkURL("http://images.test/", (72, 500, 200, 520))
    canvas.bookmarkPage("here")
    canvas.addOutlineEntry("First", "here")


def _write_pdf(resources: bytes, content: bytes, *others: bytes) -> bytes:
    """One page; `others` are the objects from number 5 on."""
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 200 200] /Contents 4 0 R /Resources << %s >> >>" % resources,
        _stream(b"", content),
        *others,
    ]
    body = b"".join(b"%d 0 obj\n%s\nendobj\n" % (number, one) for number, one in enumerate(objects, 1))
    trailer = b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n0\n%%%%EOF" % (len(objects) + 1)
    return b"%PDF-1.7\n" + body + trailer


def _stream(facts: bytes, content: bytes) -> bytes:
    return b"<< /Length %d %s >>\nstream\n%s\nendstream" % (len(content), facts, content)


def _page_with_images() -> list[bytes]:
    """An image by each filter, one of them with a soft mask, and one in the content itself."""
    cat = photograph("cat", (_SIDE, _SIDE))
    grey, two = cat.convert("L"), cat.convert("1")
    fax = _fax_strip(two)
    images = [
        (b"/Filter /DCTDecode /ColorSpace /DeviceRGB /BitsPerComponent 8 /SMask 6 0 R", encode(cat, "JPEG")),
        (b"/Filter /ASCIIHexDecode /ColorSpace /DeviceGray /BitsPerComponent 8", grey.tobytes().hex().encode() + b">"),
        (b"/Filter /JPXDecode", encode(cat, "JPEG2000")),
        (b"/Filter /CCITTFaxDecode /DecodeParms << /K -1 /Columns %d /Rows %d >> /ColorSpace /DeviceGray "
         b"/BitsPerComponent 1" % (_SIDE, _SIDE), fax),
        (b"/Filter /RunLengthDecode /ColorSpace [/Indexed /DeviceRGB 1 <FF000000FF00>] /BitsPerComponent 1",
         bytes([_SIDE * 3 - 1]) + two.tobytes() + b"\x80"),
        (b"/ImageMask true /BitsPerComponent 1 /Decode [1 0]", two.tobytes()),
        (b"/Filter /FlateDecode /DecodeParms << /Predictor 15 /Colors 3 /Columns %d >> /ColorSpace /DeviceRGB "
         b"/BitsPerComponent 8" % _SIDE, _png_rows(cat)),
    ]  # fmt: skip
    size = b"/Type /XObject /Subtype /Image /Width %d /Height %d " % (_SIDE, _SIDE)
    objects = [_stream(size + facts, content) for facts, content in images]
    places = b"".join(
        b"q 50 0 0 50 %d %d cm /I%d Do Q\n" % (50 * (n % 3), 50 * (n // 3), n) for n in range(len(images))
    )
    inline = b"q 20 0 0 20 150 150 cm BI /W 8 /H 1 /CS /G /BPC 1 ID \xaa EI Q"
    names = b" ".join(b"/I%d %d 0 R" % (number, number + 5) for number in range(len(images)))
    return [b"/XObject << %s >>" % names, places + inline, *objects]


def _fax_strip(image: Image.Image) -> bytes:
    """The only strip of a TIFF by Group 4."""
    file = io.BytesIO(encode(image, "TIFF", compression="group4"))
    with Image.open(file) as tiff:
        offset, length = tiff.tag_v2[273][0], tiff.tag_v2[279][0]  # type: ignore[attr-defined]
    return file.getvalue()[offset : offset + length]


def _png_rows(image: Image.Image) -> bytes:
    """The rows of a PNG, deflated, each with its predictor."""
    png = encode(image, "PNG")
    at = png.index(b"IDAT")
    return png[at + 4 : at + 4 + int.from_bytes(png[at - 4 : at])]


def _page_with_colours() -> list[bytes]:
    """Shadings over functions, a tiling pattern, a separation, a group with a soft mask, and blending."""
    content = (
        b"q 0 0 100 100 re W n /Axial sh Q q 100 0 100 100 re W n /Radial sh Q /Pattern cs /Tile scn "
        b"0 100 100 100 re f /Spot cs 0.5 scn 100 100 50 50 re f /Masked gs /Group Do "
        b"[3 2] 0 d 2 w 10 10 m 50 90 90 90 150 10 c S"
    )
    resources = (
        b"/Shading << /Axial 5 0 R /Radial 6 0 R >> /Pattern << /Tile 7 0 R >> /XObject << /Group 8 0 R >> "
        b"/ColorSpace << /Spot [/Separation /Blue /DeviceCMYK 9 0 R] >> /ExtGState << /Masked 10 0 R >>"
    )
    return [
        resources,
        content,
        b"<< /ShadingType 2 /ColorSpace /DeviceRGB /Coords [0 0 100 100] /Function 11 0 R /Extend [true true] >>",
        b"<< /ShadingType 3 /ColorSpace /DeviceRGB /Coords [150 50 10 150 50 50] /Function 11 0 R >>",
        _stream(b"/PatternType 1 /PaintType 1 /TilingType 1 /BBox [0 0 10 10] /XStep 10 /YStep 10 /Resources << >>",
                b"1 0 0 rg 0 0 5 5 re f"),
        _stream(b"/Type /XObject /Subtype /Form /BBox [0 0 99 99] /Group << /S /Transparency /I true >>",
                b"0 1 0 rg 20 20 60 60 re f"),
        _stream(b"/FunctionType 4 /Domain [0 1] /Range [0 1 0 1 0 1 0 1]", b"{dup 0.5 mul exch 0 exch 1 index}"),
        b"<< /Type /ExtGState /ca 0.5 /BM /Multiply /SMask << /S /Luminosity /G 8 0 R >> >>",
        b"<< /FunctionType 3 /Domain [0 1] /Functions [12 0 R 13 0 R] /Bounds [0.5] /Encode [0 1 0 1] >>",
        b"<< /FunctionType 2 /Domain [0 1] /C0 [1 0 0] /C1 [0 0 1] /N 1 >>",
        _stream(b"/FunctionType 0 /Domain [0 1] /Range [0 1 0 1 0 1] /Size [2] /BitsPerSample 8",
                b"\0\xff\0\xff\0\xff"),
    ]  # fmt: skip


def _page_with_fonts() -> list[bytes]:
    """A font of drawn glyphs, a composite one with maps to Unicode, and one with differences."""
    content = (
        b"BT /Drawn 20 Tf 10 150 Td (aab) Tj ET BT /Wide 14 Tf 3 Tr 10 100 Td <00010002> Tj ET "
        b"BT /Plain 14 Tf 0 Tr 1 0 0.2 1 10 50 Tm [(Har) -200 (bour)] TJ 0 -20 TD T* (x) ' ET"
    )
    to_unicode = (
        b"/CIDInit /ProcSet findresource begin begincmap 1 begincodespacerange <0000> <FFFF> endcodespacerange "
        b"2 beginbfrange <0001> <0002> <0041> <0003> <0004> [<0061> <0062>] endbfrange endcmap end"
    )
    return [
        b"/Font << /Drawn 5 0 R /Wide 6 0 R /Plain 7 0 R >>",
        content,
        b"<< /Type /Font /Subtype /Type3 /FontBBox [0 0 10 10] /FontMatrix [0.1 0 0 0.1 0 0] /FirstChar 97 "
        b"/LastChar 98 /Widths [10 10] /Encoding << /Type /Encoding /Differences [97 /square /dot] >> "
        b"/CharProcs << /square 8 0 R /dot 9 0 R >> >>",
        b"<< /Type /Font /Subtype /Type0 /BaseFont /Wide /Encoding /Identity-H /DescendantFonts [10 0 R] "
        b"/ToUnicode 11 0 R >>",
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Times-Roman "
        b"/Encoding << /BaseEncoding /WinAnsiEncoding /Differences [72 /Eacute] >> >>",
        _stream(b"", b"10 0 0 0 10 10 d1 0 0 8 8 re f"),
        _stream(b"", b"10 0 d0 1 0 0 rg 2 2 3 3 re f"),
        b"<< /Type /Font /Subtype /CIDFontType2 /BaseFont /Wide /DW 900 /W [1 [500 600] 3 9 700] "
        b"/CIDToGIDMap /Identity /CIDSystemInfo << /Registry (Adobe) /Ordering (Identity) /Supplement 0 >> "
        b"/FontDescriptor 12 0 R >>",
        _stream(b"", to_unicode),
        b"<< /Type /FontDescriptor /FontName /Wide /Flags 4 /FontBBox [0 -200 1000 900] /ItalicAngle 0 /Ascent 800 "
        b"/Descent -200 /CapHeight 700 /StemV 80 >>",
    ]
