"""Pages of documents: articles, letters, forms, tables, receipts, books, slides, notes by hand."""

from PIL import Image

from benchmarks.kinds.augment import photograph_page, scan
from benchmarks.kinds.dice import Dice
from benchmarks.kinds.draw_designs import draw_figures, draw_infographic, draw_poster, draw_prices, draw_report
from benchmarks.kinds.draw_layouts import draw_brochure, draw_flyer, draw_invoice, draw_line, draw_sparse
from benchmarks.kinds.draw_pdf import cut_table, draw_pdf, write_article, write_form, write_letter, write_report
from benchmarks.kinds.draw_scripts import draw_script, draw_script_line
from benchmarks.kinds.sheet import ANY, HAND, MONO, SERIF, Sheet
from benchmarks.kinds.stock import Sort, Sorts, Stock

_TURNS = [Image.Transpose.ROTATE_90, Image.Transpose.ROTATE_180, Image.Transpose.ROTATE_270]


def _pass_on(draw: Sort, clean: float = 0.45, scanned: float = 0.3) -> Sort:
    """The page that `draw` draws, as a renderer, a scanner or, for the rest, a telephone gives it."""

    def draw_page(stock: Stock, dice: Dice) -> Image.Image:
        page, way = draw(stock, dice), dice.between(0, 1)
        if dice.chance(0.06):
            page = page.transpose(dice.pick(_TURNS))
        if way < clean:
            return page
        if way < clean + scanned:
            return scan(page, dice)
        table = stock.photograph(dice, page.size) if dice.chance(0.5) else _draw_desk(page.size, dice)
        return photograph_page(page, table, dice)

    return draw_page


def _draw_desk(size: tuple[int, int], dice: Dice) -> Image.Image:
    return Image.new("RGB", size, dice.colour(20, 200))


def _draw_article(stock: Stock, dice: Dice) -> Image.Image:
    """One to three columns with headings, tables, figures."""
    width = dice.whole(600, 1300)
    sheet = Sheet(stock, dice, (width, round(width * dice.pick([1.414, 1.294, 1.5]))), dice.pick([SERIF, SERIF, ANY]))
    columns = dice.pick([1, 1, 2, 2, 3])
    if dice.chance(0.6):
        sheet.write_heading(sheet.margin, width - sheet.margin, 2.2, centred=dice.chance(0.6))
    start, gap = sheet.top, width * 0.03
    column_width = (width - 2 * sheet.margin - (columns - 1) * gap) / columns
    for column in range(columns):
        sheet.top = start
        left = sheet.margin + column * (column_width + gap)
        end = sheet.bottom * (dice.between(0.3, 1) if column == columns - 1 else 1)
        while sheet.top < end - 2 * sheet.text_height:
            _write_part(sheet, left, left + column_width, dice)
    return sheet.picture


def _write_part(sheet: Sheet, left: float, right: float, dice: Dice) -> None:
    part = dice.between(0, 1)
    if part < 0.18:
        sheet.write_heading(left, right, dice.between(1.1, 1.6))
    elif part < 0.26:
        sheet.write_table(left, right, dice.whole(3, 12), dice.whole(2, 5), ruled=dice.chance(0.4))
    elif part < 0.31 and sheet.top < sheet.bottom * 0.7:
        box = round(left), round(sheet.top), round(right), round(sheet.top + (right - left) * dice.between(0.3, 0.6))
        size = box[2] - box[0], box[3] - box[1]
        sheet.picture.paste(sheet.stock.photograph(dice, size), box[:2])
        sheet.top = box[3] + sheet.text_height
    else:
        sheet.write_paragraph(left, right, dice.whole(2, 14), ragged=dice.chance(0.4))


def _draw_book(stock: Stock, dice: Dice) -> Image.Image:
    width = dice.whole(450, 1000)
    paper = dice.pick([(255, 255, 255), (248, 243, 230), (235, 225, 200)])
    sheet = Sheet(stock, dice, (width, round(width * dice.between(1.3, 1.6))), SERIF, paper)
    sheet.text_height *= 1.5
    sheet.font = stock.font(dice, sheet.text_height, SERIF)
    while sheet.top < sheet.bottom - 2 * sheet.text_height:
        sheet.write_paragraph(sheet.margin, width - sheet.margin, dice.whole(4, 12))
    return sheet.picture


def _draw_letter(stock: Stock, dice: Dice) -> Image.Image:
    width = dice.whole(550, 1200)
    sheet = Sheet(stock, dice, (width, round(width * 1.414)), dice.pick([ANY, SERIF, MONO]))
    if dice.chance(0.4):
        sheet.draw.rectangle(
            (sheet.margin, sheet.top, sheet.margin + width * 0.2, sheet.top + width * 0.06), dice.colour()
        )
        sheet.top += width * 0.1
    for line in range(dice.whole(3, 6)):
        sheet.draw.text(
            (sheet.margin, sheet.top + line * sheet.text_height * 1.3), dice.words(3), sheet.ink, sheet.font
        )
    sheet.top += width * dice.between(0.12, 0.25)
    for _ in range(dice.whole(1, 5)):
        sheet.write_paragraph(sheet.margin, width - sheet.margin, dice.whole(1, 7), ragged=True)
    if dice.chance(0.5):
        sheet.write_table(
            sheet.margin, width - sheet.margin, dice.whole(3, 9), dice.whole(3, 5), ruled=dice.chance(0.5)
        )
    return sheet.picture


