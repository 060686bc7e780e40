"""Reads the kernels and biases of the convolutions of a published ONNX graph."""

from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper


def read_convolutions(path: Path) -> list[NDArray[np.float32]]:
    """Each convolution's kernels (out, in, h, w), then its bias (out,), in the graph's order.

    Raises KeyError for a convolution whose weights the graph computes, and what `onnx.load` raises.
    """
    graph = onnx.load(path).graph
    constants = {one.name: numpy_helper.to_array(one) for one in graph.initializer}
    nodes = (node for node in graph.node if node.op_type == "Constant")
    constants |= {node.output[0]: numpy_helper.to_array(node.attribute[0].t) for node in nodes}
    return [constants[name].copy() for node in graph.node if node.op_type == "Conv" for name in node.input[1:]]
