"""Replies of vision models: the forms in which servers give the text, and what is no caption."""

from typing import Any

import orjson
import pytest

from pipelines.captioner.chat import MAX_CAPTION_LENGTH, read_chat_reply
from pipelines.captioner.errors import CaptionerFailed


def reply(content: Any) -> bytes:
    return orjson.dumps({"choices": [{"message": {"content": content}}]})


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (" A cat. ", "A cat."),
        ([{"type": "text", "text": "A "}, {"type": "text", "text": "cat."}], "A cat."),
        ("A\x1b[31m cat\u202e.\nIt sleeps.", "A [31m cat .\nIt sleeps."),
        ("x" * 9_000, "x" * MAX_CAPTION_LENGTH),
    ],
)
def test_the_text_is_read_and_made_printable(content: Any, text: str) -> None:
    assert read_chat_reply(reply(content)) == text


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"null", b'{"choices": {}}', b'{"choices": [7]}', reply(None), reply(3), reply([1]), reply("\n")],
)
def test_anything_else_is_malformed(body: bytes) -> None:
    with pytest.raises(CaptionerFailed) as caught:
        read_chat_reply(body)

    assert caught.value.reason == "malformed"
