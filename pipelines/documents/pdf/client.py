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
from threading import Lock

import numpy as np

from pipelines.confinement.channel import ChannelMessage
from pipelines.confinement.process import (
    ConfinedProcess,
    ProcessDeaths,
    ProcessDied,
    ProcessLimits,
    ProcessTooSlow,
    ProcessUnavailable,
)
from pipelines.documents.errors import DocumentCorrupt, DocumentLocked, PageBroken, PageTooSlow
from pipelines.documents.pdf.page_annotations import PdfAnnotation, unpack_annotations
from pipelines.documents.pdf.page_characters import PageCharacters, TextLayer
from pipelines.documents.pdf.replies import check_reply
from pipelines.documents.stages import Pixels
from pipelines.errors import DecoderUnavailable, TooManyBytes

_PROCESS_MODULE = "pipelines.documents.pdf.pdfium_process"
_CLOSED = "the service is shutting down"
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
    """A page as people see it and, for a PDF, the characters that its text layer claims and its annotations, in the
    same pixels; these are `aspect` times as high as wide."""

    number: int
    pixels: Pixels = field(repr=False)
    dpi: int | None = None
    characters: PageCharacters | None = field(default=None, repr=False)
    annotations: tuple[PdfAnnotation, ...] = field(default=(), repr=False)
    aspect: float = 1.0

    @property
    def text_layer(self) -> TextLayer | None:
        return None if self.characters is None or self.dpi is None else TextLayer(self.characters, self.dpi)


class PdfiumClient:
    """PDFium's process, started on demand, and the thread that talks to it; those that end count in `deaths`."""

    def __init__(
        self, limits: PdfLimits | None = None, deaths: ProcessDeaths | None = None, *, module: str = _PROCESS_MODULE
    ) -> None:
        self.limits, self._module = limits or PdfLimits(), module
        self.deaths = deaths or ProcessDeaths()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="pdfium")
        self._process: ConfinedProcess | None = None
        self._starting, self._is_closed = Lock(), False
        self._keys = count()

    @asynccontextmanager
    async def open_document(self, data: bytes, password: str | None = None) -> AsyncIterator["PdfDocument"]:
        """Raises TooManyBytes, DocumentLocked, DocumentCorrupt or DecoderUnavailable."""
        if len(data) > self.limits.bytes:
            raise TooManyBytes(len(data), self.limits.bytes)
        pdf = PdfDocument(self, next(self._keys), data, password)
        try:
            await pdf.open()
            yield pdf
        finally:
            # Runs after what is still under way for this document; not awaited, as this may be a cancellation.
            if not self._is_closed:
                self._thread.submit(self._close_document, pdf.key)

    async def send_request(self, request: ChannelMessage) -> ChannelMessage:
        """The reply of `pdfium_process`; its outcome is "late" or "dead" if the request has ended the process.

        Raises DecoderUnavailable.
        """
        if self._is_closed:
            raise DecoderUnavailable(_CLOSED)
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._send_request, request)

    @property
    def process_id(self) -> int | None:
        """None while there is none."""
        process = self._process
        return None if process is None else process.pid

    def _send_request(self, request: ChannelMessage) -> ChannelMessage:
        process = self._process or self._start_process()
        try:
            reply = process.request(request)
            check_reply(request, reply)
            # Copied before the next request, and checked again: until now the process could write to it.
            own = ChannelMessage(reply.facts, {name: array.copy() for name, array in reply.arrays.items()})
            check_reply(request, own)
            return own
        except ProcessUnavailable as cause:
            self._process = None
            raise DecoderUnavailable(str(cause)) from cause
        except (KeyError, TypeError, ValueError):  # it has been taken over
            process.kill()
            self._process = None
            self.deaths.count(ProcessDied())
            return ChannelMessage({"outcome": "dead", "reason": "its reader makes no sense"})
        except ProcessDied as cause:
            self._process = None
            self.deaths.count(cause)
            if isinstance(cause, ProcessTooSlow):
                return ChannelMessage({"outcome": "late", "reason": "it takes too long"})
            return ChannelMessage({"outcome": "dead", "reason": "its reader has failed"})

    def _start_process(self) -> ConfinedProcess:
        with self._starting:
            if self._is_closed:
                raise DecoderUnavailable(_CLOSED)
            try:
                limits = ProcessLimits(self.limits.seconds, self.limits.memory)
                self._process = ConfinedProcess(self._module, limits)
            except ProcessUnavailable as cause:
                raise DecoderUnavailable(str(cause)) from cause
            return self._process

    def _close_document(self, key: int) -> None:
        if self._process is not None:
            self._send_request(ChannelMessage({"kind": "close", "key": key}))

    def close(self) -> None:
        """Ends what is being read, which could take as long as the limit allows."""
        with self._starting:
            self._is_closed, process = True, self._process
        if process is not None:
            process.end()
        self._thread.shutdown(wait=True)
        if process is not None:
            process.kill()
        self._process = None


