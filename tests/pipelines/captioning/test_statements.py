"""The classifier's answer becomes a statement only where it may be believed."""

from collections.abc import Mapping

import pytest
from pydantic import BaseModel

from models.labels import load_label_set
from pipelines.captioning.statements import describe_appearance, describe_things, detected_class
from pipelines.faces.types import Faces
from pipelines.objects.types import DetectedObject, Objects, ObjectStatement
from pipelines.prompt import PromptContext
from pipelines.types import Colour, Features, GroupScore, ImageInfo, Tag
from tests.pipelines.fakes import APPEARANCE, FEATURES

LABELS = {label.name: label for label in load_label_set("imagenet-1k").labels}
COCO = {label.name for label in load_label_set("coco").labels}
IMAGE = ImageInfo(
    width=640, height=480, format="JPEG", mode="RGB", orientation="landscape", exif_orientation=1, frames=1,
    has_alpha=False, bytes=9, sha256="0" * 64,
)  # fmt: skip


def make_features(label: str, score: float, groups: Mapping[str, float] | None = None) -> Features:
    one = LABELS[label]
    tag = Tag(index=one.index, wnid=one.wnid, label=one.name, score=score, group=one.group)
    found = [GroupScore(group=name, score=value) for name, value in (groups or {}).items()]
    return FEATURES.model_copy(update={"tags": [tag], "groups": found})


def make_objects(*labels: str, weak: tuple[str, ...] = ()) -> Objects:
    """Objects that are stated, and `weak` ones that are only listed."""
    counts = {label: labels.count(label) for label in labels}
    return Objects(
        objects=[
            DetectedObject(label=label, box=(0, 0, 9, 9), score=0.9, position="left", size=0.1)
            for label in (*labels, *weak)
        ],
        counts=counts,
        statements=[ObjectStatement(label=label, count=count, is_exact=True) for label, count in counts.items()],
        precision=0.95,
        detector="any",
    )


def say(features: Features, *others: BaseModel) -> str:
    results = {type(one).__name__: one for one in (features, *others)}
    return describe_things(features, PromptContext(IMAGE, results))


@pytest.mark.parametrize(
    ("score", "words"),
    [
        (0.95, "It shows: lighthouse."),
        (0.9, "It shows: lighthouse."),
        (0.89, "It may show: lighthouse (a guess)."),
        (0.7, "It may show: lighthouse (a guess)."),
        (0.69, ""),
    ],
)
def test_only_certain_things_are_stated(score: float, words: str) -> None:
    assert say(make_features("lighthouse", score), make_objects()) == words


def test_the_kind_of_a_detected_thing_is_named() -> None:
    words = say(make_features("golden retriever", 0.95), make_objects("dog"))

    assert words == "The dog is of this kind: golden retriever."


def test_an_uncertain_kind_is_said_to_be_a_guess() -> None:
    words = say(make_features("golden retriever", 0.75), make_objects("dog"))

    assert words == "The dog is perhaps of this kind: golden retriever."


def test_of_several_things_none_is_named() -> None:
    assert say(make_features("golden retriever", 0.99), make_objects("dog", "dog")) == ""


def test_the_detector_contradicts_the_classifier() -> None:
    assert say(make_features("golden retriever", 0.99), make_objects("cat")) == ""


@pytest.mark.parametrize("label", ["wig", "neck brace", "lab coat", "rifle"])
def test_no_clothes_are_named_beside_people(label: str) -> None:
    assert say(make_features(label, 0.99), make_objects("person")) == ""


def test_even_a_weak_person_is_a_person() -> None:
    assert say(make_features("wig", 0.99), make_objects(weak=("person",))) == ""


def test_a_thing_beside_people_is_named_when_it_is_very_certain() -> None:
    words = say(make_features("grand piano", 0.97), make_objects("person"))

    assert words == "Also in it: grand piano."


def test_faces_are_people_where_no_detector_ran() -> None:
    faces = Faces.model_construct(faces=["any"], primary=None, count=1)

    assert say(make_features("lab coat", 0.99), faces) == ""


def test_a_group_is_named_where_its_classes_are_not_certain() -> None:
    assert say(make_features("tench", 0.3, {"animal": 0.95}), make_objects()) == "It shows an animal."


def test_a_group_that_says_nothing_is_left_out() -> None:
    assert say(make_features("wig", 0.3, {"clothing": 0.95}), make_objects()) == ""


def test_without_tags_nothing_is_said() -> None:
    assert describe_things(FEATURES, PromptContext(IMAGE, {"features": FEATURES})) == ""


@pytest.mark.parametrize(
    ("label", "detected"),
    [
        ("golden retriever", "dog"), ("Egyptian cat", "cat"), ("bald eagle", "bird"), ("school bus", "bus"),
        ("lighthouse", None), ("wolf spider", None),
    ],
)  # fmt: skip
def test_classes_belong_to_what_the_detector_finds(label: str, detected: str | None) -> None:
    assert detected_class(LABELS[label].wnid) == detected


def test_every_detected_class_is_one_of_the_detectors() -> None:
    assert {detected_class(label.wnid) for label in LABELS.values()} - {None} <= COCO


@pytest.mark.parametrize(
    ("update", "words"),
    [
        ({}, "It looks sharp, is normally exposed."),
        ({"is_blurred": True}, "It looks blurred, is normally exposed."),
        ({"exposure": "dark"}, "It looks sharp, is dark."),
        ({"exposure": "flat"}, "It has almost no contrast."),
    ],
)
def test_a_full_prompt_says_how_the_picture_looks(update: dict[str, object], words: str) -> None:
    assert describe_appearance(APPEARANCE.model_copy(update=update)).startswith(words)


def test_colours_are_named_without_their_shares() -> None:
    colours = [Colour(name="red", hex="#cd1e23", share=0.613), Colour(name="dark blue", hex="#14235f", share=0.25)]

    words = describe_appearance(APPEARANCE.model_copy(update={"colours": colours}))

    assert words.endswith("Colours: red, dark blue.")
