"""Regions of a page from PicoDet: one look at the page as it is, several at pages that are far longer or wider.

Source: G. Yu et al., "PP-PicoDet: A Better Real-Time Object Detector on Mobile Devices" (2021); boxes are
distributions over distances, X. Li et al., "Generalized Focal Loss" (NeurIPS 2020). Weights trained on CDLA, from
PaddleOCR. Decoding, suppression and tiling are ours.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from math import ceil

import cv2
import numpy as np
from numpy.typing import NDArray

from models.concurrency import gather_or_cancel
from models.manifest import Manifest
from models.runtime.session import Array
from pipelines.cpu_pool import CpuPool
from pipelines.documents.boxes import across, along, height, union, width
from pipelines.documents.stages import Block, Pixels
from pipelines.documents.types import Box, Label
from pipelines.nms import keep_best
from pipelines.pipeline import Infer
from pipelines.run_context import RunContext
from pipelines.types import ModelUsed

Floats = NDArray[np.float32]

STRIDES = (8, 16, 32, 64)

# The order of the net's classes (CDLA): captions of figures and of tables are one label.
LABELS: tuple[Label, ...] = (
    "text", "title", "figure", "caption", "table", "caption", "header", "footer", "reference", "formula",
)  # fmt: skip

# What is under these is noise that lines and geometry do better without. Text is proposed by the lines themselves.
FLOOR = 0.2
IOU = 0.5  # within one label

# Height over width that the net saw in training is about 1.3; it still reads a page half or twice as long.
TALLEST, WIDEST = 2.4, 0.5
TILE_TALL, TILE_WIDE = 1.4, 0.8  # height over width of one tile
OVERLAP = 0.2  # of neighbouring tiles
MOST_TILES = 12


@dataclass(frozen=True)
class PicoLayout:
    """`Layout` with PicoDet."""

    manifest: Manifest
    used: ModelUsed
    infer: Infer
    pool: CpuPool

    async def find(self, pixels: Pixels, context: RunContext) -> list[Block]:
        frames = tiles(pixels.shape[1], pixels.shape[0])
        looks = await gather_or_cancel(*(self._look(pixels, frame, context) for frame in frames))
        return joined([block for look in looks for block in look], frames)

    async def _look(self, pixels: Pixels, frame: Box, context: RunContext) -> list[Block]:
        contract = self.manifest.input
        with context.stage("preprocess"):
            tensor = await self.pool.run(_tensor, pixels, frame, self.manifest)
        done = await self.infer(
            self.manifest.id, {contract.name: tensor}, priority=context.priority, deadline=context.deadline
        )
        context.inferred(done, session="layout")
        with context.stage("postprocess"):
            names = [output.name for output in self.manifest.outputs]
            return await self.pool.run(decode, done.outputs, names, contract.sizes[0], frame)


def tiles(page_width: int, page_height: int) -> list[Box]:
    """The page itself, or overlapping parts of a page that is far longer or wider than paper, first to last."""
    proportion = page_height / page_width
    if WIDEST <= proportion <= TALLEST:
        return [(0, 0, page_width, page_height)]
    if proportion > TALLEST:
        return [(0, a, page_width, b) for a, b in _spans(page_height, page_width * TILE_TALL)]
    return [(a, 0, b, page_height) for a, b in _spans(page_width, page_height / TILE_WIDE)]


def _spans(length: int, tile: float) -> list[tuple[int, int]]:
    """Evenly spaced; longer than `tile` where there would be too many."""
    tile = max(tile, length / ((MOST_TILES - 1) * (1 - OVERLAP) + 1))
    count = ceil((length - tile) / (tile * (1 - OVERLAP))) + 1
    starts = np.linspace(0, length - tile, count)
    return [(int(start), min(length, ceil(start + tile))) for start in starts]


def _tensor(pixels: Pixels, frame: Box, manifest: Manifest) -> Floats:
    """(3, H, W) float32, in the contract's colour order and scale."""
    contract = manifest.input
    rows, columns = contract.sizes[0]
    x0, y0, x1, y1 = (int(value) for value in frame)
    part = pixels[y0:y1, x0:x1]
    # Large scans are halved with averaging first: cubic interpolation alone would drop thin strokes.
    while part.shape[0] >= 4 * rows and part.shape[1] >= 4 * columns:
        part = cv2.resize(part, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA).astype(np.uint8)
    image = cv2.resize(part, (columns, rows), interpolation=cv2.INTER_CUBIC).astype(np.float32)
    if contract.colour == "BGR":
        image = image[:, :, ::-1]
    scaled = (image - np.array(contract.mean, np.float32)) / np.array(contract.std, np.float32)
    return np.ascontiguousarray(scaled.transpose(2, 0, 1), dtype=np.float32)


