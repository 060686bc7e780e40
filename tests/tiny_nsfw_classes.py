"""A net of a few nodes in the place of NSFWJS, in a store of its own, for services with a second opinion."""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper

from models.manifest import Manifest
from pipelines.moderation.signals.nsfw_classes import CLASSES
from tests.models.tiny_graphs import make_manifest
from tests.tiny_store import open_store_with

STEEPNESS = 20.0
# Pictures of one colour are of one class; black ones are neutral.
CLASS_OF_CHANNEL = {"red": "porn", "green": "drawing", "blue": "sexy"}


def write_classes_graph(path: Path) -> Path:
    """`logits` of the five classes by how red, green and blue the picture is on average."""
    weights = np.zeros((3, len(CLASSES)), np.float32)
    for channel, name in enumerate(CLASS_OF_CHANNEL.values()):
        weights[channel, CLASSES.index(name)] = STEEPNESS / 255
    offsets = [STEEPNESS / 2 if name == "neutral" else 0.0 for name in CLASSES]
    constants = [
        helper.make_tensor("axes", TensorProto.INT64, [2], [1, 2]),
        helper.make_tensor("weights", TensorProto.FLOAT, [3, len(CLASSES)], weights.ravel()),
        helper.make_tensor("offsets", TensorProto.FLOAT, [len(CLASSES)], offsets),
    ]
    nodes = [
        helper.make_node("Cast", ["image"], ["pixels"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["pixels", "axes"], ["colour"], keepdims=0),
        helper.make_node("MatMul", ["colour", "weights"], ["evidence"]),
        helper.make_node("Add", ["evidence", "offsets"], ["logits"]),
    ]
    image = helper.make_tensor_value_info("image", TensorProto.UINT8, ["N", 32, 32, 3])
    logits = helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["N", len(CLASSES)])
    graph = helper.make_graph(nodes, "classes", [image], [logits], initializer=constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    onnx.checker.check_model(model)
    onnx.save(model, str(path))
    return path


def make_classes_manifest(path: Path) -> Manifest:
    """A manifest for the graph at `path`, in the place of NSFWJS."""
    inputs = {
        "name": "image", "layout": "NHWC", "dtype": "uint8", "colour": "RGB", "sizes": [[32, 32]],
        "resize": "stretch", "interpolation": "bilinear", "mean": (0, 0, 0), "std": (1, 1, 1), "normalise": "graph",
    }  # fmt: skip
    outputs = [{"name": "logits", "shape": (len(CLASSES),), "meaning": "of each class"}]
    return make_manifest(path, id="nsfwjs", task="moderation-classes", input=inputs, outputs=outputs)


def open_tiny_nsfw_classes(folder: Path) -> dict[str, str]:
    """Settings of a service whose store has the tiny net as NSFWJS, beside all other models."""
    folder.mkdir(parents=True, exist_ok=True)
    return open_store_with(folder, make_classes_manifest(write_classes_graph(folder / "nsfwjs.onnx")))
