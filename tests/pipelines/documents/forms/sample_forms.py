"""PDF forms and comments for tests, drawn with reportlab."""

import re

from reportlab.pdfbase.pdfdoc import PDFArray, PDFDictionary, PDFName, PDFString
from reportlab.pdfgen.canvas import Canvas

from tests.pipelines.documents.sample_pdfs import HEIGHT, DrawPage, make_pdf

FIELDS = {"Surname": "Smith", "First name": "Jane", "Licence plate": "B-XK 4410"}
BOXES = {"Resident": (True, False), "Disabled badge": (False, True)}  # yes, no


def draw_form(canvas: Canvas) -> None:
    form = canvas.acroForm
    canvas.setFont("Helvetica", 11)
    for row, (label, value) in enumerate(FIELDS.items()):
        y = HEIGHT - 100 - 30 * row
        canvas.drawString(60, y, label)
        form.textfield(name=f"t{row}", value=value, x=220, y=y - 6, width=220, height=20)
    for row, (label, states) in enumerate(BOXES.items(), start=len(FIELDS)):
        y = HEIGHT - 100 - 30 * row
        canvas.drawString(60, y, label)
        for column, (name, checked) in enumerate(zip(("yes", "no"), states, strict=True)):
            form.checkbox(name=f"b{row}{name}", checked=checked, x=225 + 60 * column, y=y - 3, size=14)
            canvas.drawString(244 + 60 * column, y, name)
    y = HEIGHT - 100 - 30 * (len(FIELDS) + len(BOXES))
    canvas.drawString(60, y, "Permit for")
    for column, months in enumerate(("6", "12")):
        form.radio(name="dur", value=months, selected=months == "12", x=225 + 80 * column, y=y - 3, size=14)
        canvas.drawString(244 + 80 * column, y, f"{months} months")
    y -= 30
    canvas.drawString(60, y, "Vehicle type")
    form.choice(
        name="veh", value="Electric car", options=["Electric car", "Truck"], x=220, y=y - 6, width=220, height=20
    )


def draw_stacked_form(canvas: Canvas) -> None:
    """Labels above fields, two fields side by side, a field of several lines, and one with a cell for each letter."""
    form = canvas.acroForm
    canvas.setFont("Helvetica", 11)
    for x, label, value in ((60, "Surname", "Smith"), (300, "First name", "Jane")):
        canvas.drawString(x, 735, label)
        form.textfield(name=label, value=value, x=x, y=712, width=200, height=18)
    canvas.drawString(60, 640, "Remarks")
    form.textfield(
        name="r", value="Line one of it\nand line two", x=60, y=590, width=440, height=45, fieldFlags="multiline"
    )
    code = {"name": "code", "tooltip": "IBAN", "value": "DE8937040044", "fieldFlags": "comb", "maxlen": 12}
    form.textfield(x=60, y=470, width=400, height=20, **code)


def make_form_without_appearances() -> bytes:
    """The form with values that viewers have to draw themselves."""
    whole = make_pdf(draw_form, pageCompression=0)
    return re.sub(rb"/AP <<\s/N \d+ 0 R\s>>", lambda found: b" " * len(found[0]), whole)


def draw_comment(text: str, *, author: str = "Ann", flags: int = 4) -> DrawPage:
    """A comment at the side of the page, which viewers show when they are asked to."""

    def draw(canvas: Canvas) -> None:
        canvas.drawString(72, HEIGHT - 90, "The text of the page.")
        comment = {"Type": PDFName("Annot"), "Subtype": PDFName("Text"), "Contents": PDFString(text)}
        comment |= {"T": PDFString(author), "F": flags, "Rect": PDFArray([400, 700, 420, 720])}
        canvas._addAnnotation(PDFDictionary(comment))

    return draw


def add_to_catalog(data: bytes, entry: bytes) -> bytes:
    """The file with an entry in its catalog, in an update at its end, as editors write it."""
    found = re.search(rb"(\d+) 0 obj\s<<([^>]*/Type /Catalog)\s>>", data)
    start = re.search(rb"startxref\s(\d+)", data)
    root = re.search(rb"/Size (\d+)", data)
    assert found is not None
    assert start is not None
    assert root is not None
    body = b"%s 0 obj\n<<%s %s>>\nendobj\n" % (found[1], found[2], entry)
    table = b"xref\n%s 1\n%010d 00000 n \n" % (found[1], len(data))
    trailer = b"trailer\n<< /Root %s 0 R /Size %s /Prev %s >>\nstartxref\n%d\n%%%%EOF\n" % (
        found[1], root[1], start[1], len(data) + len(body),
    )  # fmt: skip
    return data + body + table + trailer
