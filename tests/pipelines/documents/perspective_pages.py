"""Drawn pages as a camera sees them: in perspective, on a textured desk, with light from one side."""

from collections.abc import Sequence

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont
from skimage import data

from pipelines.documents.flattening import Points
from pipelines.documents.stages import Pixels

SIZE = (1200, 1500)  # of a photograph
CORNERS = {
    "from below": ((310, 110), (890, 130), (1140, 1390), (70, 1370)),
    "from the side": ((110, 90), (1050, 360), (1060, 1120), (90, 1420)),
    "turned": ((110, 380), (900, 80), (1170, 1120), (310, 1420)),
}
STRAIGHT = ((150, 120), (1050, 120), (1050, 1390), (150, 1390))

LETTER = (
    "Dear Ms Robinson,",
    "the harbour council met on 12 March 2026 at 9:30 in the old customs house.",
    "Invoice INV-20417 of 4,318.70 EUR was approved, payment is due on 14 April.",
    "The crane on quay 7 needs new cables for 18,450.00 EUR, we had three offers.",
    "Telephone 0431 5550 1182, members present: Okafor, Lindqvist, van der Berg.",
    "Minutes of 26 February were accepted with two changes on page 3.",
)


def draw_letter(width: int = 1000, height: int = 1400, size: int = 24) -> Pixels:
    sheet = Image.new("RGB", (width, height), (250, 249, 246))
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(size)
    for row in range(18):
        draw.text((60, 90 + 2.6 * size * row), LETTER[row % len(LETTER)], (20, 20, 20), font)
    return np.asarray(sheet)


def photograph_page(page: Pixels, corners: Sequence[tuple[int, int]], texture: str = "brick") -> Pixels:
    """The page with its corners, clockwise from its top left, at these places of a picture."""
    height, width = page.shape[:2]
    edges = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    matrix = cv2.getPerspectiveTransform(edges, np.array(corners, np.float32))
    seen = cv2.warpPerspective(page, matrix, SIZE, flags=cv2.INTER_AREA).astype(float)
    cover = cv2.warpPerspective(np.ones(page.shape, np.float32), matrix, SIZE)
    desk = 0.5 * cv2.resize(getattr(data, texture)(), SIZE).astype(float)[:, :, None]
    light = np.linspace(1, 0.75, SIZE[0])[None, :, None]
    return np.asarray(((seen * cover + desk * (1 - cover)) * light).clip(0, 255), np.uint8)


def as_points(corners: Sequence[tuple[int, int]]) -> Points:
    return np.array(corners, np.float32)
