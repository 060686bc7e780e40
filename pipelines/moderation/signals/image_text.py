"""Signal "text" of an image: what the documents pipeline's reader reads in it, held against the policy's words.

Reading takes much longer than all other signals together, so this one runs where it is asked for by name.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import numpy as np

from pipelines.cpu_pool import CpuPool
from pipelines.documents.coordinates import Turn
from pipelines.documents.stages import PageText, Reader
from pipelines.image.decode import Picture
from pipelines.moderation.policy import Policy
from pipelines.moderation.types import Box, SignalResult
from pipelines.run_context import RunContext
from pipelines.types import ModelUsed


@dataclass(frozen=True)
class TextInImage:
    """`models` are the reader's; `policy` gives the policy that is in force now."""

    reader: Reader
    models: list[ModelUsed]
    policy: Callable[[], Awaitable[Policy]]
    pool: CpuPool
    name: str = "text"

    @property
    def shorter_side(self) -> None:
        """All pixels there are: small print is small."""

    async def read(self, picture: Picture, context: RunContext) -> SignalResult:
        """Spans of the evidence are characters of all lines, joined by line breaks; boxes are those of the lines."""
        policy = await self.policy()
        page = await self.reader.read(np.asarray(picture.pixels), context)
        reading = await self.pool.run(policy.text_signal.read_text, "\n".join(line.text for line in page.lines))
        placed = [
            one.model_copy(update={"box": _box(page, picture, one.span[0])}) if one.span else one
            for one in reading.evidence
        ]
        return reading.model_copy(update={"evidence": placed})


def _box(page: PageText, picture: Picture, position: int) -> Box:
    """The line that holds the character at `position`, in pixels of the upright original."""
    end = -1
    for line in page.lines:
        end += len(line.text) + 1
        if position <= end:
            break
    x0, y0, x1, y1 = Turn.of(page, *picture.pixels.size).undo_box(line.box)
    scale = picture.scale
    return round(x0 / scale, 1), round(y0 / scale, 1), round(x1 / scale, 1), round(y1 / scale, 1)
