"""Decodes images: risky formats in confined processes, common ones in threads of this process.

    HEIC, AVIF, TIFF ─► a thread that waits ─► confined process ─► pixels in shared memory ─┐
    JPEG, PNG, WebP, GIF, BMP ─► a thread of the pool ─────────────────────────────────────┴► picture

libjpeg-turbo, libpng, libwebp and zlib have been fuzzed for a decade by everyone; libheif, libde265 and libtiff
publish memory errors every month.
"""

import asyncio
import hashlib
import io
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from time import monotonic
from typing import Any, cast

import numpy as np
from PIL import Image

from models.errors import KernelSightError
from pipelines.confinement.channel import KEPT_BYTES, ChannelMessage
from pipelines.confinement.process import (
    ConfinedProcess,
    ProcessDeaths,
    ProcessDied,
    ProcessLimits,
    ProcessTooSlow,
    ProcessUnavailable,
)
from pipelines.cpu_pool import CpuPool
from pipelines.errors import DecoderUnavailable, ImageDecoderFailed
from pipelines.image.decode import FrameSurvey, ImageLimits, Picture, decode
from pipelines.image.decoder_reply import read_frame, read_rendering, read_views
from pipelines.image.formats import FileFormat, sniff
from pipelines.image.frame_views import FrameViews, SurveyPlan
from pipelines.image.harmful_files import REFUSED_SECONDS, HarmfulFiles
from pipelines.image.rendering import render

_PROCESS_MODULE = "pipelines.image.decoder_process"
RISKY_FORMATS: tuple[FileFormat, ...] = ("HEIF", "AVIF", "TIFF")
ALL_FORMATS: tuple[FileFormat, ...] = (*RISKY_FORMATS, "JPEG", "PNG", "WEBP", "GIF", "BMP")
_TRIES = 2  # a process that dies may have been damaged by the file before


@dataclass(frozen=True, slots=True)
class DecoderLimits:
    """`formats` are decoded in confined processes, at most `processes` for each priority, with `seconds` for an image
    and `memory` in bytes for a process."""

    processes: int = 2
    seconds: float = 20.0
    memory: int = 2 * 2**30
    formats: tuple[FileFormat, ...] = RISKY_FORMATS


