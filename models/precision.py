"""What kind of numbers a graph's weights are: read from its file, for serving needs no `onnx` package.

ModelProto { graph (7) { initializer (5) TensorProto { dims (1), data_type (2) }
                         node (1) { attribute (5) { t (5) TensorProto } } } }
"""

from collections import Counter
from collections.abc import Iterator
from math import prod

_GRAPH, _INITIALIZER, _NODE, _ATTRIBUTE, _ATTRIBUTE_TENSOR, _DIMS, _DATA_TYPE = 7, 5, 1, 5, 5, 1, 2

# TensorProto.DataType of onnx.proto3, Apache-2.0. What a graph computes sizes and axes with (int64) is no weight.
_NAMES = {1: "float32", 2: "uint8", 3: "int8", 10: "float16", 11: "float64", 16: "bfloat16", 21: "uint4", 22: "int4"}

Field = tuple[int, int | memoryview]


def precision(model: bytes) -> str:
    """The type that most weights have; `other` where none has a name here, or the bytes are no graph."""
    counts: Counter[str] = Counter()
    try:
        for tensor in _tensors(memoryview(model)):
            kind, size = _facts(tensor)
            if kind in _NAMES:
                counts[_NAMES[kind]] += size
    except (IndexError, ValueError):  # a session that opens it says what is wrong
        return "other"
    return counts.most_common(1)[0][0] if counts else "other"


def _tensors(model: memoryview) -> Iterator[memoryview]:
    for graph in _messages(model, _GRAPH):
        yield from _messages(graph, _INITIALIZER)
        for node in _messages(graph, _NODE):
            for attribute in _messages(node, _ATTRIBUTE):
                yield from _messages(attribute, _ATTRIBUTE_TENSOR)


def _facts(tensor: memoryview) -> tuple[int, int]:
    """Its data type, and how many numbers it has."""
    kind, sizes = 0, []
    for number, value in _fields(tensor):
        if number == _DATA_TYPE and isinstance(value, int):
            kind = value
        elif number == _DIMS:
            sizes += [value] if isinstance(value, int) else _packed(value)
    return kind, prod(sizes)


def _messages(message: memoryview, wanted: int) -> Iterator[memoryview]:
    return (value for number, value in _fields(message) if number == wanted and isinstance(value, memoryview))


def _fields(message: memoryview) -> Iterator[Field]:
    at = 0
    while at < len(message):
        key, at = _varint(message, at)
        match key & 7:  # protobuf's wire types
            case 0:  # a number
                value, at = _varint(message, at)
                yield key >> 3, value
            case 2:  # a length, and so many bytes
                length, at = _varint(message, at)
                yield key >> 3, message[at : at + length]
                at += length
            case 1:  # 64 bits
                at += 8
            case 5:  # 32 bits
                at += 4
            case kind:
                raise ValueError(f"wire type {kind} at byte {at}")


def _packed(values: memoryview) -> list[int]:
    found, at = [], 0
    while at < len(values):
        value, at = _varint(values, at)
        found.append(value)
    return found


def _varint(message: memoryview, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = message[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
