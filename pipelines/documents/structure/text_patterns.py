"""Recognises by its wording what a text is: list items, headings, captions, references, page numbers, formulas."""

from typing import Any

from pipelines.linear_patterns import compile_text, text_begins

_BULLET = r"[•●▪◦‣■□◆▶►✓➢·∙*○◉◎❍❏❐❑❒❖⬥⬧⧫☐☑☒✔✕✖✗✘➔➲★✶]"
_LETTER = r"[\p{L}\p{Nl}\p{No}_]"  # of a word, but no digit
_CHINESE_DIGIT = "[一二三四五六七八九十]"
_CHINESE_NUMBER = r"[\d一二三四五六七八九十]+"
_CHINESE_SECTION = rf"第\s*{_CHINESE_NUMBER}\s*[章节條条]|{_CHINESE_DIGIT}{{1,2}}、"

# A single letter, one or two digits or a roman number, closed by . or ), with text after it.
_NUMBER = (
    rf"\(?(?:\d{{1,2}}|[a-zA-Z]|[ivxIVX]{{1,4}})[.)](?:\s+\S|{_LETTER}{{2}})"
    rf"|\(\d{{1,2}}\)|[①-⑳]|{_CHINESE_DIGIT}{{1,2}}、"
)
_begins_item = text_begins(rf"\s*(?:{_BULLET}|[-–—]\s|\[\d{{1,3}}\]|{_NUMBER})")
_begins_reference = text_begins(r"\s*(?:\[\d{1,3}\]|\[[A-Z][\w+]{1,8}\]|\d{1,3}\.)\s*\S")
_names_year = text_begins(r"(?s:.*\W)?(?:19|20)\d\d")
_is_references_heading = text_begins(
    r"\s*(?:[\dIVX]*[.\s]*)?(?:references|bibliography|literature cited|参考文献)\s*:?\s*$", ignore_case=True
)
_begins_heading = text_begins(
    rf"\s*(?:(?:\d{{1,2}}(?:\.\d{{1,2}})*\.?|[A-Z]\.(?:\d{{1,2}}\.?)*|[IVX]{{1,5}}\.|§\s*\d+)\s*{_LETTER}"
    rf"|appendix\s+[A-Z\d](?:[.:]\s*|\s+){_LETTER}|{_CHINESE_SECTION})",
    ignore_case=True,
)
_surely_begins_heading = text_begins(
    rf"\s*(?:\d{{1,2}}(?:\.\d{{1,2}})+\.?\s*{_LETTER}|[IVX]{{2,5}}\.\s*{_LETTER}"
    rf"|appendix\s+[A-Z\d](?:\W|$)|{_CHINESE_SECTION})",
    ignore_case=True,
)
_CAPTION = compile_text(
    r"\s*(?:fig(?:ure|s)?|tab(?:le)?|scheme|chart|plate|photo|exhibit|algorithm|listing|abb(?:ildung)?|tabelle)"
    r"\.?\s*(?:[A-Z]?\d+|[IVX]+)(?:[.\-]\d+)?[a-z]?\s*(?P<mark>[.:|—–)]|$)?"
    rf"|\s*[图表圖]\s*{_CHINESE_NUMBER}(?P<sign>)",
    ignore_case=True,
)
_is_page_number = text_begins(
    r"\W*(?:p(?:age|\.)?\s*)?(?:\d{1,4}|[ivxl]{1,6}|[一二三四五六七八九十百〇○]{1,5})(?:\s*(?:of|/)\s*\d{1,4})?\W*$",
    ignore_case=True,
)
_is_equation_number = text_begins(r"\s*\(\s*[A-Z]?\.?\d{1,3}(?:\.\d{1,3})*[a-z]?\s*\)\s*$")
_begins_note = text_begins(r"\s*(?:[*†‡§¶]|\[\^\d|\d{1,2}[A-Z(\"“]|\d{1,2}\s[A-Z])")

_LEADER = compile_text(r"(?:[.·_…‥]\s?){3,}\s*$|(?:[…‥]\s?)+$")
_is_price = text_begins(r"\W*\d[\d.,' ]*\s?(?:\p{Sc}|[A-Z]{2,3}|kr|zł|Kč|Ft|,-)?\W*$")
_is_contents_heading = text_begins(
    r"\W*(?:table of )?(?:contents|inhalt|inhaltsverzeichnis|sommaire|table des mati[eè]res|[ií]ndice|contenido|inhoud"
    r"|inhoudsopgave|inneh[aå]ll|innholdsfortegnelse|indhold|sis[aä]llys|spis tre[sś]ci|obsah|tartalom|cuprins"
    r"|содержание|оглавление|目录|目錄|目次|차례)\W*$",
    ignore_case=True,
)