def _draw_form(stock: Stock, dice: Dice) -> Image.Image:
    width = dice.whole(550, 1200)
    sheet = Sheet(stock, dice, (width, round(width * dice.between(0.8, 1.45))), ANY)
    sheet.write_heading(sheet.margin, width - sheet.margin)
    hand = stock.font(dice, sheet.text_height * 1.4, HAND)
    while sheet.top < sheet.bottom - 3 * sheet.text_height:
        fields, height = dice.whole(1, 3), sheet.text_height * dice.between(2, 3.2)
        step = (width - 2 * sheet.margin) / fields
        for one in range(fields):
            left = sheet.margin + one * step
            sheet.draw.rectangle((left, sheet.top, left + step, sheet.top + height), outline=sheet.ink)
            sheet.draw.text((left + 3, sheet.top + 1), dice.words(2), sheet.ink, sheet.font)
            if dice.chance(0.5):
                sheet.draw.text((left + step / 3, sheet.top + height / 3), dice.words(2), (20, 30, 110), hand)
        sheet.top += height
        if dice.chance(0.2):
            sheet.top += sheet.text_height
            sheet.write_paragraph(sheet.margin, width - sheet.margin, dice.whole(1, 4))
    return sheet.picture


def _draw_table(stock: Stock, dice: Dice) -> Image.Image:
    """A table alone, cut out of a page: wide, or a few rows."""
    width, rows = dice.whole(300, 900), dice.whole(2, 22)
    sheet = Sheet(stock, dice, (width, 1200), dice.pick([ANY, SERIF]))
    sheet.text_height = dice.between(7, 22)
    sheet.font = stock.font(dice, sheet.text_height, sheet.style)
    sheet.margin = sheet.top = dice.between(0, 12)
    if dice.chance(0.5):
        return _draw_ruled_table(sheet, rows, dice)
    sheet.write_table(sheet.margin, width - sheet.margin, rows, dice.whole(2, 7), ruled=dice.chance(0.3))
    return sheet.picture.crop((0, 0, width, min(1200, round(sheet.top + 4))))


def _draw_ruled_table(sheet: Sheet, rows: int, dice: Dice) -> Image.Image:
    """As journals set them: three rules, groups of rows with indented names, figures with deviations in brackets."""
    columns, right = dice.whole(2, 7), sheet.picture.width - sheet.margin
    leading, name = sheet.text_height * dice.between(1.3, 2.6), dice.between(0.2, 0.45) * right
    heavy = sheet.stock.font(dice, sheet.text_height, "Bold|Semibold|700")
    start = sheet.top
    for row in range(rows + 1):
        group = row > 0 and dice.chance(0.2)
        indent = sheet.text_height if row > 0 and not group and dice.chance(0.7) else 0
        font = heavy if row == 0 and dice.chance(0.7) else sheet.font
        sheet.draw.text((sheet.margin + indent, sheet.top), dice.words(dice.whole(1, 3)), sheet.ink, font)
        for column in range(0 if group else columns):
            figure = f"{dice.between(0, 90):.1f}"
            cell = dice.pick([figure, f"{figure} ± {dice.between(0, 9):.1f}", f"{figure} ({dice.whole(1, 99)})", "–"])
            x = name + (column + 0.5) * (right - name) / columns
            sheet.draw.text((x, sheet.top), dice.words(1).title() if row == 0 else cell, sheet.ink, font, anchor="ma")
        sheet.top += leading
        if row == 0:
            sheet.draw.line((sheet.margin, sheet.top, right, sheet.top), sheet.ink)
    for y in (start, sheet.top):
        sheet.draw.line((sheet.margin, y, right, y), sheet.ink, dice.whole(1, 2))
    return sheet.picture.crop((0, 0, sheet.picture.width, min(1200, round(sheet.top + 4))))


def _draw_receipt(stock: Stock, dice: Dice) -> Image.Image:
    width = dice.whole(320, 600)
    sheet = Sheet(stock, dice, (width, round(width * dice.between(1.4, 3.2))), MONO if dice.chance(0.6) else ANY)
    sheet.text_height *= 1.7
    sheet.font = stock.font(dice, sheet.text_height, sheet.style)
    for _ in range(dice.whole(2, 5)):
        sheet.draw.text((width / 2, sheet.top), dice.words(3).upper(), sheet.ink, sheet.font, anchor="ma")
        sheet.top += sheet.text_height * 1.3
    while sheet.top < sheet.bottom - 2 * sheet.text_height:
        if dice.chance(0.12):
            sheet.draw.text((sheet.margin, sheet.top), "-" * 26, sheet.ink, sheet.font)
        elif dice.chance(0.06):
            bar = sheet.margin, sheet.top, width - sheet.margin, sheet.top + sheet.text_height * 1.3
            sheet.draw.rectangle(bar, sheet.ink)
            sheet.draw.text((sheet.margin + 6, sheet.top), dice.words(3).upper(), (255, 255, 255), sheet.font)
        elif dice.chance(0.1):
            large = stock.font(dice, sheet.text_height * 1.8, sheet.style)
            sheet.draw.text((sheet.margin, sheet.top), f"TOTAL {dice.number()}", sheet.ink, large)
            sheet.top += sheet.text_height
        else:
            sheet.draw.text((sheet.margin, sheet.top), dice.words(2).upper(), sheet.ink, sheet.font)
            sheet.draw.text((width - sheet.margin, sheet.top), dice.number(), sheet.ink, sheet.font, anchor="ra")
        sheet.top += sheet.text_height * 1.35
    return sheet.picture


