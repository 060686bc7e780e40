"""Checks a caption's claims against what the detectors of the same request found."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from pipelines.captioner.claims import CaptionClaims, find_claims
from pipelines.captioner.types import CaptionDoubt, DoubtGrade

ANIMAL_SHARE = 0.3  # of the classifier's probability for all animals, from which it speaks for one
FOUND_WORDS = 0.5  # share of a quote's words that the text read must have


@dataclass(frozen=True, slots=True)
class DetectedFacts:
    """The findings of detectors; None for each that did not run.

    `counts` are objects by COCO label, `faces` the number of faces, `animal_share` the classifier's probability of all
    animals together, `text` everything that was read.
    """

    counts: Mapping[str, int] | None = None
    faces: int | None = None
    animal_share: float | None = None
    text: str | None = None


def find_doubts(caption: str, facts: DetectedFacts) -> list[CaptionDoubt]:
    claims = find_claims(caption)
    return [*_doubt_people(claims, facts), *_doubt_animals(claims, facts), *_doubt_text(claims, facts)]


def _doubt_people(claims: CaptionClaims, facts: DetectedFacts) -> Iterator[CaptionDoubt]:
    persons = None if facts.counts is None else facts.counts.get("person", 0)
    found = max(facts.faces or 0, persons or 0)
    if claims.nobody is not None and found:
        yield CaptionDoubt(subject="people", grade="contradicted", claim=claims.nobody, reason=f"{_count(found)} found")
    if not claims.people:
        return
    words = ", ".join(dict.fromkeys(claim.words for claim in claims.people))
    most = [claim.most for claim in claims.people]
    if persons == 0 and not found:
        yield CaptionDoubt(subject="people", grade="contradicted", claim=words, reason="no person was found")
    elif persons is None and facts.faces == 0:
        yield CaptionDoubt(subject="people", grade="unconfirmed", claim=words, reason="no face was found")
    elif None not in most and found > sum(one or 0 for one in most):
        yield CaptionDoubt(subject="people", grade="contradicted", claim=words, reason=f"{_count(found)} found")


def _count(found: int) -> str:
    return "1 person was" if found == 1 else f"at least {found} people were"


def _doubt_animals(claims: CaptionClaims, facts: DetectedFacts) -> Iterator[CaptionDoubt]:
    has_animals = facts.animal_share is not None and facts.animal_share >= ANIMAL_SHARE
    for label, word in claims.animals.items():
        if facts.counts is not None and not facts.counts.get(label):
            grade: DoubtGrade = "unconfirmed" if has_animals else "contradicted"
            yield CaptionDoubt(subject="animals", grade=grade, claim=word, reason=f"no {label} was found")
        elif facts.counts is None and facts.animal_share is not None and not has_animals:
            reason = "the classifier sees no animal"
            yield CaptionDoubt(subject="animals", grade="unconfirmed", claim=word, reason=reason)


def _doubt_text(claims: CaptionClaims, facts: DetectedFacts) -> Iterator[CaptionDoubt]:
    read = None if facts.text is None else set(_words(facts.text))
    for quote in claims.quotes:
        if read is None:
            yield CaptionDoubt(subject="text", grade="unconfirmed", claim=quote, reason="no text was read")
        elif sum(word in read for word in _words(quote)) < FOUND_WORDS * len(_words(quote)):
            reason = "the text that was read does not have it" if read else "no text was found"
            yield CaptionDoubt(subject="text", grade="contradicted", claim=quote, reason=reason)


def _words(text: str) -> list[str]:
    return "".join(one if one.isalnum() else " " for one in text.casefold()).split()
