"""A session returns undeclared tensors of a graph without changing the graph's file."""

from pathlib import Path

import numpy as np
import onnx
import pytest

from models.errors import ModelCorrupt
from models.onnx_proto import add_outputs
from models.registry import Catalog
from models.runtime.backends.onnxruntime import OnnxRuntimeSession
from models.store.store import Store
from service.settings import load_settings
from tests.models.tiny_graphs import image, write_classifier_graph

INNER = ("cells", "scores", "offsets")


@pytest.fixture
def graph(tmp_path: Path) -> Path:
    return write_classifier_graph(tmp_path / "model.onnx")


@pytest.mark.parametrize("name", ["x", "x" * 127, "x" * 128, "x" * 20_000, "größe"])
def test_protobuf_reads_the_names_behind_the_outputs_that_were_there(graph: Path, name: str) -> None:
    model = onnx.load_from_string(add_outputs(graph.read_bytes(), [name, "last"]))

    assert [one.name for one in model.graph.output] == ["embedding", name, "last"]


def test_undeclared_tensors_and_constants_are_returned_like_outputs(graph: Path) -> None:
    pixels = image(1)["image"][None]
    outputs = OnnxRuntimeSession(graph, device="cpu", extra_outputs=INNER).run({"image": pixels})

    assert list(outputs) == ["embedding", *INNER]
    assert np.array_equal(outputs["cells"], pixels.astype(np.float32))
    assert np.array_equal(outputs["scores"] * 2, outputs["embedding"])
    assert outputs["offsets"].tolist() == [0.5, -0.25, 0.0]


def test_the_file_stays_as_it_was(graph: Path) -> None:
    before = graph.read_bytes()
    OnnxRuntimeSession(graph, device="cpu", extra_outputs=INNER)

    assert graph.read_bytes() == before


def test_a_tensor_that_the_graph_lacks_is_named(graph: Path) -> None:
    with pytest.raises(ModelCorrupt, match="missing one"):
        OnnxRuntimeSession(graph, device="cpu", extra_outputs=["missing one"])


@pytest.mark.parametrize("name", ["efficientnet-lite0", "opennsfw"])
def test_extra_outputs_do_not_change_the_declared_ones(name: str) -> None:
    manifest, store = Catalog.load().get(name), Store(load_settings().models.store)
    noise = np.random.default_rng(5).uniform(0, 255, (1, *manifest.input.item_shapes[0]))
    feeds = {manifest.input.name: noise.astype(manifest.input.dtype)}
    plain = OnnxRuntimeSession(store.graph(manifest), device="cpu")
    more = OnnxRuntimeSession(store.graph(manifest), device="cpu", extra_outputs=manifest.undeclared_outputs).run(feeds)

    assert all(np.array_equal(values, more[output]) for output, values in plain.run(feeds).items())
