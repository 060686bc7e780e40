"""Layout detection with PicoDet: one inference for a page, several for pages that are far longer or wider.

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

from models.arrays import Array
from models.concurrency import gather_or_cancel
from models.manifest import Manifest
from pipelines.boxes import Box, box_height, box_width, enclosing_box, horizontal_overlap, vertical_overlap
from pipelines.cpu_pool import CpuPool
from pipelines.documents.stages import LayoutBlock, Pixels
from pipelines.documents.types import RegionLabel
from pipelines.nms import keep_best
from pipelines.pipeline import Infer
from pipelines.run_context import RunContext
from pipelines.types import ModelUsed

Floats = NDArray[np.float32]

STRIDES = (8, 16, 32, 64)

# The order of the net's classes (CDLA): captions of figures and of tables are one label.
LABELS: tuple[RegionLabel, ...] = (
    "text", "title", "figure", "caption", "table", "caption", "header", "footer", "reference", "formula",
)  # fmt: skip

MIN_SCORE = 0.2  # lower proposals are noise; text that they would add is found from the lines themselves
MAX_IOU = 0.5  # of two blocks of one label

# Height over width was about 1.3 in training; the net still reads a page half or twice as long.
MAX_ASPECT, MIN_ASPECT = 2.4, 0.5
TALL_TILE_ASPECT, WIDE_TILE_ASPECT = 1.4, 0.8  # height over width of one tile
TILE_OVERLAP = 0.2  # of neighbouring tiles
MAX_TILES = 12


@dataclass(frozen=True)
class PicoDetLayout:
    """A `LayoutModel` with PicoDet."""

    manifest: Manifest
    used: ModelUsed
    infer: Infer
    pool: CpuPool

    async def find_blocks(self, pixels: Pixels, context: RunContext) -> list[LayoutBlock]:
        tiles = tile_page(pixels.shape[1], pixels.shape[0])
        found = await gather_or_cancel(*(self._find_in_tile(pixels, tile, context) for tile in tiles))
        return merge_tiles([block for blocks in found for block in blocks], tiles)

    async def _find_in_tile(self, pixels: Pixels, tile: Box, context: RunContext) -> list[LayoutBlock]:
        contract = self.manifest.input
        with context.stage("preprocess"):
            tensor = await self.pool.run(_make_tensor, pixels, tile, self.manifest)
        answer = await self.infer(
            self.manifest.id, {contract.name: tensor}, priority=context.priority, deadline=context.deadline
        )
        context.record_inference(answer, session="layout")
        with context.stage("postprocess"):
            names = [output.name for output in self.manifest.outputs]
            return await self.pool.run(decode_blocks, answer.outputs, names, contract.sizes[0], tile)


def tile_page(page_width: int, page_height: int) -> list[Box]:
    """The whole page, or overlapping tiles of a page that is far longer or wider than paper, first to last."""
    aspect = page_height / page_width
    if MIN_ASPECT <= aspect <= MAX_ASPECT:
        return [(0, 0, page_width, page_height)]
    if aspect > MAX_ASPECT:
        return [(0, y0, page_width, y1) for y0, y1 in _tile_spans(page_height, page_width * TALL_TILE_ASPECT)]
    return [(x0, 0, x1, page_height) for x0, x1 in _tile_spans(page_width, page_height / WIDE_TILE_ASPECT)]


def _tile_spans(length: int, tile_length: float) -> list[tuple[int, int]]:
    """Evenly spaced; longer than `tile_length` if there would be more than MAX_TILES."""
    tile_length = max(tile_length, length / ((MAX_TILES - 1) * (1 - TILE_OVERLAP) + 1))
    count = ceil((length - tile_length) / (tile_length * (1 - TILE_OVERLAP))) + 1
    starts = np.linspace(0, length - tile_length, count)
    return [(int(start), min(length, ceil(start + tile_length))) for start in starts]


def _make_tensor(pixels: Pixels, tile: Box, manifest: Manifest) -> Floats:
    """(3, H, W) float32, in the contract's colour order and scale."""
    contract = manifest.input
    rows, columns = contract.sizes[0]
    x0, y0, x1, y1 = (int(value) for value in tile)
    part = pixels[y0:y1, x0:x1]
    # Large scans are first halved by averaging: cubic interpolation alone would drop thin strokes.
    while part.shape[0] >= 4 * rows and part.shape[1] >= 4 * columns:
        part = cv2.resize(part, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA).astype(np.uint8)
    image = cv2.resize(part, (columns, rows), interpolation=cv2.INTER_CUBIC).astype(np.float32)
    if contract.colour == "BGR":
        image = image[:, :, ::-1]
    scaled = (image - np.array(contract.mean, np.float32)) / np.array(contract.std, np.float32)
    return np.ascontiguousarray(scaled.transpose(2, 0, 1), dtype=np.float32)


