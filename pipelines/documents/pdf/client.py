"""PDFs: opened, drawn and read under limits, a page at a time, in a process that may fail.

PDFium must not be called by two threads at once, whatever documents they work on. So one thread makes all calls,
and not a lock around calls from the pool of threads: pages that take long would have one thread of the pool after
the other wait. And it makes them in another process (`pdfium_process`), which a file can hang, crash or fill.
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
from pipelines.documents.pdf.pdfium_text import Glyphs
from pipelines.documents.stages import Pixels
from pipelines.errors import TooManyBytes

_PROCESS = "pipelines.documents.pdf.pdfium_process"
_ROOT = Path(__file__).parents[2]
_REOPENED = 8  # times in a row that pages of this or another document may kill the process before one is given up


@dataclass(frozen=True, slots=True)
class PdfLimits:
    """`bytes` of a file; a page that would have more `pixels` is drawn smaller; `seconds` for opening a file or for
    a page; `memory` in bytes of the process that does it."""

    bytes: int = 64 * 2**20
    pixels: int = 25_000_000
    seconds: float = 20.0
    memory: int = 2 * 2**30


@dataclass(frozen=True, slots=True)
class DrawnPage:
    """A page as people see it and, of a PDF, the text that it says it has, in the same pixels."""

    number: int
    pixels: Pixels = field(repr=False)
    dpi: int | None = None
    glyphs: Glyphs | None = field(default=None, repr=False)


class Pdfium:
    """PDFium's process, started when it is needed, and the thread that talks to it."""

    def __init__(self, limits: PdfLimits | None = None) -> None:
        self.limits = limits or PdfLimits()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="pdfium")
        self._process: _Process | None = None
        self._keys = count()

    @asynccontextmanager
    async def opened(self, data: bytes, password: str | None = None) -> AsyncIterator["Pdf"]:
        """Raises TooManyBytes, DocumentLocked or DocumentCorrupt."""
        if len(data) > self.limits.bytes:
            raise TooManyBytes(len(data), self.limits.bytes)
        pdf = Pdf(self, next(self._keys), data, password)
        try:
            await pdf.open()
            yield pdf
        finally:
            # Behind whatever of this document is still being done, and not waited for: this may be a cancellation.
            self._thread.submit(self._forget, pdf.key)

    async def ask(self, *request: Any) -> tuple[str, Any]:
        """What `pdfium_process.answer` says; "late" or "dead" where the request has cost the process its life."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._ask, *request)

    def _ask(self, *request: Any) -> tuple[str, Any]:
        if self._process is None:
            self._process = _Process(self.limits)
        reply = self._process.ask(request)
        if reply[0] in ("late", "dead"):
            self._process = None
        return reply

    def _forget(self, key: int) -> None:
        if self._process is not None:
            self._ask("close", key)

    def close(self) -> None:
        self._thread.shutdown(wait=True)
        if self._process is not None:
            self._process.close()
            self._process = None


class Pdf:
    """An open document. A process that has died takes it along: then it is opened again in the next one."""

    def __init__(self, pdfium: Pdfium, key: int, data: bytes, password: str | None) -> None:
        self._pdfium, self.key, self._data, self._password = pdfium, key, data, password
        self.page_count = 0

    async def open(self) -> None:
        outcome, value = await self._pdfium.ask("open", self.key, self._data, self._password)
        if outcome == "locked":
            wrong = "this password does not open it" if self._password else "give its password"
            raise DocumentLocked(f"this PDF is locked: {wrong}")
        if outcome != "done":
            raise DocumentCorrupt(f"this PDF cannot be opened: {value}")
        self.page_count = value
        if not self.page_count:
            raise DocumentCorrupt("this PDF has no pages")

    async def size(self, number: int, dpi: int) -> tuple[int, int]:
        """Width and height of a page in pixels; a page that cannot be read has one."""
        outcome, value = await self._ask("size", number, dpi)
        return value if outcome == "done" else (1, 1)

    async def page(self, number: int, dpi: int) -> DrawnPage:
        """Raises PageBroken or PageTooSlow."""
        outcome, value = await self._ask("page", number, dpi)
        if outcome == "late":
            raise PageTooSlow(number, self._pdfium.limits.seconds)
        if outcome != "done":
            raise PageBroken(number)
        pixels, fitting, glyphs = value
        return DrawnPage(number, pixels, fitting, glyphs)

    async def _ask(self, what: str, number: int, dpi: int) -> tuple[str, Any]:
        request = (what, self.key, number, dpi, self._pdfium.limits.pixels)
        reply = await self._pdfium.ask(*request)
        for _ in range(_REOPENED):
            if reply[0] != "unknown":
                break
            await self.open()
            reply = await self._pdfium.ask(*request)
        return reply


class _Process:
    def __init__(self, limits: PdfLimits) -> None:
        self._connection, theirs = Pipe()
        assert isinstance(theirs, Connection)
        # Libraries that start a thread for each core would use up its memory before anything is done.
        environment = {**os.environ, "PYTHONPATH": str(_ROOT), "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
        arguments = (str(theirs.fileno()), str(limits.seconds), str(limits.memory))
        self._process = subprocess.Popen(
            [sys.executable, "-m", _PROCESS, *arguments], env=environment, pass_fds=(theirs.fileno(),)
        )
        theirs.close()

    def ask(self, request: tuple[Any, ...]) -> tuple[str, Any]:
        try:
            self._connection.send(request)
            reply: tuple[str, Any] = self._connection.recv()
        except (EOFError, OSError):
            is_late = self._process.wait() == -signal.SIGALRM
            self._connection.close()
            return ("late", "it takes too long") if is_late else ("dead", "its reader has failed")
        return reply

    def close(self) -> None:
        """It ends when nobody is there to ask it."""
        self._connection.close()
        self._process.wait()
