"""Opens the captioner that the settings name: its address is the operator's, so it may be in a private network."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipelines.captioner.captioner import CallObserver, Captioner
from pipelines.captioner.errors import CaptionerFailed
from service.errors import UrlRejected
from service.settings import CaptionerSettings, SettingsInvalid
from service.telemetry.tracing import start_span

if TYPE_CHECKING:  # HTTP libraries are loaded where there is a captioner
    import httpcore2
    import httpx2

    from service.network.client import OutboundClient

MAX_REPLY_BYTES = 2**20  # a caption has some kilobytes
_CHAT_PATH = "/chat/completions"


@asynccontextmanager
async def open_captioner(settings: CaptionerSettings, observe: CallObserver) -> AsyncIterator[Captioner | None]:
    """None where no URL is set. Raises SettingsInvalid, whose message has neither URL nor key."""
    if settings.captioner_url is None:
        yield None
        return
    from service.network.client import open_outbound_client

    if not settings.captioner_model:
        raise SettingsInvalid("KERNELSIGHT_CAPTIONER_MODEL: must be set where KERNELSIGHT_CAPTIONER_URL is")
    key = settings.captioner_key.get_secret_value() if settings.captioner_key else ""
    if not (key.isascii() and key.isprintable()):
        raise SettingsInvalid("KERNELSIGHT_CAPTIONER_KEY: must be printable ASCII")
    async with open_outbound_client("any") as outbound:
        client = CaptionerClient(outbound, _chat_url(outbound, settings.captioner_url), key)
        yield Captioner(
            settings.captioner_model, settings.captioner_prompt, settings.captioner_seconds, client.post, observe
        )


def _chat_url(outbound: "OutboundClient", text: str) -> "httpx2.URL":
    """`text` is the base URL, as OpenAI's clients take it, or that of the chat completions themselves."""
    try:
        url = outbound.check_url(text)
    except UrlRejected:
        raise SettingsInvalid(
            "KERNELSIGHT_CAPTIONER_URL: must be http:// or https:// with a host and without user and password"
        ) from None
    path = url.path.rstrip("/")
    return url.copy_with(path=path if path.endswith(_CHAT_PATH) else path + _CHAT_PATH)


@dataclass(frozen=True)
class CaptionerClient:
    outbound: "OutboundClient"
    url: "httpx2.URL"
    key: str

    async def post(self, body: bytes) -> bytes:
        """The body of the reply; raises CaptionerFailed. Redirects are not followed: they would lead the picture
        elsewhere."""
        import httpcore2

        from service.errors import UrlFetchFailed
        from service.network.client import to_httpcore_url

        headers = [
            (b"Host", self.url.netloc),
            (b"User-Agent", b"KernelSight"),
            (b"Content-Type", b"application/json"),
            (b"Accept", b"application/json"),
            (b"Accept-Encoding", b"identity"),
        ]
        if self.key:
            headers.append((b"Authorization", f"Bearer {self.key}".encode()))
        try:
            with start_span("POST", "client", {"server.address": self.url.host}):
                async with self.outbound.http.stream(
                    "POST", to_httpcore_url(self.url), headers=headers, content=body
                ) as response:
                    return await _read_body(response)
        except (httpcore2.NetworkError, httpcore2.TimeoutException, UrlFetchFailed, OSError):
            raise CaptionerFailed("unreachable", "the captioner cannot be reached") from None
        except httpcore2.ProtocolError:
            raise CaptionerFailed("malformed", "the captioner does not speak HTTP") from None


async def _read_body(response: "httpcore2.Response") -> bytes:
    if response.status != 200:
        raise CaptionerFailed("refused", f"the captioner answered with status {response.status}")
    body = bytearray()
    async for chunk in response.aiter_stream():
        body += chunk
        if len(body) > MAX_REPLY_BYTES:
            raise CaptionerFailed("too-large", f"the captioner's answer has more than {MAX_REPLY_BYTES:,} bytes")
    return bytes(body)
