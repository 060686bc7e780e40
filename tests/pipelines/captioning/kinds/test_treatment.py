"""What follows from a kind: reading, looking, or both; where it is uncertain, nothing is left out."""

import pytest

from pipelines.captioning.kinds.treatment import has_writing, is_page, should_look, should_read_all
from pipelines.types import PICTURE_KINDS, KindName, PictureKind


def certain(name: KindName) -> PictureKind:
    return PictureKind(name=name, score=1.0, scores=dict.fromkeys(PICTURE_KINDS, 0.0) | {name: 1.0})


UNCERTAIN = PictureKind(
    name=None, score=0.5, scores=dict.fromkeys(PICTURE_KINDS, 0.0) | {"photo": 0.5, "document": 0.5}
)


@pytest.mark.parametrize("name", ["screenshot", "document", "chart", "meme", "map"])
def test_pictures_with_text_have_writing(name: KindName) -> None:
    assert has_writing(certain(name))


@pytest.mark.parametrize("kind", [None, UNCERTAIN, certain("photo"), certain("drawing"), certain("blank")])
def test_other_pictures_are_not_said_to_have_writing(kind: PictureKind | None) -> None:
    assert not has_writing(kind)


@pytest.mark.parametrize("name", ["photo", "meme", "drawing"])
def test_pictures_of_things_are_looked_at(name: KindName) -> None:
    assert should_look(certain(name))


@pytest.mark.parametrize("name", ["screenshot", "document", "chart", "map", "blank"])
def test_pages_and_screens_are_not_looked_at(name: KindName) -> None:
    assert not should_look(certain(name))


@pytest.mark.parametrize("name", ["screenshot", "document", "chart", "map"])
def test_things_seen_in_pages_and_screens_are_no_facts(name: KindName) -> None:
    assert is_page(certain(name))


@pytest.mark.parametrize("kind", [None, UNCERTAIN, certain("photo"), certain("meme"), certain("blank")])
def test_things_seen_elsewhere_may_be_facts(kind: PictureKind | None) -> None:
    assert not is_page(kind)


def test_only_stated_kinds_are_read_as_a_whole() -> None:
    kinds = [None, UNCERTAIN, *map(certain, PICTURE_KINDS)]

    assert [kind.name for kind in kinds if kind and should_read_all(kind)] == ["screenshot", "document", "meme"]
    assert not should_read_all(None)


@pytest.mark.parametrize("kind", [None, UNCERTAIN])
def test_an_uncertain_kind_is_looked_at(kind: PictureKind | None) -> None:
    assert should_look(kind)
