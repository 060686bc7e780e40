"""Reads lines of text: crops of like width together, in the widths that the recogniser accepts."""

import asyncio
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from dataclasses import replace as replaced

from models.concurrency import gather_or_cancel
from models.manifest import Manifest
from models.runtime.session import Array
from pipelines.cpu_pool import CpuPool
from pipelines.documents.ocr.crops import cut, tensor
from pipelines.documents.ocr.ctc import Character, decode
from pipelines.documents.ocr.db_postprocess import Boxes
from pipelines.documents.ocr.downscale import doubtful, squeezed
from pipelines.documents.ocr.line_splitting import Piece, joined, pieces
from pipelines.documents.ocr.lines import read_line
from pipelines.documents.stages import Pixels, TextLine
from pipelines.pipeline import Infer
from pipelines.run_context import RunContext

AT_ONCE = 6  # groups that a page has under way: more would only hold memory, and other requests' places
GROUP = 1280  # columns of a group of crops: an answer takes 9 KiB for each


def alphabet(metadata: Mapping[str, str]) -> tuple[str, ...]:
    """What a recogniser's classes stand for, from its graph's metadata: a blank, its characters, a space."""
    return ("", *metadata["character"].split("\n"), " ")


@dataclass(frozen=True)
class Recogniser:
    manifest: Manifest
    alphabet: Sequence[str]
    infer_many: Infer
    pool: CpuPool

    @property
    def height(self) -> int:
        return self.manifest.input.sizes[0][0]

    @property
    def widths(self) -> list[int]:
        return sorted(width for _, width in self.manifest.input.sizes)

    async def read(self, page: Pixels, boxes: Boxes, context: RunContext) -> list[TextLine]:
        """What stands in the boxes, in their order; those in which nothing stands are left out."""
        with context.stage("preprocess"):
            crops = await self.pool.run(self._crops, page, boxes)
            narrow = await self.pool.run(squeezed, crops)
        found = await self._read(narrow, context)
        with context.stage("postprocess"):
            wanting = await self.pool.run(_wanting, crops, narrow, found)
        again = await self._read([crops[row] for row in wanting], context)
        for row, characters in zip(wanting, again, strict=True):
            found[row] = characters
        with context.stage("postprocess"):
            return await self.pool.run(_lines, boxes, crops, found)

    async def _read(self, crops: Sequence[Pixels], context: RunContext) -> list[list[Character]]:
        """Each crop's characters."""
        with context.stage("preprocess"):
            cuts = await self.pool.run(self._pieces, crops)
        places = asyncio.Semaphore(AT_ONCE)
        read = await gather_or_cancel(
            *(self._recognised(group, width, places, context) for width, group in self._groups(cuts))
        )
        found = {(one.line, one.left): characters for part in read for one, characters in part}
        parts: list[list[tuple[Piece, list[Character]]]] = [[] for _ in crops]
        for piece in cuts:
            parts[piece.line].append((piece, found[piece.line, piece.left]))
        return [_along(joined(own), crop.shape[1]) for own, crop in zip(parts, crops, strict=True)]

    def _crops(self, page: Pixels, boxes: Boxes) -> list[Pixels]:
        return [cut(page, quad, height=self.height) for quad in boxes.quads]

    def _pieces(self, crops: Sequence[Pixels]) -> list[Piece]:
        return [part for line, crop in enumerate(crops) for part in pieces(line, crop, widest=self.widths[-1])]

    def _groups(self, cuts: Sequence[Piece]) -> Iterator[tuple[int, list[Piece]]]:
        """Pieces that go together, and the width they are padded to; the widest first, as they take longest."""
        for width in reversed(self.widths):
            narrower = max((one for one in self.widths if one < width), default=0)
            alike = [one for one in cuts if narrower < one.pixels.shape[1] <= width]
            size = max(1, GROUP // width)
            yield from ((width, alike[first : first + size]) for first in range(0, len(alike), size))

    async def _recognised(
        self, group: Sequence[Piece], width: int, places: asyncio.Semaphore, context: RunContext
    ) -> list[tuple[Piece, list[Character]]]:
        async with places:
            with context.stage("preprocess"):
                crops = [one.pixels for one in group]
                batch = await self.pool.run(tensor, crops, self.manifest.input, width)
            answer = await self.infer_many(
                self.manifest.id,
                {self.manifest.input.name: batch},
                priority=context.priority,
                deadline=context.deadline,
            )
            context.inferred(answer)
            with context.stage("postprocess"):
                steps = answer.outputs[self.manifest.outputs[0].name]
                return await self.pool.run(self._decoded, group, steps, width)

    def _decoded(self, group: Sequence[Piece], steps: Array, width: int) -> list[tuple[Piece, list[Character]]]:
        return [(piece, self._characters(own, width)) for piece, own in zip(group, steps, strict=True)]

    def _characters(self, steps: Array, width: int) -> list[Character]:
        """With columns of the piece as positions."""
        return [replaced(one, position=one.position * width) for one in decode(steps, self.alphabet)]


def _wanting(crops: Sequence[Pixels], narrow: Sequence[Pixels], found: Sequence[Sequence[Character]]) -> list[int]:
    """Rows of the lines that were squeezed and are to be read again as they are."""
    return [
        row
        for row, (crop, characters) in enumerate(zip(crops, found, strict=True))
        if crop is not narrow[row] and doubtful(crop, characters)
    ]


def _along(characters: Iterable[Character], width: int) -> list[Character]:
    """With parts of the line's width as positions, not columns."""
    return [replaced(one, position=one.position / width) for one in characters]


def _lines(boxes: Boxes, crops: Sequence[Pixels], found: Sequence[Sequence[Character]]) -> list[TextLine]:
    lines = [read_line(*one) for one in zip(boxes.quads, crops, found, strict=True)]
    return [line for line in lines if line is not None]
