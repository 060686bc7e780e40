"""The classifier's answer becomes a statement only where it may be believed."""

from collections.abc import Mapping
from pathlib import Path

import pytest
from pydantic import BaseModel

from models.labels import load_label_set
from pipelines.captioning.detected_classes import detected_class, read_ranges
from pipelines.captioning.statements import SORTS, describe_appearance, describe_things
from pipelines.faces.types import Face, Faces
from pipelines.objects.types import DetectedObject, Objects, ObjectStatement
from pipelines.prompt import PromptContext
from pipelines.types import Colour, Features, GroupScore, Tag
from tests.pipelines.fakes import APPEARANCE, FEATURES, IMAGE

LABELS = {label.name: label for label in load_label_set("imagenet-1k").labels}
COCO = {label.name for label in load_label_set("coco").labels}


def make_tag(label: str, score: float) -> Tag:
    one = LABELS[label]
    return Tag(index=one.index, wnid=one.wnid, label=one.name, score=score, group=one.group)


def make_features(label: str, score: float, groups: Mapping[str, float] | None = None, **others: float) -> Features:
    """Features with this class, the `groups`, and further classes."""
    tags = [make_tag(label, score), *(make_tag(name.replace("_", " "), share) for name, share in others.items())]
    found = [GroupScore(group=name, score=value) for name, value in (groups or {}).items()]
    return FEATURES.model_copy(update={"tags": tags, "groups": found})


def make_objects(*labels: str, weak: tuple[str, ...] = ()) -> Objects:
    """Objects that are stated, and `weak` ones that are only listed."""
    counts = {label: labels.count(label) for label in labels}
    return Objects(
        objects=[
            DetectedObject(label=label, box=(0, 0, 9, 9), score=0.9, position="left", size=0.1)
            for label in (*labels, *weak)
        ],
        counts=counts,
        statements=[
            ObjectStatement(label=label, count=count, is_exact=True, certainty=0.9, size=0.1)
            for label, count in counts.items()
        ],
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


def test_a_detection_that_the_classifier_contradicts_refines_nothing() -> None:
    assert say(make_features("golden retriever", 0.99), make_objects("cat")) == "It shows: golden retriever."


@pytest.mark.parametrize(
    ("label", "detected"), [("ski", "skis"), ("racket", "tennis racket"), ("toilet seat", "toilet")]
)
def test_a_name_is_not_said_twice(label: str, detected: str) -> None:
    assert say(make_features(label, 0.99), make_objects(detected)) == ""


@pytest.mark.parametrize("label", ["wig", "neck brace", "lab coat", "rifle"])
def test_no_clothes_are_named_beside_people(label: str) -> None:
    assert say(make_features(label, 0.99), make_objects("person")) == ""


def test_even_a_weak_person_is_a_person() -> None:
    assert say(make_features("wig", 0.99), make_objects(weak=("person",))) == ""


def test_a_thing_beside_people_is_named_when_it_is_very_certain() -> None:
    words = say(make_features("grand piano", 0.97), make_objects("person"))

    assert words == "Also in it: grand piano."


@pytest.mark.parametrize(("label", "score"), [("grand piano", 0.94), ("golden retriever", 0.99)])
def test_beside_people_nothing_less_certain_and_nothing_undetected_is_named(label: str, score: float) -> None:
    assert say(make_features(label, score), make_objects("person")) == ""


def test_what_the_detector_knows_and_does_not_find_is_no_guess() -> None:
    airliner = make_features("airliner", 0.75)

    assert say(airliner, make_objects()) == ""
    assert say(airliner) == "It may show: airliner (a guess)."


@pytest.mark.parametrize(("is_face", "words"), [(True, ""), (False, "It shows: lab coat.")])
def test_only_faces_are_people_where_no_detector_ran(is_face: bool, words: str) -> None:
    face = Face.model_construct(is_face=is_face, score=0.9 if is_face else 0.3)
    faces = Faces.model_construct(faces=[face], primary=None, count=int(is_face))

    assert say(make_features("lab coat", 0.99), faces) == words


@pytest.mark.parametrize(
    ("features", "words"),
    [
        (make_features("anole", 0.55, green_lizard=0.32), "It shows a lizard."),
        (make_features("anole", 0.45, green_lizard=0.2), "It may show a lizard (a guess)."),
        (make_features("mantis", 0.4, {"animal": 0.85}, grasshopper=0.25), "It shows an animal, perhaps an insect."),
        (make_features("pretzel", 0.3, {"food": 0.62}), "It may show food (a guess)."),
        (make_features("mantis", 0.4, {"animal": 0.55}, stick_insect=0.1), ""),
    ],
)
def test_uncertain_classes_may_have_a_sort_in_common(features: Features, words: str) -> None:
    assert say(features, make_objects()) == words


def test_no_sort_repeats_what_was_detected() -> None:
    features = make_features("Irish wolfhound", 0.5, Scottish_deerhound=0.4)

    assert say(features, make_objects("dog")) == ""


@pytest.mark.parametrize(("precision", "words"), [(0.9, "It shows"), (0.95, "It may show"), (0.99, "It may show")])
def test_a_higher_precision_states_less(precision: float, words: str) -> None:
    features = make_features("lighthouse", 0.85)

    said = describe_things(features, PromptContext(IMAGE, {"features": features}, precision=precision))
    assert said.startswith(words)


def test_every_sort_has_classes() -> None:
    sorts = {name: (first, last) for name, first, last in read_ranges(SORTS)}

    assert all(any(first <= one.wnid <= last for one in LABELS.values()) for first, last in sorts.values())


@pytest.mark.parametrize("path", [SORTS, SORTS.with_name("detected_classes.toml")], ids=lambda path: path.stem)
def test_every_range_goes_from_a_class_to_a_class(path: Path) -> None:
    ends = {wnid for _, *ends in read_ranges(path) for wnid in ends}

    assert ends <= {one.wnid for one in LABELS.values()}
    assert all(first <= last for _, first, last in read_ranges(path))


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
