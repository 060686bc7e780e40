"""Designed pages, made to be printed or sent: reports, posters, price lists, infographics, pages of figures."""

from PIL import Image, ImageDraw

from benchmarks.kinds.dice import RGB, Dice
from benchmarks.kinds.draw_charts import draw_plots
from benchmarks.kinds.sheet import ANY, SERIF, Sheet
from benchmarks.kinds.stock import Stock

_WHITE = (255, 255, 255)


def draw_report(stock: Stock, dice: Dice) -> Image.Image:
    """A company's report: much white, one accent, headings in it, grey text in columns, photographs, big numbers."""
    width = dice.whole(500, 1200)
    height = round(width * dice.pick([1.414, 1.414, 1.294, 1.0, 0.77]))
    sheet = Sheet(stock, dice, (width, height), ANY, dice.pick([_WHITE, _WHITE, dice.colour(235, 255)]))
    accent, grey = dice.colour(0, 190), (dice.whole(50, 150),) * 3
    sheet.text_height = width * dice.between(0.011, 0.018)
    sheet.font = stock.font(dice, sheet.text_height, ANY)
    if dice.chance(0.35):
        _paint_band(sheet, accent)
    columns, gap = dice.pick([1, 2, 2, 2, 3]), width * 0.045
    if dice.chance(0.6):
        sheet.ink = accent
        sheet.write_heading(sheet.margin, width - sheet.margin, dice.between(1.6, 4))
    start, step = sheet.top, (width - 2 * sheet.margin + gap) / columns
    for column in range(columns):
        left, right = sheet.margin + column * step, sheet.margin + (column + 1) * step - gap
        sheet.top = start + dice.pick([0, 0, gap, height * dice.between(0, 0.4)])
        end = sheet.bottom * dice.between(0.5, 1)
        while sheet.top < end - 6 * sheet.text_height:
            _fill_column(sheet, left, right, accent, grey)
    if dice.chance(0.5):
        sheet.draw.line((sheet.margin, sheet.bottom, width - sheet.margin, sheet.bottom), grey)
        sheet.draw.text((width - sheet.margin, sheet.bottom + 4), dice.words(4), grey, sheet.font, anchor="ra")
    return sheet.picture


def _paint_band(sheet: Sheet, accent: RGB) -> None:
    """Colour along one side of the page, or in a corner."""
    width, height = sheet.picture.size
    share = sheet.dice.between(0.02, 0.16)
    box = sheet.dice.pick([
        (0, 0, width, share * height), (0, height * (1 - share), width, height), (0, 0, share * width, height),
        (width * 0.75, height * (1 - share), width, height),
    ])  # fmt: skip
    sheet.draw.rectangle(box, accent)
    if box[1] == 0 and box[2] == width:
        sheet.top = share * height + sheet.margin / 2


def _fill_column(sheet: Sheet, left: float, right: float, accent: RGB, grey: RGB) -> None:
    dice, part = sheet.dice, sheet.dice.between(0, 1)
    if part < 0.13:
        _place_photograph(sheet, left, right)
    elif part < 0.2:
        font = sheet.stock.font(dice, sheet.text_height * dice.between(2.5, 5), "Black|Bold|700")
        sheet.draw.text((left, sheet.top), dice.number(), accent, font)
        sheet.top += font.size * 1.3
    elif part < 0.26:
        sheet.draw.line((left, sheet.top, right, sheet.top), dice.pick([accent, grey]), dice.whole(1, 3))
        sheet.top += sheet.text_height
    elif part < 0.34:
        sheet.write_table(left, right, dice.whole(2, 7), dice.whole(2, 4), ruled=dice.chance(0.6))
    elif part < 0.42:
        _list_with_icons(sheet, left, right, grey)
    else:
        sheet.ink = accent
        if dice.chance(0.5):
            sheet.write_heading(left, right, dice.between(1.1, 1.8))
        sheet.ink = grey
        sheet.write_paragraph(left, right, dice.whole(2, 10), ragged=True)
    sheet.top += sheet.text_height * dice.between(0, 3)


