"""Pages that are designed: flyers, brochures, invoices; and pages with little on them."""

from PIL import Image, ImageDraw

from benchmarks.kinds.dice import RGB, Dice
from benchmarks.kinds.sheet import ANY, SERIF, Sheet
from benchmarks.kinds.stock import Stock


def draw_flyer(stock: Stock, dice: Dice) -> Image.Image:
    """A leaflet, a report's or a magazine's page: photographs, bands of colour and short texts around them."""
    width = dice.whole(500, 1200)
    sheet = Sheet(stock, dice, (width, round(width * dice.pick([1.414, 1.294, 0.707, 1.0]))), ANY)
    height, accent = sheet.picture.height, dice.colour(0, 220)
    for _ in range(dice.whole(1, 4)):
        w, h = round(width * dice.between(0.2, 0.6)), round(height * dice.between(0.1, 0.35))
        place = dice.pick([0, round(sheet.margin), width - w]), dice.whole(0, height - h)
        inside = (
            stock.photograph(dice, (w, h))
            if dice.chance(0.7)
            else Image.new("RGB", (w, h), dice.pick([accent, dice.colour()]))
        )
        sheet.picture.paste(inside, place)
    for _ in range(dice.whole(3, 9)):
        left = dice.between(sheet.margin, width * 0.6)
        right = min(width - sheet.margin, left + width * dice.between(0.25, 0.6))
        sheet.top = dice.between(sheet.margin, height * 0.85)
        lines, box_top = dice.whole(2, 9), sheet.top
        fill = dice.pick([(255, 255, 255), (255, 255, 255), accent])
        sheet.draw.rectangle((left - 6, box_top - 6, right, box_top + (lines + 4) * sheet.text_height * 1.5), fill)
        sheet.ink = (255, 255, 255) if sum(fill) < 300 else (30, 30, 30)
        if dice.chance(0.6):
            sheet.write_heading(left, right, dice.between(1.3, 2.2))
        sheet.write_paragraph(left, right, lines, ragged=True)
    return sheet.picture


def draw_brochure(stock: Stock, dice: Dice) -> Image.Image:
    """A page on a grid: cells with a photograph, a heading and a text, a list, a coloured box; much white between."""
    width = dice.whole(500, 1200)
    sheet = Sheet(stock, dice, (width, round(width * dice.pick([1.414, 1.294, 1.294, 0.77]))), ANY)
    columns, accent, gap = dice.whole(1, 3), dice.colour(0, 200), width * 0.04
    step = (width - 2 * sheet.margin + gap) / columns
    sheet.text_height *= dice.between(0.8, 1)
    sheet.font = stock.font(dice, sheet.text_height, ANY)
    start = sheet.top
    if dice.chance(0.5):
        sheet.ink = accent
        sheet.write_heading(sheet.margin, width - sheet.margin, dice.between(1.8, 3))
        start = sheet.top + gap
    for column in range(columns):
        left, right = sheet.margin + column * step, sheet.margin + (column + 1) * step - gap
        sheet.top = start + dice.pick([0, 0, gap * 3])
        while sheet.top < sheet.bottom - 8 * sheet.text_height:
            _fill_cell(sheet, left, right, accent, dice)
            sheet.top += gap * dice.between(0.3, 1.5)
    return sheet.picture


def _fill_cell(sheet: Sheet, left: float, right: float, accent: RGB, dice: Dice) -> None:
    part = dice.between(0, 1)
    tall = round(min((right - left) * dice.between(0.3, 0.9), sheet.bottom - sheet.top))
    box = round(left), round(sheet.top)
    if part < 0.22:
        sheet.picture.paste(sheet.stock.photograph(dice, (round(right - left), tall)), box)
        sheet.top += tall
    elif part < 0.34:
        sheet.draw.rectangle((*box, right, sheet.top + tall * 0.4), dice.pick([accent, (235, 240, 240)]))
        sheet.top += tall * 0.4
    elif part < 0.42:
        sheet.write_table(left, right, dice.whole(3, 7), dice.whole(2, 4), ruled=dice.chance(0.4))
    elif part < 0.5:
        sheet.top += tall * dice.between(0.3, 1)
    else:
        sheet.ink = accent
        sheet.write_heading(left, right, dice.between(1.1, 1.7))
        sheet.ink = (50, 50, 50)
        sheet.write_paragraph(left, right, dice.whole(2, 9), ragged=True)


