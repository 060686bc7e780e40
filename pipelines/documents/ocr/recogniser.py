"""Recognises lines of text: crops of similar width in one batch, padded to a width that the net accepts."""

import asyncio
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from models.arrays import Array
from models.concurrency import gather_or_cancel
from models.manifest import Manifest
from pipelines.cpu_pool import CpuPool
from pipelines.documents.ocr.crops import crop_line, make_tensor
from pipelines.documents.ocr.ctc import Character, decode_characters
from pipelines.documents.ocr.db_postprocess import TextQuads
from pipelines.documents.ocr.line_splitting import LineSlice, join_slices, slice_line
from pipelines.documents.ocr.lines import ReadLine, read_line
from pipelines.documents.stages import Pixels
from pipelines.pipeline import Infer
from pipelines.run_context import RunContext

MAX_CONCURRENT_GROUPS = 6  # of a page: more would only take memory, and the places of other requests in the queue
GROUP_COLUMNS = 1280  # of all crops of a group: the output takes 9 KiB for each


def read_alphabet(metadata: Mapping[str, str]) -> tuple[str, ...]:
    """The meaning of a recogniser's classes, from its graph's metadata: a blank, its characters, a space."""
    return ("", *metadata["character"].split("\n"), " ")


@dataclass(frozen=True)
class TextRecogniser:
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

    async def read_lines(self, page: Pixels, boxes: TextQuads, context: RunContext) -> list[ReadLine]:
        """Read each of the boxes, in their order."""
        with context.stage("preprocess"):
            crops = await self.pool.run(self._crop_lines, page, boxes)
        texts = await self._read(crops, context)
        with context.stage("postprocess"):
            return await self.pool.run(_build_lines, boxes, crops, texts)

    async def read_beginnings(
        self, page: Pixels, boxes: TextQuads, columns: int, context: RunContext
    ) -> list[list[Character]]:
        """The characters in the first `columns` of each line at the net's height."""
        with context.stage("preprocess"):
            crops = await self.pool.run(self._crop_lines, page, boxes)
        return await self._read([crop[:, :columns] for crop in crops], context)

    async def _read(self, crops: Sequence[Pixels], context: RunContext) -> list[list[Character]]:
        """Each crop's characters, with shares of its width as positions."""
        with context.stage("preprocess"):
            slices = await self.pool.run(self._slice_lines, crops)
        semaphore = asyncio.Semaphore(MAX_CONCURRENT_GROUPS)
        groups = await gather_or_cancel(
            *(self._recognise(group, width, semaphore, context) for width, group in self._group_by_width(slices))
        )
        texts = {(one.line, one.left): characters for group in groups for one, characters in group}
        lines: list[list[tuple[LineSlice, list[Character]]]] = [[] for _ in crops]
        for one in slices:
            lines[one.line].append((one, texts[one.line, one.left]))
        return [_to_shares(join_slices(parts), crop.shape[1]) for parts, crop in zip(lines, crops, strict=True)]

    def _crop_lines(self, page: Pixels, boxes: TextQuads) -> list[Pixels]:
        return [crop_line(page, quad, height=self.height) for quad in boxes.quads]

    def _slice_lines(self, crops: Sequence[Pixels]) -> list[LineSlice]:
        return [part for line, crop in enumerate(crops) for part in slice_line(line, crop, widest=self.widths[-1])]

    def _group_by_width(self, slices: Sequence[LineSlice]) -> Iterator[tuple[int, list[LineSlice]]]:
        """Slices for one inference and the width they are padded to; the widest first, as they take longest."""
        for width in reversed(self.widths):
            narrower = max((one for one in self.widths if one < width), default=0)
            similar = [one for one in slices if narrower < one.pixels.shape[1] <= width]
            size = max(1, GROUP_COLUMNS // width)
            yield from ((width, similar[first : first + size]) for first in range(0, len(similar), size))

    async def _recognise(
        self, group: Sequence[LineSlice], width: int, semaphore: asyncio.Semaphore, context: RunContext
    ) -> list[tuple[LineSlice, list[Character]]]:
        async with semaphore:
            with context.stage("preprocess"):
                crops = [one.pixels for one in group]
                batch = await self.pool.run(make_tensor, crops, self.manifest.input, width)
            answer = await self.infer_many(
                self.manifest.id,
                {self.manifest.input.name: batch},
                priority=context.priority,
                deadline=context.deadline,
            )
            context.record_inference(answer)
            with context.stage("postprocess"):
                steps = answer.outputs[self.manifest.outputs[0].name]
                return await self.pool.run(self._decode, group, steps, width)

    def _decode(self, group: Sequence[LineSlice], steps: Array, width: int) -> list[tuple[LineSlice, list[Character]]]:
        return [(part, self._decode_slice(own, width)) for part, own in zip(group, steps, strict=True)]

    def _decode_slice(self, steps: Array, width: int) -> list[Character]:
        """Characters with columns of the slice as positions."""
        return [replace(one, position=one.position * width) for one in decode_characters(steps, self.alphabet)]


def _to_shares(characters: Iterable[Character], width: int) -> list[Character]:
    """With shares of the line's width as positions instead of columns."""
    return [replace(one, position=one.position / width) for one in characters]


def _build_lines(boxes: TextQuads, crops: Sequence[Pixels], texts: Sequence[Sequence[Character]]) -> list[ReadLine]:
    return [read_line(*one) for one in zip(boxes.quads, crops, texts, strict=True)]
