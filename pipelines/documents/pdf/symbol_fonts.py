"""Meanings of the codes of symbol fonts, which have none in Unicode: bullets, boxes, ticks and arrows.

Word writes its bullets in Symbol and Wingdings. Their characters arrive as private-use codes U+F020 to U+F0FF, or,
where a font names no Unicode at all, as the Latin letter of the same code. The tables are of what documents use, after
the fonts' published charts (Wingdings: ISO/IEC JTC1/SC2/WG2 N4384; ZapfDingbats: Adobe's glyph list).
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

NO_SYMBOLS, SYMBOL, WINGDINGS, WINGDINGS_2, WINGDINGS_3, WEBDINGS, DINGBATS = range(7)
_PRIVATE: Final = 0xF000

_SYMBOL: dict[int, str] = {
    0xA3: "≤", 0xA5: "∞", 0xA7: "♣", 0xA8: "♦", 0xA9: "♥", 0xAA: "♠", 0xAB: "↔", 0xAC: "←", 0xAD: "↑", 0xAE: "→",
    0xAF: "↓", 0xB0: "°", 0xB1: "±", 0xB3: "≥", 0xB4: "×", 0xB5: "∝", 0xB6: "∂", 0xB7: "•", 0xB8: "÷", 0xB9: "≠",
    0xBA: "≡", 0xBB: "≈", 0xBC: "…", 0xC5: "⊕", 0xC6: "∅", 0xC7: "∩", 0xC8: "∪", 0xCE: "∈", 0xCF: "∉", 0xD0: "∠",
    0xD1: "∇", 0xD2: "®", 0xD3: "©", 0xD4: "™", 0xD5: "∏", 0xD6: "√", 0xD7: "⋅", 0xD8: "¬", 0xD9: "∧", 0xDA: "∨",
    0xDB: "⇔", 0xDC: "⇐", 0xDD: "⇑", 0xDE: "⇒", 0xDF: "⇓", 0xE0: "◊", 0xE2: "®", 0xE3: "©", 0xE4: "™", 0xE5: "∑",
    0xF2: "∫", 0x22: "∀", 0x24: "∃", 0x2D: "−", 0x5C: "∴", 0x5E: "⊥",
    **dict(zip(range(0x41, 0x5B), "ΑΒΧΔΕΦΓΗΙϑΚΛΜΝΟΠΘΡΣΤΥςΩΞΨΖ", strict=True)),
    **dict(zip(range(0x61, 0x7B), "αβχδεφγηιϕκλμνοπθρστυϖωξψζ", strict=True)),
    **{code: chr(code) for code in (*range(0x28, 0x2D), *range(0x2E, 0x40), 0x5B, 0x5D, 0x7B, 0x7C, 0x7D)},
}  # fmt: skip
_WINGDINGS: dict[int, str] = {
    0x22: "✂", 0x28: "☎", 0x29: "✆", 0x2A: "✉", 0x4A: "☺", 0x4C: "☹", 0x46: "☞", 0x6C: "●", 0x6D: "❍", 0x6E: "■",
    0x6F: "☐", 0x70: "☐", 0x71: "❑", 0x72: "❒", 0x73: "⬧", 0x74: "⧫", 0x75: "◆", 0x76: "❖", 0x77: "⬥", 0x78: "☒",
    0x9E: "·", 0x9F: "•", 0xA0: "▪", 0xA1: "○", 0xA4: "◉", 0xA5: "◎", 0xA7: "▪", 0xA8: "☐", 0xAB: "★", 0xAC: "✶",
    0xD5: "⌫", 0xD8: "➢", 0xDC: "➲", 0xDF: "←", 0xE0: "→", 0xE1: "↑", 0xE2: "↓", 0xE8: "➔", 0xEF: "⇦", 0xF0: "⇨",
    0xFB: "✗", 0xFC: "✓", 0xFD: "☒", 0xFE: "☑",
    **dict(zip(range(0x80, 0x8B), "⓪①②③④⑤⑥⑦⑧⑨⑩", strict=True)),
    **dict(zip(range(0x8B, 0x96), "⓿❶❷❸❹❺❻❼❽❾❿", strict=True)),
}  # fmt: skip
_WINGDINGS_2: dict[int, str] = {
    0x4F: "✗", 0x50: "✓", 0x51: "☒", 0x52: "☑", 0x53: "☒", 0x54: "☒", 0x2A: "☐", 0xA3: "☐", 0x97: "●", 0x98: "•",
    0x9F: "■", 0xA2: "■",
}  # fmt: skip
_WINGDINGS_3: dict[int, str] = {0x7D: "▶", 0x75: "▶", 0x84: "◀", 0x7C: "◀", 0x66: "←", 0x67: "→", 0x68: "↑", 0x69: "↓"}
_WEBDINGS: dict[int, str] = {0x34: "▶", 0x33: "◀", 0x61: "✓", 0x63: "☐", 0x67: "■", 0x6E: "●", 0x72: "✗", 0x3D: "■"}
_DINGBATS: dict[int, str] = {
    0x33: "✓", 0x34: "✔", 0x35: "✕", 0x36: "✖", 0x37: "✗", 0x38: "✘", 0x6C: "●", 0x6D: "❍", 0x6E: "■", 0x6F: "❏",
    0x70: "❐", 0x71: "❑", 0x72: "❒", 0x75: "◆", 0xD4: "➔", 0xE2: "➢",
}  # fmt: skip
_TABLES = {
    SYMBOL: _SYMBOL, WINGDINGS: _WINGDINGS, WINGDINGS_2: _WINGDINGS_2, WINGDINGS_3: _WINGDINGS_3, WEBDINGS: _WEBDINGS,
    DINGBATS: _DINGBATS,
}  # fmt: skip
_NAMES = (  # longer names first
    ("wingdings2", WINGDINGS_2), ("wingdings3", WINGDINGS_3), ("wingdings", WINGDINGS), ("webdings", WEBDINGS),
    ("zapfdingbats", DINGBATS), ("dingbats", DINGBATS), ("symbolmt", SYMBOL),
)  # fmt: skip
# In private use without a font's name, the codes of Word's own lists are taken as that: F0B7 is Symbol's bullet.
_USUAL = {_PRIVATE + code: text for code, text in {**_WINGDINGS, 0xB7: "•", 0x2D: "−"}.items() if code >= 0x9E}
_USUAL |= {_PRIVATE + 0xB7: "•", _PRIVATE + 0x6C: "●", _PRIVATE + 0x6E: "■", _PRIVATE + 0x6F: "☐", _PRIVATE + 0x76: "❖"}


def find_symbol_font(name: str) -> int:
    """The kind of symbol font that a base font's name says, as in `ABCDEF+Wingdings-Regular`."""
    bare = name.rpartition("+")[2].lower().replace(" ", "").replace("-", "")
    if bare == "symbol":
        return SYMBOL
    return next((kind for start, kind in _NAMES if bare.startswith(start)), NO_SYMBOLS)


def translate_symbols(codes: NDArray[np.uint32], symbols: NDArray[np.int8]) -> NDArray[np.uint32]:
    """The codes with those of symbol fonts replaced by what they show; what is in no table stays as it is."""
    translated = codes.copy()
    private = (codes > _PRIVATE) & (codes <= _PRIVATE + 0xFF)
    for row in np.flatnonzero(private | ((symbols > NO_SYMBOLS) & (codes < 0x100))).tolist():
        kind, code = int(symbols[row]), int(codes[row])
        is_private = code > _PRIVATE
        if kind == NO_SYMBOLS:
            meaning = _USUAL.get(code)
        elif is_private or kind not in (SYMBOL, DINGBATS):  # PDFium knows the encoding of these two
            meaning = _TABLES[kind].get(code & 0xFF)
        else:
            meaning = None
        if meaning is not None:
            translated[row] = ord(meaning)
    return translated