def draw_invoice(stock: Stock, dice: Dice) -> Image.Image:
    """A bill: a name or a logo, two addresses, a ruled table with a coloured head, totals at the right."""
    width = dice.whole(550, 1200)
    sheet = Sheet(stock, dice, (width, round(width * 1.414)), ANY)
    right, accent, size = width - sheet.margin, dice.colour(0, 200), sheet.text_height
    if dice.chance(0.6):
        sheet.draw.rectangle((sheet.margin, sheet.top, sheet.margin + width * 0.18, sheet.top + size * 3), accent)
    sheet.draw.text((right, sheet.top), "INVOICE", accent, stock.font(dice, size * 2.2, "Bold|Black|700"), anchor="ra")
    sheet.top += size * 5
    for column in (sheet.margin, width * 0.6):
        for line in range(dice.whole(3, 6)):
            sheet.draw.text((column, sheet.top + line * size * 1.4), dice.words(2).title(), sheet.ink, sheet.font)
    sheet.top += size * 10
    if dice.chance(0.6):
        sheet.draw.rectangle(
            (sheet.margin, sheet.top, right, sheet.top + size * 1.8), dice.pick([accent, (225, 225, 225)])
        )
    sheet.write_table(sheet.margin, right, dice.whole(2, 12), dice.whole(3, 5), ruled=dice.chance(0.5))
    for _ in range(dice.whole(2, 4)):
        sheet.draw.text((width * 0.65, sheet.top), dice.words(1).title(), sheet.ink, sheet.font)
        sheet.draw.text((right, sheet.top), dice.number(), sheet.ink, sheet.font, anchor="ra")
        sheet.top += size * 1.6
    if dice.chance(0.6):
        sheet.top = sheet.bottom - 4 * size
        sheet.write_paragraph(sheet.margin, right, 2)
    _adorn(sheet, accent)
    return sheet.picture


def _adorn(sheet: Sheet, accent: RGB) -> None:
    """A band along the lower edge, a logo in a corner, or neither."""
    dice, size, (width, height) = sheet.dice, sheet.text_height, sheet.picture.size
    if dice.chance(0.4):
        sheet.draw.rectangle((0, height - size * dice.between(1, 5), width, height), accent)
    if dice.chance(0.4):
        logo = sheet.stock.draw_clipart(dice, round(size * dice.between(3, 7)))
        place = dice.pick([sheet.margin, width - sheet.margin - logo.width]), dice.pick([size, height - 8 * size])
        sheet.picture.paste(logo, (round(place[0]), round(place[1])), logo)


def draw_sparse(stock: Stock, dice: Dice) -> Image.Image:
    """A page with a little on it: a title, the end of a chapter, a page number."""
    width = dice.whole(450, 1200)
    sheet = Sheet(stock, dice, (width, round(width * dice.between(1.3, 1.5))), dice.pick([SERIF, ANY]))
    sheet.top = sheet.picture.height * dice.between(0.02, 0.85)
    if dice.chance(0.4):
        sheet.text_height *= dice.between(0.4, 0.8)
        sheet.font = stock.font(dice, sheet.text_height, sheet.style)
    if dice.chance(0.5):
        sheet.write_heading(sheet.margin, width - sheet.margin, dice.between(1.2, 2.5), centred=dice.chance(0.7))
    sheet.write_paragraph(sheet.margin, width * dice.between(0.3, 0.95), dice.whole(1, 5))
    if dice.chance(0.3):
        return sheet.picture.rotate(dice.pick([90, 180, 270]), expand=True)
    sheet.draw.text((width / 2, sheet.bottom), dice.number(), sheet.ink, sheet.font, anchor="ma")
    return sheet.picture


def draw_line(stock: Stock, dice: Dice) -> Image.Image:
    """One line or a few words cut out of a page: very wide or small."""
    size = dice.between(18, 60)
    font = stock.font(dice, size, dice.pick([SERIF, ANY]))
    text = dice.words(dice.whole(1, 12))
    width = max(40, round(font.getlength(text)) + dice.whole(4, 40))
    picture = Image.new(
        "RGB", (width, round(size * dice.between(1.2, 2.2))), dice.pick([(255, 255, 255), (240, 235, 220)])
    )
    ImageDraw.Draw(picture).text((width / 2, picture.height / 2), text, (20, 20, 20), font, anchor="mm")
    return picture