_is_prompt = text_begins(
    r"\s*(?:[$%❯›] \S|>>> |\.\.\. |In \[\d+\]:|PS [A-Z]:\\|[A-Z]:\\[\w\\]*>|[\w.-]+@[\w.-]+[: ]\S*[$#%] ?)"
)
_CODE = compile_text(
    r"^\s*(?:def|class|for|if|elif|else|while|return|import|from|try|except|with|function|var|let|const|public|private"
    r"|static|void|func|fn|use|pub|package|struct|enum|switch|case|end|begin|SELECT|INSERT|UPDATE|CREATE|sudo|echo|export)"
    r"\b.*[:;{(=,)]?$"
    r"|^\s*(?:#|//|/\*|<!--|--\s)|[{};\\]\s*$|\):?\s*$"
    r"|[=!<>+*/%&|^-]=|->|=>|::|&&|\|\||</|/>|\w\(|\w_\w|__|\s=\s|\s--?[a-z]|\w\.\w+\(|\[\d*\]|://"
)

_RELATIONS = frozenset("=+−±×·∑∫√≤≥<>∂∞∈⊂→≡≈∝^∇αβγδεζηθικλμνξοπρςστυφχψωΑΒΓΔΕΖΗΘΙΚΛΜΝΞΟΠΡΣΤΥΦΧΨΩ")
_WIDE = (("\u3040", "\u30ff"), ("\u3400", "\u9fff"), ("\uac00", "\ud7af"))  # Japanese, Chinese, Korean


def is_item(text: str) -> bool:
    """Whether it begins like an item of a list or of references."""
    return _begins_item(text)


def is_reference(text: str) -> bool:
    """Whether it begins like an entry of a bibliography."""
    return _begins_reference(text)


def is_dated(text: str) -> bool:
    """Whether it names a year, as entries of a bibliography do."""
    return _names_year(text)


def is_references_heading(text: str) -> bool:
    return _is_references_heading(text)


def is_heading_number(text: str) -> bool:
    """Whether it begins with a section's number and a word."""
    return _begins_heading(text)


def is_surely_heading(text: str) -> bool:
    """Like `is_heading_number`, with a kind of number that list items do not have."""
    return _surely_begins_heading(text)


def is_caption(text: str) -> bool:
    """`Figure 3: …`, `TABLE IV.`; also `Fig. 3` with more text, which may be an ordinary sentence."""
    return _match_caption(text) is not None


def is_surely_caption(text: str) -> bool:
    """Like `is_caption`, with punctuation or a CJK sign that an ordinary sentence does not have."""
    match = _match_caption(text)
    return match is not None and (match["mark"] is not None or match["sign"] is not None)


def is_page_number(text: str) -> bool:
    return _is_page_number(text)


def has_leader(text: str) -> bool:
    """Whether it ends in leaders, as an entry of a table of contents does before its number."""
    return _LEADER.search(text.encode(errors="replace")) is not None


def is_prompt(text: str) -> bool:
    """Whether it begins with the prompt of a shell or interpreter."""
    return _is_prompt(text)


def is_code(text: str) -> bool:
    """Whether a line has a sign of code: a keyword at its beginning, an operator, a call, a brace at its end."""
    return _CODE.search(text.encode(errors="replace")) is not None


def is_price(text: str) -> bool:
    """Whether it is a number, with or without a currency."""
    return _is_price(text)


def is_contents_heading(text: str) -> bool:
    return _is_contents_heading(text)


def is_equation_number(text: str) -> bool:
    return _is_equation_number(text)


def is_note(text: str) -> bool:
    """Whether it begins with the mark of a footnote."""
    return _begins_note(text)


def is_formula(text: str) -> bool:
    """Whether it is mostly symbols and single letters, hardly words."""
    if any(map(_is_wide, text)):
        return False
    letters = sum(map(len, _find_words(text)))
    bare = sum(not character.isspace() for character in text)
    digits = sum(character.isdigit() for character in text)
    return bare > 2 and letters < 0.35 * bare and 2 * digits < bare and not _RELATIONS.isdisjoint(text)


def is_prose(text: str) -> bool:
    """Whether at least three words make up half of it."""
    words = _find_words(text)
    letters = sum(map(len, words))
    return len(words) >= 3 and 2 * letters >= sum(not character.isspace() for character in text)


def is_upper(text: str) -> bool:
    """Whether it has at least four letters, all of them capitals."""
    letters = [character for character in text if character.isalpha() and not _is_wide(character)]
    return len(letters) >= 4 and all(character.isupper() for character in letters)


def ends_sentence(text: str) -> bool:
    return text.rstrip().endswith((".", "。", ";", "；", ",", "，", "!", "！"))


def _match_caption(text: str) -> Any:
    return _CAPTION.match(text.encode(errors="replace"))


def _find_words(text: str) -> list[str]:
    """Runs of at least three letters."""
    words = "".join(
        character if character.isalnum() and not character.isdecimal() else " " for character in text
    ).split()
    return [word for word in words if len(word) >= 3]


def _is_wide(character: str) -> bool:
    return character > "\u3000" and any(first <= character <= last for first, last in _WIDE)
