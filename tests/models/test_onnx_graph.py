"""Graphs are read without the `onnx` package, with the same result."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from models.errors import KernelsUnavailable
from models.onnx_graph import OnnxGraph
from models.registry import Catalog
from models.store.store import Store
from service.settings import load_settings
from tests.models.kernels.conv_graphs import write_net


@pytest.mark.parametrize("name", ["efficientnet-lite0", "opennsfw", "picodet-cdla"])
def test_nodes_and_constants_are_those_that_the_onnx_package_reads(name: str) -> None:
    path = Store(load_settings().models.store).graph(Catalog.load().get(name))
    graph, wanted = OnnxGraph.read(name, path), onnx.load(str(path)).graph
    floats = {one.name: numpy_helper.to_array(one) for one in wanted.initializer if one.data_type == 1}

    assert [(node.kind, node.inputs, node.outputs) for node in graph.nodes] == [
        (node.op_type, tuple(node.input), tuple(node.output)) for node in wanted.node
    ]
    assert all(np.array_equal(graph.constants[one].values(), array) for one, array in floats.items())


def test_a_truncated_file_is_refused_wherever_it_ends(tmp_path: Path) -> None:
    path = write_net(tmp_path / "model.onnx")
    whole = path.read_bytes()
    for end in range(1, len(whole) - 40, 7):  # the last bytes name the version of the operators
        path.write_bytes(whole[:end])
        with pytest.raises(KernelsUnavailable, match="'cut' cannot be looked at: its graph cannot be read"):
            OnnxGraph.read("cut", path)


@pytest.mark.parametrize("content", [b"", b"hello, I am no graph", bytes(100), b"\xff" * 100], ids=str)
def test_a_file_that_is_no_graph_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(content)

    with pytest.raises(KernelsUnavailable, match="cannot be read"):
        OnnxGraph.read("none", path)
