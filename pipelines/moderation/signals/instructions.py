"""Signal "instructions": phrases in texts, PDFs and pictures that address a language model or its tools.

PDF page ─► its text layer, with what is hidden ──────────────┐
picture ──► OCR and codes, where a request names the signal ──┴► rules ─► phrases, visible or hidden ─► scores
"""

from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, ClassVar

from models.concurrency import gather_or_cancel
from pipelines.boxes import Box
from pipelines.cpu_pool import CpuPool
from pipelines.documents.ocr.reader import OcrReader
from pipelines.documents.pdf.page_characters import TextLayer
from pipelines.documents.shared_reading import read_once
from pipelines.image.decode import Picture
from pipelines.instructions.page_phrases import PlacedPhrase, find_in_layer, find_in_lines
from pipelines.instructions.quoted_text import unescape_spaces
from pipelines.instructions.scoring import InstructionRules
from pipelines.moderation.signals.barcodes import find_barcodes_once
from pipelines.moderation.signals.signal import ScoreNames
from pipelines.moderation.types import Evidence, SignalResult
from pipelines.run_context import RunContext
from pipelines.types import ModelUsed

TextPhrases = list[PlacedPhrase]  # of one text, whose characters their spans count

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
        """Spans of the evidence are those of `page_phrases`, or of a code; scores are those of the worst text."""
        readings = list[Coroutine[Any, Any, list[TextPhrases]]]()
        if picture.text_layer is not None:
            readings.append(self._read_layer(picture, picture.text_layer))
        if self.reader is not None:
            readings.append(self._read_pixels(self.reader, picture, context))
            readings.append(self._read_codes(picture, context))
        return self._score(list(chain.from_iterable(await gather_or_cancel(*readings))))

    async def _read_layer(self, picture: Picture, layer: TextLayer) -> list[TextPhrases]:
        return [await self.pool.run(find_in_layer, self.rules, picture, layer)]

    async def _read_pixels(self, reader: OcrReader, picture: Picture, context: RunContext) -> list[TextPhrases]:
        page = await read_once(reader, picture, context)
        return [await self.pool.run(find_in_lines, self.rules, picture, page)]

    async def _read_codes(self, picture: Picture, context: RunContext) -> list[TextPhrases]:
        barcodes = await find_barcodes_once(self.pool, picture, context)
        return await self.pool.run(lambda: [self._find_in_code(one.payload, one.box) for one in barcodes])

    def _find_in_code(self, payload: str, box: Box) -> TextPhrases:
        return [PlacedPhrase(match, "in a code", box) for match in self.rules.find(unescape_spaces(payload))]

    def read_text(self, text: str) -> SignalResult:
        """Score a text that came as such, of which nothing is hidden."""
        return self._score([[PlacedPhrase(match) for match in self.rules.find(text)]])

    def _score(self, texts: Sequence[TextPhrases]) -> SignalResult:
        scores = {
            "visible": self._score_those(texts, lambda phrase: phrase.hiding is None),
            "hidden": self._score_those(texts, lambda phrase: phrase.hiding is not None),
        }
        strongest = sorted(chain.from_iterable(texts), key=lambda phrase: -self.rules.strengths[phrase.match.kind])
        evidence = [self._describe(phrase) for phrase in strongest[:MAX_SHOWN]]
        result = SignalResult.of(scores, evidence, detector="instruction-rules", version=self.rules.version)
        return result.model_copy(update={"score": self._score_those(texts, lambda phrase: True)})

    def _score_those(self, texts: Sequence[TextPhrases], is_meant: Callable[[PlacedPhrase], bool]) -> float:
        """The highest of any text: places in different texts are not near each other."""
        scores = [self.rules.score(phrase.match for phrase in phrases if is_meant(phrase)) for phrases in texts]
        return round(max(scores, default=0.0), 6)

    def _describe(self, phrase: PlacedPhrase) -> Evidence:
        match = phrase.match
        return Evidence(
            what=match.text[:MAX_SHOWN_LENGTH],
            score=self.rules.strengths[match.kind],
            detail=match.kind if phrase.hiding is None else f"{match.kind}, {phrase.hiding}",
            box=phrase.box,
            span=match.span,
        )
