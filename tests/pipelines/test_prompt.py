"""The prompt: its heading, its order, and which statements a kind of picture rules out."""

from dataclasses import dataclass

import pytest
from pydantic import BaseModel

from pipelines.objects.types import Objects
from pipelines.prompt import PromptContext, PromptStyle, write_prompt
from pipelines.types import PICTURE_KINDS, Features, ImageInfo, KindName, PictureKind
from tests.pipelines.fakes import FEATURES, IMAGE, make_features

NO_OBJECTS = Objects(objects=[], counts={}, statements=[], precision=0.95, detector="any")


@dataclass
class Speaker:
    """A pipeline that says its words where things are shown."""

    words: str

    def describe(self, result: BaseModel, context: PromptContext) -> str:
        return self.words if context.shows_things else ""


def write(features: Features | None = None, *, image: ImageInfo = IMAGE, style: PromptStyle = "short") -> list[str]:
    results: dict[str, BaseModel] = {"moderation": NO_OBJECTS, "features": features or FEATURES, "objects": NO_OBJECTS}
    speakers = {"moderation": Speaker(""), "features": Speaker("A lighthouse."), "objects": Speaker("2 people.")}
    return write_prompt(PromptContext(image, results, style), speakers).splitlines()


def test_what_is_there_comes_before_its_kind() -> None:
    assert write() == ["Image: 640 x 480 pixels.", "2 people.", "A lighthouse."]


@pytest.mark.parametrize(
    ("name", "heading"),
    [
        ("photo", "Photo: 640 x 480 pixels."),
        ("drawing", "Drawing: 640 x 480 pixels."),
        ("meme", "Picture with a caption (meme): 640 x 480 pixels."),
        (None, "Image: 640 x 480 pixels."),
    ],
)
def test_the_heading_states_the_kind(name: KindName | None, heading: str) -> None:
    assert write(make_features(name))[0] == heading


@pytest.mark.parametrize("name", ["screenshot", "document", "chart", "map"])
def test_no_things_are_told_of_pages_and_screens(name: KindName) -> None:
    assert len(write(make_features(name))) == 1


def test_no_things_are_told_of_a_page_that_looks_like_a_photograph() -> None:
    assert len(write(make_features("document", 0.6))) == 1


def test_no_things_are_told_of_a_blank_picture() -> None:
    assert write(make_features("blank")) == ["Blank image: 640 x 480 pixels."]


def test_an_uncertain_kind_rules_nothing_out() -> None:
    assert len(write(make_features(None, 0.6))) == 3


@pytest.mark.parametrize(
    ("scores", "heading"),
    [
        ({"document": 0.45, "screenshot": 0.35, "photo": 0.2}, "Picture with writing: 640 x 480 pixels."),
        ({"document": 0.4, "screenshot": 0.3, "photo": 0.3}, "Image: 640 x 480 pixels."),
    ],
)
def test_two_kinds_with_writing_may_be_certain_together(scores: dict[KindName, float], heading: str) -> None:
    kind = PictureKind(name=None, score=max(scores.values()), scores=dict.fromkeys(PICTURE_KINDS, 0.0) | scores)

    assert write(FEATURES.model_copy(update={"kind": kind}))[0] == heading


def test_a_full_prompt_has_orientation_and_format() -> None:
    assert write(style="full")[0] == "Image: 640 x 480 pixels, landscape, JPEG."


def test_a_pdf_is_a_document_whatever_it_looks_like() -> None:
    image = IMAGE.model_copy(update={"format": "PDF", "frames": 3})

    assert write(make_features("photo"), image=image)[0] == "Document: 640 x 480 pixels, first of 3 pages."
