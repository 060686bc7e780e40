"""Screenshots: windows, web pages, telephones, terminals, editors, chats, menus, desktops."""

from PIL import Image, ImageDraw

from benchmarks.kinds import draw_art, draw_charts, draw_maps
from benchmarks.kinds.dice import Dice
from benchmarks.kinds.draw_widgets import draw_widgets
from benchmarks.kinds.screen_parts import (
    MONO,
    Box,
    Theme,
    draw_button,
    draw_icon,
    fill_chat,
    fill_form,
    fill_grid,
    fill_list,
    fill_palette,
    make_canvas,
    shift_colour,
    write_cards,
    write_list,
    write_row,
    write_text,
)
from benchmarks.kinds.stock import Sorts, Stock


def _pick_screenshot(stock: Stock, dice: Dice) -> Image.Image:
    return dice.pick(stock.screenshots)


def _draw_window(stock: Stock, dice: Dice) -> Image.Image:
    """A dialog or a program's window: title bar, menu, tabs, fields, buttons; sometimes on a desktop."""
    theme = Theme(stock, dice)
    picture, draw = make_canvas(theme, dice, dice.between(0.35, 1.1))
    width, height = picture.size
    top = _draw_bars(draw, theme, dice, width)
    left = 10
    if dice.chance(0.4):
        left = round(width * dice.between(0.18, 0.35))
        draw.rectangle((0, top, left - 6, height), theme.panel, theme.line)
        write_list(draw, theme, dice, (8, top + 8), (left - 10, height))
    box = (left, top + 10, width - 10, height - 44)
    if dice.chance(0.3):
        _fill_with_picture(picture, stock, dice, box)
    else:
        dice.pick([fill_form, fill_form, fill_grid, fill_list, fill_palette])(draw, theme, dice, box)
    for one in range(dice.whole(0, 3)):
        draw_button(draw, theme, dice, (width - 96 - 100 * one, height - 36), filled=one == 0 and dice.chance(0.6))
    if dice.chance(0.25):
        return _lay_on_desktop(picture, stock, theme, dice)
    return picture


