"""The transform between a page as it came in and its upright form, and its use on results."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from math import ceil, cos, radians, sin
from typing import Literal, cast

import cv2
import numpy as np
from numpy.typing import NDArray

from pipelines.boxes import Box
from pipelines.documents.flattening import Flattening
from pipelines.documents.pdf.page_characters import Floats
from pipelines.documents.stages import PageText, Pixels, TextLine
from pipelines.documents.types import DocumentLine, KeyValuePair, Quad, Region, Table

Rotation = Literal[0, 90, 180, 270]

Points = NDArray[np.float32]  # (…, 2) x, y

MAX_WARP_SIDE = 32_767  # pixels: OpenCV's warps index with 16 bits
MIN_POLYGON_SKEW = 0.5  # degrees from which a line has a polygon


@dataclass(frozen=True)
class PageTransform:
    """Makes a page of `width` x `height` upright: it is made flat, if it was not, then comes a rotation by `rotation`
    degrees counterclockwise, then one by `skew` degrees counterclockwise about its centre. The upright page is large
    enough for all of the flat one."""

    width: int
    height: int
    rotation: Rotation = 0
    skew: float = 0.0
    flattening: Flattening | None = None

    @classmethod
    def of(cls, text: PageText, width: int, height: int) -> "PageTransform":
        """The transform that led to `text` from a page which came in as `width` x `height`."""
        return cls(width, height, text.rotation, text.skew, text.flattening)

    @property
    def flat_size(self) -> tuple[int, int]:
        return (self.width, self.height) if self.flattening is None else (self.flattening.width, self.flattening.height)

    @property
    def rotated_size(self) -> tuple[int, int]:
        """Width and height after the rotation by quarters."""
        width, height = self.flat_size
        return (height, width) if self.rotation % 180 else (width, height)

    @property
    def upright_size(self) -> tuple[int, int]:
        """Width and height of the upright page."""
        width, height = self.rotated_size
        cosine, sine = abs(cos(radians(self.skew))), abs(sin(radians(self.skew)))
        return ceil(width * cosine + height * sine - 1e-6), ceil(width * sine + height * cosine - 1e-6)

    @cached_property
    def _rotation_matrix(self) -> NDArray[np.float64]:
        width, height = self.flat_size
        return np.array(
            {
                0: [[1, 0, 0], [0, 1, 0]],
                90: [[0, 1, 0], [-1, 0, width]],
                180: [[-1, 0, width], [0, -1, height]],
                270: [[0, -1, height], [1, 0, 0]],
            }[self.rotation],
            np.float64,
        )

    @cached_property
    def _skew_matrix(self) -> NDArray[np.float64]:
        cosine, sine = cos(radians(self.skew)), sin(radians(self.skew))
        matrix = np.array([[cosine, sine], [-sine, cosine]])
        centre, upright_centre = np.array(self.rotated_size) / 2, np.array(self.upright_size) / 2
        return np.column_stack([matrix, upright_centre - matrix @ centre])

    def warp(self, pixels: Pixels) -> Pixels:
        """Render the upright page. What the original page does not cover has the colour of its edge."""
        flat = pixels if self.flattening is None else self.flattening.warp(pixels)
        rotated = np.ascontiguousarray(np.rot90(flat, self.rotation // 90))
        if not self.skew:
            return rotated
        edge = np.concatenate([rotated[0], rotated[-1], rotated[:, 0], rotated[:, -1]])
        colour = [float(value) for value in np.median(edge, axis=0)]
        upright = cv2.warpAffine(
            rotated, self._skew_matrix, self.upright_size, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_CONSTANT,
            borderValue=colour,
        )  # fmt: skip
        return cast(Pixels, upright)

    def to_upright(self, points: Points) -> Points:
        """Map points of the page as it came in to the upright page."""
        if self.flattening is not None:
            points = self.flattening.to_flat(points)
        for matrix in (self._rotation_matrix, self._skew_matrix):
            points = (points @ matrix[:, :2].T + matrix[:, 2]).astype(np.float32)
        return points

    def to_original(self, points: Points) -> Points:
        """Map points of the upright page to the page as it came in."""
        for matrix in (self._skew_matrix, self._rotation_matrix):
            points = ((points - matrix[:, 2]) @ matrix[:, :2]).astype(
                np.float32
            )  # the transpose is a rotation's inverse
        return points if self.flattening is None else self.flattening.to_original(points)

    def box_to_original(self, box: Box) -> Box:
        """The box on the page as it came in, clipped to it, around `box` of the upright page."""
        x0, y0, x1, y1 = box
        corners = self.to_original(np.array([(x0, y0), (x1, y0), (x1, y1), (x0, y1)], np.float32))
        corners = corners.clip(0, (self.width, self.height))
        (left, top), (right, bottom) = corners.min(axis=0).tolist(), corners.max(axis=0).tolist()
        return left, top, right, bottom


@dataclass(frozen=True, slots=True)
class CoordinateMapper:
    """Maps boxes, lines, regions and tables of the upright page to the page as it came in."""

    transform: PageTransform

    @classmethod
    def of(cls, text: PageText, width: int, height: int) -> "CoordinateMapper":
        """The mapper from `text` to its page, which came in as `width` x `height`."""
        return cls(PageTransform.of(text, width, height))

    @property
    def is_slanted(self) -> bool:
        flattening = self.transform.flattening
        is_perspective = flattening is not None and flattening.is_perspective
        return self.transform.rotation != 0 or abs(self.transform.skew) > MIN_POLYGON_SKEW or is_perspective

    def map_boxes(self, boxes: Sequence[Sequence[float]]) -> list[Box]:
        """The boxes around them, clipped to the page, to a tenth of a pixel; in one call, as a page has a thousand."""
        if not boxes:
            return []
        corners = self.transform.to_original(np.array(boxes, np.float32)[:, [[0, 1], [2, 1], [2, 3], [0, 3]]])
        mapped = np.concatenate([corners.min(axis=1), corners.max(axis=1)], axis=1)
        mapped = mapped.clip(0, (self.transform.width, self.transform.height) * 2)
        return cast(list[Box], [tuple(row) for row in _round_rows(mapped)])

    def map_box(self, box: Box) -> Box:
        return self.map_boxes([box])[0]

    def map_region(self, region: Region) -> Region:
        lines = [self.map_line(line) for line in region.lines]
        return region.model_copy(update={"box": self.map_box(region.box), "lines": lines})

    def map_line(self, line: DocumentLine) -> DocumentLine:
        boxes = self.map_boxes([line.box, *(word.box for word in line.words)])
        words = [word.model_copy(update={"box": box}) for word, box in zip(line.words, boxes[1:], strict=True)]
        return line.model_copy(update={"box": boxes[0], "words": words, "polygon": self._map_polygon(line)})

    def _map_polygon(self, line: DocumentLine) -> Quad | None:
        if line.polygon is None and not self.is_slanted:
            return None
        x0, y0, x1, y1 = line.box
        corners = line.polygon or ((x0, y0), (x1, y0), (x1, y1), (x0, y1))
        return cast(Quad, tuple(map(tuple, _round_rows(self.transform.to_original(np.array(corners, np.float32))))))

    def map_table(self, table: Table) -> Table:
        boxes = self.map_boxes([table.box, *(cell.box for cell in table.cells)])
        cells = [cell.model_copy(update={"box": box}) for cell, box in zip(table.cells, boxes[1:], strict=True)]
        return table.model_copy(update={"box": boxes[0], "cells": cells})

    def map_pair(self, pair: KeyValuePair) -> KeyValuePair:
        key, value = self.map_boxes([pair.key_box, pair.value_box])
        return pair.model_copy(update={"key_box": key, "value_box": value})

    def map_text_line(self, line: TextLine) -> TextLine:
        boxes = self.map_boxes([word.box for word in line.words])
        words = tuple(replace(word, box=box) for word, box in zip(line.words, boxes, strict=True))
        return TextLine(line.text, self.transform.to_original(line.quad), line.score, words)


def _round_rows(numbers: Floats) -> list[list[float]]:
    return [[round(number, 1) for number in row] for row in numbers.tolist()]
