"""Signal "instructions": phrases in texts, PDFs and pictures that address a language model or its tools.

PDF page ─► its text layer, with what is hidden ───┐
picture ──► OCR, where a request names the signal ─┴► rules ─► phrases, visible or hidden ─► scores
"""

from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from models.concurrency import gather_or_cancel
from pipelines.cpu_pool import CpuPool
from pipelines.documents.ocr.reader import OcrReader
from pipelines.documents.shared_reading import read_once
from pipelines.image.decode import Picture
from pipelines.instructions.page_phrases import PlacedPhrase, find_in_layer, find_in_lines
from pipelines.instructions.scoring import InstructionRules
from pipelines.moderation.signals.signal import ScoreNames
from pipelines.moderation.types import Evidence, SignalResult
from pipelines.run_context import RunContext
from pipelines.types import ModelUsed

MAX_SHOWN = 20  # phrases that become evidence
MAX_SHOWN_LENGTH = 100  # characters of a phrase that become evidence


@dataclass(frozen=True)
class InstructionsSignal:
    """Without a `reader` it reads no pixels: OCR takes seconds, so a request has to ask for it."""

    rules: InstructionRules
    pool: CpuPool
    reader: OcrReader | None = None
    name: ClassVar[str] = "instructions"

    @classmethod
    def score_names(cls) -> ScoreNames:
        return ("visible", "hidden")

    @property
    def models(self) -> list[ModelUsed]:
        return [] if self.reader is None else self.reader.models

    @property
    def shorter_side(self) -> int | None:
        """All pixels for OCR; text layers need none."""
        return 1 if self.reader is None else None

    async def read(self, picture: Picture, context: RunContext) -> SignalResult:
        """Spans of the evidence are those of `page_phrases`; the score is that of all phrases together."""
        readings = list[Coroutine[Any, Any, list[PlacedPhrase]]]()
        if picture.text_layer is not None:
            readings.append(self.pool.run(find_in_layer, self.rules, picture, picture.text_layer))
        if self.reader is not None:
            readings.append(self._read_pixels(self.reader, picture, context))
        found = await gather_or_cancel(*readings)
        return self._score([phrase for phrases in found for phrase in phrases])

    async def _read_pixels(self, reader: OcrReader, picture: Picture, context: RunContext) -> list[PlacedPhrase]:
        page = await read_once(reader, picture, context)
        return await self.pool.run(find_in_lines, self.rules, picture, page)

    def read_text(self, text: str) -> SignalResult:
        """Score a text that came as such, of which nothing is hidden."""
        return self._score([PlacedPhrase(match) for match in self.rules.find(text)])

    def _score(self, phrases: Sequence[PlacedPhrase]) -> SignalResult:
        scores = {
            "visible": self._score_those(phrases, lambda phrase: phrase.hiding is None),
            "hidden": self._score_those(phrases, lambda phrase: phrase.hiding is not None),
        }
        strongest = sorted(phrases, key=lambda phrase: -self.rules.strengths[phrase.match.kind])
        evidence = [self._describe(phrase) for phrase in strongest[:MAX_SHOWN]]
        result = SignalResult.of(scores, evidence, detector="instruction-rules", version=self.rules.version)
        return result.model_copy(update={"score": self._score_those(phrases, lambda phrase: True)})

    def _score_those(self, phrases: Sequence[PlacedPhrase], is_meant: Callable[[PlacedPhrase], bool]) -> float:
        return round(self.rules.score(phrase.match for phrase in phrases if is_meant(phrase)), 6)

    def _describe(self, phrase: PlacedPhrase) -> Evidence:
        match = phrase.match
        return Evidence(
            what=match.text[:MAX_SHOWN_LENGTH],
            score=self.rules.strengths[match.kind],
            detail=match.kind if phrase.hiding is None else f"{match.kind}, {phrase.hiding}",
            box=phrase.box,
            span=match.span,
        )
