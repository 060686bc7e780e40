"""The fields of `analyze`: which pipelines run, and how text is read."""

import pytest

from pipelines.errors import RequestRejected
from pipelines.registry import DEFAULT_ANALYSES
from pipelines.text.options import TextOptions
from service.operations.images import AnalyzeInputs
from service.operations.operation import OperationRequest


def parse(**fields: object) -> AnalyzeInputs:
    return AnalyzeInputs.of(OperationRequest(fields, b""))


def test_text_is_read_by_default() -> None:
    assert parse().options["text"] == TextOptions(mode="auto")


@pytest.mark.parametrize("given", ["full", {"mode": "full"}, '{"mode": "full"}'])
def test_text_takes_a_word_or_the_pipelines_options(given: object) -> None:
    assert parse(text=given).options["text"] == TextOptions(mode="full")


def test_without_text_the_other_defaults_are_left() -> None:
    assert set(parse(text="off").options) == set(DEFAULT_ANALYSES) - {"text"}


def test_text_joins_pipelines_that_are_named() -> None:
    assert parse(pipelines="faces", text="auto").options.keys() == {"faces", "text"}


def test_named_pipelines_do_not_read_text_by_themselves() -> None:
    assert parse(pipelines="faces").options.keys() == {"faces"}


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"text": "maybe"}, "options.text: Input should be 'auto', 'off' or 'full'"),
        ({"text": "off", "pipelines": "text"}, "text: without it there is no pipeline left"),
        ({"text": {"mode": "off"}}, "text.mode: Input should be 'auto' or 'full'"),
        ({"text": 7}, "text: "),
    ],
)
def test_other_values_of_text_are_refused(fields: dict[str, object], problem: str) -> None:
    with pytest.raises(RequestRejected, match=problem):
        parse(**fields)


def test_a_scope_for_documents_is_not_needed_by_default() -> None:
    assert parse().required_scopes() == ("analyze",)
