"""The blurred preview: small, and without recognisable details."""

import base64
import io

import numpy as np
import pytest
from PIL import Image

from pipelines.captioning.appearance import laplacian_variance
from pipelines.moderation.pipeline import render_preview
from tests.pipelines.images import photograph


def decode_preview(image: Image.Image) -> Image.Image:
    return Image.open(io.BytesIO(base64.b64decode(render_preview(image).partition(",")[2]))).convert("RGB")


@pytest.mark.parametrize(("size", "wanted"), [((1200, 300), (160, 40)), ((40, 30), (40, 30)), ((1, 5000), (1, 160))])
def test_it_is_at_most_160_pixels_wide_and_high(size: tuple[int, int], wanted: tuple[int, int]) -> None:
    assert decode_preview(Image.new("RGB", size, "red")).size == wanted


def test_it_has_the_colours_of_a_photograph_but_no_details() -> None:
    image = photograph("astronaut")

    preview = decode_preview(image)

    sharpness = laplacian_variance(np.asarray(preview.convert("L"), np.float32))
    small = laplacian_variance(np.asarray(image.resize(preview.size).convert("L"), np.float32))
    colours = np.abs(np.asarray(preview, float).mean((0, 1)) - np.asarray(image, float).mean((0, 1)))
    assert sharpness < small / 100
    assert colours.max() < 6
