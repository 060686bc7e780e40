"""Runs Tesseract, a program of its own (Apache-2.0, Debian's `tesseract-ocr`), over lines of text.

All lines go in as one picture, each in a band of its own, and come back as a table of words: one process for a page.
The program gets no environment, no files of ours and no more than its limits of time and memory; what it reads are
pixels that were decoded elsewhere.
"""

import asyncio
import os
import resource
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from hashlib import file_digest
from pathlib import Path
from typing import Self

import cv2
import numpy as np
from numpy.typing import NDArray

from models.errors import KernelSightError
from pipelines.documents.ocr.scripts import NO_READERS, Alphabet, group_by_script
from pipelines.documents.stages import Pixels
from pipelines.types import ModelUsed

LINE_HEIGHT, MARGIN = 48, 32  # pixels of a band and between bands: text as high as Tesseract was trained on
MAX_SECONDS, MAX_BYTES = 30.0, 2 * 2**30  # for all lines of a page; most pages take less than one second
_START_SECONDS = 10.0
_NICENESS = 10  # whoever waits for an image comes first
# Confidences, and the share of words at each that were read as printed: of 4,000 words in Russian and Ukrainian, drawn
# in three fonts at 16 to 30 pixels, plain, blurred, noisy, and as a poor JPEG.
_CONFIDENCES = (0.60, 0.75, 0.83, 0.88, 0.92, 0.94, 0.955, 0.965)
_RIGHT = (0.10, 0.20, 0.37, 0.53, 0.85, 0.94, 0.98, 0.99)
_WORD = "5"  # the level of a word in Tesseract's table
_COLUMNS = 12


class TesseractFailed(KernelSightError):
    code = "tesseract-failed"  # stays in the log: the page keeps what the first reader read


@dataclass(frozen=True, slots=True)
class RecognisedWord:
    """`left` and `right` are shares of the line's width, `confidence` is Tesseract's, 0-1; `weakest` is that of the
    least sure of the pieces that it was joined of."""

    text: str
    left: float
    right: float
    confidence: float
    weakest: float = 1.0

    @property
    def score(self) -> float:
        """The probability that the word is as printed."""
        return float(np.interp(min(self.confidence, self.weakest), _CONFIDENCES, _RIGHT))


@dataclass(frozen=True)
class Tesseract:
    """`alphabets` are those that it can read here; `folder` has its trained data."""

    program: Path
    folder: Path
    alphabets: tuple[Alphabet, ...]

    @classmethod
    def find(cls) -> Self | None:
        """The program on the PATH, or none where it is not installed or has no data for a script of its own."""
        program = shutil.which("tesseract")
        if program is None:
            return None
        try:
            listed = subprocess.run(
                [program, "--list-langs"], capture_output=True, text=True, timeout=_START_SECONDS, check=True
            ).stdout.splitlines()
        except (OSError, subprocess.SubprocessError):
            return None
        folder = Path(listed[0].partition('"')[2].partition('"')[0]) if listed else Path()
        alphabets = group_by_script(set(listed[1:]) - NO_READERS)
        return cls(Path(program), folder, alphabets) if alphabets else None

    def used(self, alphabet: Alphabet) -> ModelUsed:
        """The hash is that of its first trained data. Reads them: tens of megabytes."""
        with (self.folder / f"{alphabet.data[0]}.traineddata").open("rb") as file:
            digest = file_digest(file, "sha256").hexdigest()
        return ModelUsed(id=f"tesseract-{alphabet.data[0].lower()}", version=1, sha256=digest)

    async def read(self, lines: Sequence[Pixels], alphabet: Alphabet) -> list[list[RecognisedWord]]:
        """The words of each line, in the order in which they are read. Raises TesseractFailed."""
        crops = [_make_band(line) for line in lines]
        table = await self._run(_stack(crops), "+".join(alphabet.data))
        words: list[list[RecognisedWord]] = [[] for _ in crops]
        for number, left, width, text, confidence in _parse(table):
            if number < len(crops):
                wide = crops[number].shape[1]
                start, end = (min(max((one - MARGIN) / wide, 0.0), 1.0) for one in (left, left + width))
                words[number].append(RecognisedWord(text, start, end, confidence))
        gaps = [alphabet.piece_gap * LINE_HEIGHT / crop.shape[1] for crop in crops]
        return [join_pieces(pieces, gap) for pieces, gap in zip(words, gaps, strict=True)]

    async def _run(self, picture: NDArray[np.uint8], data: str) -> str:
        arguments = ["stdin", "stdout", "--psm", "6", "-l", data, "tsv"]  # 6: one block of lines
        own = {"OMP_THREAD_LIMIT": "1", "TESSDATA_PREFIX": str(self.folder)}
        pipe, nowhere = asyncio.subprocess.PIPE, asyncio.subprocess.DEVNULL
        try:
            process = await asyncio.create_subprocess_exec(
                str(self.program), *arguments, stdin=pipe, stdout=pipe, stderr=nowhere, env=own
            )
        except OSError as cause:
            raise TesseractFailed(f"Tesseract does not start: {cause.strerror}") from cause
        try:
            _limit(process.pid)
            async with asyncio.timeout(MAX_SECONDS):
                output, _ = await process.communicate(_encode_pgm(picture))
        except TimeoutError:
            raise TesseractFailed(f"Tesseract took more than {MAX_SECONDS:g} s") from None
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        if process.returncode:
            raise TesseractFailed(f"Tesseract ended with code {process.returncode}")
        return output.decode("utf-8", "replace")


