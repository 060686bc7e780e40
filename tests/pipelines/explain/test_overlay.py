"""The overlay picture: its size, its colours, and the parts that it leaves alone."""

import numpy as np
import pytest
from PIL import Image

from pipelines.explain.overlay import draw_overlay
from tests.pipelines.images import photograph

WHOLE = (0, 0, 400, 200)
BACKGROUNDS = ["black", "white", "grey", "red", "blue", "yellow", "cyan"]


def colour_at(image: Image.Image, x: int) -> list[int]:
    """Red, green and blue half way down."""
    values: list[int] = np.asarray(image)[100, x].tolist()
    return values


def cells(*, left: float, right: float) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    """Two cells side by side."""
    return np.array([[left, right]], np.float32)


@pytest.mark.parametrize(
    ("size", "drawn"),
    [((1200, 600), (512, 256)), ((600, 1200), (256, 512)), ((300, 200), (300, 200)), ((1, 1), (1, 1)),
     ((3000, 2), (512, 1))],
    ids=str,
)  # fmt: skip
def test_the_longer_side_is_at_most_512_pixels(size: tuple[int, int], drawn: tuple[int, int]) -> None:
    image = draw_overlay(Image.new("RGB", size), np.ones((7, 7), np.float32), (0, 0, *size))

    assert image.mode == "RGB"
    assert image.size == drawn


@pytest.mark.parametrize("background", BACKGROUNDS)
def test_supporting_evidence_is_warm_and_opposing_evidence_cold(background: str) -> None:
    image = draw_overlay(Image.new("RGB", (400, 200), background), cells(left=1, right=-1), WHOLE)
    (warm_red, _, warm_blue), (cold_red, _, cold_blue) = colour_at(image, 40), colour_at(image, 360)

    assert warm_red - warm_blue > 80
    assert cold_blue - cold_red > 80


@pytest.mark.parametrize("background", BACKGROUNDS)
def test_without_evidence_the_picture_stays_nearly_grey(background: str) -> None:
    image = draw_overlay(Image.new("RGB", (400, 200), background), cells(left=1, right=0), WHOLE)

    assert np.ptp(colour_at(image, 390)) < 50


def test_one_scale_serves_both_signs() -> None:
    grey = Image.new("RGB", (400, 200), "grey")
    image = draw_overlay(grey, cells(left=10, right=-1), WHOLE)

    assert np.ptp(colour_at(image, 360)) < np.ptp(colour_at(image, 40)) / 2


def test_pixels_outside_the_models_view_are_darker_and_grey() -> None:
    image = np.asarray(
        draw_overlay(Image.new("RGB", (400, 200), "grey"), np.ones((7, 7), np.float32), (100, 0, 300, 200))
    )
    outside, inside = image[:, :99].astype(int), image[10:190, 110:290].astype(int)

    assert np.ptp(outside, axis=2).max() == 0
    assert outside.max() < inside.mean()


def test_no_evidence_at_all_leaves_the_picture_clear() -> None:
    cat = photograph("cat")
    image = np.asarray(draw_overlay(cat, np.zeros((7, 7), np.float32), (0, 0, *cat.size)))[5:-5, 5:-5].astype(int)

    assert np.ptp(image, axis=2).mean() < 20
