"""Messages that a job is done, signed so that their reader can tell that they are ours.

Headers and signature are those of Standard Webhooks (https://github.com/standard-webhooks/standard-webhooks).
"""

import asyncio
import base64
import binascii
import hashlib
import hmac
import time
from dataclasses import dataclass

import httpcore2
import httpx2

from service.errors import UrlFetchFailed, WebhookFailed, WebhooksOff
from service.network.client import Outbound, port_of, target
from service.settings import SettingsInvalid
from service.telemetry.spans import Attributes
from service.telemetry.tracing import spanning

SECONDS = 15.0  # for one delivery
_PREFIX = "whsec_"


def key_of(secret: str) -> bytes:
    """The key in "whsec_" + base64; raises SettingsInvalid."""
    try:
        key = base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not secret.startswith(_PREFIX) or len(key) < 24:
        raise SettingsInvalid("KERNELSIGHT_WEBHOOK_SECRET: must be whsec_ and the base64 of at least 24 random bytes")
    return key


@dataclass(frozen=True)
class Webhooks:
    """Without a `key` nothing is sent."""

    outbound: Outbound
    key: bytes | None

    async def check(self, url: str) -> None:
        """Whether `url` could be called at all; raises WebhooksOff, UrlRejected or UrlFetchFailed."""
        if self.key is None or self.outbound.allowed == "off":
            raise WebhooksOff("callbacks are switched off: set KERNELSIGHT_WEBHOOK_SECRET to sign them with")
        checked = self.outbound.checked(url)
        await self.outbound.network.addresses(checked.host, port_of(checked))

    async def send(self, url: str, id: str, body: bytes) -> None:
        """Any answer of 200 to 299 counts as received; redirects are not followed.

        Raises WebhookFailed where another try may help, else WebhooksOff or UrlRejected.
        """
        await self._checked(url)
        checked, now = self.outbound.checked(url), int(time.time())
        headers = [
            (b"Host", checked.netloc),
            (b"User-Agent", b"KernelSight"),
            (b"Content-Type", b"application/json"),
            (b"webhook-id", id.encode()),
            (b"webhook-timestamp", str(now).encode()),
            (b"webhook-signature", signature(self.key or b"", id, now, body)),
        ]
        # Its host only: paths of callbacks have secrets.
        asked: Attributes = {
            "http.request.method": "POST",
            "server.address": checked.host,
            "server.port": port_of(checked),
        }
        with spanning("POST", "client", asked) as span:
            if parent := span.headers.get("traceparent"):
                headers.append((b"traceparent", parent.encode()))
            status = await self._post(checked, headers, body)
            span.set({"http.response.status_code": status})
            if not 200 <= status < 300:
                raise WebhookFailed(f"the callback's server answered with status {status}")

    async def _post(self, url: httpx2.URL, headers: list[tuple[bytes, bytes]], body: bytes) -> int:
        """The answer's status; raises WebhookFailed."""
        try:
            async with asyncio.timeout(SECONDS):
                response = await self.outbound.http.request("POST", target(url), headers=headers, content=body)
        except (httpcore2.NetworkError, httpcore2.TimeoutException, httpcore2.ProtocolError, OSError) as cause:
            raise WebhookFailed(f"the callback failed: {str(cause) or type(cause).__name__}") from cause
        return int(response.status)

    async def _checked(self, url: str) -> None:
        try:
            await self.check(url)
        except UrlFetchFailed as cause:  # a name that is not known now
            raise WebhookFailed(str(cause)) from cause


def signature(key: bytes, id: str, timestamp: int, body: bytes) -> bytes:
    signed = hmac.new(key, f"{id}.{timestamp}.".encode() + body, hashlib.sha256).digest()
    return b"v1," + base64.b64encode(signed)
