"""Two graphs that stand in for CLIP's towers: pictures and texts of the same colour have the same direction."""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper

from models.manifest import TextManifest
from models.registry import Catalog
from models.store.sources import hash_file
from models.store.store import Store
from tests.models.tiny_graphs import ignore_progress
from tests.pipelines.clip.vocabulary import write_vocabulary

SCALE = 20.0
SIZE = 16
# A text has the colour whose name it has; the last letter's token tells them apart.
_WORD_ENDS = {"d": (1, 0, 0), "n": (0, 1, 0), "e": (0, 0, 1)}  # red, green, blue


def write_image_tower(path: Path) -> Path:
    """`embedding` is the mean colour."""
    nodes = [
        helper.make_node("Cast", ["image"], ["pixels"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["pixels", "axes"], ["embedding"], keepdims=0),
    ]
    image = helper.make_tensor_value_info("image", TensorProto.UINT8, ["N", SIZE, SIZE, 3])
    embedding = helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["N", 3])
    axes = helper.make_tensor("axes", TensorProto.INT64, [2], [1, 2])
    return _save(helper.make_graph(nodes, "images", [image], [embedding], initializer=[axes]), path)


def write_text_tower(path: Path) -> Path:
    """`embedding` sums the colours of the tokens, `scale` is SCALE."""
    table = np.zeros((49_408, 3), np.float32)
    for letter, colour in _WORD_ENDS.items():
        table[ord(letter) - ord("!") + 256] = colour
    nodes = [
        helper.make_node("Gather", ["table", "tokens"], ["colours"]),
        helper.make_node("ReduceSum", ["colours", "axis"], ["embedding"], keepdims=0),
        helper.make_node("ReduceMin", ["embedding", "axis"], ["least"], keepdims=0),
        helper.make_node("Sub", ["least", "least"], ["nothing"]),
        helper.make_node("Add", ["nothing", "factor"], ["scale"]),
    ]
    constants = [
        helper.make_tensor("table", TensorProto.FLOAT, table.shape, table.ravel()),
        helper.make_tensor("axis", TensorProto.INT64, [1], [1]),
        helper.make_tensor("factor", TensorProto.FLOAT, [], [SCALE]),
    ]
    tokens = helper.make_tensor_value_info("tokens", TensorProto.INT64, ["N", 77])
    outputs = [
        helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["N", 3]),
        helper.make_tensor_value_info("scale", TensorProto.FLOAT, ["N"]),
    ]
    return _save(helper.make_graph(nodes, "texts", [tokens], outputs, initializer=constants), path)


def write_tiny_clip(folder: Path) -> tuple[Path, Path]:
    """A catalog of the models `tiny-clip` and `tiny-clip-text`, and a store that has them."""
    catalog, store = folder / "catalog", folder / "store"
    catalog.mkdir()
    vocabulary = write_vocabulary(folder / "vocabulary.txt.gz")
    image, text = write_image_tower(folder / "image.onnx"), write_text_tower(folder / "text.onnx")
    (catalog / "tiny-clip.toml").write_text(_IMAGE + _file("file", "onnx", image) + _OUTPUT)
    files = _file("file", "onnx", text) + _file("vocabulary", "clip-bpe", vocabulary)
    (catalog / "tiny-clip-text.toml").write_text(_TEXT + files + _OUTPUT + _SCALE)
    for name in ("tiny-clip", "tiny-clip-text"):
        Store(store).pull(Catalog.load(catalog).get(name), progress=ignore_progress)
    return catalog, store


def find_text_manifest(catalog: Path) -> TextManifest:
    manifest = Catalog.load(catalog).get("tiny-clip-text")
    assert isinstance(manifest, TextManifest)
    return manifest


def _file(table: str, format: str, path: Path) -> str:
    return (
        f'[{table}]\nformat = "{format}"\nsha256 = "{hash_file(path)}"\n\n'
        f'[[{table}.sources]]\nkind = "file"\npath = "{path}"\n\n'
    )


_FACTS = 'description = "colours"\narchitecture = "a few nodes"\nlicense = "CC0-1.0"\nlicense_source = "tests"\n'
_IMAGE = f"""
id = "tiny-clip"
version = 1
task = "clip-image"
text_tower = "tiny-clip-text"
{_FACTS}
[input]
name = "image"
layout = "NHWC"
dtype = "uint8"
colour = "RGB"
sizes = [[{SIZE}, {SIZE}]]
resize = "central-crop"
interpolation = "bilinear"
mean = [0.0, 0.0, 0.0]
std = [1.0, 1.0, 1.0]
normalise = "graph"

"""
_TEXT = f"""
id = "tiny-clip-text"
version = 1
task = "clip-text"
{_FACTS}
[input]
name = "tokens"
length = 77

"""
_OUTPUT = '[[outputs]]\nname = "embedding"\nshape = [3]\nmeaning = "a colour"\n\n'
_SCALE = '[[outputs]]\nname = "scale"\nshape = []\nmeaning = "factor of logits"\n'


def _save(graph: onnx.GraphProto, path: Path) -> Path:
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    onnx.checker.check_model(model)
    onnx.save(model, str(path))
    return path
