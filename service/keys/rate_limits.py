"""Limits of keys: requests a minute, counted before they are answered, and pixels a minute, counted after.

How many pixels a request decodes is known when it has been answered. So a key that has room for one pixel may decode a
whole image or document, and waits longer afterwards. Jobs and lines of batches count where workers run them, and are
never refused there: they were let in when they were sent.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field

from pipelines.documents.spec import DOCUMENT
from pipelines.findings import Findings, Observation
from service.keys.caller import Caller
from service.keys.errors import RateLimited
from service.keys.rate_counts import RateCounts
from service.keys.rate_window import WINDOW_SECONDS, RateWindow
from service.telemetry.request_context import current_sender

REQUESTS, PIXELS = "requests", "pixels"


@dataclass(frozen=True, slots=True)
class RateUse:
    """The use of one limit; `is_over` means that it has no room for the request."""

    what: str
    limit: int
    window: RateWindow
    is_over: bool

    @property
    def policy(self) -> str:
        return f'"{self.what}";q={self.limit};w={WINDOW_SECONDS:.0f}'

    @property
    def state(self) -> str:
        seconds = self.window.seconds_until_room(self.limit) or round(WINDOW_SECONDS - self.window.elapsed)
        return f'"{self.what}";r={self.window.remaining(self.limit)};t={seconds}'


def rate_headers(uses: list[RateUse]) -> Mapping[str, str]:
    """The headers of draft-ietf-httpapi-ratelimit-headers-10."""
    if not uses:
        return {}
    return {
        "RateLimit-Policy": ", ".join(one.policy for one in uses),
        "RateLimit": ", ".join(one.state for one in uses),
    }


@dataclass(frozen=True)
class RateLimiter:
    counts: RateCounts = field(default_factory=RateCounts)
    _tasks: set[asyncio.Task[RateWindow]] = field(default_factory=set)

    async def count_request(self, caller: Caller, *, decodes: bool) -> list[RateUse]:
        """Count a request, and return the use of each of the key's limits.

        A limit of pixels matters to requests that `decodes` says may use some. A request that will be refused is not
        counted, so that asking again too early does not prolong the wait.
        """
        if caller.key is None:
            return []
        uses: list[RateUse] = []
        if (limit := caller.requests_per_minute) is not None:
            uses.append(await self._count_within(f"{REQUESTS}:{caller.key}", limit))
        if decodes and (limit := caller.pixels_per_minute) is not None:
            window = await self.counts.add(f"{PIXELS}:{caller.key}", 0)
            uses.append(RateUse(PIXELS, limit, window, is_over=window.used >= limit))
        return uses

    def observe(self, observation: Observation) -> None:
        """An observer of the engine: counts the pixels of the current request's key."""
        sender = current_sender()
        if sender.key is not None and sender.counts_pixels:
            counting = self.counts.add(f"{PIXELS}:{sender.key}", count_pixels(observation.findings))
            task = asyncio.ensure_future(counting)
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _count_within(self, name: str, limit: int) -> RateUse:
        window = await self.counts.add(name, 1)
        if is_over := window.used > limit:
            window = await self.counts.add(name, -1)
        return RateUse(REQUESTS, limit, window, is_over)


def check_rates(uses: list[RateUse]) -> None:
    """Raises RateLimited for the first limit that is used up."""
    for one in uses:
        if one.is_over:
            raise RateLimited(one.what, one.limit, one.window.seconds_until_room(one.limit))


def count_pixels(findings: Findings) -> int:
    """Of all pages that were read, or of the picture."""
    picture = findings.image.width * findings.image.height
    document = findings.get(DOCUMENT)
    return max(picture, sum(page.width * page.height for page in document.pages) if document else 0)
