"""Tensors that a graph computes inside, made outputs of it without touching its file.

    ModelProto { graph (7) { output (12) { name (1) } } }

protobuf merges what is repeated of a field that is there once: bytes that hold a second `graph` with nothing but
outputs, put behind those of a model, give its graph further outputs. So a file keeps its published hash, and
serving needs no `onnx` package. ONNX Runtime infers their types, and takes constants of the graph as outputs, too.
"""

from collections.abc import Iterable

_GRAPH, _OUTPUT, _NAME = 7, 12, 1
_LENGTH_DELIMITED = 2  # protobuf's wire type of messages and strings


def with_outputs(model: bytes, names: Iterable[str]) -> bytes:
    """The ONNX `model` with these tensors as further outputs, in this order."""
    outputs = b"".join(_field(_OUTPUT, _field(_NAME, name.encode())) for name in names)
    return model + _field(_GRAPH, outputs)


def _field(number: int, content: bytes) -> bytes:
    return _varint(number << 3 | _LENGTH_DELIMITED) + _varint(len(content)) + content


def _varint(value: int) -> bytes:
    groups = []
    while value > 0x7F:
        groups.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*groups, value])
