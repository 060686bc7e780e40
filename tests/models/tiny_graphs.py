"""Real ONNX graphs of a few nodes, and manifests and stores that hold them."""

from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper

from models.arrays import Array
from models.manifest import Manifest
from models.store.store import Store

SIZES = ((4, 4), (4, 6), (8, 8))
SLOW = 255  # a pixel of this value keeps `write_slow_graph` busy
ENDLESS = 1 << 60  # turns


def write_graph(path: Path) -> Path:
    """uint8 NHWC images of any size in; `embedding` is each channel's mean, `grid` the image as float32."""
    nodes = [
        helper.make_node("Cast", ["image"], ["grid"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["grid", "axes"], ["embedding"], keepdims=0),
    ]
    outputs = [
        helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["N", 3]),
        helper.make_tensor_value_info("grid", TensorProto.FLOAT, ["N", "H", "W", 3]),
    ]
    axes = helper.make_tensor("axes", TensorProto.INT64, [2], [1, 2])
    return _save(helper.make_graph(nodes, "tiny", [_image()], outputs, initializer=[axes]), path)


def write_slow_graph(path: Path, *, turns: int) -> Path:
    """`embedding` is N×1×1×1 zeros; an image with a SLOW pixel in it is counted through a loop of `turns` first."""
    constants = [
        helper.make_tensor("slow", TensorProto.UINT8, [], [SLOW]),
        helper.make_tensor("turns", TensorProto.INT64, [], [turns]),
        helper.make_tensor("yes", TensorProto.BOOL, [], [True]),
        helper.make_tensor("zero", TensorProto.FLOAT, [], [0.0]),
        helper.make_tensor("axes", TensorProto.INT64, [3], [1, 2, 3]),
    ]
    nodes = [
        helper.make_node("Cast", ["image"], ["pixels"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMax", ["image"], ["brightest"], keepdims=0),
        helper.make_node("Equal", ["brightest", "slow"], ["is_slow"]),
        helper.make_node("Cast", ["is_slow"], ["once"], to=TensorProto.INT64),
        helper.make_node("Mul", ["once", "turns"], ["count"]),
        helper.make_node("Loop", ["count", "yes", "zero"], ["spun"], body=_idle_body()),
        helper.make_node("ReduceMin", ["pixels", "axes"], ["least"], keepdims=1),
        helper.make_node("Sub", ["least", "least"], ["nothing"]),
        helper.make_node("Add", ["nothing", "spun"], ["embedding"]),
    ]
    outputs = [helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["N", 1, 1, 1])]
    return _save(helper.make_graph(nodes, "slow", [_image()], outputs, initializer=constants), path)


def write_classifier_graph(path: Path, *, layers: int = 1) -> Path:
    """The image as float32 is `cells`, their mean goes through `layers` linear layers to `scores` of three classes.

    `weights` are (channels, classes). The graph's only output is `embedding`, the scores doubled.
    """
    weights = np.random.default_rng(1).normal(size=(3, 3)).astype(np.float32) / 100
    constants = [
        helper.make_tensor("axes", TensorProto.INT64, [2], [1, 2]),
        helper.make_tensor("weights", TensorProto.FLOAT, [3, 3], weights.ravel()),
        helper.make_tensor("offsets", TensorProto.FLOAT, [3], [0.5, -0.25, 0.0]),
    ]
    nodes = [
        helper.make_node("Cast", ["image"], ["cells"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["cells", "axes"], ["layer 0"], keepdims=0),
        *(helper.make_node("MatMul", [f"layer {one}", "weights"], [f"layer {one + 1}"]) for one in range(layers)),
        helper.make_node("Add", [f"layer {layers}", "offsets"], ["scores"]),
        helper.make_node("Add", ["scores", "scores"], ["embedding"]),
    ]
    outputs = [helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["N", 3])]
    return _save(helper.make_graph(nodes, "classifier", [_image()], outputs, initializer=constants), path)


CLASSIFIER = {
    "grid": "cells", "grid_layout": "NHWC", "weight": "weights", "weight_layout": "channels-first",
    "bias": "offsets", "logits": "scores",
}  # fmt: skip


def make_manifest(path: Path, *, id: str = "tiny", **changes: Any) -> Manifest:
    """A manifest for one of these graphs, whose only source is the file `path`; `changes` replace top-level facts."""
    facts: dict[str, Any] = {
        "id": id,
        "version": 1,
        "task": "encoder",
        "description": "means of the channels",
        "architecture": "two nodes",
        "license": "CC0-1.0",
        "license_source": "made by the tests",
        "file": file_facts(path.read_bytes(), {"kind": "file", "path": path}),
        "input": {
            "name": "image", "layout": "NHWC", "dtype": "uint8", "colour": "RGB", "sizes": SIZES, "resize": "stretch",
            "interpolation": "nearest", "mean": (0, 0, 0), "std": (1, 1, 1), "normalise": "graph",
        },
        "outputs": [{"name": "embedding", "shape": (3,), "meaning": "means"}],
    }  # fmt: skip
    return Manifest.model_validate(facts | changes)


def file_facts(content: bytes, *sources: dict[str, Any], format: str = "onnx") -> dict[str, Any]:
    """The `file` table of a manifest, for a file of this content."""
    return {"format": format, "sha256": sha256(content).hexdigest(), "sources": sources}


def ignore_progress(what: str, done: int, total: int | None) -> None:
    """A progress callback that does nothing."""


def fill_store(root: Path, *manifests: Manifest) -> Store:
    store = Store(root)
    for manifest in manifests:
        store.pull(manifest, progress=ignore_progress)
    return store


def image(seed: int, size: tuple[int, int] = SIZES[0]) -> dict[str, Array]:
    """Noise without a SLOW pixel."""
    return {"image": np.random.default_rng(seed).integers(0, SLOW, (*size, 3), np.uint8)}


def means(feeds: dict[str, Array]) -> list[float]:
    """The right `embedding` of a `write_graph` for these feeds, to a hundredth."""
    return [round(float(mean), 2) for mean in feeds["image"].mean((0, 1))]


def _image() -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info("image", TensorProto.UINT8, ["N", "H", "W", 3])


def _idle_body() -> onnx.GraphProto:
    nodes = [helper.make_node("Identity", ["go"], ["goes"]), helper.make_node("Identity", ["sum"], ["same"])]
    inputs = [
        helper.make_tensor_value_info("turn", TensorProto.INT64, []),
        helper.make_tensor_value_info("go", TensorProto.BOOL, []),
        helper.make_tensor_value_info("sum", TensorProto.FLOAT, []),
    ]
    outputs = [
        helper.make_tensor_value_info("goes", TensorProto.BOOL, []),
        helper.make_tensor_value_info("same", TensorProto.FLOAT, []),
    ]
    return helper.make_graph(nodes, "idle", inputs, outputs)


def _save(graph: onnx.GraphProto, path: Path) -> Path:
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    onnx.checker.check_model(model)
    onnx.save(model, str(path))
    return path
