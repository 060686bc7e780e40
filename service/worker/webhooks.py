"""Sends signed callbacks about finished jobs.

Headers and signature follow Standard Webhooks (https://github.com/standard-webhooks/standard-webhooks).
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
from service.network.client import OutboundClient, effective_port, to_httpcore_url
from service.settings import SettingsInvalid
from service.telemetry.spans import SpanAttributes
from service.telemetry.tracing import start_span

DELIVERY_SECONDS = 15.0  # for one delivery
_PREFIX = "whsec_"


def signing_key(secret: str) -> bytes:
    """Decode the key from "whsec_" + base64; raises SettingsInvalid."""
    try:
        key = base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not secret.startswith(_PREFIX) or len(key) < 24:
        raise SettingsInvalid("KERNELSIGHT_WEBHOOK_SECRET: must be whsec_ and the base64 of at least 24 random bytes")
    return key


@dataclass(frozen=True)
class Webhooks:
    """Callbacks are off without a `key`."""

    outbound: OutboundClient
    key: bytes | None

    async def check(self, url: str) -> None:
        """Check that `url` may be called; raises WebhooksOff, UrlRejected or UrlFetchFailed."""
        if self.key is None or self.outbound.allowed == "off":
            raise WebhooksOff("callbacks are switched off: set KERNELSIGHT_WEBHOOK_SECRET to sign them with")
        checked = self.outbound.check_url(url)
        await self.outbound.network.resolve_allowed(checked.host, effective_port(checked))

    async def send(self, url: str, id: str, body: bytes) -> None:
        """Any status from 200 to 299 counts as received; redirects are not followed.

        Raises WebhookFailed if another attempt may succeed, else WebhooksOff or UrlRejected.
        """
        await self._check_for_sending(url)
        checked, now = self.outbound.check_url(url), int(time.time())
        headers = [
            (b"Host", checked.netloc),
            (b"User-Agent", b"KernelSight"),
            (b"Content-Type", b"application/json"),
            (b"webhook-id", id.encode()),
            (b"webhook-timestamp", str(now).encode()),
            (b"webhook-signature", sign(self.key or b"", id, now, body)),
        ]
        # The host only, because paths of callbacks contain secrets.
        attributes: SpanAttributes = {
            "http.request.method": "POST",
            "server.address": checked.host,
            "server.port": effective_port(checked),
        }
        with start_span("POST", "client", attributes) as span:
            if parent := span.headers.get("traceparent"):
                headers.append((b"traceparent", parent.encode()))
            status = await self._post(checked, headers, body)
            span.set({"http.response.status_code": status})
            if not 200 <= status < 300:
                raise WebhookFailed(f"the callback's server answered with status {status}")

    async def _post(self, url: httpx2.URL, headers: list[tuple[bytes, bytes]], body: bytes) -> int:
        """The status of the response, whose body is not read; raises WebhookFailed."""
        target = to_httpcore_url(url)
        try:
            async with (
                asyncio.timeout(DELIVERY_SECONDS),
                self.outbound.http.stream("POST", target, headers=headers, content=body) as response,
            ):
                return int(response.status)
        except (httpcore2.NetworkError, httpcore2.TimeoutException, httpcore2.ProtocolError, OSError) as cause:
            raise WebhookFailed(f"the callback failed: {str(cause) or 'the connection broke'}") from cause

    async def _check_for_sending(self, url: str) -> None:
        try:
            await self.check(url)
        except UrlFetchFailed as cause:  # a host name that cannot be resolved now
            raise WebhookFailed(str(cause)) from cause


def sign(key: bytes, id: str, timestamp: int, body: bytes) -> bytes:
    signed = hmac.new(key, f"{id}.{timestamp}.".encode() + body, hashlib.sha256).digest()
    return b"v1," + base64.b64encode(signed)
