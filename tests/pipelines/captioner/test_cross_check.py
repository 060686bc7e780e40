"""Captions against detections: what is contradicted, what is unconfirmed, and what nothing speaks against."""

import pytest

from pipelines.captioner.cross_check import DetectedFacts, find_doubts


def doubts(caption: str, **facts: object) -> list[tuple[str, str]]:
    found = find_doubts(caption, DetectedFacts(**facts))  # type: ignore[arg-type]
    return [(doubt.subject, doubt.grade) for doubt in found]


@pytest.mark.parametrize(
    ("caption", "facts", "expected"),
    [
        ("A man at a desk.", {"faces": 0}, [("people", "unconfirmed")]),
        ("A man at a desk.", {"faces": 0, "counts": {}}, [("people", "contradicted")]),
        ("A man at a desk.", {"faces": 0, "counts": {"person": 1}}, []),
        ("A man at a desk.", {"faces": 1}, []),
        ("A man at a desk.", {"faces": 3}, [("people", "contradicted")]),
        ("A man and a woman at a desk.", {"faces": 2}, []),
        ("Two people at a desk.", {"counts": {"person": 4}}, [("people", "contradicted")]),
        ("People at a desk.", {"faces": 4}, []),
        ("A street without people.", {"faces": 2}, [("people", "contradicted")]),
        ("There are no people in it.", {"faces": 0, "counts": {}}, []),
        ("A man at a desk.", {}, []),
    ],
)
def test_people(caption: str, facts: dict[str, object], expected: list[tuple[str, str]]) -> None:
    assert doubts(caption, **facts) == expected


@pytest.mark.parametrize(
    ("caption", "facts", "expected"),
    [
        ("A puppy on a rug.", {"counts": {"cat": 1}}, [("animals", "contradicted")]),
        ("A puppy on a rug.", {"counts": {}, "animal_share": 0.8}, [("animals", "unconfirmed")]),
        ("A puppy on a rug.", {"counts": {"dog": 1}}, []),
        ("A puppy on a rug.", {"animal_share": 0.0}, [("animals", "unconfirmed")]),
        ("A puppy on a rug.", {"animal_share": 0.9}, []),
        ("A hot dog and a teddy bear.", {"counts": {}}, []),
        ("No dogs are in the street.", {"counts": {}}, []),
        ("A puppy on a rug.", {}, []),
    ],
)
def test_animals(caption: str, facts: dict[str, object], expected: list[tuple[str, str]]) -> None:
    assert doubts(caption, **facts) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (None, [("text", "unconfirmed")]),
        ("", [("text", "contradicted")]),
        ("CLOSED ON SUNDAYS", [("text", "contradicted")]),
        ("open\n24 hours", []),
    ],
)
def test_quoted_text(text: str | None, expected: list[tuple[str, str]]) -> None:
    assert doubts("A sign that says “Open 24 hours”.", text=text) == expected


def test_a_doubt_names_the_words_and_the_reason() -> None:
    [doubt] = find_doubts("Nobody is on the square.", DetectedFacts(faces=1))

    assert (doubt.claim, doubt.reason) == ("nobody", "1 person was found")


def test_a_quotation_mark_that_is_not_closed_quotes_nothing() -> None:
    assert doubts('A sign with 12" on it, which nobody reads', text="", faces=0) == []
