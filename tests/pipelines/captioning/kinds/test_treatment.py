"""What follows from a kind: reading, looking, or both where the kind is uncertain."""

import pytest

from pipelines.captioning.kinds.treatment import should_look, should_read
from pipelines.types import PICTURE_KINDS, KindName, PictureKind


def certain(name: KindName) -> PictureKind:
    return PictureKind(name=name, score=1.0, scores=dict.fromkeys(PICTURE_KINDS, 0.0) | {name: 1.0})


UNCERTAIN = PictureKind(
    name=None, score=0.5, scores=dict.fromkeys(PICTURE_KINDS, 0.0) | {"photo": 0.5, "document": 0.5}
)


@pytest.mark.parametrize("name", ["screenshot", "document", "meme"])
def test_pictures_with_text_are_read(name: KindName) -> None:
    assert should_read(certain(name))


@pytest.mark.parametrize("name", ["photo", "drawing", "blank"])
def test_pictures_without_text_are_not_read(name: KindName) -> None:
    assert not should_read(certain(name))


@pytest.mark.parametrize("name", ["photo", "meme", "drawing"])
def test_pictures_of_things_are_looked_at(name: KindName) -> None:
    assert should_look(certain(name))


@pytest.mark.parametrize("name", ["screenshot", "document", "chart", "map", "blank"])
def test_pages_and_screens_are_not_looked_at(name: KindName) -> None:
    assert not should_look(certain(name))


@pytest.mark.parametrize("kind", [None, UNCERTAIN])
def test_an_uncertain_kind_is_read_and_looked_at(kind: PictureKind | None) -> None:
    assert should_read(kind)
    assert should_look(kind)