def decode(outputs: Mapping[str, Array], names: list[str], size: tuple[int, int], frame: Box) -> list[Block]:
    """Raw outputs of a (height, width) canvas to blocks in the page; best score first.

    `names`: (cells, classes) scores of each stride, then (cells, 4 × bins) distributions of each stride. A
    distribution's mean is the distance from the cell's centre to the box's left, top, right or bottom, in strides.
    """
    scores = np.concatenate([outputs[name] for name in names[: len(STRIDES)]])
    cells, classes = np.nonzero(scores >= FLOOR)
    raw = np.concatenate([outputs[name] for name in names[len(STRIDES) :]])[cells]
    raw = raw.reshape(len(cells), 4, raw.shape[1] // 4)
    weights = np.exp(raw - raw.max(axis=2, keepdims=True))
    centres, strides = (values[cells] for values in _grid(*size))
    distances = (weights * np.arange(raw.shape[2])).sum(axis=2) / weights.sum(axis=2) * strides
    boxes = np.concatenate([centres - distances[:, :2], centres + distances[:, 2:]], axis=1).astype(np.float32)
    scale = np.array([(frame[2] - frame[0]) / size[1], (frame[3] - frame[1]) / size[0]] * 2, np.float32)
    boxes = boxes.clip(0, [size[1], size[0]] * 2) * scale + np.array([*frame[:2], *frame[:2]], np.float32)
    return _distinct(boxes, scores[cells, classes], [LABELS[index] for index in classes])


def _distinct(boxes: Floats, scores: Floats, labels: list[Label]) -> list[Block]:
    """Non-maximum suppression within each label; best score first."""
    found = []
    for label in sorted(set(labels)):
        rows = np.flatnonzero([one == label for one in labels])
        for row in rows[keep_best(boxes[rows], scores[rows], iou=IOU)]:
            x0, y0, x1, y1 = boxes[row].tolist()
            found.append(Block(label, (x0, y0, x1, y1), float(scores[row])))
    return sorted(found, key=lambda block: -block.score)


@cache
def _grid(rows: int, columns: int) -> tuple[Floats, Floats]:
    """Each cell's centre (N, 2) as x, y in canvas pixels, and its stride (N, 1), over all strides."""
    centres, strides = [], []
    for stride in STRIDES:
        lattice = np.indices((ceil(rows / stride), ceil(columns / stride)))[::-1].reshape(2, -1).T
        centres.append((lattice + 0.5) * stride)
        strides.append(np.full((len(lattice), 1), stride))
    return np.concatenate(centres).astype(np.float32), np.concatenate(strides).astype(np.float32)


def joined(blocks: list[Block], frames: list[Box]) -> list[Block]:
    """Blocks of all tiles: what two tiles saw, or each saw a part of, becomes one block."""
    if len(frames) == 1:
        return blocks
    kept: list[Block] = []
    for block in sorted(blocks, key=lambda one: -one.score):
        twins = [one for one in kept if one.label == block.label and _is_same(one.box, block.box)]
        whole = Block(block.label, union([block.box, *(one.box for one in twins)]), max(_scores([block, *twins])))
        kept = [one for one in kept if one not in twins] + [whole]
    return sorted(kept, key=lambda one: -one.score)


def _scores(blocks: list[Block]) -> list[float]:
    return [block.score for block in blocks]


def _is_same(one: Box, other: Box) -> bool:
    """Whether they overlap and have one extent in common: two looks at one block, or its two parts."""
    wide, tall = across(one, other), along(one, other)
    is_column = wide >= 0.8 * max(width(one), width(other)) and tall > 0
    is_row = tall >= 0.8 * max(height(one), height(other)) and wide > 0
    return is_column or is_row
