"""PDFs for tests of documents, drawn with reportlab."""

import io
import re
from collections.abc import Callable, Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from reportlab.lib.pagesizes import A4
from reportlab.lib.pdfencrypt import StandardEncryption
from reportlab.lib.utils import ImageReader
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas

WIDTH, HEIGHT = A4
SIZE, LEADING = 11, 14

# Written for these tests: plain English, so that its letters have the statistics of a language.
SENTENCES = (
    "The harbour was quiet when the first boats came in from the north.",
    "A few people stood on the pier and counted the crates of herring.",
    "Nobody had expected so many of them after the storms of the week.",
    "The old man at the scales wrote every weight into a narrow book.",
    "His hand was slow, but in forty years no figure had been wrong.",
    "Later the children carried the empty baskets back to the sheds.",
    "There they were washed, turned over and left to dry in the wind.",
    "By noon the sun stood over the roofs and the ice began to melt.",
    "Then the lorries came, one after the other, down the steep road.",
    "In the evening the harbour was as quiet as it had been at dawn.",
)

DrawPage = Callable[[Canvas], None]


def make_pdf(*pages: DrawPage, **options: object) -> bytes:
    """A file of A4 pages; `options` go to reportlab's canvas."""
    file = io.BytesIO()
    canvas = Canvas(file, pagesize=A4, invariant=1, **options)
    for draw in pages:
        draw(canvas)
        canvas.showPage()
    canvas.save()
    return file.getvalue()


def draw_text(
    lines: Sequence[str] = SENTENCES, *, left: float = 72, top: float = 72, font: str = "Helvetica", size: int = SIZE
) -> DrawPage:
    """Lines, the first of them `top` points below the page's upper edge."""

    def draw(canvas: Canvas) -> None:
        canvas.setFont(font, size)
        for number, line in enumerate(lines):
            canvas.drawString(left, HEIGHT - top - size - LEADING * number, line)

    return draw


def draw_invisible_text(lines: Sequence[str] = SENTENCES) -> DrawPage:
    """Invisible text, as OCR programs leave it."""

    def draw(canvas: Canvas) -> None:
        written = canvas.beginText(72, HEIGHT - 83)
        written.setFont("Helvetica", SIZE, LEADING)
        written.setTextRenderMode(3)
        for line in lines:
            written.textLine(line)
        canvas.drawText(written)

    return draw


def draw_picture(box: tuple[float, float, float, float], seed: int = 7) -> DrawPage:
    """An image of noise over left, bottom, right, top in points."""
    pixels = np.random.default_rng(seed).integers(0, 255, (60, 60, 3), np.uint8)
    left, bottom, right, top = box

    def draw(canvas: Canvas) -> None:
        canvas.drawImage(ImageReader(Image.fromarray(pixels)), left, bottom, right - left, top - bottom)

    return draw


def draw_scan(canvas: Canvas) -> None:
    """A page that is one image, with writing on it."""
    image = Image.new("RGB", (827, 1169), "white")
    pen = ImageDraw.Draw(image)
    for number, line in enumerate(SENTENCES):
        pen.text((100, 100 + 30 * number), line, fill="black", font=ImageFont.load_default(18))
    canvas.drawImage(ImageReader(image), 0, 0, WIDTH, HEIGHT)


def draw_all(*draws: DrawPage) -> DrawPage:
    def draw(canvas: Canvas) -> None:
        for one in draws:
            one(canvas)

    return draw


def rotate_page(degrees: int, inner: DrawPage) -> DrawPage:
    """`inner` on a page that viewers rotate clockwise by `degrees`."""

    def draw(canvas: Canvas) -> None:
        canvas.setPageRotation(degrees)
        if degrees % 180:  # reportlab gives the page the size that viewers show
            canvas.translate(0, WIDTH - HEIGHT)
        inner(canvas)

    return draw


def draw_upside_down(inner: DrawPage) -> DrawPage:
    """`inner` painted upside down."""

    def draw(canvas: Canvas) -> None:
        canvas.translate(WIDTH, HEIGHT)
        canvas.rotate(180)
        inner(canvas)

    return draw


def make_locked_pdf(password: str) -> bytes:
    return make_pdf(draw_text(), encrypt=StandardEncryption(password, canPrint=0))


def make_pdf_with_broken_page(number: int, count: int) -> bytes:
    """A file in whose page tree the reference to one page leads nowhere."""
    whole = make_pdf(*[draw_text([f"This is page {page}."]) for page in range(1, count + 1)])
    kids = re.search(rb"/Kids \[ ([^\]]*)\]", whole)
    assert kids is not None
    places = kids[1].split(b" R ")
    places[number - 1] = b"0" * len(places[number - 1].split()[0]) + b" 0"  # there is no object 0
    broken = whole[: kids.start(1)] + b" R ".join(places) + whole[kids.end(1) :]
    assert len(broken) == len(whole)
    return broken


def make_blank_pdf(width: float, height: float) -> bytes:
    """A page of any size in points."""
    objects = (
        "<</Type/Catalog/Pages 2 0 R>>",
        "<</Type/Pages/Kids[3 0 R]/Count 1>>",
        f"<</Type/Page/Parent 2 0 R/MediaBox[0 0 {width:f} {height:f}]>>",
    )
    body = "\n".join(f"{number} 0 obj{one}endobj" for number, one in enumerate(objects, 1))
    return f"%PDF-1.4\n{body}\ntrailer<</Root 1 0 R>>\n".encode()


def make_endless_pdf(levels: int = 9, width: int = 10) -> bytes:
    """Forms that each show the next one ten times: two kilobytes that draw a billion lines."""
    show = b"/F Do\n" * width
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 200 200] /Contents 4 0 R "
        b"/Resources << /XObject << /F 5 0 R >> >> >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(show), show),
    ]
    for level in range(levels):
        body = show if level < levels - 1 else b"0 0 m 9 9 l S\n"
        objects.append(
            b"<< /Type /XObject /Subtype /Form /BBox [0 0 200 200] /Resources << /XObject << /F %d 0 R >> >> "
            b"/Length %d >>\nstream\n%s\nendstream" % (6 + level, len(body), body)
        )
    written = (b"%d 0 obj\n%s\nendobj\n" % (number, body) for number, body in enumerate(objects, start=1))
    return b"%PDF-1.4\n" + b"".join(written) + b"trailer << /Root 1 0 R /Size 20 >>\n%%EOF"


def make_pdf_with_private_codes() -> bytes:
    """A font that maps to Unicode's private use area: it looks right, but its text cannot be read."""
    pdfmetrics.registerFont(TTFont("Vera", "Vera.ttf"))
    whole = make_pdf(draw_text(font="Vera"), pageCompression=0)
    start, end = whole.index(b"begincmap"), whole.index(b"endcmap")
    mapped = re.sub(rb"<00([0-9A-F]{2})>(?=[\s\]])", rb"<E0\1>", whole[start:end])
    assert mapped != whole[start:end]
    return whole[:start] + mapped + whole[end:]


def shift_letters(lines: Sequence[str] = SENTENCES) -> list[str]:
    """Each letter three places further: what a font with a wrong encoding gives."""
    return ["".join(_shift_letter(letter) for letter in line) for line in lines]


def _shift_letter(letter: str) -> str:
    if not letter.isalpha():
        return letter
    first = ord("a" if letter.islower() else "A")
    return chr(first + (ord(letter) - first + 3) % 26)
