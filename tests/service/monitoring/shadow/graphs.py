"""Writes other versions of the default encoder."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
from onnx import numpy_helper

from models.registry import Catalog
from models.store.store import Store
from service.settings import load_settings

ENCODER = "efficientnet-lite0"
Change = Callable[[onnx.ModelProto], None]


def write_changed_encoder(path: Path, change: Change) -> Path:
    """Write the default encoder's graph with a change to `path`."""
    model = onnx.load(str(Store(load_settings().models.store.expanduser()).graph(Catalog.load().get(ENCODER))))
    change(model)
    onnx.save(model, str(path))
    return path


def change_only_bytes(model: onnx.ModelProto) -> None:
    """As after another export: other bytes, the same numbers."""
    model.doc_string = "exported again"


def damage_classifier(model: onnx.ModelProto) -> None:
    """As after a bad conversion: the classifier's weights belong to other classes."""
    [weight] = [one for one in model.graph.initializer if one.name == "net._fc.weight"]
    values = np.roll(numpy_helper.to_array(weight), 100, axis=0)
    weight.CopyFrom(numpy_helper.from_array(values, weight.name))
