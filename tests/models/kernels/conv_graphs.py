"""Small convolution nets as real ONNX graphs, and stores that hold them."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import NodeProto, TensorProto, helper, numpy_helper

from models.manifest import Manifest
from tests.models.tiny_graphs import make_manifest

Floats = NDArray[np.float32]
SIZE = (160, 160)
KERNELS = 6


def first_kernels() -> Floats:
    """(KERNELS, 3, 3, 3), each of which is active somewhere in most pictures."""
    return np.random.default_rng(2).normal(size=(KERNELS, 3, 3, 3)).astype(np.float32)


def write_net(path: Path, kernels: Floats | None = None, *, biases: Sequence[float] = (0.0,) * KERNELS) -> Path:
    """uint8 NHWC images; "first": Conv, ReLU6; "second": Conv, BatchNormalization, ReLU; `embedding` is its mean."""
    random = np.random.default_rng(3)
    arrays = {
        "scale": np.array(1 / 255, np.float32),
        "net.first.weight": first_kernels() if kernels is None else kernels,
        "first.bias": np.array(biases, np.float32),
        "floor": np.array(0.0, np.float32),
        "ceiling": np.array(6.0, np.float32),
        "net.second.weight": random.normal(size=(4, KERNELS, 3, 3)).astype(np.float32),
        **{name: np.ones(4, np.float32) for name in ("gain", "variance")},
        **{name: np.zeros(4, np.float32) for name in ("shift", "average")},
        "axes": np.array([2, 3]),
    }
    nodes = [
        helper.make_node("Transpose", ["image"], ["planes"], perm=[0, 3, 1, 2]),
        helper.make_node("Cast", ["planes"], ["numbers"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["numbers", "scale"], ["scaled"]),
        helper.make_node("Conv", ["scaled", "net.first.weight", "first.bias"], ["one"]),
        helper.make_node("Clip", ["one", "floor", "ceiling"], ["one clipped"]),
        helper.make_node("Conv", ["one clipped", "net.second.weight"], ["two"]),
        helper.make_node("BatchNormalization", ["two", "gain", "shift", "average", "variance"], ["two normal"]),
        helper.make_node("Relu", ["two normal"], ["two bent"]),
        helper.make_node("ReduceMean", ["two bent", "axes"], ["embedding"], keepdims=0),
    ]
    return save(path, nodes, arrays)


def save(path: Path, nodes: Sequence[NodeProto], arrays: Mapping[str, NDArray[Any]]) -> Path:
    """A graph from `image` to `embedding`."""
    graph = helper.make_graph(
        nodes,
        "convolutions",
        [helper.make_tensor_value_info("image", TensorProto.UINT8, ["N", "H", "W", 3])],
        [helper.make_tensor_value_info("embedding", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(array, name) for name, array in arrays.items()],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10), str(path))
    return path


def net_manifest(path: Path) -> Manifest:
    manifest = make_manifest(path)
    return manifest.model_copy(update={"input": manifest.input.model_copy(update={"sizes": (SIZE,)})})
