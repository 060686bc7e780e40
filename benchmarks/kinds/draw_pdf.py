"""Pages of PDFs in the usual fonts (Times, Helvetica, Courier): set by ReportLab, rendered by PDFium."""

import io
from collections.abc import Callable
from typing import Any

import pypdfium2
from PIL import Image
from reportlab.lib import colors, pagesizes
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import BaseDocTemplate, Flowable, Frame, PageTemplate, Paragraph, Spacer, Table, TableStyle
from reportlab.platypus import Image as PlacedImage

from benchmarks.kinds.dice import Dice
from benchmarks.kinds.stock import Sort, Stock

_FACES = ["Times-Roman", "Times-Roman", "Helvetica", "Helvetica", "Courier"]
_BOLD = {"Times-Roman": "Times-Bold", "Helvetica": "Helvetica-Bold", "Courier": "Courier-Bold"}
Story = list[Flowable]


def draw_pdf(write: Callable[["PdfWriter"], Story], columns: tuple[int, ...] = (1,)) -> Sort:
    """The first page of what `write` writes, in one of as many `columns`."""

    def draw(stock: Stock, dice: Dice) -> Image.Image:
        writer = PdfWriter(stock, dice)
        file = io.BytesIO()
        template = BaseDocTemplate(file, pagesize=writer.size, allowSplitting=1)
        template.addPageTemplates([PageTemplate(frames=writer.make_frames(dice.pick(columns)), onPage=writer.dress)])
        template.build([part for part in write(writer) if writer.fits(part)])
        return _render(file, dice)

    return draw


class PdfWriter:
    """The style of one document, and its parts."""

    def __init__(self, stock: Stock, dice: Dice) -> None:
        self.stock, self.dice = stock, dice
        size = dice.pick([pagesizes.A4, pagesizes.A4, pagesizes.LETTER])
        self.size = pagesizes.landscape(size) if dice.chance(0.12) else size
        self.face = dice.pick(_FACES)
        self.margin = dice.between(30, 90)
        self.column_width = 0.0
        self.accent = colors.Color(*(one / 255 for one in dice.colour(0, 170)))
        points = dice.between(7.5, 12.5)
        align = dice.pick([0, 4, 4])
        self.body = ParagraphStyle("body", fontName=self.face, fontSize=points, leading=points * dice.between(1.1, 1.6),
                                   alignment=align, spaceAfter=points * dice.between(0, 1),
                                   firstLineIndent=dice.pick([0, 0, 12]))  # fmt: skip
        ink = dice.pick([colors.black, colors.black, self.accent])
        self.title = ParagraphStyle("title", fontName=_BOLD[self.face], fontSize=points * 1.9, leading=points * 2.3,
                                    alignment=dice.pick([0, 1]), spaceAfter=points * 1.5, textColor=ink)  # fmt: skip
        self.heading = ParagraphStyle("heading", parent=self.title, fontSize=points * dice.between(1.05, 1.4),
                                      leading=points * 1.7, alignment=0, spaceAfter=points / 2)  # fmt: skip
        self.small = ParagraphStyle("small", parent=self.body, fontSize=points * 0.8, leading=points * 0.95)

    def make_frames(self, columns: int) -> list[Frame]:
        gap = 14
        width, height = self.size[0] - 2 * self.margin, self.size[1] - 2 * self.margin
        self.column_width = (width - gap * (columns - 1)) / columns
        step = self.column_width + gap
        return [
            Frame(self.margin + column * step, self.margin, self.column_width, height, 0, 0, 0, 0)
            for column in range(columns)
        ]

    def dress(self, canvas: Canvas, template: Any) -> None:
        """A running head, a page number, a band of colour, or nothing."""
        canvas.setFont(self.face, 8)
        if self.dice.chance(0.2):
            canvas.setFillColor(self.accent)
            canvas.rect(0, self.size[1] - 26, self.size[0], 26, stroke=0, fill=1)
        canvas.setFillColor(colors.black)
        if self.dice.chance(0.5):
            canvas.drawString(self.margin, self.size[1] - self.margin * 0.7, self.dice.words(5))
            canvas.line(
                self.margin,
                self.size[1] - self.margin * 0.8,
                self.size[0] - self.margin,
                self.size[1] - self.margin * 0.8,
            )
        if self.dice.chance(0.6):
            canvas.drawCentredString(self.size[0] / 2, self.margin * 0.5, str(self.dice.whole(1, 400)))

    def fits(self, part: Flowable) -> bool:
        """Whether it is no higher than the page: ReportLab refuses to set what is."""
        height = part.wrap(self.column_width, 1e6)[1]
        return isinstance(part, Paragraph | Table) or bool(height < self.size[1] - 2 * self.margin - 10)

    def write_text(self, sentences: int) -> Paragraph:
        return Paragraph(
            " ".join(self.dice.words(self.dice.whole(6, 22)).capitalize() + "." for _ in range(sentences)), self.body
        )

    def write_heading(self) -> Paragraph:
        number = self.dice.pick(
            ["", "", f"{self.dice.whole(1, 9)}. ", f"{self.dice.whole(1, 9)}.{self.dice.whole(1, 9)} "]
        )
        return Paragraph(number + self.dice.words(self.dice.whole(1, 6)).capitalize(), self.heading)

    def write_table(self, rows: int, columns: int) -> Table:
        """Ruled in one of several ways, plain or with a coloured head and stripes."""
        dice, points = self.dice, self.dice.between(5.5, 10)
        cells = [[dice.words(1).capitalize() for _ in range(columns)]]
        cells += [[dice.words(dice.whole(1, 2)), *(dice.number() for _ in range(columns - 1))] for _ in range(rows)]
        style: list[tuple[Any, ...]] = [
            ("FONT", (0, 0), (-1, -1), self.face, points), ("FONT", (0, 0), (-1, 0), _BOLD[self.face], points),
            ("LEADING", (0, 0), (-1, -1), points * 1.2),
            ("ALIGN", (1, 0), (-1, -1), dice.pick(["LEFT", "RIGHT", "CENTER"])),
            ("TOPPADDING", (0, 0), (-1, -1), dice.between(0, 5)),
            ("BOTTOMPADDING", (0, 0), (-1, -1), dice.between(0, 5)),
        ]  # fmt: skip
        match dice.whole(0, 4):
            case 0:
                style.append(("GRID", (0, 0), (-1, -1), dice.between(0.25, 1), colors.black))
            case 1:
                style += [
                    ("LINEABOVE", (0, 0), (-1, 0), 1, colors.black),
                    ("LINEBELOW", (0, 0), (-1, 0), 0.5, colors.black),
                ]
                style.append(("LINEBELOW", (0, -1), (-1, -1), 1, colors.black))
            case 2:
                style.append(("LINEBELOW", (0, 0), (-1, -1), 0.4, colors.grey))
            case 3:
                style += [("BACKGROUND", (0, 0), (-1, 0), self.accent), ("TEXTCOLOR", (0, 0), (-1, 0), colors.white)]
                style.append(("ROWBACKGROUNDS", (0, 1), (-1, -1), [colors.white, colors.whitesmoke]))
            case _:
                style.append(("BOX", (0, 0), (-1, -1), 0.5, colors.black))
        width = self.column_width * dice.pick([1.0, 1.0, 0.7])
        return Table(cells, [width / columns] * columns, style=TableStyle(style), spaceAfter=10, spaceBefore=6)

    def place_photograph(self) -> PlacedImage:
        width = self.column_width * self.dice.between(0.5, 1)
        file = io.BytesIO()
        self.stock.photograph(self.dice).save(file, "JPEG")
        across, down = ImageReader(file).getSize()
        return PlacedImage(file, width, min(width * down / across, self.size[1] * 0.4))