def _place_photograph(sheet: Sheet, left: float, right: float) -> None:
    """With square or round corners, as wide as the column or less."""
    dice, width = sheet.dice, max(40, round((right - left) * sheet.dice.between(0.5, 1)))
    height = round(min(width * dice.between(0.5, 1.2), max(30, sheet.bottom - sheet.top)))
    photo, mask = sheet.stock.photograph(dice, (width, height)), Image.new("L", (width, height), 0)
    ImageDraw.Draw(mask).rounded_rectangle((0, 0, width, height), dice.pick([0, 0, 0.06, 0.15]) * width, 255)
    sheet.picture.paste(photo, (round(left), round(sheet.top)), mask)
    sheet.top += height + sheet.text_height


def _list_with_icons(sheet: Sheet, left: float, right: float, ink: RGB) -> None:
    size = sheet.text_height * sheet.dice.between(2, 4)
    sheet.ink = ink
    for _ in range(sheet.dice.whole(2, 5)):
        icon, top = sheet.stock.draw_clipart(sheet.dice, round(size)), sheet.top
        if top + size > sheet.bottom:
            return
        sheet.picture.paste(icon, (round(left), round(top)), icon)
        sheet.write_paragraph(left + 1.6 * size, right, 2, ragged=True)
        sheet.top = max(sheet.top, top + 1.3 * size)


def draw_poster(stock: Stock, dice: Dice) -> Image.Image:
    """A notice on a wall: centred lines in several sizes and colours, a picture, a logo or two."""
    width = dice.whole(450, 1100)
    sheet = Sheet(stock, dice, (width, round(width * dice.pick([1.414, 1.414, 1.3, 0.75]))), dice.pick([ANY, SERIF]))
    while sheet.top < sheet.bottom - 6 * sheet.text_height:
        part = dice.between(0, 1)
        if part < 0.18:
            height = round(min(width * dice.between(0.15, 0.4), sheet.bottom - sheet.top))
            photo = stock.photograph(dice, (round(width - 2 * sheet.margin), height))
            sheet.picture.paste(photo, (round(sheet.margin), round(sheet.top)))
            sheet.top += height + sheet.text_height
        elif part < 0.3:
            logo = stock.draw_clipart(dice, round(width * dice.between(0.06, 0.2)))
            sheet.picture.paste(
                logo, (round((width - logo.width) * dice.pick([0.1, 0.5, 0.9])), round(sheet.top)), logo
            )
            sheet.top += logo.height
        elif part < 0.65:
            sheet.ink = dice.pick([dice.colour(0, 200), (0, 0, 0)])
            sheet.write_heading(sheet.margin, width - sheet.margin, dice.between(1.1, 2.6), centred=True)
        else:
            sheet.ink = dice.pick([(0, 0, 0), (40, 40, 40), dice.colour(0, 160)])
            sheet.write_paragraph(sheet.margin, width - sheet.margin, dice.whole(1, 6), ragged=dice.chance(0.5))
    return sheet.picture


def draw_prices(stock: Stock, dice: Dice) -> Image.Image:
    """The table of a bill or a price list, cut out: roomy rows, a coloured head, stripes or lines, on any ground."""
    width, rows, columns = dice.whole(350, 1000), dice.whole(2, 7), dice.whole(2, 5)
    size = width * dice.between(0.012, 0.03)
    row_height, edge = size * dice.between(2, 5), size * dice.between(0, 4)
    ground = dice.pick([_WHITE, _WHITE, dice.colour(225, 255), dice.dark()])
    ink, line = ((235,) * 3, (70,) * 3) if sum(ground) < 300 else ((30,) * 3, (200,) * 3)
    picture = Image.new("RGB", (width, round(rows * row_height + 2 * edge)), ground)
    draw, head = ImageDraw.Draw(picture), dice.colour(0, 200)
    plain, heavy = stock.font(dice, size, ANY), stock.font(dice, size, "Bold|Semibold|700")
    coloured, lined, striped = dice.chance(0.6), dice.chance(0.6), dice.chance(0.3)
    places = [edge + size + column * (width - 2 * edge) / columns for column in range(columns)]
    for row in range(rows):
        top = edge + row * row_height
        if (row == 0 and coloured) or (row == rows - 1 and coloured and dice.chance(0.3)):
            draw.rectangle((edge, top, width - edge, top + row_height), head)
        elif striped and row % 2:
            draw.rectangle((edge, top, width - edge, top + row_height), line)
        if lined:
            draw.line((edge, top + row_height, width - edge, top + row_height), line, dice.pick([1, 2]))
        for column, x in enumerate(places):
            text = dice.words(dice.whole(1, 3)).title() if column == 0 or row == 0 else dice.number()
            colour = _WHITE if row == 0 and coloured else ink
            font = heavy if row == 0 or (column == 0 and dice.chance(0.4)) else plain
            draw.text((x, top + row_height / 2), text, colour, font, anchor="lm")
            if column == 0 and row and row_height > 3.4 * size and dice.chance(0.7):
                draw.text((x, top + row_height / 2 + 1.4 * size), dice.words(5), (130,) * 3, plain, anchor="lm")
    return picture


