"""Kernels and activations as pictures."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from models.errors import KernelsUnavailable
from models.kernels.activation_probe import Microscope
from models.kernels.layers import layer_named
from models.kernels.rendering import activations_png, kernels_png
from models.registry import Catalog
from models.store.store import Store
from service.settings import load_settings
from tests.models.kernels.conv_graphs import first_kernels, net_manifest, write_net

TILE, GAP = 42, 6  # pixels


@pytest.fixture
def microscope(tmp_path: Path) -> Microscope:
    kernels = np.zeros_like(first_kernels())
    kernels[0, 0, 0, 0], kernels[1, 2, 2, 1], kernels[2] = 1, -0.5, 1  # red at the top left, yellow below, white
    path = write_net(tmp_path / "model.onnx", kernels)
    return Microscope.open(net_manifest(path), path)


def pixels(png: bytes) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    return np.asarray(Image.open(io.BytesIO(png)))


def test_kernels_over_colours_are_in_colour_each_by_its_own_scale(microscope: Microscope) -> None:
    drawn = pixels(kernels_png(microscope.manifest, microscope.layers[0]))
    corner = [drawn[GAP + 3, GAP + index * (TILE + GAP) + 3].tolist() for index in range(4)]
    below = drawn[GAP + TILE - 3, GAP + (TILE + GAP) + TILE // 2].tolist()

    assert drawn.shape == (TILE + 2 * GAP, 6 * (TILE + GAP) + GAP, 3)
    assert (corner, below) == ([[255, 128, 128], [128] * 3, [255] * 3, [128] * 3], [128, 128, 0])


def test_dead_kernels_have_a_frame(microscope: Microscope) -> None:
    drawn = pixels(kernels_png(microscope.manifest, microscope.layers[0], dead=[3]))
    framed = [drawn[GAP, GAP + index * (TILE + GAP)].tolist() == [235, 60, 50] for index in range(6)]

    assert framed == [False, False, False, True, False, False]


def test_kernels_of_one_pixel_make_no_picture() -> None:
    manifest, store = Catalog.load().get("efficientnet-lite0"), Store(load_settings().store)
    layers = Microscope.open(manifest, store.graph(manifest)).layers

    with pytest.raises(KernelsUnavailable, match="'conv_head' are of one pixel"):
        kernels_png(manifest, layer_named(manifest.id, layers, "conv_head"))


def test_each_kernel_is_shown_on_the_picture_that_it_answers_to_and_where(microscope: Microscope) -> None:
    black, red = Image.new("RGB", (160, 160)), Image.new("RGB", (160, 160))
    red.paste((255, 0, 0), (80, 0, 160, 160))
    drawn = pixels(activations_png(microscope, microscope.layers[0], [black, red]))
    strongest = drawn[100, GAP : GAP + 180].astype(int)  # a row through the first tile

    assert strongest[:80].max() <= 1
    assert strongest[100:175, 0].min() > 200
