"""Kernels and activations are rendered as pictures."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from models.errors import KernelsUnavailable
from models.kernels.activation_probe import ActivationProbe
from models.kernels.layers import find_layer
from models.kernels.rendering import activations_png, kernels_png
from models.registry import Catalog
from models.store.store import Store
from service.settings import load_settings
from tests.models.kernels.conv_graphs import first_kernels, net_manifest, write_net

TILE, GAP = 42, 6  # pixels


@pytest.fixture
def probe(tmp_path: Path) -> ActivationProbe:
    kernels = np.zeros_like(first_kernels())
    kernels[0, 0, 0, 0], kernels[1, 2, 2, 1], kernels[2] = 1, -0.5, 1  # red at the top left, yellow below, white
    path = write_net(tmp_path / "model.onnx", kernels)
    return ActivationProbe.open(net_manifest(path), path)


def pixels(png: bytes) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    return np.asarray(Image.open(io.BytesIO(png)))


def test_kernels_over_colours_are_rendered_in_colour_and_scaled_separately(probe: ActivationProbe) -> None:
    rendered = pixels(kernels_png(probe.manifest, probe.layers[0]))
    corner = [rendered[GAP + 3, GAP + index * (TILE + GAP) + 3].tolist() for index in range(4)]
    below = rendered[GAP + TILE - 3, GAP + (TILE + GAP) + TILE // 2].tolist()

    assert rendered.shape == (TILE + 2 * GAP, 6 * (TILE + GAP) + GAP, 3)
    assert corner == [[255, 128, 128], [128] * 3, [255] * 3, [128] * 3]
    assert below == [128, 128, 0]


def test_dead_kernels_have_a_frame(probe: ActivationProbe) -> None:
    rendered = pixels(kernels_png(probe.manifest, probe.layers[0], dead=[3]))
    has_frame = [rendered[GAP, GAP + index * (TILE + GAP)].tolist() == [235, 60, 50] for index in range(6)]

    assert has_frame == [False, False, False, True, False, False]


def test_kernels_of_one_pixel_make_no_picture() -> None:
    manifest, store = Catalog.load().get("efficientnet-lite0"), Store(load_settings().models.store)
    layers = ActivationProbe.open(manifest, store.graph(manifest)).layers

    with pytest.raises(KernelsUnavailable, match="'conv_head' are of one pixel"):
        kernels_png(manifest, find_layer(manifest.id, layers, "conv_head"))


def test_each_kernel_is_rendered_over_the_picture_that_activates_it(probe: ActivationProbe) -> None:
    black, red = Image.new("RGB", (160, 160)), Image.new("RGB", (160, 160))
    red.paste((255, 0, 0), (80, 0, 160, 160))
    rendered = pixels(activations_png(probe, probe.layers[0], [black, red]))
    strongest = rendered[100, GAP : GAP + 180].astype(int)  # a row through the first tile

    assert strongest[:80].max() <= 1
    assert strongest[100:175, 0].min() > 200
