"""Reads lines again that the first reader has no letters for: in Russian, Greek, Arabic and other scripts.

lines without letters ─► the longest of them, with each alphabet ─► the surest alphabet ─► all of them ─► the sure ones

The script is found by its outcome, so that a page needs no language: an alphabet that reads the sample with confidence,
as letters of its own script, is that of the page. What it is not sure of stays as it was.
"""

import asyncio
import logging
import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from math import log2

from pipelines.cpu_pool import CpuPool
from pipelines.documents.ocr.crops import crop_line
from pipelines.documents.ocr.db_postprocess import TextQuads
from pipelines.documents.ocr.ink_coverage import LINE_RUNS, InkCoverage, count_foreign_lines
from pipelines.documents.ocr.lines import ReadLine, find_word_box
from pipelines.documents.ocr.scripts import Alphabet
from pipelines.documents.ocr.tesseract import LINE_HEIGHT, RecognisedWord, Tesseract, TesseractFailed
from pipelines.documents.stages import Pixels, QuadArray, TextLine, TextWord
from pipelines.run_context import RunContext
from pipelines.types import ModelUsed

log = logging.getLogger(__name__)

SAMPLE_LINES = 4  # that tell the script: the longest
# Mean confidences by length: of a sample in the right script .88 or more, of one read with another's alphabet less than
# .6. Where words are cut to syllables, short ones are read with confidence: Hebrew and Armenian as Thai at .82 and .85,
# Thai at .95. A single line may be worse, as its words have scores to say so.
SURE_OF_SCRIPT, SURE_OF_SYLLABLES, SURE_OF_LINE = 0.8, 0.9, 0.6
# Bits of information in a letter of a sample of so many letters, at least: of 12 pages in their own script 4.2 or more,
# of Armenian taken for Thai 3.4, as a few letters stand for all.
FEWEST_BITS, BITS_LETTERS = 3.8, 150
OWN_SHARE = 0.5  # of a sample's letters that are of the alphabet's script: numbers and names are in Latin ones


@dataclass(frozen=True)
class SecondReader:
    tesseract: Tesseract
    pool: CpuPool
    _known: dict[str, ModelUsed] = field(default_factory=dict)
    _places: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(os.cpu_count() or 1))

    async def reread(
        self, page: Pixels, boxes: TextQuads, lines: Sequence[ReadLine], context: RunContext
    ) -> list[ReadLine]:
        """The lines, of which those in a script that the first reader does not cover are read anew."""
        foreign = count_foreign_lines([one.coverage for one in lines])
        if not foreign:
            return list(lines)
        lost = [number for number, one in enumerate(lines) if one.coverage.is_lost]
        numbers = lost if foreign == len(lost) else list(range(len(lines)))
        try:
            with context.stage("second_reader"):
                async with self._places:
                    found = await self._read(page, [boxes.quads[number] for number in numbers], context)
        except TesseractFailed as error:
            log.warning("a page keeps what the first reader read: %s", error)
            return list(lines)
        again = dict(zip(numbers, found, strict=True))
        return [_replace_line(one, boxes.quads[number], again.get(number, [])) for number, one in enumerate(lines)]

    async def _read(self, page: Pixels, quads: Sequence[QuadArray], context: RunContext) -> list[list[RecognisedWord]]:
        crops = await self.pool.run(lambda: [crop_line(page, quad, height=LINE_HEIGHT) for quad in quads])
        sample = sorted(crops, key=lambda crop: -crop.shape[1])[:SAMPLE_LINES]
        readings = [await self.tesseract.read(sample, one) for one in self.tesseract.alphabets]
        rated = [(rate_sample(*one), one[1]) for one in zip(readings, self.tesseract.alphabets, strict=True)]
        sure = [one for one in rated if one[0] >= (SURE_OF_SYLLABLES if one[1].piece_gap else SURE_OF_SCRIPT)]
        if not sure:
            return [[] for _ in quads]
        _, alphabet = max(sure, key=lambda one: one[0])
        context.models_run[await self._identify(alphabet)] = None
        return await self.tesseract.read(crops, alphabet)

    async def _identify(self, alphabet: Alphabet) -> ModelUsed:
        if alphabet.script not in self._known:
            self._known[alphabet.script] = await self.pool.run(self.tesseract.used, alphabet)
        return self._known[alphabet.script]


def rate_sample(lines: Sequence[Sequence[RecognisedWord]], alphabet: Alphabet) -> float:
    """0 where the letters are of another script, or no language has so few of them."""
    words = [word for line in lines for word in line]
    text = "".join(word.text for word in words)
    is_monotonous = len(text) >= BITS_LETTERS and _measure_bits(text) < FEWEST_BITS
    return _measure_confidence(words) if alphabet.share_of(text) >= OWN_SHARE and not is_monotonous else 0.0


def _measure_bits(text: str) -> float:
    """The entropy of its characters."""
    counts = Counter(text).values()
    return -sum(count / len(text) * log2(count / len(text)) for count in counts)


def _measure_confidence(words: Sequence[RecognisedWord]) -> float:
    """Mean confidence of characters; 0 without any."""
    characters = sum(len(word.text) for word in words)
    return sum(word.confidence * len(word.text) for word in words) / characters if characters else 0.0


def _is_well_read(first: InkCoverage, confidence: float) -> bool:
    """Whether the first reader has a letter for all ink of a line, and is surer: an address, a name in Latin letters.

    Of a few glyphs that tells nothing: "СОР" looks the same in both.
    """
    return first.runs >= LINE_RUNS and not first.unread_runs and first.score >= confidence


def _replace_line(line: ReadLine, quad: QuadArray, words: Sequence[RecognisedWord]) -> ReadLine:
    """The reading of `words`, if it is sure and the first one is not: then all of the line's ink is read."""
    confidence = _measure_confidence(words)
    if confidence < SURE_OF_LINE or _is_well_read(line.coverage, confidence):
        return line
    own = tuple(TextWord(word.text, find_word_box(quad, word.left, word.right), round(word.score, 4)) for word in words)
    text = TextLine(" ".join(word.text for word in own), quad, min(word.score for word in own), own)
    coverage = replace(line.coverage, unread=0, unread_runs=0, score=confidence)
    return ReadLine(text, (), coverage)
