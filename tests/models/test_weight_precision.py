"""The precision of a graph is the data type of most of its weights."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from models.onnx_proto import find_weight_precision


def graph_of(*weights: np.ndarray, constant: np.ndarray | None = None) -> bytes:
    initializers = [numpy_helper.from_array(one, f"w{number}") for number, one in enumerate(weights)]
    constants = (
        [] if constant is None else [helper.make_node("Constant", [], ["c"], value=numpy_helper.from_array(constant))]
    )
    nodes = [helper.make_node("Identity", ["x"], ["y"]), *constants]
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1]) for name in ("x", "y")]
    graph = helper.make_graph(nodes, "graph", ends[:1], ends[1:], initializer=initializers)
    return bytes(onnx.ModelProto.SerializeToString(helper.make_model(graph)))


FLOATS = np.zeros((8, 8), np.float32)


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        (graph_of(FLOATS), "float32"),
        (graph_of(FLOATS.astype(np.float16)), "float16"),
        (graph_of(FLOATS, np.zeros((20, 20), np.int8)), "int8"),  # quantised: its scales are floats still
        (graph_of(FLOATS, np.zeros(100, np.int64)), "float32"),  # sizes and axes are no weights
        (graph_of(np.zeros(3, np.int8), constant=FLOATS), "float32"),  # weights that are constant nodes
        (graph_of(), "other"),
        (graph_of(FLOATS)[:40], "other"),
        (b"\xff\xff no graph", "other"),
    ],
)
def test_the_precision_is_the_type_of_most_weights(model: bytes, expected: str) -> None:
    assert find_weight_precision(model) == expected
