"""Detectors of a few nodes in the place of the real ones, in a store of their own, for services that find objects."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper

from models.manifest import Manifest
from tests.models.tiny_graphs import make_manifest
from tests.tiny_store import open_store_with, open_store_without

CLASSES = 80
PERSON, DOG, CHAIR = 0, 16, 56

# Boxes in shares of the picture, with the scores of their classes: two people that are sure, a chair that is not.
LEFT, RIGHT, LOW = (0.05, 0.2, 0.3, 0.9), (0.6, 0.1, 0.95, 0.9), (0.4, 0.7, 0.6, 0.95)
SCENE = (((LEFT), {PERSON: 0.9}), ((RIGHT), {PERSON: 0.8, DOG: 0.1}), ((LOW), {CHAIR: 0.3}))


def write_detector(path: Path, scene: Sequence[tuple[Sequence[float], Mapping[int, float]]] = SCENE) -> Path:
    """A graph that finds `scene` in each picture, as surely as its top left pixel is bright: nothing where it is black.

    Its boxes are shares of the canvas.
    """
    boxes = np.array([box for box, _ in scene], np.float32)
    scores = np.zeros((len(scene), CLASSES), np.float32)
    for row, (_, classes) in enumerate(scene):
        scores[row, list(classes)] = list(classes.values())
    numbers = {"start": [0, 0], "end": [1, 1], "of": [1, 2], "all": [1, 2, 3]}
    constants = [
        *(helper.make_tensor(name, TensorProto.INT64, [len(one)], one) for name, one in numbers.items()),
        helper.make_tensor("white", TensorProto.FLOAT, [], [255.0]),
        helper.make_tensor("box table", TensorProto.FLOAT, [1, *boxes.shape], boxes.ravel()),
        helper.make_tensor("score table", TensorProto.FLOAT, [1, *scores.shape], scores.ravel()),
        helper.make_tensor("shape", TensorProto.INT64, [3], [-1, 1, 1]),
    ]
    nodes = [
        helper.make_node("Cast", ["image"], ["pixels"], to=TensorProto.FLOAT),
        helper.make_node("Slice", ["pixels", "start", "end", "of"], ["corner"]),
        helper.make_node("ReduceMax", ["corner", "all"], ["bright"], keepdims=0),
        helper.make_node("Div", ["bright", "white"], ["share"]),
        helper.make_node("Reshape", ["share", "shape"], ["shares"]),
        helper.make_node("Mul", ["score table", "shares"], ["scores"]),
        helper.make_node("Sub", ["shares", "shares"], ["nothing"]),
        helper.make_node("Add", ["box table", "nothing"], ["boxes"]),
    ]
    image = helper.make_tensor_value_info("image", TensorProto.UINT8, ["N", "H", "W", 3])
    outputs = [
        helper.make_tensor_value_info("boxes", TensorProto.FLOAT, ["N", len(scene), 4]),
        helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["N", len(scene), CLASSES]),
    ]
    graph = helper.make_graph(nodes, "detector", [image], outputs, initializer=constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    onnx.checker.check_model(model)
    onnx.save(model, str(path))
    return path


def make_detector_manifest(path: Path, **changes: Any) -> Manifest:
    """A manifest for the graph at `path` that stretches pictures to 32 x 32 pixels."""
    inputs = {
        "name": "image", "layout": "NHWC", "dtype": "uint8", "colour": "RGB", "sizes": [[32, 32]],
        "resize": "stretch", "interpolation": "bilinear", "mean": (0, 0, 0), "std": (1, 1, 1), "normalise": "graph",
    }  # fmt: skip
    outputs = [
        {"name": "boxes", "shape": ("n", 4), "meaning": "corners as shares of the input"},
        {"name": "scores", "shape": ("n", 80), "meaning": "of each class"},
    ]
    facts = {"id": "tiny", "task": "objects", "labels": "coco", "input": inputs, "outputs": outputs}
    return make_manifest(path, **facts | changes)


def open_tiny_detectors(folder: Path) -> dict[str, str]:
    """Settings of a service whose store has tiny detectors in place of the real ones, beside all other models."""
    folder.mkdir(parents=True, exist_ok=True)
    detectors = [
        make_detector_manifest(write_detector(folder / f"{name}.onnx"), id=name) for name in ("yolox-nano", "picodet-s")
    ]
    return open_store_with(folder, *detectors)


def open_store_without_detectors(folder: Path) -> dict[str, str]:
    """Settings of a service whose store, `folder`, has all models but those that find objects."""
    return open_store_without(folder, ("yolox-nano", "picodet-s"))
