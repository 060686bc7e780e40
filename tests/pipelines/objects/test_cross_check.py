"""What the detector states is left out where the classifier contradicts it, and people are at least their faces."""

from collections.abc import Mapping

import pytest
from pydantic import BaseModel

from models.labels import load_label_set
from pipelines.faces.types import Face, Faces
from pipelines.objects.cross_check import choose_statements
from pipelines.objects.types import DetectedObject, Objects, ObjectStatement
from pipelines.prompt import PromptContext
from pipelines.types import Features, Tag
from tests.pipelines.fakes import FEATURES, IMAGE

LABELS = {label.name: label for label in load_label_set("imagenet-1k").labels}


def make_objects(label: str, certainty: float = 0.85, size: float = 0.3, *, count: int = 1) -> Objects:
    statement = ObjectStatement(label=label, count=count, is_exact=True, certainty=certainty, size=size)
    return list_objects(label).model_copy(update={"statements": [statement], "counts": {label: count}})


def list_objects(label: str) -> Objects:
    """An object that is not certain enough to be stated."""
    found = DetectedObject(label=label, box=(0, 0, 9, 9), score=0.4, position="left", size=0.1)
    return Objects(objects=[found], counts={}, statements=[], precision=0.95, detector="any")


def make_features(scores: Mapping[str, float]) -> Features:
    tags = [
        Tag(index=one.index, wnid=one.wnid, label=name, score=score, group=one.group)
        for name, score in scores.items()
        if (one := LABELS[name])
    ]
    return FEATURES.model_copy(update={"tags": tags})


def make_faces(*scores: float) -> Faces:
    return Faces.model_construct(faces=[Face.model_construct(score=score) for score in scores])


def choose(*results: BaseModel, precision: float = 0.95) -> list[tuple[str, int, bool]]:
    context = PromptContext(IMAGE, {type(one).__name__: one for one in results}, precision=precision)
    return [(one.label, one.count, one.is_exact) for one in choose_statements(context)]


@pytest.mark.parametrize(
    ("label", "certainty", "seen"),
    [
        ("bird", 0.93, {"anole": 0.55, "green lizard": 0.32}),
        ("cat", 0.85, {"French bulldog": 0.78, "bullmastiff": 0.03}),
        ("bear", 0.97, {"orangutan": 0.92}),
        ("motorcycle", 0.9, {"disc brake": 0.94}),
        ("remote", 0.78, {"handheld computer": 0.62, "radio": 0.03}),
    ],
)
def test_a_label_that_the_classifier_excludes_is_left_out(
    label: str, certainty: float, seen: Mapping[str, float]
) -> None:
    assert choose(make_objects(label, certainty, 0.6), make_features(seen)) == []


@pytest.mark.parametrize(
    ("label", "certainty", "size", "seen"),
    [
        ("bird", 0.87, 0.3, {"brambling": 0.3, "bee-eater": 0.09}),  # of its kind
        ("horse", 0.99, 0.1, {"Arabian camel": 0.27, "sandbar": 0.07}),  # the detector is surer
        ("car", 0.98, 0.01, {"ski": 0.96}),  # beside the picture's main thing
        ("person", 0.75, 0.5, {"lab coat": 0.95}),  # the classifier knows no people
        ("dining table", 0.75, 0.9, {"mashed potato": 0.94}),  # on which things stand
        ("bird", 0.8, 0.1, {"lakeside": 0.9}),  # where things are
        ("boat", 0.85, 0.6, {"lakeside": 0.9}),
    ],
)
def test_a_label_that_nothing_contradicts_stays(
    label: str, certainty: float, size: float, seen: Mapping[str, float]
) -> None:
    assert choose(make_objects(label, certainty, size), make_features(seen)) == [(label, 1, True)]


@pytest.mark.parametrize(("seen", "count"), [("brambling", 1), ("lakeside", 0)])
def test_a_kind_of_it_makes_a_doubtful_label_certain(seen: str, count: int) -> None:
    assert len(choose(make_objects("bird", 0.6), make_features({seen: 0.6}))) == count


def test_without_a_classifier_the_detector_is_believed() -> None:
    assert choose(make_objects("bird")) == [("bird", 1, True)]


def test_an_operators_labels_contradict_nothing() -> None:
    own = Tag(index=0, wnid="", label="a lizard", score=0.99, group="animal")

    assert choose(make_objects("bird"), FEATURES.model_copy(update={"tags": [own]})) == [("bird", 1, True)]


@pytest.mark.parametrize(("precision", "count"), [(0.8, 1), (0.95, 1), (0.99, 0)])
def test_a_higher_precision_wants_more_agreement(precision: float, count: int) -> None:
    objects = make_objects("vase", 0.85, 0.05).model_copy(update={"precision": precision})

    assert len(choose(objects, make_features({"pitcher (jug)": 0.1}))) == count


def test_faces_beside_an_uncertain_person_are_people() -> None:
    assert choose(list_objects("person"), make_faces(0.99, 0.98)) == [("person", 2, False)]


@pytest.mark.parametrize(("precision", "people"), [(0.9, [("person", 2, False)]), (0.99, [("person", 1, False)])])
def test_a_higher_precision_counts_fewer_faces(precision: float, people: list[tuple[str, int, bool]]) -> None:
    assert choose(list_objects("person"), make_faces(0.99, 0.98, 0.4), precision=precision) == people


def test_a_face_alone_makes_no_person() -> None:
    assert choose(list_objects("clock"), make_faces(0.99)) == []


def test_candidates_for_faces_make_no_person() -> None:
    assert choose(list_objects("person"), make_faces(0.3, 0.2)) == []


def test_there_are_at_least_as_many_people_as_faces() -> None:
    assert choose(make_objects("person"), make_faces(0.99, 0.98, 0.98)) == [("person", 3, False)]


def test_fewer_faces_than_people_change_nothing() -> None:
    assert choose(make_objects("person", count=3), make_faces(0.99)) == [("person", 3, True)]
