"""Turns between callers, and between the documents of each caller."""

from pipelines.turns import Turns


def taken(*put: tuple[str, str]) -> list[str]:
    """Items in the order in which they come out; each is named by its caller and document."""
    turns = Turns[str]()
    for caller, document in put:
        turns.put(caller, document, f"{caller}{document}")
    found = []
    while turns:
        found.append(turns.take())
    return found


def test_one_document_keeps_its_order() -> None:
    turns = Turns[int]()
    for page in (2, 3, 4):
        turns.put("a", "one", page)

    assert [turns.take() for _ in range(3)] == [2, 3, 4]


def test_documents_of_a_caller_alternate() -> None:
    assert taken(("a", "1"), ("a", "1"), ("a", "1"), ("a", "2")) == ["a1", "a2", "a1", "a1"]


def test_callers_alternate_however_many_documents_each_has() -> None:
    many = [("a", str(number)) for number in range(10)]

    assert taken(*many, ("b", "0"), ("b", "0")) == ["a0", "b0", "a1", "b0", *(f"a{number}" for number in range(2, 10))]


def test_documents_alternate_within_their_callers_turns() -> None:
    assert taken(("a", "1"), ("a", "1"), ("a", "2"), ("b", "1"), ("b", "1")) == ["a1", "b1", "a2", "b1", "a1"]
