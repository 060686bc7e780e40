"""Reads and appends the few protobuf fields of ONNX graphs that serving needs, without the `onnx` package.

    ModelProto { graph (7) { node (1) { attribute (5) { tensor (5) } }  initializer (5)  output (12) { name (1) } } }

Field numbers are those of onnx.proto3 (Apache-2.0).
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from math import prod

_VARINT, _FIXED64, _LENGTH_DELIMITED, _FIXED32 = 0, 1, 2, 5  # wire types
_GRAPH = 7
_NODE, _INITIALIZER, _OUTPUT = 1, 5, 12
_ATTRIBUTE, _ATTRIBUTE_TENSOR = 5, 5
_DIMS, _DATA_TYPE = 1, 2
_NAME = 1

# TensorProto.DataType. Sizes and axes are int64 constants of a graph, not weights.
_PRECISIONS = {
    1: "float32", 2: "uint8", 3: "int8", 10: "float16", 11: "float64", 16: "bfloat16", 21: "uint4", 22: "int4",
}  # fmt: skip

ProtoField = tuple[int, int | memoryview]  # its number and its value: an integer, or the bytes of everything else


def read_fields(message: memoryview) -> Iterator[ProtoField]:
    """The fields of one message in file order; raises ValueError where the bytes are no message."""
    at = 0
    while at < len(message):
        key, at = _read_varint(message, at)
        number, kind = key >> 3, key & 7
        if kind == _VARINT:
            value, at = _read_varint(message, at)
            yield number, value
            continue
        if kind == _LENGTH_DELIMITED:
            length, at = _read_varint(message, at)
        elif kind in (_FIXED32, _FIXED64):
            length = 4 if kind == _FIXED32 else 8
        else:
            raise ValueError(f"protobuf has no field of kind {kind}")
        if at + length > len(message):
            raise ValueError("a field ends behind its message")
        yield number, message[at : at + length]
        at += length


def read_varints(packed: memoryview) -> Iterator[int]:
    """The numbers of a packed field; raises ValueError."""
    at = 0
    while at < len(packed):
        value, at = _read_varint(packed, at)
        yield value


def add_outputs(model: bytes, names: Iterable[str]) -> bytes:
    """The ONNX `model` with these tensors of its graph as further outputs, in this order.

    protobuf merges repeated occurrences of a singular field: a second `graph` that holds nothing but outputs, appended
    to a model's bytes, adds outputs to its graph. So the file keeps its published hash. ONNX Runtime infers the types
    of these outputs, and accepts constants as outputs too.
    """
    outputs = b"".join(_field(_OUTPUT, _field(_NAME, name.encode())) for name in names)
    return model + _field(_GRAPH, outputs)


def read_output_names(model: bytes) -> list[str]:
    """The names of the graph's declared outputs, in its order; raises ValueError where the bytes are no graph."""
    declared = (output for graph in _messages(memoryview(model), _GRAPH) for output in _messages(graph, _OUTPUT))
    return [bytes(name).decode() for output in declared for name in _messages(output, _NAME)]


def find_weight_precision(model: bytes) -> str:
    """The data type of most weights; `other` where it has no name here, or the bytes are no graph."""
    counts: Counter[str] = Counter()
    try:
        for tensor in _weight_tensors(memoryview(model)):
            data_type, size = _type_and_size(tensor)
            if data_type in _PRECISIONS:
                counts[_PRECISIONS[data_type]] += size
    except ValueError:  # opening a session reports the problem
        return "other"
    return counts.most_common(1)[0][0] if counts else "other"


def _weight_tensors(model: memoryview) -> Iterator[memoryview]:
    for graph in _messages(model, _GRAPH):
        yield from _messages(graph, _INITIALIZER)
        for node in _messages(graph, _NODE):
            for attribute in _messages(node, _ATTRIBUTE):
                yield from _messages(attribute, _ATTRIBUTE_TENSOR)


def _type_and_size(tensor: memoryview) -> tuple[int, int]:
    """A TensorProto's data type, and how many numbers it has."""
    data_type, dims = 0, []
    for number, value in read_fields(tensor):
        if number == _DATA_TYPE and isinstance(value, int):
            data_type = value
        elif number == _DIMS:
            dims += [value] if isinstance(value, int) else list(read_varints(value))
    return data_type, prod(dims)


def _messages(message: memoryview, wanted: int) -> Iterator[memoryview]:
    return (value for number, value in read_fields(message) if number == wanted and isinstance(value, memoryview))


def _read_varint(message: memoryview, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        if at >= len(message) or shift > 63:
            raise ValueError("a number ends behind its message")
        byte = message[at]
        value, shift, at = value | (byte & 0x7F) << shift, shift + 7, at + 1
        if byte < 0x80:
            return value, at


def _field(number: int, content: bytes) -> bytes:
    return _varint(number << 3 | _LENGTH_DELIMITED) + _varint(len(content)) + content


def _varint(value: int) -> bytes:
    groups = []
    while value > 0x7F:
        groups.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*groups, value])
