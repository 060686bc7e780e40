"""Validation errors name the wrong fields shortly, and nothing of the validator."""

from typing import Any

import pytest
from pydantic import BaseModel

from pipelines.captioning.options import FeaturesOptions
from pipelines.errors import RequestRejected
from pipelines.faces.options import AvatarOptions
from service.operations.embeddings import EmbeddingsRequest
from service.operations.field_errors import MAX_ERRORS, describe_parameter_errors, parse_fields
from service.operations.openai_moderation import ModerationRequest


def refusal(kind: type[BaseModel], values: Any) -> str:
    with pytest.raises(RequestRejected) as caught:
        parse_fields(kind, values, where="body")
    return str(caught.value)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (5, "body.input: Input should be a text, texts, or parts"),
        ("", "body.input: String should have at least 1 character"),
        (["a", 5], "body.input.1: Input should be a valid string"),
        ([{"type": "text"}], "body.input.0.text: Field required"),
        ([{"type": "image_url", "image_url": {}}], "body.input.0.image_url.url: Field required"),
        ([{"type": "image_url", "image_url": 1}], "body.input.0.image_url: Input should be an object"),
    ],
)
def test_an_error_names_the_field_as_the_client_wrote_it(given: Any, expected: str) -> None:
    assert refusal(ModerationRequest, {"input": given}) == expected


@pytest.mark.parametrize("kind", [ModerationRequest, EmbeddingsRequest])
@pytest.mark.parametrize("given", [5, None, "", [], [5], [[]], [{}], ["a", {}], [{"type": "x"}], [{"image": 1}]])
def test_errors_have_nothing_of_the_validator(kind: type[BaseModel], given: Any) -> None:
    text = refusal(kind, {"input": given})

    assert not [inner for inner in ("function", "0x", "union[", "constrained", "list[", "Part", "()") if inner in text]


def test_at_most_ten_errors_are_listed() -> None:
    text = refusal(FeaturesOptions, {f"unknown{number}": 1 for number in range(500)})

    assert text.count("Extra inputs are not permitted") == MAX_ERRORS
    assert text.endswith("; and 490 more")


def test_each_error_is_under_200_characters() -> None:
    text = refusal(FeaturesOptions, {"x" * 100_000: 1, "embedding": "y" * 100_000})

    assert all(len(line) < 200 for line in text.split("; "))


def test_an_error_that_each_part_of_a_choice_has_is_told_once() -> None:
    errors = [{"loc": ("query", "face", tag), "msg": "wrong", "type": "x"} for tag in ("literal['primary']", "int")]

    assert str(describe_parameter_errors(errors)) == "query.face: wrong"


def test_a_choice_is_named_by_its_field() -> None:
    assert refusal(AvatarOptions, {"face": []}) == (
        "body.face: Input should be 'primary'; body.face: Input should be a valid integer"
    )
