"""Windows of Qt's widgets, drawn off screen in its styles "Windows" and "Fusion" and in many palettes and fonts."""

import os
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from PIL import Image

from benchmarks.kinds.dice import Dice
from benchmarks.kinds.stock import Stock

Widget = Any  # Qt's types are not in the environment that is linted
_GREYS = [(239, 235, 231), (240, 240, 240), (212, 208, 200), (236, 233, 216), (250, 250, 250), (246, 245, 244)]


def draw_widgets(stock: Stock, dice: Dice) -> Image.Image:
    """A dialog, a form, a table, a tree or an editor, with a frame and a title bar or without."""
    from PySide6 import QtGui, QtWidgets

    _start_qt()
    style = QtWidgets.QStyleFactory.create(dice.pick(["Windows", "Fusion", "Fusion"]))
    font = QtGui.QFont(dice.pick(_list_fonts(stock)), dice.whole(7, 12))
    window = dice.pick([_make_dialog, _make_dialog, _make_tabs, _make_main_window])(dice)
    palette = _make_palette(dice)
    for widget in (window, *window.findChildren(QtWidgets.QWidget)):
        widget.setStyle(style)
        widget.setPalette(palette)
        widget.setFont(font)
    window.resize(dice.whole(240, 900), dice.whole(120, 680))
    window.show()  # lays out what is inside
    image = window.grab().toImage().convertToFormat(QtGui.QImage.Format.Format_RGB888)
    rows = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.bytesPerLine())
    pixels = rows[:, : image.width() * 3].reshape(image.height(), image.width(), 3).copy()
    window.deleteLater()
    return _frame(Image.fromarray(pixels), stock, dice)


@cache
def _start_qt() -> Any:
    os.environ["QT_QPA_PLATFORM"] = "offscreen"
    from PySide6.QtWidgets import QApplication

    return QApplication([])


_families: list[str] = []


def _list_fonts(stock: Stock) -> list[str]:
    """Families of the packages' fonts; those of the machine would make pictures that differ from machine to machine."""
    from PySide6.QtGui import QFontDatabase

    _start_qt()
    for name in [] if _families else sorted(stock.fonts):
        if any(word in name for word in ("Lato-Regular", "SourceSansPro-Regular", "SourceSerifPro-Regular")):
            _families.extend(
                QFontDatabase.applicationFontFamilies(QFontDatabase.addApplicationFontFromData(stock.fonts[name]))
            )
    return _families


def _make_palette(dice: Dice) -> Any:
    from PySide6.QtGui import QColor, QPalette

    dark = dice.chance(0.25)
    base = dice.colour(25, 60) if dark else dice.pick([*_GREYS, dice.colour(215, 255)])
    palette = QPalette(QColor(*base))
    role = QPalette.ColorRole
    ink, field = ((225, 225, 225), dice.colour(15, 40)) if dark else ((0, 0, 0), (255, 255, 255))
    for one in (role.WindowText, role.Text, role.ButtonText):
        palette.setColor(one, QColor(*ink))
    palette.setColor(role.Base, QColor(*field))
    palette.setColor(
        role.Highlight, QColor(*dice.pick([(48, 140, 198), (10, 36, 106), (53, 132, 228), dice.colour(0, 220)]))
    )
    return palette


def _add_field(layout: Widget, dice: Dice) -> None:
    control = _make_control(dice)
    if dice.chance(0.75):
        layout.addRow(dice.words(dice.whole(1, 3)).capitalize() + ":", control)
    else:
        layout.addRow(control)


def _make_control(dice: Dice) -> Widget:  # noqa: C901 - nine sorts, one after the other
    from PySide6 import QtCore, QtWidgets

    match dice.whole(0, 8):
        case 0:
            control: Widget = QtWidgets.QLineEdit(dice.words(2))
        case 1:
            control = QtWidgets.QCheckBox(dice.words(3))
            control.setChecked(dice.chance(0.5))
        case 2:
            control = QtWidgets.QComboBox()
            control.addItem(dice.words(2))
        case 3:
            control = QtWidgets.QSlider(QtCore.Qt.Orientation.Horizontal)
            control.setValue(dice.whole(0, 99))
        case 4:
            control = QtWidgets.QSpinBox()
            control.setValue(dice.whole(0, 99))
        case 5:
            control = QtWidgets.QProgressBar()
            control.setValue(dice.whole(0, 100))
        case 6:
            control = QtWidgets.QRadioButton(dice.words(2))
            control.setChecked(dice.chance(0.5))
        case 7:
            control = QtWidgets.QPushButton(dice.words(2))
        case _:
            control = QtWidgets.QLabel(dice.words(dice.whole(3, 9)))
            control.setWordWrap(True)
    return control


