"""Opens PDFs and renders and reads their pages, under limits, in a process that may fail.

PDFium must not be called by two threads at once, even for different documents. So one thread makes all calls. A lock
around calls from the thread pool would not do: behind slow pages, one pool thread after the other would wait. The calls
go to a confined process (`pdfium_process`), because a file can hang it, crash it, fill its memory or take it over.
"""

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count

import numpy as np

from pipelines.confinement.channel import ChannelMessage
from pipelines.confinement.process import ConfinedProcess, ProcessDied, ProcessLimits, ProcessTooSlow
from pipelines.documents.errors import DocumentCorrupt, DocumentLocked, PageBroken, PageTooSlow
from pipelines.documents.pdf.page_characters import PageCharacters
from pipelines.documents.stages import Pixels
from pipelines.errors import TooManyBytes

_PROCESS_MODULE = "pipelines.documents.pdf.pdfium_process"
_MAX_REOPENS = 8  # how often in a row pages of any document may end the process before a request fails


@dataclass(frozen=True, slots=True)
class PdfLimits:
    """`bytes` of a file; a page that would have more `pixels` is rendered smaller; `seconds` for opening a file or for
    a page; `memory` of PDFium's process in bytes."""

    bytes: int = 64 * 2**20
    pixels: int = 25_000_000
    seconds: float = 20.0
    memory: int = 2 * 2**30


@dataclass(frozen=True, slots=True)
class RenderedPage:
    """A page as people see it and, for a PDF, the characters that its text layer claims, in the same pixels."""

    number: int
    pixels: Pixels = field(repr=False)
    dpi: int | None = None
    characters: PageCharacters | None = field(default=None, repr=False)


class PdfiumClient:
    """PDFium's process, started on demand, and the thread that talks to it."""

    def __init__(self, limits: PdfLimits | None = None) -> None:
        self.limits = limits or PdfLimits()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="pdfium")
        self._process: ConfinedProcess | None = None
        self._keys = count()

    @asynccontextmanager
    async def open_document(self, data: bytes, password: str | None = None) -> AsyncIterator["PdfDocument"]:
        """Raises TooManyBytes, DocumentLocked or DocumentCorrupt."""
        if len(data) > self.limits.bytes:
            raise TooManyBytes(len(data), self.limits.bytes)
        pdf = PdfDocument(self, next(self._keys), data, password)
        try:
            await pdf.open()
            yield pdf
        finally:
            # Runs after what is still under way for this document; not awaited, as this may be a cancellation.
            self._thread.submit(self._close_document, pdf.key)

    async def send_request(self, request: ChannelMessage) -> ChannelMessage:
        """The reply of `pdfium_process`; its outcome is "late" or "dead" if the request has ended the process."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._send_request, request)

    def _send_request(self, request: ChannelMessage) -> ChannelMessage:
        if self._process is None:
            self._process = ConfinedProcess(_PROCESS_MODULE, ProcessLimits(self.limits.seconds, self.limits.memory))
        try:
            reply = self._process.request(request)
            # Copied on this thread, before it makes the next request.
            return ChannelMessage(reply.facts, {name: array.copy() for name, array in reply.arrays.items()})
        except ProcessTooSlow:
            self._process = None
            return ChannelMessage({"outcome": "late", "reason": "it takes too long"})
        except ProcessDied:
            self._process = None
            return ChannelMessage({"outcome": "dead", "reason": "its reader has failed"})

    def _close_document(self, key: int) -> None:
        if self._process is not None:
            self._send_request(ChannelMessage({"kind": "close", "key": key}))

    def close(self) -> None:
        self._thread.shutdown(wait=True)
        if self._process is not None:
            self._process.close()
            self._process = None


class PdfDocument:
    """An open document. If PDFium's process dies, the document is opened again in the next one."""

    def __init__(self, pdfium: PdfiumClient, key: int, data: bytes, password: str | None) -> None:
        self.key = key
        self._pdfium, self._data, self._password = pdfium, data, password
        self.page_count = 0

    async def open(self) -> None:
        facts = {"kind": "open", "key": self.key, "password": self._password}
        request = ChannelMessage(facts, {"data": np.frombuffer(self._data, np.uint8)})
        reply = (await self._pdfium.send_request(request)).facts
        if reply["outcome"] == "locked":
            hint = "this password does not open it" if self._password else "give its password"
            raise DocumentLocked(f"this PDF is locked: {hint}")
        if reply["outcome"] != "done":
            raise DocumentCorrupt(f"this PDF cannot be opened: {reply['reason']}")
        self.page_count = int(reply["pages"])
        if not self.page_count:
            raise DocumentCorrupt("this PDF has no pages")

    async def page_size(self, number: int, dpi: int) -> tuple[int, int]:
        """Width and height of a page in pixels; 1 x 1 for a page that cannot be read."""
        reply = (await self._send_request("size", number, dpi)).facts
        return (int(reply["width"]), int(reply["height"])) if reply["outcome"] == "done" else (1, 1)

    async def render_page(self, number: int, dpi: int) -> RenderedPage:
        """Raises PageBroken or PageTooSlow."""
        reply = await self._send_request("page", number, dpi)
        if reply.facts["outcome"] == "late":
            raise PageTooSlow(number, self._pdfium.limits.seconds)
        if reply.facts["outcome"] != "done":
            raise PageBroken(number)
        characters = {name: array for name, array in reply.arrays.items() if name != "pixels"}
        too_many = bool(reply.facts["too_many"])
        return RenderedPage(
            number,
            reply.arrays["pixels"],
            int(reply.facts["dpi"]),
            PageCharacters(**characters, too_many=too_many),
        )

    async def _send_request(self, kind: str, number: int, dpi: int) -> ChannelMessage:
        facts = {"kind": kind, "key": self.key, "number": number, "dpi": dpi, "max_pixels": self._pdfium.limits.pixels}
        request = ChannelMessage(facts)
        reply = await self._pdfium.send_request(request)
        for _ in range(_MAX_REOPENS):
            if reply.facts["outcome"] != "unknown":
                break
            await self.open()
            reply = await self._pdfium.send_request(request)
        return reply
