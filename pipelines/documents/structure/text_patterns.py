"""Recognises by its wording what a text is: list items, headings, captions, references, page numbers, formulas."""

import re

_BULLET = r"[•●▪◦‣■□◆▶►✓➢·∙*]"
# A single letter, one or two digits or a roman number, closed by . or ), with text after it.
_NUMBER = (
    r"\(?(?:\d{1,2}|[a-zA-Z]|[ivxIVX]{1,4})[.)](?=\s+\S|[^\W\d]{2})"
    r"|\(\d{1,2}\)|[①-⑳]|[一二三四五六七八九十]{1,2}、"
)
_ITEM = re.compile(rf"\s*(?:{_BULLET}|[-–—](?=\s)|\[\d{{1,3}}\]|{_NUMBER})")
_REFERENCE = re.compile(r"\s*(?:\[\d{1,3}\]|\[[A-Z][\w+]{1,8}\]|\d{1,3}\.)\s*\S")
_REFERENCES_HEADING = re.compile(
    r"\s*(?:[\dIVX]*[.\s]*)?(?:references|bibliography|literature cited|参考文献)\s*:?\s*$", re.I
)
_HEADING = re.compile(
    r"\s*(?:(?:\d{1,2}(?:\.\d{1,2})*\.?|[A-Z]\.(?:\d{1,2}\.?)*|[IVX]{1,5}\.|§\s*\d+|appendix\s+[A-Z\d]\b[.:]?)\s*[^\W\d]"
    r"|第\s*[\d一二三四五六七八九十]+\s*[章节條条]|[一二三四五六七八九十]{1,2}、)",
    re.I,
)
_SURE_HEADING = re.compile(
    r"\s*(?:\d{1,2}(?:\.\d{1,2})+\.?\s*[^\W\d]|[IVX]{2,5}\.\s*[^\W\d]|第\s*[\d一二三四五六七八九十]+\s*[章节條条]|[一二三四五六七八九十]{1,2}、"
    r"|appendix\s+[A-Z\d]\b)",
    re.I,
)
_CAPTION = re.compile(
    r"\s*(?:fig(?:ure|s)?|tab(?:le)?|scheme|chart|plate|photo|exhibit|algorithm|listing|abb(?:ildung)?|tabelle)"
    r"\.?\s*(?:[A-Z]?\d+|[IVX]+)(?:[.\-]\d+)?[a-z]?\s*(?P<mark>[.:|—–)]|$)?"
    r"|\s*[图表圖]\s*[\d一二三四五六七八九十]+(?P<sign>)",
    re.I,
)
_PAGE_NUMBER = re.compile(
    r"\W*(?:p(?:age|\.)?\s*)?(?:\d{1,4}|[ivxl]{1,6}|[一二三四五六七八九十百〇○]{1,5})(?:\s*(?:of|/)\s*\d{1,4})?\W*$",
    re.I,
)
_EQUATION_NUMBER = re.compile(r"\s*\(\s*[A-Z]?\.?\d{1,3}(?:\.\d{1,3})*[a-z]?\s*\)\s*$")
_NOTE = re.compile(r"\s*(?:[*†‡§¶]|\d{1,2}(?=[A-Z(\"“])|\d{1,2}\s(?=[A-Z]))")
_WORD = re.compile(r"[^\W\d_]{3,}")
_WIDE = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
_RELATION = re.compile(r"[=+−±×·∑∫√≤≥<>∂∞∈⊂→≡≈∝^∇α-ωΑ-Ω]")


def is_item(text: str) -> bool:
    """Whether it begins like an item of a list or of references."""
    return _ITEM.match(text) is not None


def is_reference(text: str) -> bool:
    """Whether it begins like an entry of a bibliography."""
    return _REFERENCE.match(text) is not None


def is_dated(text: str) -> bool:
    """Whether it names a year, as entries of a bibliography do."""
    return re.search(r"\b(?:19|20)\d\d", text) is not None


def is_references_heading(text: str) -> bool:
    return _REFERENCES_HEADING.match(text) is not None


def is_heading_number(text: str) -> bool:
    """Whether it begins with a section's number and a word."""
    return _HEADING.match(text) is not None


def is_surely_heading(text: str) -> bool:
    """Like `is_heading_number`, with a kind of number that list items do not have."""
    return _SURE_HEADING.match(text) is not None


def is_caption(text: str) -> bool:
    """`Figure 3: …`, `TABLE IV.`; also `Fig. 3` with more text, which may be an ordinary sentence."""
    return _CAPTION.match(text) is not None


def is_surely_caption(text: str) -> bool:
    """Like `is_caption`, with punctuation or a CJK sign that an ordinary sentence does not have."""
    match = _CAPTION.match(text)
    return match is not None and (match["mark"] is not None or match["sign"] is not None)


def is_page_number(text: str) -> bool:
    return _PAGE_NUMBER.match(text) is not None


def is_equation_number(text: str) -> bool:
    return _EQUATION_NUMBER.match(text) is not None


def is_note(text: str) -> bool:
    """Whether it begins with the mark of a footnote."""
    return _NOTE.match(text) is not None


def is_formula(text: str) -> bool:
    """Whether it is mostly symbols and single letters, hardly words."""
    if _WIDE.search(text):
        return False
    letters = sum(len(word) for word in _WORD.findall(text))
    bare = sum(not character.isspace() for character in text)
    digits = sum(character.isdigit() for character in text)
    return bare > 2 and letters < 0.35 * bare and 2 * digits < bare and _RELATION.search(text) is not None


def is_prose(text: str) -> bool:
    """Whether at least three words make up half of it."""
    words = _WORD.findall(text)
    letters = sum(map(len, words))
    return len(words) >= 3 and 2 * letters >= sum(not character.isspace() for character in text)


def is_upper(text: str) -> bool:
    """Whether it has at least four letters, all of them capitals."""
    letters = [character for character in text if character.isalpha() and not _WIDE.match(character)]
    return len(letters) >= 4 and all(character.isupper() for character in letters)


def ends_sentence(text: str) -> bool:
    return text.rstrip().endswith((".", "。", ";", "；", ",", "，", "!", "！"))
