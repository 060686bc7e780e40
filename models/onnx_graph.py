"""Reads nodes and constants of an ONNX graph, as far as its convolutions need them.

Serving has no `onnx` package, and needs none to read five messages (onnx/onnx.proto, Apache-2.0):

    ModelProto { graph (7) }                       AttributeProto { name (1) f (2) i (3) t (5) }
    GraphProto { node (1) initializer (5) }        TensorProto { dims (1) data_type (2) float_data (4) name (8)
    NodeProto { input (1) output (2) name (3)                    raw_data (9) }
                op_type (4) attribute (5) }
"""

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from models.errors import KernelsUnavailable
from models.onnx_proto import read_fields, read_varints

_FLOATS = {1: "<f4", 10: "<f2", 11: "<f8"}  # TensorProto.DataType to dtypes

_PASS_THROUGH = ("Identity", "Pad", "Mul")  # operations after which kernels are still the same kernels


@dataclass(frozen=True, slots=True)
class OnnxConstant:
    """A tensor stored in the file. Only those of floats have values."""

    shape: tuple[int, ...]
    dtype: str | None
    data: memoryview

    def values(self) -> NDArray[np.float32]:
        """Raises ValueError unless the tensor is of floats."""
        if self.dtype is None:
            raise ValueError("not a tensor of floats")
        return np.frombuffer(self.data, self.dtype).astype(np.float32).reshape(self.shape)


@dataclass(frozen=True, slots=True)
class OnnxNode:
    kind: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, float | OnnxConstant]  # numbers and tensors; others are left out


@dataclass(frozen=True)
class OnnxGraph:
    """`constants` by name. `origins` maps a tensor that depends on constants alone to the first of them."""

    nodes: tuple[OnnxNode, ...]
    constants: Mapping[str, OnnxConstant]
    origins: Mapping[str, str]

    @classmethod
    def read(cls, model: str, path: Path) -> Self:
        """Raises KernelsUnavailable, which names the `model`, for a file that is no ONNX graph."""
        try:
            [graph] = (value for number, value in read_fields(memoryview(path.read_bytes())) if number == 7)
            return cls._of(_message(graph))
        except (ValueError, OSError, struct.error) as cause:
            why = cause.strerror if isinstance(cause, OSError) else cause
            raise KernelsUnavailable(model, f"its graph cannot be read: {why}") from cause

    @classmethod
    def _of(cls, graph: memoryview) -> Self:
        nodes, constants = list[OnnxNode](), dict[str, OnnxConstant]()
        for number, value in read_fields(graph):
            if number == 1:
                nodes.append(_node(_message(value)))
            elif number == 5:
                name, constant = _tensor(_message(value))
                constants[name] = constant
            if number == 1 and isinstance(found := nodes[-1].attributes.get("value"), OnnxConstant):
                constants[nodes[-1].outputs[0]] = found
        origins = {name: name for name in constants}
        for node in nodes:  # ONNX lists them in topological order
            if node.kind in _PASS_THROUGH and all(name in origins for name in node.inputs):
                origins[node.outputs[0]] = origins[node.inputs[0]]
        return cls(tuple(nodes), constants, origins)

    def constant(self, name: str) -> OnnxConstant | None:
        """The constant behind a tensor, as stored: nodes that pad, scale or rename it are not applied."""
        return self.constants[self.origins[name]] if name in self.origins else None

    @cached_property
    def consumers(self) -> Mapping[str, list[OnnxNode]]:
        """The nodes that take a tensor, by the tensor's name."""
        found: dict[str, list[OnnxNode]] = {}
        for node in self.nodes:
            for name in dict.fromkeys(node.inputs):
                found.setdefault(name, []).append(node)
        return found


def _message(value: int | memoryview) -> memoryview:
    if isinstance(value, int):
        raise ValueError("a number where a message should be")
    return value


def _text(value: int | memoryview) -> str:
    return bytes(_message(value)).decode()


def _node(message: memoryview) -> OnnxNode:
    parts: dict[int, list[int | memoryview]] = {}
    for number, value in read_fields(message):
        parts.setdefault(number, []).append(value)
    attributes = dict(one for value in parts.get(5, ()) for one in _attribute(_message(value)))
    [kind] = parts[4]
    return OnnxNode(
        _text(kind),
        tuple(map(_text, parts.get(1, ()))),
        tuple(map(_text, parts.get(2, ()))),
        attributes,
    )


def _attribute(message: memoryview) -> Iterator[tuple[str, float | OnnxConstant]]:
    name, found = "", None
    for number, value in read_fields(message):
        if number == 1:
            name = _text(value)
        elif number == 2:
            [found] = struct.unpack("<f", _message(value))
        elif number == 3 and isinstance(value, int):
            found = value
        elif number == 5:
            _, found = _tensor(_message(value))
    if found is not None:
        yield name, found


def _tensor(message: memoryview) -> tuple[str, OnnxConstant]:
    name, shape, kind, data = "", list[int](), 0, memoryview(b"")
    for number, value in read_fields(message):
        if number == 1:
            shape += [value] if isinstance(value, int) else read_varints(value)
        elif number == 2 and isinstance(value, int):
            kind = value
        elif number in (4, 9):
            data = _message(value)
        elif number == 8:
            name = _text(value)
    return name, OnnxConstant(tuple(shape), _FLOATS.get(kind), data)