def _draw_slide(stock: Stock, dice: Dice) -> Image.Image:
    width = dice.whole(640, 1280)
    paper = dice.pick([(255, 255, 255), dice.pale(), dice.dark()])
    sheet = Sheet(stock, dice, (width, round(width * dice.pick([0.5625, 0.75]))), ANY, paper)
    sheet.ink = (255, 255, 255) if sum(paper) < 300 else dice.dark()
    sheet.text_height *= 1.6
    sheet.font = stock.font(dice, sheet.text_height, ANY)
    sheet.write_heading(sheet.margin, width - sheet.margin, 1.8)
    while sheet.top < sheet.bottom - 2 * sheet.text_height and dice.chance(0.85):
        sheet.draw.text((sheet.margin, sheet.top), "•", sheet.ink, sheet.font)
        sheet.write_paragraph(sheet.margin + sheet.text_height, width * dice.pick([0.55, 0.9]), dice.whole(1, 2))
    return sheet.picture


def _draw_notes(stock: Stock, dice: Dice) -> Image.Image:
    """Handwriting on plain, lined or squared paper."""
    width = dice.whole(450, 900)
    sheet = Sheet(
        stock,
        dice,
        (width, round(width * dice.between(0.8, 1.4))),
        HAND,
        dice.pick([(255, 255, 255), (250, 246, 230)]),
    )
    sheet.text_height *= 2
    sheet.font = stock.font(dice, sheet.text_height, HAND)
    sheet.ink = dice.pick([(20, 30, 110), (25, 25, 25), (60, 60, 70)])
    if dice.chance(0.5):
        for y in range(0, sheet.picture.height, max(8, round(sheet.text_height * 1.3))):
            sheet.draw.line((0, y, width, y), (190, 210, 230))
    while sheet.top < sheet.bottom - 2 * sheet.text_height:
        sheet.write_paragraph(sheet.margin, width - sheet.margin, dice.whole(1, 6), ragged=True)
    return sheet.picture


def _draw_lines(stock: Stock, dice: Dice) -> Image.Image:
    """A few lines of large text: a cut-out, a title page, a sign on paper."""
    width, height = dice.whole(300, 900), dice.whole(60, 700)
    sheet = Sheet(stock, dice, (width, height), dice.pick([SERIF, ANY, MONO]))
    sheet.text_height = dice.between(0.03, 0.09) * width
    sheet.font = stock.font(dice, sheet.text_height, sheet.style)
    sheet.margin = sheet.top = dice.between(4, 40)
    for _ in range(dice.whole(1, 4)):
        sheet.write_paragraph(sheet.margin, width - sheet.margin, dice.whole(1, 5))
    return sheet.picture


SORTS: Sorts = {
    "PDF articles": (4, _pass_on(draw_pdf(write_article, (1, 1, 2, 2, 3)))),
    "PDF reports": (3, _pass_on(draw_pdf(write_report))),
    "PDF letters": (3, _pass_on(draw_pdf(write_letter))),
    "PDF forms": (2, _pass_on(draw_pdf(write_form))),
    "PDF tables": (5, cut_table),
    "articles": (2, _pass_on(_draw_article)),
    "books": (2, _pass_on(_draw_book)),
    "letters": (1, _pass_on(_draw_letter)),
    "forms": (1, _pass_on(_draw_form)),
    "tables": (4, _pass_on(_draw_table)),
    "receipts": (4, _pass_on(_draw_receipt, 0.25, 0.35)),
    "brochures": (4, _pass_on(draw_brochure)),
    "company reports": (5, _pass_on(draw_report, 0.7, 0.15)),
    "posters": (2, _pass_on(draw_poster)),
    "prices": (4, _pass_on(draw_prices, 0.8, 0.1)),
    "infographics": (3, _pass_on(draw_infographic, 0.7, 0.1)),
    "figures": (2, _pass_on(draw_figures, 0.6, 0.3)),
    "scripts": (3, _pass_on(draw_script)),
    "lines of scripts": (1, draw_script_line),
    "flyers": (1, _pass_on(draw_flyer)),
    "invoices": (4, _pass_on(draw_invoice)),
    "sparse pages": (4, _pass_on(draw_sparse)),
    "single lines": (2, draw_line),
    "slides": (1, _pass_on(_draw_slide)),
    "notes": (1, _pass_on(_draw_notes)),
    "lines": (1, _pass_on(_draw_lines)),
}