class Decoders:
    """Decodes under limits. Each waiting thread has a process of its own, which starts with its first image."""

    def __init__(self, pool: CpuPool, limits: DecoderLimits | None = None, *, module: str = _PROCESS_MODULE) -> None:
        self._limits, self._module = limits or DecoderLimits(), module
        self._pool, self._waiting = pool, CpuPool(threads=self._limits.processes)
        self._own = threading.local()  # a thread's process
        self._processes: set[ConfinedProcess] = set()
        self._starting, self._is_closed = threading.Lock(), False
        self._harmful, self.deaths = HarmfulFiles(), ProcessDeaths()
        self._done_at = {"common formats": 0.0, "confined": 0.0}

    async def decode(
        self, data: bytes, *, limits: ImageLimits, shorter_side: int | None = None, frame: int = 0
    ) -> Picture:
        """As `decode_frame`; also raises ImageDecoderFailed, DecoderUnavailable and Overloaded."""
        if not self._is_risky(data):
            picture = await self._pool.run(decode, data, limits=limits, shorter_side=shorter_side, frame=frame)
            self._done_at["common formats"] = monotonic()
            return picture
        facts = {"kind": "decode", "limits": asdict(limits), "shorter_side": shorter_side, "frame": frame}
        return await self._waiting.run(self._decode_apart, data, facts, limits)

    async def render(self, data: bytes, *, limits: ImageLimits, longest: int, shorter_side: int) -> Image.Image:
        """As `rendering.render`; also raises ImageDecoderFailed, DecoderUnavailable and Overloaded."""
        if not self._is_risky(data):
            return await self._pool.run(render, data, limits=limits, longest=longest, shorter_side=shorter_side)
        facts = {"kind": "render", "limits": asdict(limits), "longest": longest, "shorter_side": shorter_side}
        return await self._waiting.run(self._render_apart, data, facts, limits)

    async def survey(
        self, data: bytes, *, limits: ImageLimits, plan: SurveyPlan, frames: int, most: int
    ) -> FrameSurvey:
        """As `survey_frames`; also raises ImageDecoderFailed, DecoderUnavailable and Overloaded."""
        from pipelines.image.frames import survey_frames, survey_views  # OpenCV and ZXing, which settings do without

        if not self._is_risky(data):
            return await self._pool.run(survey_frames, data, limits=limits, plan=plan, frames=frames, most=most)
        facts = {"kind": "survey", "limits": asdict(limits), "plan": asdict(plan), "frames": frames}
        views = await self._waiting.run(self._view_apart, data, facts | {"is_judged": most > 0})
        return await self._pool.run(survey_views, views, sniff(data), most)

    async def warm(self) -> None:
        """Start a process; raises ImageDecoderFailed where none can work here."""
        await self.decode(_draw("TIFF"), limits=ImageLimits())

    async def check(self, *, after_seconds: float, timeout_seconds: float = 5.0) -> dict[str, str | None]:
        """None for each way of decoding that works, else why not. Draws and decodes an image where none was decoded
        for `after_seconds`; processes that are busy are ended by their own limits, and count as working."""
        return {
            "common formats": await self._check("common formats", "JPEG", after_seconds, timeout_seconds),
            "confined": None
            if self._waiting.busy
            else await self._check("confined", "TIFF", after_seconds, timeout_seconds),
        }

    async def _check(self, way: str, format: str, after_seconds: float, timeout_seconds: float) -> str | None:
        if monotonic() - self._done_at[way] < after_seconds:
            return None
        try:
            async with asyncio.timeout(timeout_seconds):
                await self.decode(_draw(format), limits=ImageLimits())
        except TimeoutError:
            return f"no image was decoded within {timeout_seconds:g} s"
        except KernelSightError as error:
            return str(error)
        return None

    def _is_risky(self, data: bytes) -> bool:
        return sniff(data) in self._limits.formats

    @property
    def process_ids(self) -> list[int]:
        return [process.pid for process in list(self._processes)]

    def _decode_apart(self, data: bytes, facts: dict[str, Any], limits: ImageLimits) -> Picture:
        sha256 = hashlib.sha256(data).hexdigest()
        reply = self._request(data, sha256, facts)
        with self._distrust(sha256):
            frame = read_frame(reply, format=cast(FileFormat, sniff(data)), limits=limits)
        self._limit_memory(reply)
        return frame.lay_out().of_file(data, sha256)

    def _render_apart(self, data: bytes, facts: dict[str, Any], limits: ImageLimits) -> Image.Image:
        sha256 = hashlib.sha256(data).hexdigest()
        reply = self._request(data, sha256, facts)
        with self._distrust(sha256):
            image = read_rendering(reply, longest=facts["longest"], limits=limits)
        self._limit_memory(reply)
        return image

    def _view_apart(self, data: bytes, facts: dict[str, Any]) -> FrameViews:
        sha256 = hashlib.sha256(data).hexdigest()
        reply = self._request(data, sha256, facts)
        with self._distrust(sha256):
            return read_views(reply, frames=facts["frames"])

    @contextmanager
    def _distrust(self, sha256: str) -> Iterator[None]:
        """A process whose reply is nothing that it could say has been taken over; this file may have done it."""
        try:
            yield
        except (KeyError, TypeError, ValueError) as cause:
            self._forget_process().kill()
            self._harmful.add(sha256)
            self.deaths.count(ProcessDied())
            raise ImageDecoderFailed("the decoder's answer about this image makes no sense") from cause

    def _request(self, data: bytes, sha256: str, facts: dict[str, Any]) -> ChannelMessage:
        format = sniff(data) or "file"
        if self._harmful.is_refused(sha256):
            raise ImageDecoderFailed(f"this {format} has ended its decoders; it is refused for {REFUSED_SECONDS:.0f} s")
        request = ChannelMessage(facts, {"data": np.frombuffer(data, np.uint8)})
        for _ in range(_TRIES):
            try:
                reply = self._process().request(request)
            except ProcessUnavailable as cause:
                self._forget_process()
                raise DecoderUnavailable(str(cause)) from cause
            except ProcessDied as cause:
                self._forget_process()
                self._harmful.add(sha256)
                self.deaths.count(cause)
                if isinstance(cause, ProcessTooSlow):
                    raise ImageDecoderFailed(f"this {format} takes more than {self._limits.seconds:g} s") from None
                continue
            self._done_at["confined"] = monotonic()
            return reply
        raise ImageDecoderFailed(f"this {format} ends its decoder")

    def _limit_memory(self, reply: ChannelMessage) -> None:
        """After a large picture, a process would keep several times its size."""
        if reply.arrays["pixels"].nbytes > KEPT_BYTES:
            self._forget_process().close()

    def _process(self) -> ConfinedProcess:
        process: ConfinedProcess | None = getattr(self._own, "process", None)
        if process is None:
            process = self._own.process = self._start_process()
        return process

    def _start_process(self) -> ConfinedProcess:
        with self._starting:
            if self._is_closed:
                raise DecoderUnavailable("the service is shutting down")
            try:
                process = ConfinedProcess(self._module, ProcessLimits(self._limits.seconds, self._limits.memory))
            except ProcessUnavailable as cause:
                raise DecoderUnavailable(str(cause)) from cause
            self._processes.add(process)
            return process

    def _forget_process(self) -> ConfinedProcess:
        process: ConfinedProcess = self._own.process
        self._processes.discard(process)
        self._own.process = None
        return process

    def close(self) -> None:
        """Ends what is being decoded, which could take as long as the limit allows."""
        with self._starting:
            self._is_closed = True
        for process in list(self._processes):
            process.end()
        self._waiting.close()
        for process in self._processes:
            process.kill()


def _draw(format: str) -> bytes:
    file = io.BytesIO()
    Image.linear_gradient("L").save(file, format)
    return file.getvalue()
