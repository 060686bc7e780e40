"""Callbacks: signed, delivered to a real server, and never sent into the network behind the service."""

import asyncio
import base64

import pytest
from standardwebhooks.webhooks import Webhook

from service.errors import UrlRejected, WebhookFailed, WebhooksOff
from service.network.client import open_outbound_client
from service.settings import SettingsInvalid, UrlInputs
from service.worker.webhooks import Webhooks, signing_key
from tests.service.image_server import serving_images

KEY = b"a key of at least 24 random bytes"
SECRET = "whsec_" + base64.b64encode(KEY).decode()


def send(url: str, *, allowed: UrlInputs = "any", key: bytes | None = KEY) -> None:
    async def once() -> None:
        async with open_outbound_client(allowed) as outbound:
            await Webhooks(outbound, key).send(url, "msg_1", b'{"a": 1}')

    asyncio.run(once())


def test_a_callback_has_a_valid_standard_webhooks_signature() -> None:
    with serving_images() as server:
        send(f"{server.url}/hook")
        [(headers, body)] = server.posted

    assert Webhook(SECRET).verify(body, headers) == {"a": 1}


@pytest.mark.parametrize("url", ["http://127.0.0.1/hook", "http://localhost:80/", "http://[::1]/", "http://10.0.0.1/"])
def test_private_hosts_are_not_called(url: str) -> None:
    with pytest.raises(UrlRejected):
        send(url, allowed="public")


@pytest.mark.parametrize(("allowed", "key"), [("off", KEY), ("any", None)])
def test_nothing_is_sent_if_callbacks_are_off(allowed: UrlInputs, key: bytes | None) -> None:
    with pytest.raises(WebhooksOff):
        send("http://127.0.0.1/", allowed=allowed, key=key)


class EndlessAnswer(asyncio.Protocol):
    """A server whose answer to any request never ends; `closed` is when the client hangs up."""

    def __init__(self) -> None:
        self.closed = asyncio.Event()
        self._can_write = True

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._transport.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n")
        self._send_more()

    def _send_more(self) -> None:
        if self._transport.is_closing():
            return
        if self._can_write:
            self._transport.write(bytes(2**12))
        asyncio.get_running_loop().call_later(0.001, self._send_more)

    def pause_writing(self) -> None:
        self._can_write = False

    def resume_writing(self) -> None:
        self._can_write = True

    def connection_lost(self, error: Exception | None) -> None:
        self.closed.set()


def test_an_answer_is_not_read_beyond_its_status() -> None:
    async def scenario() -> None:
        receiver = EndlessAnswer()
        server = await asyncio.get_running_loop().create_server(lambda: receiver, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        async with server, open_outbound_client("any") as outbound:
            await Webhooks(outbound, KEY).send(f"http://127.0.0.1:{port}/hook", "msg_1", b"{}")
            await receiver.closed.wait()  # by the sender, at once: not at the end of the client's block

    asyncio.run(scenario())


def test_an_unreachable_server_is_a_temporary_failure() -> None:
    with serving_images() as server:
        url = f"{server.url}/hook"

    with pytest.raises(WebhookFailed):
        send(url)


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_c2hvcnQ=", "c2VjcmV0", "whsec_" + "?" * 40])
def test_a_malformed_secret_is_refused(secret: str) -> None:
    with pytest.raises(SettingsInvalid):
        signing_key(secret)


def test_the_signing_key_is_decoded_from_base64() -> None:
    assert signing_key(SECRET) == KEY
