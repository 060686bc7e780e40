"""Captioner: asks a vision model to describe a picture, once for all of a tenant's requests with the same file.

    describe ─► cached? ─► the caption
                running? ─► wait for it
                else ─► copy of the picture ─► chat completion ─► caption

A call belongs to none of its waiters, as in `encoder_cache`: it is cancelled when nobody waits for it any more.
"""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from time import perf_counter

from models.concurrency import SharedCalls
from pipelines.captioner.chat import build_chat_request, read_chat_reply
from pipelines.captioner.errors import CaptionerFailed
from pipelines.captioner.types import Caption

log = logging.getLogger(__name__)

MAX_CAPTIONS = 1_000  # that are kept, of 4 kB at most
MAX_CALLS = 8  # at once; others wait for their turn, which counts towards their time

# Tenant and sha256 of a file: that a file was described before is no business of other tenants.
CaptionKey = tuple[str | None, str]
PostChat = Callable[[bytes], Awaitable[bytes]]  # body to body; raises CaptionerFailed
MakeCopy = Callable[[], Awaitable[bytes]]  # a JPEG; its errors go to the caller
CallObserver = Callable[[str, float], None]  # outcome ("described", "cached" or why it failed) and seconds


@dataclass
class Captioner:
    """`seconds` bound one call. Belongs to one event loop."""

    model: str
    prompt: str
    seconds: float
    post: PostChat
    observe: CallObserver
    _cached: OrderedDict[CaptionKey, Caption] = field(default_factory=OrderedDict)
    _running: SharedCalls[CaptionKey, Caption] = field(default_factory=SharedCalls)
    _places: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(MAX_CALLS))

    async def describe(self, key: CaptionKey, make_copy: MakeCopy) -> Caption:
        """The caption of the file that `key` names. Raises CaptionerFailed, or what `make_copy` raises.

        Errors are not cached.
        """
        if key in self._cached:
            self.observe("cached", 0.0)
            self._cached.move_to_end(key)
            return self._cached[key].model_copy(update={"is_cached": True})
        return await self._running.run(key, lambda: self._call_and_store(key, make_copy))

    async def _call_and_store(self, key: CaptionKey, make_copy: MakeCopy) -> Caption:
        jpeg = await make_copy()
        caption = await self._call(jpeg)
        self._cached[key] = caption
        if len(self._cached) > MAX_CAPTIONS:
            self._cached.popitem(last=False)
        return caption

    async def _call(self, jpeg: bytes) -> Caption:
        started, outcome = perf_counter(), "cancelled"
        try:
            async with asyncio.timeout(self.seconds), self._places:
                text = read_chat_reply(await self.post(build_chat_request(self.model, self.prompt, jpeg)))
            outcome = "described"
        except TimeoutError:
            outcome = "too-slow"
            raise CaptionerFailed("too-slow", f"the captioner was not done within {self.seconds:g} s") from None
        except CaptionerFailed as error:
            outcome = error.reason
            raise
        finally:
            seconds = perf_counter() - started
            self.observe(outcome, seconds)
            log.info("captioner: %s after %.1f s", outcome, seconds)
        return Caption(text=text, model=self.model, made_at=datetime.now(UTC), seconds=round(seconds, 3))
