"""Convolution layers and their activations are found in the graphs of various exporters."""

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import NodeProto, helper

from models.errors import KernelsUnavailable, LayerUnknown
from models.kernels.layers import ConvLayer, find_conv_layers, find_layer
from models.onnx_graph import OnnxGraph
from models.registry import Catalog
from models.store.store import Store
from service.settings import load_settings
from tests.marks import needs_yunet
from tests.models.kernels.conv_graphs import save, write_net


def find_layers(path: Path) -> list[ConvLayer]:
    return find_conv_layers("tiny", OnnxGraph.read("tiny", path))


def node(kind: str, inputs: str, output: str, **attributes: Any) -> NodeProto:
    return helper.make_node(kind, inputs.split(), [output], **attributes)


def test_activations_are_found_behind_clipping_and_behind_normalisation(tmp_path: Path) -> None:
    found = find_layers(write_net(tmp_path / "model.onnx"))

    assert [(one.name, one.activation, one.ceiling, one.activation_tensor) for one in found] == [
        ("first", "clipped", 6.0, "one clipped"),
        ("second", "relu", None, "two bent"),
    ]


BEHIND: dict[str, tuple[list[NodeProto], str, str]] = {
    "bias and ReLU": ([node("Add", "c bias", "d"), node("Relu", "d", "embedding")], "relu", "embedding"),
    "renamed": ([node("Identity", "c", "d"), node("Relu", "d", "embedding")], "relu", "embedding"),
    "PReLU": ([node("PRelu", "c bias", "embedding")], "leaky", "embedding"),
    "Swish": ([node("Sigmoid", "c", "d"), node("Mul", "c d", "embedding")], "gated", "embedding"),
    "hard Swish": (
        [node("Add", "c three", "d"), node("Clip", "d zero six", "e"), node("Mul", "c e", "f"),
         node("Div", "f six", "embedding")],
        "gated", "f",
    ),
    "GELU": (
        [node("Div", "c three", "d"), node("Erf", "d", "e"), node("Add", "e one", "f"), node("Mul", "c f", "g"),
         node("Mul", "g half", "embedding")],
        "gated", "g",
    ),
    "a sum with another": ([node("Add", "c scaled", "d"), node("Relu", "d", "embedding")], "linear", "c"),
    "squeeze and excitation": (
        [node("GlobalAveragePool", "c", "d"), node("Sigmoid", "d", "e"), node("Mul", "c e", "embedding")],
        "linear", "c",
    ),
    "a clip that lets negatives pass": ([node("Clip", "c minus six", "embedding")], "linear", "c"),
    "a clip without an upper end": ([node("Clip", "c zero", "embedding")], "relu", "embedding"),
}  # fmt: skip


@pytest.mark.parametrize("name", BEHIND)
def test_the_activation_behind_a_convolution_is_recognised(tmp_path: Path, name: str) -> None:
    behind, activation, tensor = BEHIND[name]
    numbers = {"three": 3, "zero": 0, "six": 6, "one": 1, "half": 0.5, "minus": -6}
    arrays = {one: np.array(value, np.float32) for one, value in numbers.items()}
    arrays |= {"weight": np.ones((3, 3, 1, 1), np.float32), "bias": np.ones((3, 1, 1), np.float32)}
    nodes = [
        helper.make_node("Transpose", ["image"], ["planes"], perm=[0, 3, 1, 2]),
        helper.make_node("Cast", ["planes"], ["scaled"], to=1),
        node("Conv", "scaled weight", "c"),
        *behind,
    ]
    [found] = find_layers(save(tmp_path / "model.onnx", nodes, arrays))

    assert found.activation == activation
    assert found.activation_tensor == tensor


def catalog_layers(name: str) -> list[ConvLayer]:
    path = Store(load_settings().models.store).graph(Catalog.load().get(name))
    return find_conv_layers(name, OnnxGraph.read(name, path))


@pytest.mark.parametrize(
    ("name", "first", "kinds"),
    [
        ("efficientnet-lite0", "conv_stem", {"clipped": 33, "linear": 16}),
        ("opennsfw", "Conv__440", {"relu": 33, "linear": 20}),
        ("mtcnn-onet", "mul", {"linear": 4}),
        ("picodet-cdla", "conv2d_0", {"gated": 94, "linear": 6, "relu": 2}),
        ("ppocr-v6-det-small", "conv2d_112", {"relu": 20, "linear": 52, "gated": 13}),
    ],
)
def test_models_of_five_exporters_have_their_layers(name: str, first: str, kinds: dict[str, int]) -> None:
    found = catalog_layers(name)

    assert found[0].name == first
    assert Counter(one.activation for one in found) == kinds


@pytest.mark.parametrize(
    "name", ["efficientnet-lite0", "opennsfw", pytest.param("yunet", marks=needs_yunet), "ppocr-v6-rec-small"]
)
def test_names_tell_layers_apart_and_are_short(name: str) -> None:
    names = [one.name for one in catalog_layers(name)]

    assert len(set(names)) == len(names)
    assert max(map(len, names)) <= 52


def test_a_net_without_convolutions_says_so(tmp_path: Path) -> None:
    path = save(tmp_path / "model.onnx", [helper.make_node("Cast", ["image"], ["embedding"], to=1)], {})

    with pytest.raises(KernelsUnavailable, match="no convolution layers"):
        find_layers(path)


def test_an_unknown_layer_lists_the_known_ones(tmp_path: Path) -> None:
    found = find_layers(write_net(tmp_path / "model.onnx"))

    with pytest.raises(LayerUnknown, match="'third'; known: first, second"):
        find_layer("tiny", found, "third")