def write_article(writer: PdfWriter) -> Story:
    """Title, authors, sections, with tables and figures here and there."""
    dice = writer.dice
    story: Story = [Paragraph(dice.words(dice.whole(3, 10)).title(), writer.title)] if dice.chance(0.5) else []
    for _ in range(dice.whole(4, 9)):
        story.append(writer.write_heading())
        story += [writer.write_text(dice.whole(2, 8)) for _ in range(dice.whole(1, 4))]
        if dice.chance(0.2):
            story.append(writer.write_table(dice.whole(3, 10), dice.whole(2, 5)))
        if dice.chance(0.1):
            story.append(writer.place_photograph())
    return story


def write_report(writer: PdfWriter) -> Story:
    """Mostly tables, with a heading and a line or two before each."""
    dice = writer.dice
    story: Story = [writer.write_heading(), writer.write_text(dice.whole(1, 3))]
    for _ in range(dice.whole(1, 4)):
        story += [writer.write_heading(), writer.write_table(dice.whole(3, 24), dice.whole(2, 8))]
        if dice.chance(0.5):
            story.append(writer.write_text(dice.whole(1, 3)))
    return story


def write_letter(writer: PdfWriter) -> Story:
    """Addresses, a date, a subject, a few paragraphs; or a bill with its table and totals."""
    dice = writer.dice
    story: Story = [Paragraph(dice.words(2).title(), writer.title)] if dice.chance(0.5) else []
    story += [Paragraph(dice.words(3).title(), writer.body) for _ in range(dice.whole(3, 7))]
    story += [Spacer(1, dice.between(10, 60)), writer.write_heading()]
    if dice.chance(0.5):
        story.append(writer.write_table(dice.whole(1, 9), dice.whole(3, 5)))
        story += [Paragraph(f"{dice.words(1)}: {dice.number()}", writer.body) for _ in range(dice.whole(1, 4))]
    story += [writer.write_text(dice.whole(1, 5)) for _ in range(dice.whole(0, 5))]
    return story


def write_form(writer: PdfWriter) -> Story:
    """Rows of boxes with small labels, some of them filled in, and small print."""
    dice = writer.dice
    story: Story = [Paragraph(dice.words(4).title(), writer.title)]
    for _ in range(dice.whole(3, 9)):
        columns = dice.whole(1, 4)
        labels = [
            Paragraph(f"{dice.words(2)}<br/>{dice.pick(['', dice.number()])}", writer.small) for _ in range(columns)
        ]
        grid = TableStyle([("GRID", (0, 0), (-1, -1), 0.6, colors.black)])
        story.append(Table([labels], [writer.column_width / columns] * columns, [dice.between(20, 40)], style=grid))
        if dice.chance(0.2):
            story += [writer.write_heading(), writer.write_text(dice.whole(1, 3))]
    return story


def cut_table(stock: Stock, dice: Dice) -> Image.Image:
    """A table as it is cut out of a page."""
    writer = PdfWriter(stock, dice)
    writer.column_width = dice.between(180, 480)
    table, file = writer.write_table(dice.whole(2, 18), dice.whole(2, 7)), io.BytesIO()
    width, height = table.wrap(writer.column_width, 1e6)
    canvas = Canvas(file, pagesize=(width + 8, height + 8))
    table.drawOn(canvas, 4, 4)
    canvas.save()
    return _render(file, dice)


def _render(pdf: io.BytesIO, dice: Dice) -> Image.Image:
    """Its first page, at 60 to 150 dots per inch."""
    page = pypdfium2.PdfDocument(pdf.getvalue())[0]
    rendered: Image.Image = page.render(scale=dice.between(60, 150) / 72).to_pil()
    return rendered.convert("RGB")