class PdfDocument:
    """An open document. If PDFium's process dies, the document is opened again in the next one.

    A request that it dies of is made twice: an earlier document may have damaged the process.
    """

    def __init__(self, pdfium: PdfiumClient, key: int, data: bytes, password: str | None) -> None:
        self.key = key
        self._pdfium, self._data, self._password = pdfium, data, password
        self.page_count = 0
        self.is_xfa, self.attachments = False, tuple[str, ...]()

    async def open(self) -> None:
        facts = {"kind": "open", "key": self.key, "password": self._password}
        request = ChannelMessage(facts, {"data": np.frombuffer(self._data, np.uint8)})
        reply = (await self._pdfium.send_request(request)).facts
        if reply["outcome"] == "dead":
            reply = (await self._pdfium.send_request(request)).facts
        if reply["outcome"] == "locked":
            hint = "this password does not open it" if self._password else "give its password"
            raise DocumentLocked(f"this PDF is locked: {hint}")
        if reply["outcome"] != "done":
            raise DocumentCorrupt(f"this PDF cannot be opened: {reply['reason']}")
        self.page_count, self.is_xfa = int(reply["pages"]), bool(reply["xfa"])
        self.attachments = tuple(reply["attachments"])
        if not self.page_count:
            raise DocumentCorrupt("this PDF has no pages")

    @property
    def is_portfolio(self) -> bool:
        """Whether it is a cover around its attachments, as far as its catalog is not compressed."""
        return bool(self.attachments) and b"/Collection" in self._data

    async def page_size(self, number: int, dpi: int) -> tuple[int, int]:
        """Width and height of a page in pixels; 1 x 1 for a page that cannot be read."""
        reply = (await self._send_request("size", number, dpi)).facts
        return (int(reply["width"]), int(reply["height"])) if reply["outcome"] == "done" else (1, 1)

    async def render_page(self, number: int, dpi: int) -> RenderedPage:
        """Raises PageBroken or PageTooSlow."""
        reply = await self._request_page("page", number, dpi)
        others = ("pixels", "annotations")
        characters = {name: array for name, array in reply.arrays.items() if name not in others}
        too_many = bool(reply.facts["too_many"])
        return RenderedPage(
            number,
            reply.arrays["pixels"],
            int(reply.facts["dpi"]),
            PageCharacters(**characters, too_many=too_many),
            tuple(unpack_annotations(reply.arrays["annotations"])),
        )

    async def render_without_text(self, number: int, dpi: int) -> Pixels:
        """The page's pictures and drawings alone, in the pixels of `render_page`. Raises PageBroken or PageTooSlow."""
        return (await self._request_page("pictures", number, dpi)).arrays["pixels"]

    async def _request_page(self, kind: str, number: int, dpi: int) -> ChannelMessage:
        reply = await self._send_request(kind, number, dpi)
        if reply.facts["outcome"] == "late":
            raise PageTooSlow(number, self._pdfium.limits.seconds)
        if reply.facts["outcome"] != "done":
            raise PageBroken(number)
        return reply

    async def _send_request(self, kind: str, number: int, dpi: int) -> ChannelMessage:
        facts = {"kind": kind, "key": self.key, "number": number, "dpi": dpi, "max_pixels": self._pdfium.limits.pixels}
        request = ChannelMessage(facts)
        reply = await self._pdfium.send_request(request)
        is_again = reply.facts["outcome"] == "dead"
        for _ in range(_MAX_REOPENS):
            if reply.facts["outcome"] != "unknown" and not is_again:
                break
            is_again = False
            await self.open()
            reply = await self._pdfium.send_request(request)
        return reply