def join_pieces(pieces: Sequence[RecognisedWord], gap: float) -> list[RecognisedWord]:
    """Words of the pieces that stand nearer to each other than `gap`, a share of the line's width; 0 joins none."""
    words: list[RecognisedWord] = []
    for piece in pieces:
        if gap and words and piece.left - words[-1].right < gap:
            last = words.pop()
            counts = len(last.text), len(piece.text)
            mean = (last.confidence * counts[0] + piece.confidence * counts[1]) / sum(counts)
            weakest = min(last.weakest, last.confidence, piece.confidence)
            edges = min(last.left, piece.left), max(last.right, piece.right)
            piece = RecognisedWord(last.text + piece.text, *edges, mean, weakest)
        words.append(piece)
    return words


def _limit(process: int) -> None:
    with suppress(ProcessLookupError):  # it has ended already
        os.setpriority(os.PRIO_PROCESS, process, _NICENESS)
        if hasattr(resource, "prlimit"):  # Linux
            resource.prlimit(process, resource.RLIMIT_AS, (MAX_BYTES, MAX_BYTES))


def _make_band(line: Pixels) -> NDArray[np.uint8]:
    """Grey, `LINE_HEIGHT` high, dark on light."""
    grey = cv2.cvtColor(line, cv2.COLOR_RGB2GRAY)
    width = max(1, round(grey.shape[1] * LINE_HEIGHT / grey.shape[0]))
    band = cv2.resize(grey, (width, LINE_HEIGHT), interpolation=cv2.INTER_AREA)
    return cv2.bitwise_not(band) if np.median(band) < 128 else band  # type: ignore[return-value]  # no dtypes


def _stack(bands: Sequence[NDArray[np.uint8]]) -> NDArray[np.uint8]:
    pitch = LINE_HEIGHT + MARGIN
    width = max(band.shape[1] for band in bands) + 2 * MARGIN
    picture = np.full((MARGIN + pitch * len(bands), width), 255, np.uint8)
    for number, band in enumerate(bands):
        top = MARGIN + pitch * number
        picture[top : top + LINE_HEIGHT, MARGIN : MARGIN + band.shape[1]] = band
    return picture


def _encode_pgm(picture: NDArray[np.uint8]) -> bytes:
    height, width = picture.shape
    return b"P5 %d %d 255\n" % (width, height) + picture.tobytes()


def _parse(table: str) -> Iterator[tuple[int, int, int, str, float]]:
    """Band, left edge and width in pixels, text and confidence of each word."""
    for row in table.splitlines():
        cells = row.split("\t")
        if len(cells) == _COLUMNS and cells[0] == _WORD and cells[11].strip():
            left, top, width, height = map(int, cells[6:10])
            middle = top + height // 2 - MARGIN // 2
            yield middle // (LINE_HEIGHT + MARGIN), left, width, cells[11].strip(), float(cells[10]) / 100
