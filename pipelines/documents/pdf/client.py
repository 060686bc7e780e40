"""Opens PDFs and renders and reads their pages, under limits, in a process that may fail.

PDFium must not be called by two threads at once, even for different documents. So one thread makes all calls. A lock
around calls from the thread pool would not do: behind slow pages, one pool thread after the other would wait. The calls
go to another process (`pdfium_process`), because a file can hang it, crash it or fill its memory.
"""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from pipelines.documents.errors import DocumentCorrupt, DocumentLocked, PageBroken, PageTooSlow
from pipelines.documents.pdf.page_characters import PageCharacters
from pipelines.documents.stages import Pixels
from pipelines.errors import TooManyBytes

_PROCESS_MODULE = "pipelines.documents.pdf.pdfium_process"
_ROOT = Path(__file__).parents[3]
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
        self._process: _Process | None = None
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

    async def send_request(self, *request: Any) -> tuple[str, Any]:
        """The reply of `pdfium_process.handle_request`; "late" or "dead" if the request has ended the process."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._send_request, *request)

    def _send_request(self, *request: Any) -> tuple[str, Any]:
        if self._process is None:
            self._process = _Process(self.limits)
        reply = self._process.send_request(request)
        if reply[0] in ("late", "dead"):
            self._process = None
        return reply

    def _close_document(self, key: int) -> None:
        if self._process is not None:
            self._send_request("close", key)

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
        outcome, value = await self._pdfium.send_request("open", self.key, self._data, self._password)
        if outcome == "locked":
            hint = "this password does not open it" if self._password else "give its password"
            raise DocumentLocked(f"this PDF is locked: {hint}")
        if outcome != "done":
            raise DocumentCorrupt(f"this PDF cannot be opened: {value}")
        self.page_count = value
        if not self.page_count:
            raise DocumentCorrupt("this PDF has no pages")

    async def page_size(self, number: int, dpi: int) -> tuple[int, int]:
        """Width and height of a page in pixels; 1 x 1 for a page that cannot be read."""
        outcome, value = await self._send_request("size", number, dpi)
        return value if outcome == "done" else (1, 1)

    async def render_page(self, number: int, dpi: int) -> RenderedPage:
        """Raises PageBroken or PageTooSlow."""
        outcome, value = await self._send_request("page", number, dpi)
        if outcome == "late":
            raise PageTooSlow(number, self._pdfium.limits.seconds)
        if outcome != "done":
            raise PageBroken(number)
        pixels, fitting_dpi, characters = value
        return RenderedPage(number, pixels, fitting_dpi, characters)

    async def _send_request(self, kind: str, number: int, dpi: int) -> tuple[str, Any]:
        request = (kind, self.key, number, dpi, self._pdfium.limits.pixels)
        reply = await self._pdfium.send_request(*request)
        for _ in range(_MAX_REOPENS):
            if reply[0] != "unknown":
                break
            await self.open()
            reply = await self._pdfium.send_request(*request)
        return reply


class _Process:
    def __init__(self, limits: PdfLimits) -> None:
        self._connection, child_end = Pipe()
        assert isinstance(child_end, Connection)
        # Libraries that start a thread per core would use up the memory limit before any work.
        environment = {**os.environ, "PYTHONPATH": str(_ROOT), "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
        arguments = (str(child_end.fileno()), str(limits.seconds), str(limits.memory))
        self._process = subprocess.Popen(
            [sys.executable, "-m", _PROCESS_MODULE, *arguments], env=environment, pass_fds=(child_end.fileno(),)
        )
        child_end.close()

    def send_request(self, request: tuple[Any, ...]) -> tuple[str, Any]:
        try:
            self._connection.send(request)
            reply: tuple[str, Any] = self._connection.recv()
        except (EOFError, OSError):
            is_late = self._process.wait() == -signal.SIGALRM
            self._connection.close()
            return ("late", "it takes too long") if is_late else ("dead", "its reader has failed")
        return reply

    def close(self) -> None:
        """The process ends when its connection closes."""
        self._connection.close()
        self._process.wait()