def draw_infographic(stock: Stock, dice: Dice) -> Image.Image:
    """A slide or a handout: a heading, shapes or figures in a row with captions, ornaments in the corners."""
    width = dice.whole(500, 1200)
    ground = dice.pick([_WHITE, _WHITE, dice.colour(225, 255), dice.colour(0, 80)])
    sheet = Sheet(stock, dice, (width, round(width * dice.pick([0.5625, 0.75, 1.0, 1.414]))), ANY, ground)
    height, accent = sheet.picture.height, dice.colour(0, 220)
    text: RGB = (245,) * 3 if sum(ground) < 300 else (40,) * 3
    for _ in range(dice.whole(0, 2)):
        x, y, r = dice.pick([0, width]), dice.pick([0, height]), width * dice.between(0.05, 0.2)
        sheet.draw.ellipse((x - r, y - r, x + r, y + r), dice.pick([accent, dice.colour(150, 240)]))
    sheet.ink = dice.pick([text, accent])
    sheet.write_heading(sheet.margin, width - sheet.margin, dice.between(1.8, 3.5), centred=dice.chance(0.5))
    sheet.ink = text
    steps = dice.whole(2, 4)
    for row in range(dice.whole(1, 2)):
        top = sheet.top + row * (sheet.bottom - sheet.top) / 2
        for one in range(steps):
            left = sheet.margin + one * (width - 2 * sheet.margin) / steps
            side = (width - 2 * sheet.margin) / steps * dice.between(0.3, 0.5)
            if dice.chance(0.4):
                sheet.draw.ellipse((left, top, left + side, top + side), dice.pick([accent, dice.colour(60, 230)]))
            else:
                figure = stock.draw_clipart(dice, round(min(side, height * 0.3)))
                sheet.picture.paste(figure, (round(left), round(top)), figure)
            sheet.top = top + side * 1.2
            sheet.write_paragraph(left, left + 1.8 * side, dice.whole(1, 4), ragged=True)
        sheet.top = min(sheet.top, height * 0.5)
    return sheet.picture


def draw_figures(stock: Stock, dice: Dice) -> Image.Image:
    """A page of a paper that is mostly figures, with captions and some text below or beside."""
    width = dice.whole(600, 1200)
    sheet = Sheet(stock, dice, (width, round(width * dice.pick([1.414, 1.294]))), dice.pick([SERIF, SERIF, ANY]))
    sheet.text_height = width * dice.between(0.012, 0.018)
    sheet.font = stock.font(dice, sheet.text_height, sheet.style)
    columns, gap = dice.pick([1, 2, 2]), width * 0.03
    step, start = (width - 2 * sheet.margin + gap) / columns, sheet.top
    for column in range(columns):
        left, right = sheet.margin + column * step, sheet.margin + (column + 1) * step - gap
        sheet.top = start
        while sheet.top < sheet.bottom - 5 * sheet.text_height:
            room = sheet.bottom - sheet.top - 4 * sheet.text_height
            if dice.chance(0.5) and room > 80:
                figure = draw_plots(stock, dice) if dice.chance(0.8) else stock.photograph(dice)
                figure.thumbnail((round(right - left), round(min(room, width * dice.between(0.3, 0.8)))))
                sheet.picture.paste(figure, (round((left + right - figure.width) / 2), round(sheet.top)))
                sheet.top += figure.height + sheet.text_height
                sheet.write_paragraph(left, right, dice.whole(1, 4))
            else:
                sheet.write_paragraph(left, right, dice.whole(3, 12))
    return sheet.picture
