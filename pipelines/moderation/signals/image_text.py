"""Signal "text" of an image: reads its text as the documents pipeline does, and applies the policy's text rules.

Reading takes much longer than all other signals together, so this one runs only where a request names it.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import ClassVar

from pipelines.boxes import Box
from pipelines.cpu_pool import CpuPool
from pipelines.documents.coordinates import PageTransform
from pipelines.documents.shared_reading import read_once
from pipelines.documents.stages import PageReader, PageText
from pipelines.image.decode import Picture
from pipelines.moderation.policy import Policy
from pipelines.moderation.signals.signal import ScoreNames
from pipelines.moderation.types import SignalResult
from pipelines.run_context import RunContext
from pipelines.types import ModelUsed


@dataclass(frozen=True)
class ImageTextSignal:
    """`models` are the reader's; `policy` gives the policy that is in force now."""

    reader: PageReader
    models: list[ModelUsed]
    policy: Callable[[], Awaitable[Policy]]
    pool: CpuPool
    name: ClassVar[str] = "text"

    @classmethod
    def score_names(cls) -> ScoreNames:
        """Any name: the policy in force has the categories, see `TextSignal`."""
        return None

    @property
    def shorter_side(self) -> None:
        """All pixels: small print needs them."""

    async def read(self, picture: Picture, context: RunContext) -> SignalResult:
        """Spans of the evidence count characters of all lines, joined by line breaks; boxes are those of the lines."""
        policy = await self.policy()
        page = await read_once(self.reader, picture, context)
        result = await self.pool.run(policy.text_signal.read_text, "\n".join(line.text for line in page.lines))
        with_boxes = [
            one.model_copy(update={"box": _find_line_box(page, picture, one.span[0])}) if one.span else one
            for one in result.evidence
        ]
        return result.model_copy(update={"evidence": with_boxes})


def _find_line_box(page: PageText, picture: Picture, position: int) -> Box:
    """The box of the line that holds the character at `position`, in pixels of the upright original."""
    end = -1
    for line in page.lines:
        end += len(line.text) + 1
        if position <= end:
            break
    x0, y0, x1, y1 = PageTransform.of(page, *picture.pixels.size).box_to_original(line.box)
    scale = picture.scale
    return round(x0 / scale, 1), round(y0 / scale, 1), round(x1 / scale, 1), round(y1 / scale, 1)
