"""Faces in the prompt: as many as are certain, and each as far as it is exact."""

import pytest

from pipelines.boxes import BoxPosition
from pipelines.faces.types import Face, FaceQuality, Faces, Pose
from pipelines.faces.wording import describe_faces
from pipelines.prompt import PromptContext, PromptStyle
from tests.pipelines.fakes import IMAGE


def make_face(score: float, position: BoxPosition = "centre", yaw: float = 0.0) -> Face:
    left = 200 * ("left", "centre", "right").index(position)
    return Face.model_construct(
        score=score,
        box=(left, 0, left + 100, 100),
        position=position,
        pose=Pose(yaw=yaw, pitch=0, roll=0),
        quality=FaceQuality.model_construct(relative_size=0.2),
    )


def say(*faces: Face, precision: float = 0.95, style: PromptStyle = "short") -> str:
    result = Faces.model_construct(faces=list(faces))
    return describe_faces(result, PromptContext(IMAGE, {"faces": result}, style, precision))


def test_faces_are_told_from_left_to_right() -> None:
    words = say(make_face(0.99, "right", yaw=-40), make_face(0.98, "left", yaw=40))

    assert words == "Faces: 2 (left, looks right; right, looks left)."


def test_candidates_are_not_told() -> None:
    assert say(make_face(0.99), make_face(0.15, "left")) == "Faces: 1 (centre)."


@pytest.mark.parametrize(
    ("precision", "words"), [(0.9, "Faces: 1 (centre)."), (0.95, "Faces: at least 1."), (0.99, "Faces: at least 1.")]
)
def test_a_higher_precision_tells_fewer_faces_exactly(precision: float, words: str) -> None:
    assert say(make_face(0.995), make_face(0.3, "left"), precision=precision) == words


def test_more_than_three_faces_are_never_exact() -> None:
    assert say(*[make_face(0.999)] * 4) == "Faces: at least 4."


@pytest.mark.parametrize(("style", "words"), [("short", ""), ("full", "No face was found.")])
def test_only_a_full_prompt_says_that_there_is_none(style: PromptStyle, words: str) -> None:
    assert say(style=style) == words
