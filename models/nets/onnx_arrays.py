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
    return [constants[name].copy() for node in graph.node if node.op_type == "Conv" for name in node.input[1:]]
