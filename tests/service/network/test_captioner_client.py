"""The captioner over real HTTP: what it sends, how each fault of the server is told, and that the key stays secret."""

import asyncio
import logging
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from pipelines.captioner.captioner import Captioner
from pipelines.captioner.errors import CaptionerFailed
from pipelines.captioner.types import Caption
from service.network.captioner_client import open_captioner
from service.settings import CaptionerSettings, SettingsInvalid
from tests.service.captioner_server import CaptionerServer, Fault, serving_captions

KEY = "sk-very-secret"


@pytest.fixture
def server() -> Iterator[CaptionerServer]:
    with serving_captions() as server:
        yield server


def describe(url: str | None, **more: Any) -> Caption:
    """One description; `more` are settings."""

    async def make_copy() -> bytes:
        return b"\xff\xd8\xff"

    async def scenario() -> Caption:
        given = {"captioner_model": "moondream", "captioner_key": KEY} | more
        async with open_captioner(CaptionerSettings(captioner_url=url, **given), lambda *_: None) as captioner:
            assert isinstance(captioner, Captioner)
            return await captioner.describe((None, "a" * 64), make_copy)

    return asyncio.run(scenario())


def test_a_picture_is_described(server: CaptionerServer) -> None:
    caption = describe(server.url, captioner_prompt="What is it?")

    [(path, headers, body)] = server.asked
    assert caption.text == "A cup of coffee on a table."
    assert path == "/v1/chat/completions"
    assert headers["Authorization"] == f"Bearer {KEY}"
    assert body["messages"][0]["content"][0]["text"] == "What is it?"


def test_the_address_of_chat_completions_itself_is_accepted(server: CaptionerServer) -> None:
    describe(f"{server.url}/chat/completions")

    assert server.asked[0][0] == "/v1/chat/completions"


def test_without_a_key_no_header_is_sent(server: CaptionerServer) -> None:
    describe(server.url, captioner_key=None)

    assert "Authorization" not in server.asked[0][1]


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ("slow", "too-slow"),
        ("busy", "refused"),
        ("redirect", "refused"),
        ("endless", "too-large"),
        ("no-json", "malformed"),
        ("no-choices", "malformed"),
        ("empty", "malformed"),
        ("no-http", "malformed"),
    ],
)
def test_faults_are_told_with_a_reason_and_without_the_key(
    server: CaptionerServer, caplog: pytest.LogCaptureFixture, fault: Fault, reason: str
) -> None:
    server.fault = fault

    with caplog.at_level(logging.DEBUG, "pipelines.captioner.captioner"), pytest.raises(CaptionerFailed) as caught:
        describe(server.url, captioner_seconds=0.3 if fault == "slow" else 30)

    assert caught.value.reason == reason
    assert KEY not in str(caught.value)
    assert KEY not in caplog.text
    assert len([one for one in caplog.records if one.name.endswith("captioner")]) == 1
    assert len(server.asked) == 1


def test_a_server_that_is_not_there_is_unreachable() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        with pytest.raises(CaptionerFailed) as caught:
            describe(f"http://127.0.0.1:{unused.getsockname()[1]}/v1")

    assert caught.value.reason == "unreachable"


@pytest.mark.parametrize(
    ("url", "more", "named"),
    [
        ("http://127.0.0.1:1/v1", {"captioner_model": None}, "CAPTIONER_MODEL"),
        ("http://127.0.0.1:1/v1", {"captioner_key": "sk-very\nsecret"}, "CAPTIONER_KEY"),
        ("ftp://host/v1", {}, "CAPTIONER_URL"),
        ("http://me:sk-very@host/v1", {}, "CAPTIONER_URL"),
        ("no url", {}, "CAPTIONER_URL"),
    ],
)
def test_wrong_settings_are_named_without_their_values(url: str, more: dict[str, Any], named: str) -> None:
    with pytest.raises(SettingsInvalid) as caught:
        describe(url, **more)

    assert named in str(caught.value)
    assert "sk-very" not in str(caught.value)


def test_without_an_address_there_is_no_captioner() -> None:
    async def scenario() -> Captioner | None:
        async with open_captioner(CaptionerSettings(), lambda *_: None) as captioner:
            return captioner

    assert asyncio.run(scenario()) is None
