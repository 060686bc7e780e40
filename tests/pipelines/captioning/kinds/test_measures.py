"""Measures of pixels: finite for every size, and far apart for flat, soft and hard pictures."""

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from pipelines.captioning.kinds.head import KindHead
from pipelines.captioning.kinds.measures import measure_pixels
from tests.pipelines.images import photograph

MARGINS = slice(58, 66)  # above, below, left, right: each twice, mostly and almost all of one colour


def changed(one: Image.Image, other: Image.Image) -> NDArray[np.bool_]:
    different: NDArray[np.bool_] = np.abs(measure_pixels(one) - measure_pixels(other)) > 1e-3
    return different


@pytest.mark.parametrize("size", [(1, 1), (2, 1), (1, 700), (3, 3), (5000, 2), (224, 224), (1200, 900)])
def test_every_size_has_as_many_finite_measures(size: tuple[int, int]) -> None:
    found = measure_pixels(Image.new("RGB", size, "teal"))

    assert found.shape == KindHead.read().mean.shape
    assert np.isfinite(found).all()


def test_measures_of_a_photograph_hardly_change_with_its_size() -> None:
    cat = photograph("cat")
    larger = cat.resize((cat.width * 3, cat.height * 3), Image.Resampling.BICUBIC)
    deviations = np.abs(measure_pixels(cat) - measure_pixels(larger)) / KindHead.read().spread

    assert np.median(deviations) < 0.25


def test_a_caption_band_shows_in_the_margins_alone_above() -> None:
    cat = photograph("cat")
    banded = Image.new("RGB", (cat.width, cat.height + 60), "white")
    banded.paste(cat, (0, 60))

    assert changed(cat, banded).any()
    assert not changed(cat, cat.copy()).any()
    assert measure_pixels(cat)[MARGINS].tolist() == [0] * 8
    share = 60 / banded.height
    assert measure_pixels(banded)[MARGINS].tolist() == pytest.approx([share, share, *[0] * 6], abs=0.01)