def _draw_bars(draw: ImageDraw.ImageDraw, theme: Theme, dice: Dice, width: int) -> int:
    """A title bar, a menu and a tool bar, or some of them; gives where they end."""
    top = 0
    if dice.chance(0.75):
        bar = dice.pick([theme.panel, theme.accent, (60, 60, 60), (255, 255, 255)])
        draw.rectangle((0, 0, width, 30), bar)
        draw.text(
            (dice.pick([10, width // 2]), 15),
            dice.words(2).title(),
            (255, 255, 255) if sum(bar) < 380 else (20, 20, 20),
            theme.font,
            anchor="lm",
        )
        for one in range(3):
            draw.ellipse(
                (width - 22 - 20 * one, 9, width - 10 - 20 * one, 21),
                dice.pick([theme.line, (237, 106, 94), (98, 197, 84)]),
            )
        top = 30
    if dice.chance(0.5):
        write_row(draw, theme, dice, (10, top + 4), width, ["File", "Edit", "View", "Tools", "Window", "Help"])
        top += theme.size + 12
    if dice.chance(0.4):
        draw.rectangle((0, top, width, top + 34), theme.panel)
        for x in range(8, width // 2, 32):
            draw_icon(draw, dice, (x, top + 6), 22, theme)
        top += 34
    return top


def _lay_on_desktop(window: Image.Image, stock: Stock, theme: Theme, dice: Dice) -> Image.Image:
    size = round(window.width * dice.between(1.15, 1.7)), round(window.height * dice.between(1.15, 1.6))
    desk = stock.photograph(dice, size) if dice.chance(0.5) else Image.new("RGB", size, dice.colour(20, 160))
    desk.paste(window, (dice.whole(0, size[0] - window.width), dice.whole(0, size[1] - window.height)))
    draw = ImageDraw.Draw(desk)
    draw.rectangle((0, size[1] - 36, size[0], size[1]), theme.panel)
    for x in range(8, size[0] // 2, 40):
        draw_icon(draw, dice, (x, size[1] - 31), 26, theme)
    draw.text(
        (size[0] - 10, size[1] - 18),
        f"{dice.whole(0, 23):02}:{dice.whole(0, 59):02}",
        theme.ink,
        theme.font,
        anchor="rm",
    )
    return desk


def _fill_with_picture(picture: Image.Image, stock: Stock, dice: Dice, box: Box) -> None:
    """What a viewer, a browser of maps or an office program shows."""
    size = max(40, round(box[2] - box[0])), max(40, round(box[3] - box[1]))
    sorts = dice.pick([draw_maps.SORTS, draw_maps.SORTS, draw_charts.SORTS, draw_art.SORTS, None])
    inside = dice.pick(list(sorts.values()))[1](stock, dice) if sorts else stock.photograph(dice, size)
    picture.paste(inside.resize(size), (round(box[0]), round(box[1])))


def _draw_web_page(stock: Stock, dice: Dice) -> Image.Image:
    """A site: browser bar, navigation, heading, cards with pictures, columns of text, footer."""
    theme = Theme(stock, dice)
    picture, draw = make_canvas(theme, dice, dice.between(0.5, 1.4))
    width, height = picture.size
    top = 0
    if dice.chance(0.75):
        draw.rectangle((0, 0, width, 64), theme.panel)
        draw.rounded_rectangle((10, 4, 190, 32), 6, theme.base)
        draw.text((20, 10), dice.words(2), theme.ink, theme.font)
        draw.rounded_rectangle((90, 36, width - 60, 60), 12, shift_colour(theme.base, -6))
        draw.text((104, 41), f"https://{dice.words(1)}.com/{dice.words(1)}", theme.faint, theme.font)
        top = 64
    bar = dice.pick([theme.base, theme.accent, theme.panel])
    draw.rectangle((0, top, width, top + 50), bar)
    write_row(draw, theme, dice, (20, top + 16), width, [dice.words(1).title() for _ in range(6)])
    top += 60
    if dice.chance(0.4):
        banner = round(height * dice.between(0.15, 0.35))
        hero = (
            stock.photograph(dice, (width, banner))
            if dice.chance(0.6)
            else Image.new("RGB", (width, banner), theme.accent)
        )
        picture.paste(hero, (0, top))
        draw.text(
            (width / 2, top + banner / 2),
            dice.words(4).title(),
            "white",
            stock.font(dice, width / 24, "Black|Bold|700"),
            anchor="mm",
        )
        top += banner + 16
    while top < height - 60:
        top = dice.pick([write_cards, write_text, write_text])(picture, stock, theme, dice, top)
    return picture


def _draw_telephone(stock: Stock, dice: Dice) -> Image.Image:
    """A tall screen: status bar, title, list, tiles or chat, bottom bar."""
    theme = Theme(stock, dice)
    width = dice.whole(320, 560)
    picture = Image.new("RGB", (width, round(width * dice.between(1.6, 2.2))), theme.base)
    draw, height = ImageDraw.Draw(picture), picture.height
    head = dice.pick([theme.base, theme.accent, theme.panel])
    draw.rectangle((0, 0, width, 78), head)
    draw.text((14, 6), f"{dice.whole(0, 23)}:{dice.whole(0, 59):02}", theme.ink, theme.font)
    draw.text((width - 12, 6), f"{dice.whole(5, 100)}%", theme.ink, theme.font, anchor="ra")
    draw.text((20, 38), dice.words(2).title(), theme.ink, theme.bold)
    box = (8.0, 86.0, width - 8.0, height - 64.0)
    if dice.chance(0.3):
        fill_chat(draw, theme, dice, box)
    elif dice.chance(0.3):
        top = 90
        while top < height - 240:
            top = write_cards(picture, stock, theme, dice, top)
    else:
        dice.pick([fill_list, fill_form])(draw, theme, dice, box)
    draw.rectangle((0, height - 56, width, height), theme.panel, theme.line)
    for one in range(4):
        draw_icon(draw, dice, (round((one + 0.4) * width / 4), height - 44), 30, theme)
    return picture


def _draw_terminal(stock: Stock, dice: Dice) -> Image.Image:
    """A terminal or an editor with coloured text in a fixed width."""
    paper = dice.pick(
        [(0, 0, 0), (30, 30, 30), (40, 44, 52), (0, 43, 54), (255, 255, 255), (253, 246, 227), (48, 10, 36)]
    )
    inks: list[tuple[int, int, int]] = [
        dice.colour(140, 255) if sum(paper) < 300 else dice.colour(0, 140) for _ in range(4)
    ]
    inks.append((230, 230, 230) if sum(paper) < 300 else (20, 20, 20))
    width, size = dice.whole(400, 1200), dice.whole(10, 16)
    picture = Image.new("RGB", (width, round(width * dice.between(0.4, 0.9))), paper)
    draw, font = ImageDraw.Draw(picture), stock.font(dice, size, MONO)
    left = dice.pick([6, 44])
    for row, y in enumerate(range(6, picture.height - size, size + dice.whole(3, 6))):
        if left > 10:
            draw.text((36, y), str(row + 1), (130, 130, 130), font, anchor="ra")
        x = float(left + dice.pick([0, 0, 1, 2, 3]) * size * 2)
        for _ in range(dice.whole(0, 7)):
            word = dice.pick(
                [dice.words(1), dice.number(), "(self):", "=", "def", "return", "$ ls -l", "[INFO]", "{", "}"]
            )
            draw.text((x, y), word, dice.pick(inks), font)
            x += font.getlength(word + " ")
    if dice.chance(0.4):
        draw.rectangle((0, 0, width, 24), (200, 200, 200) if dice.chance(0.5) else (60, 60, 60))
    return picture


def _draw_menu(stock: Stock, dice: Dice) -> Image.Image:
    """A small cut-out: a menu, a tool bar, a message."""
    theme = Theme(stock, dice)
    width = dice.whole(160, 520)
    picture = Image.new("RGB", (width, dice.whole(60, 480)), theme.base)
    draw = ImageDraw.Draw(picture)
    draw.rectangle((0, 0, width - 1, picture.height - 1), theme.base, theme.line)
    y = 10
    while y < picture.height - 24:
        if dice.chance(0.15):
            draw.line((6, y + 4, width - 6, y + 4), theme.line)
            y += 12
            continue
        if dice.chance(0.1):
            draw.rectangle((2, y - 4, width - 3, y + theme.size + 5), theme.accent)
        if dice.chance(0.4):
            draw_icon(draw, dice, (6, y - 3), 20, theme)
        draw.text((32, y), dice.words(dice.whole(1, 3)).capitalize(), theme.ink, theme.font)
        draw.text(
            (width - 8, y), dice.pick(["", "", ">", "Ctrl+" + dice.pick("ASDFQ")]), theme.faint, theme.font, anchor="ra"
        )
        y += theme.size + 12
    return picture


SORTS: Sorts = {
    "windows": (4, _draw_window),
    "widgets": (4, draw_widgets),
    "web pages": (2, _draw_web_page),
    "telephones": (2, _draw_telephone),
    "terminals": (1, _draw_terminal),
    "menus": (1, _draw_menu),
    "packages": (1, _pick_screenshot),
}