def _make_form(dice: Dice) -> Widget:
    from PySide6 import QtWidgets

    box = QtWidgets.QGroupBox(dice.words(2).capitalize()) if dice.chance(0.5) else QtWidgets.QWidget()
    layout = QtWidgets.QFormLayout(box)
    for _ in range(dice.whole(2, 9)):
        _add_field(layout, dice)
    return box


def _make_table(dice: Dice) -> Widget:
    from PySide6 import QtWidgets

    table = QtWidgets.QTableWidget(dice.whole(3, 18), dice.whole(2, 6))
    for row, column in np.ndindex(table.rowCount(), table.columnCount()):
        table.setItem(row, column, QtWidgets.QTableWidgetItem(dice.pick([dice.words(1), dice.number()])))
    table.setAlternatingRowColors(dice.chance(0.4))
    table.setCurrentCell(dice.whole(0, 2), 0)
    return table


def _make_tree(dice: Dice) -> Widget:
    from PySide6 import QtWidgets

    tree = QtWidgets.QTreeWidget()
    tree.setHeaderLabels([dice.words(1) for _ in range(dice.whole(1, 3))])
    for _ in range(dice.whole(2, 8)):
        item = QtWidgets.QTreeWidgetItem(tree, [dice.words(2), dice.number(), dice.words(1)])
        for _ in range(dice.whole(0, 4)):
            QtWidgets.QTreeWidgetItem(item, [dice.words(1), dice.number()])
        item.setExpanded(dice.chance(0.7))
    return tree


def _make_editor(dice: Dice) -> Widget:
    from PySide6.QtWidgets import QPlainTextEdit

    return QPlainTextEdit("\n".join(dice.words(dice.whole(0, 12)) for _ in range(dice.whole(2, 30))))


_PARTS: list[Callable[[Dice], Widget]] = [_make_form, _make_form, _make_form, _make_table, _make_tree, _make_editor]


def _make_dialog(dice: Dice) -> Widget:
    from PySide6 import QtWidgets

    window = QtWidgets.QWidget()
    layout = QtWidgets.QVBoxLayout(window)
    for _ in range(dice.whole(1, 2)):
        layout.addWidget(dice.pick(_PARTS)(dice))
    row = QtWidgets.QHBoxLayout()
    row.addStretch()
    for name in [["OK"], ["OK", "Cancel"], ["Help", "Reset", "Cancel", "OK"], ["Close"], []][dice.whole(0, 4)]:
        row.addWidget(QtWidgets.QPushButton(name))
    layout.addLayout(row)
    return window


def _make_tabs(dice: Dice) -> Widget:
    from PySide6 import QtWidgets

    window = QtWidgets.QTabWidget()
    for _ in range(dice.whole(2, 5)):
        window.addTab(dice.pick(_PARTS)(dice), dice.words(1).capitalize())
    return window


def _make_main_window(dice: Dice) -> Widget:
    from PySide6 import QtCore, QtWidgets

    window = QtWidgets.QMainWindow()
    for name in ("File", "Edit", "View", "Tools", "Help"):
        window.menuBar().addMenu(name)
    bar = window.addToolBar("")
    icons = [icon for icon in QtWidgets.QStyle.StandardPixmap if "SP_" in icon.name]
    for _ in range(dice.whole(3, 12)):
        bar.addAction(window.style().standardIcon(dice.pick(icons)), dice.words(1))
    split = QtWidgets.QSplitter(QtCore.Qt.Orientation.Horizontal)
    for part in ([_make_tree, dice.pick(_PARTS)], [dice.pick(_PARTS)])[dice.whole(0, 1)]:
        split.addWidget(part(dice))
    window.setCentralWidget(split)
    window.statusBar().showMessage(dice.words(4))
    return window


def _frame(window: Image.Image, stock: Stock, dice: Dice) -> Image.Image:
    """A title bar above, as window managers draw it, or none."""
    if dice.chance(0.4):
        return window
    from PIL import ImageDraw

    height, edge = dice.whole(20, 34), dice.whole(0, 4)
    bar = dice.pick([(48, 48, 48), (0, 84, 227), (235, 235, 235), (212, 208, 200), dice.colour(20, 235)])
    framed = Image.new("RGB", (window.width + 2 * edge, window.height + height + edge), bar)
    framed.paste(window, (edge, height))
    draw, ink = ImageDraw.Draw(framed), (255, 255, 255) if sum(bar) < 420 else (20, 20, 20)
    font = stock.font(dice, height * 0.5, "Lato|SourceSans|inter")
    draw.text((dice.pick([8, framed.width // 2 - 40]), height / 2), dice.words(2).title(), ink, font, anchor="lm")
    for one in range(3):
        x = framed.width - (one + 1) * height
        draw.rectangle((x + 6, 6, x + height - 6, height - 6), outline=ink)
    return framed
