"""An ONNX graph as far as its convolutions need it: nodes, and the constants that they take.

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
from models.onnx_proto import fields, varints

_FLOATS = {1: "<f4", 10: "<f2", 11: "<f8"}  # TensorProto.DataType to dtypes

_KEEPING = ("Identity", "Pad", "Mul")  # operations that leave kernels what they are


@dataclass(frozen=True, slots=True)
class Constant:
    """A tensor of the file; what is not of floats has no values."""

    shape: tuple[int, ...]
    dtype: str | None
    data: memoryview

    def values(self) -> NDArray[np.float32]:
        """Raises ValueError for anything but floats that are in the file."""
        if self.dtype is None:
            raise ValueError("not a tensor of floats")
        return np.frombuffer(self.data, self.dtype).astype(np.float32).reshape(self.shape)


@dataclass(frozen=True, slots=True)
class Node:
    kind: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, float | Constant]  # numbers and tensors; others are left out


@dataclass(frozen=True)
class Graph:
    """`constants` by name. `origins` names, for a tensor that is made of constants alone, the first of them."""

    nodes: tuple[Node, ...]
    constants: Mapping[str, Constant]
    origins: Mapping[str, str]

    @classmethod
    def read(cls, model: str, path: Path) -> Self:
        """Raises KernelsUnavailable, which names the `model`, for a file that is no ONNX graph."""
        try:
            [graph] = (value for number, value in fields(memoryview(path.read_bytes())) if number == 7)
            return cls._of(_message(graph))
        except (ValueError, OSError, struct.error) as cause:
            why = cause.strerror if isinstance(cause, OSError) else cause
            raise KernelsUnavailable(model, f"its graph cannot be read: {why}") from cause

    @classmethod
    def _of(cls, graph: memoryview) -> Self:
        nodes, constants = list[Node](), dict[str, Constant]()
        for number, value in fields(graph):
            if number == 1:
                nodes.append(_node(_message(value)))
            elif number == 5:
                name, constant = _tensor(_message(value))
                constants[name] = constant
            if number == 1 and isinstance(found := nodes[-1].attributes.get("value"), Constant):
                constants[nodes[-1].outputs[0]] = found
        origins = {name: name for name in constants}
        for node in nodes:  # in an order in which each comes after those that it takes from
            if node.kind in _KEEPING and all(name in origins for name in node.inputs):
                origins[node.outputs[0]] = origins[node.inputs[0]]
        return cls(tuple(nodes), constants, origins)

    def constant(self, name: str) -> Constant | None:
        """The constant behind a tensor, as it is in the file: what pads, scales or renames it is not applied."""
        return self.constants[self.origins[name]] if name in self.origins else None

    @cached_property
    def takers(self) -> Mapping[str, list[Node]]:
        """The nodes that take a tensor, by its name."""
        found: dict[str, list[Node]] = {}
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


def _node(message: memoryview) -> Node:
    parts: dict[int, list[int | memoryview]] = {}
    for number, value in fields(message):
        parts.setdefault(number, []).append(value)
    attributes = dict(one for value in parts.get(5, ()) for one in _attribute(_message(value)))
    [kind] = parts[4]
    return Node(
        _text(kind),
        tuple(map(_text, parts.get(1, ()))),
        tuple(map(_text, parts.get(2, ()))),
        attributes,
    )


def _attribute(message: memoryview) -> Iterator[tuple[str, float | Constant]]:
    name, found = "", None
    for number, value in fields(message):
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


def _tensor(message: memoryview) -> tuple[str, Constant]:
    name, shape, kind, data = "", list[int](), 0, memoryview(b"")
    for number, value in fields(message):
        if number == 1:
            shape += [value] if isinstance(value, int) else varints(value)
        elif number == 2 and isinstance(value, int):
            kind = value
        elif number in (4, 9):
            data = _message(value)
        elif number == 8:
            name = _text(value)
    return name, Constant(tuple(shape), _FLOATS.get(kind), data)
