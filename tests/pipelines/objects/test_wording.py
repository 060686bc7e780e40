"""Counted objects in words."""

import pytest

from pipelines.objects.types import DetectedObject, Objects, ObjectStatement
from pipelines.objects.wording import describe_objects, name_plural


def make_objects(*statements: tuple[str, int, bool], found: tuple[tuple[str, str, float], ...] = ()) -> Objects:
    """`found` are labels, positions and scores of the listed objects."""
    return Objects(
        objects=[
            DetectedObject(label=label, box=(0, 0, 9, 9), score=score, position=position, size=0.1)  # type: ignore[arg-type]
            for label, position, score in found
        ],
        counts={label: count for label, count, _ in statements},
        statements=[
            ObjectStatement(label=one, count=count, is_exact=exact, certainty=0.9, size=0.1)
            for one, count, exact in statements
        ],
        precision=0.95,
        detector="any",
    )


def say(result: Objects) -> str:
    return describe_objects(result, result.statements)


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        (("person", 2, True), "2 people"),
        (("dog", 1, True), "1 dog"),
        (("dog", 1, False), "at least 1 dog"),
        (("person", 3, False), "at least 3 people"),
        (("chair", 6, True), "more than 5 chairs"),
        (("bus", 9, False), "more than 5 buses"),
        (("scissors", 1, True), "1 pair of scissors"),
    ],
)
def test_a_number_is_told_as_it_is_known(statement: tuple[str, int, bool], words: str) -> None:
    assert say(make_objects(statement)) == f"In the picture: {words}."


def test_places_are_told_where_each_object_has_one() -> None:
    found = (("person", "left", 0.9), ("person", "centre", 0.8), ("dog", "right", 0.4))

    words = say(make_objects(("person", 2, True), ("dog", 1, True), found=found))

    assert words == "In the picture: 2 people (left, centre), 1 dog."


def test_nothing_is_said_where_nothing_is_certain() -> None:
    assert say(make_objects(found=(("dog", "left", 0.4),))) == ""


@pytest.mark.parametrize(
    ("label", "plural"),
    [
        ("person", "people"), ("bench", "benches"), ("toothbrush", "toothbrushes"), ("wine glass", "wine glasses"),
        ("knife", "knives"), ("sheep", "sheep"), ("couch", "couches"), ("car", "cars"),
    ],
)  # fmt: skip
def test_labels_have_plurals(label: str, plural: str) -> None:
    assert name_plural(label) == plural