def decode_blocks(
    outputs: Mapping[str, Array], names: list[str], size: tuple[int, int], tile: Box
) -> list[LayoutBlock]:
    """Decode the raw outputs of a tile, resized to (height, width) `size`, to blocks of the page; best score first.

    `names`: (cells, classes) scores of each stride, then (cells, 4 × bins) distributions of each stride. A
    distribution's mean is the distance from the cell's centre to the box's left, top, right or bottom, in strides.
    """
    scores = np.concatenate([outputs[name] for name in names[: len(STRIDES)]])
    cells, classes = np.nonzero(scores >= MIN_SCORE)
    raw = np.concatenate([outputs[name] for name in names[len(STRIDES) :]])[cells]
    raw = raw.reshape(len(cells), 4, raw.shape[1] // 4)
    weights = np.exp(raw - raw.max(axis=2, keepdims=True))
    centres, strides = (values[cells] for values in _cell_grid(*size))
    distances = (weights * np.arange(raw.shape[2])).sum(axis=2) / weights.sum(axis=2) * strides
    boxes = np.concatenate([centres - distances[:, :2], centres + distances[:, 2:]], axis=1).astype(np.float32)
    scale = np.array([(tile[2] - tile[0]) / size[1], (tile[3] - tile[1]) / size[0]] * 2, np.float32)
    boxes = boxes.clip(0, [size[1], size[0]] * 2) * scale + np.array([*tile[:2], *tile[:2]], np.float32)
    return _remove_overlaps(boxes, scores[cells, classes], [LABELS[index] for index in classes])


def _remove_overlaps(boxes: Floats, scores: Floats, labels: list[RegionLabel]) -> list[LayoutBlock]:
    """Non-maximum suppression within each label; best score first."""
    blocks = []
    for label in sorted(set(labels)):
        rows = np.flatnonzero([one == label for one in labels])
        for row in rows[keep_best(boxes[rows], scores[rows], iou=MAX_IOU)]:
            x0, y0, x1, y1 = boxes[row].tolist()
            blocks.append(LayoutBlock(label, (x0, y0, x1, y1), float(scores[row])))
    return sorted(blocks, key=lambda block: -block.score)


@cache
def _cell_grid(rows: int, columns: int) -> tuple[Floats, Floats]:
    """Each cell's centre (N, 2) as x, y in canvas pixels, and its stride (N, 1), over all strides."""
    centres, strides = [], []
    for stride in STRIDES:
        lattice = np.indices((ceil(rows / stride), ceil(columns / stride)))[::-1].reshape(2, -1).T
        centres.append((lattice + 0.5) * stride)
        strides.append(np.full((len(lattice), 1), stride))
    return np.concatenate(centres).astype(np.float32), np.concatenate(strides).astype(np.float32)


def merge_tiles(blocks: list[LayoutBlock], tiles: list[Box]) -> list[LayoutBlock]:
    """Merge blocks that two tiles found, or of which each tile found a part."""
    if len(tiles) == 1:
        return blocks
    merged: list[LayoutBlock] = []
    for block in sorted(blocks, key=lambda one: -one.score):
        twins = [one for one in merged if one.label == block.label and _is_same(one.box, block.box)]
        parts = [block, *twins]
        whole = LayoutBlock(block.label, enclosing_box(one.box for one in parts), max(one.score for one in parts))
        merged = [one for one in merged if one not in twins] + [whole]
    return sorted(merged, key=lambda one: -one.score)


def _is_same(one: Box, other: Box) -> bool:
    """Whether they overlap and share one extent: two detections of one block, or two parts of it."""
    shared_width, shared_height = horizontal_overlap(one, other), vertical_overlap(one, other)
    is_column = shared_width >= 0.8 * max(box_width(one), box_width(other)) and shared_height > 0
    is_row = shared_height >= 0.8 * max(box_height(one), box_height(other)) and shared_width > 0
    return is_column or is_row
