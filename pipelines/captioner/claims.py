"""Finds claims about people, animals and text in an English caption. Rules on words: other languages give no claims."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

_ONE = ("person", "man", "woman", "boy", "girl", "child", "kid", "baby", "toddler", "player", "worker", "speaker")
_SEVERAL = (
    "people", "persons", "men", "women", "boys", "girls", "children", "kids", "babies", "players", "workers",
    "crowd", "couple", "audience", "family", "team",
)  # fmt: skip
_NUMBERS = {"a": 1, "an": 1, "one": 1, "single": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6}
_NONE = ("no", "without", "zero")
_NOBODY = ("nobody", "noone", "unoccupied")

# COCO's animals, which object detectors have as labels, and other words for them.
_ANIMALS: Mapping[str, str] = {
    "dog": "dog", "dogs": "dog", "puppy": "dog", "puppies": "dog", "cat": "cat", "cats": "cat", "kitten": "cat",
    "kittens": "cat", "bird": "bird", "birds": "bird", "horse": "horse", "horses": "horse", "pony": "horse",
    "sheep": "sheep", "lamb": "sheep", "cow": "cow", "cows": "cow", "bull": "cow", "elephant": "elephant",
    "elephants": "elephant", "bear": "bear", "bears": "bear", "zebra": "zebra", "zebras": "zebra",
    "giraffe": "giraffe", "giraffes": "giraffe",
}  # fmt: skip
_NO_ANIMALS = {("hot", "dog"), ("hot", "dogs"), ("teddy", "bear"), ("teddy", "bears"), ("toy", "dog"), ("bird", "s")}

_QUOTES = {'"': '"', "“": "”", "„": "“", "«": "»", "‘": "’"}
MIN_QUOTED_LETTERS = 3
MAX_QUOTES = 10


@dataclass(frozen=True, slots=True)
class PeopleClaim:
    """`words` of the caption; `most` is the largest number of people that it may mean, None without a bound."""

    words: str
    most: int | None


@dataclass(frozen=True, slots=True)
class CaptionClaims:
    """`nobody` are words that say that there are no people; `animals` maps labels of COCO to words."""

    people: Sequence[PeopleClaim]
    nobody: str | None
    animals: Mapping[str, str]
    quotes: Sequence[str]


def find_claims(caption: str) -> CaptionClaims:
    words = _split_words(caption)
    people = [claim for at in range(len(words)) if (claim := _read_people(words, at)) is not None]
    return CaptionClaims(
        [claim for claim in people if claim.most != 0],
        next((claim.words for claim in people if claim.most == 0), None),
        dict(_find_animals(words)),
        list(_find_quotes(caption))[:MAX_QUOTES],
    )


def _split_words(text: str) -> list[str]:
    return "".join(one if one.isalnum() else " " for one in text.lower()).split()


def _read_people(words: Sequence[str], at: int) -> PeopleClaim | None:
    """A claim about people that ends with word `at`."""
    word, before = words[at], words[max(0, at - 2) : at]
    if word in _NOBODY:
        return PeopleClaim(word, 0)
    if word not in _ONE and word not in _SEVERAL:
        return None
    shown = " ".join([*before[-1:], word])
    if any(one in _NONE for one in before):
        return PeopleClaim(" ".join([*before, word]), 0)
    if word in _ONE:
        return PeopleClaim(shown, 1)
    numbers = [_NUMBERS[one] if one in _NUMBERS else int(one) for one in before if one in _NUMBERS or _is_number(one)]
    return PeopleClaim(shown, numbers[-1] if numbers and numbers[-1] > 1 else None)


def _is_number(word: str) -> bool:
    return word.isascii() and word.isdecimal() and len(word) < 4


def _find_animals(words: Sequence[str]) -> Iterator[tuple[str, str]]:
    for at, word in enumerate(words):
        pairs = {tuple(words[at - 1 : at + 1]), tuple(words[at : at + 2])}
        is_denied = any(one in _NONE for one in words[max(0, at - 2) : at])
        if word in _ANIMALS and pairs.isdisjoint(_NO_ANIMALS) and not is_denied:
            yield _ANIMALS[word], word


def _find_quotes(text: str) -> Iterator[str]:
    """The quotations that are long enough to be looked for."""
    at = 0
    while at < len(text):
        closing = _QUOTES.get(text[at])
        end = text.find(closing, at + 1) if closing else -1
        if end < 0:
            at += 1
            continue
        quote = text[at + 1 : end].strip()
        if sum(map(str.isalnum, quote)) >= MIN_QUOTED_LETTERS:
            yield quote
        at = end + 1
