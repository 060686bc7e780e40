"""Puts counted objects into words: "2 people (left, centre), 1 dog (right), at least 3 chairs."""

from collections.abc import Sequence

from pipelines.objects.types import Objects, ObjectStatement
from pipelines.prompt import MANY

SURE = 0.5  # score from which on an object's place is told

_PLURALS = {
    "person": "people", "mouse": "mice", "knife": "knives", "sheep": "sheep", "skis": "pairs of skis",
    "scissors": "pairs of scissors", "broccoli": "pieces of broccoli", "toothbrush": "toothbrushes",
}  # fmt: skip
_ONES = {"skis": "1 pair of skis", "scissors": "1 pair of scissors", "broccoli": "broccoli"}


def describe_objects(result: Objects, statements: Sequence[ObjectStatement]) -> str:
    """Tells `statements`, with the places of the objects in `result`; empty where there are none."""
    parts = [_describe_statement(one, result) for one in statements]
    return f"In the picture: {', '.join(parts)}." if parts else ""


def _describe_statement(statement: ObjectStatement, result: Objects) -> str:
    label, count = statement.label, statement.count
    if count > MANY:
        return f"more than {MANY} {name_plural(label)}"
    if not statement.is_exact:
        return f"at least {count} {name_plural(label) if count > 1 else label}"
    number = _ONES.get(label, f"1 {label}") if count == 1 else f"{count} {name_plural(label)}"
    places = [one.position for one in result.objects if one.label == label and one.score >= SURE][:count]
    return f"{number} ({', '.join(places)})" if len(places) == count else number


def name_plural(label: str) -> str:
    """The plural of a label of COCO."""
    if label in _PLURALS:
        return _PLURALS[label]
    return f"{label}es" if label.endswith(("s", "x", "ch", "sh")) else f"{label}s"
