"""Recognises by their form what values are: dates, times of day, telephone numbers, amounts of money."""

from collections.abc import Iterator
from typing import Literal

from pipelines.linear_patterns import compile_text, text_begins, text_is

ValueKind = Literal["date", "time", "telephone", "amount"]
Span = tuple[int, int]  # first character, and the one behind the last

_CURRENCY = r"(?:\p{Sc}|RM|Rs\.?|EUR|Euro|USD|GBP|CHF|MYR|INR|SGD|AUD|CAD|NZD|JPY|CNY|PLN|CZK|SEK|NOK|DKK|kr|zł|Kč|DH)"
_NUMERIC_DATE = "|".join(
    rf"(\d{{4}}){joint}(\d{{1,2}}){joint}(\d{{1,2}})|(\d{{1,2}}){joint}(\d{{1,2}}){joint}(\d{{4}})"
    rf"|({short}){joint}({short}){joint}(\d\d)"
    for joint, short in ((r"\.", r"\d\d"), ("/", r"\d{1,2}"), ("-", r"\d{1,2}"))  # 3.10.12 is a version or a section
)
_DAY_FIRST = r"(\d{1,2})(?:st|nd|rd|th|er)?\.?[ ./-]{0,2}(\p{L}{3,9})(?:\.?[ .,/'’-]{0,3}(\d{4})|[./'’-](\d\d))"
_MONTH_FIRST = r"(\p{L}{3,9})\.?[ -]?(\d{1,2})(?:st|nd|rd|th)?[ .,'’-]{1,3}(\d{4})"
_DATE = compile_text(rf"{_NUMERIC_DATE}|{_DAY_FIRST}|{_MONTH_FIRST}", ignore_case=True)
_TIME = compile_text(r"(\d{1,2})[:.h](\d{2})(?:[:.](\d{2}))?\s?(?:[ap]\.?m\b\.?|Uhr)?", ignore_case=True)
_is_telephone = text_begins(
    r"\s*(?:\+\d{1,3}[ ./-]?(?:\(0?\d{1,4}\)|\d{1,4})(?:[ ./-]?\d{2,4}){2,4}"
    r"|\(\d{3}\)[ .-]{0,2}\d{3}[ .-]\d{4}|\d{3}-\d{3}-\d{4}|\d{3}\.\d{3}\.\d{4})\s*$"
)
_is_amount = text_begins(
    rf"[^\w(]*(?:{_CURRENCY}\s?|[A-Z]{{2,3}}\s?)?\(?[-+]?(?:\d[\d.,:/\s-]*|\.\d\d)(?:[%\p{{Sc}}]|[A-Z]{{1,3}}|[ap]m)?\)?\W*$",
    ignore_case=True,
)
_is_money = text_is(
    rf"[-+(]?\s?(?:{_CURRENCY}\s?[-+]?\d[\d.,' ]*|\d{{1,3}}(?:[.,' ]?\d{{3}})*[.,]\d\d\s?{_CURRENCY}?"
    rf"|\d[\d.,]*\s?{_CURRENCY})\)?",
    ignore_case=True,
)
_is_currency = text_is(rf"\(?{_CURRENCY}\)?\.?", ignore_case=True)

_JOINTS = tuple(":./-")
_MONTH_BEGINNINGS = (
    "jan feb fev fév mar mär mrt apr abr avr mai may mei maj mag jun jui jul lug ago aug aoû aou sep set okt oct ott "
    "out nov dez dec déc dic gen ene"
)
_MONTHS = frozenset(_MONTH_BEGINNINGS.split())


def find_date(text: str) -> Span | None:
    """The only date in the text; None if it has several, as a period has."""
    found = list(_find_dates(text))
    return found[0] if len(found) == 1 else None


def _find_dates(text: str) -> Iterator[Span]:
    encodable = _make_encodable(text)
    for match in _DATE.finditer(encodable):
        begin, end = match.span()
        if _is_apart(encodable, begin, end) and _is_date([part for part in match.groups() if part]):
            yield begin, end


def _is_date(parts: list[str]) -> bool:
    """Whether the three parts can be a day, a month and a year in a usual order."""
    names = [part for part in parts if not part.isdecimal()]
    if names and names[0].casefold()[:3] not in _MONTHS:
        return False
    numbers = [int(part) for part in parts if part.isdecimal()]
    if names:
        return 1 <= numbers[0] <= 31
    first, middle, last = numbers
    is_year_first = 1900 <= first < 2100 and 1 <= middle <= 12 and 1 <= last <= 31
    is_year_last = len(parts[0]) <= 2 and (len(parts[2]) == 2 or 1900 <= last < 2100)
    is_day = 1 <= first <= 31 and 1 <= middle <= 31 and min(first, middle) <= 12
    return is_year_first or (is_year_last and is_day)


def find_time(text: str) -> Span | None:
    """The first time of day in the text, with its seconds and `PM`."""
    encodable = _make_encodable(text)
    for match in _TIME.finditer(encodable):
        hour, minute, second = (int(part or 0) for part in match.groups())
        has_colon = ":" in match[0]
        if hour <= 24 and minute < 60 and second < 60 and has_colon and _is_apart(encodable, *match.span()):
            begin, end = match.span()
            return begin, end
    return None


def _is_apart(text: str, begin: int, end: int) -> bool:
    """Whether what is between the positions is no part of a longer number or code: 05.22.95.66.66, A12-03-17."""
    before, after = text[:begin][-2:], text[end : end + 2]
    is_joined = (before[-1:] in _JOINTS and before[:1].isdigit()) or (after[:1] in _JOINTS and after[1:].isdigit())
    return not before[-1:].isalnum() and not after[:1].isdigit() and not is_joined


def classify_value(text: str) -> ValueKind | None:
    """The kind of a value that is nothing else."""
    if find_date(text) == (0, len(text)):
        return "date"
    if find_time(text) == (0, len(text)):
        return "time"
    if is_telephone(text):
        return "telephone"
    return "amount" if is_money(text) else None


def is_telephone(text: str) -> bool:
    """Whether it is a number as telephones have it, with its country or in the form of North America."""
    return _is_telephone(text)


def is_amount(text: str) -> bool:
    """Whether it is a number, perhaps with a currency, a unit, or marks around it."""
    return _is_amount(text)


def is_money(text: str) -> bool:
    """Whether it is a number with a currency, or with two decimals."""
    return _is_money(text.strip())


def is_currency(text: str) -> bool:
    """Whether it is a currency and nothing else."""
    return _is_currency(text.strip())


def _make_encodable(text: str) -> str:
    """The text with `?` for lone surrogates, so that positions stay."""
    return text.encode(errors="replace").decode()
