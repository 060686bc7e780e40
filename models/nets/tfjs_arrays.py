"""Reads the quantised weights of a TensorFlow.js layers model from its JavaScript bundles, without running them.

A bundle exports one value: the model with its `weightsManifest`, which lists the tensors in order (name, shape, and
how uint8 becomes float), or a shard of their bytes as base64. The bundles come one after another in one file.
Format: tensorflow/tfjs, `tfjs-core/src/io/types.ts` and `io_utils.ts` (Apache-2.0).
"""

import base64
import binascii
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

_NUMBER = r"(-?\d*\.?\d+(?:[eE][-+]?\d+)?)"
_TENSOR = re.compile(
    rf'\{{name:"([^"]+)",shape:\[([\d,]+)\],dtype:"float32",'
    rf'quantization:\{{min:{_NUMBER},scale:{_NUMBER},dtype:"uint8"\}}\}}'
)
_SHARD = re.compile(r'exports="([A-Za-z0-9+/]+={0,2})"')


class InvalidTfjsModel(ValueError):
    """The file is no layers model with uint8 weights, or its parts do not fit together."""


def read_tfjs_weights(path: Path) -> Mapping[str, NDArray[np.float32]]:
    """The tensors by name, float32, in TensorFlow's layouts; raises InvalidTfjsModel."""
    text = path.read_text("utf-8")
    manifest = text.find("weightsManifest:")
    tensors = list(_TENSOR.finditer(text, manifest)) if manifest >= 0 else []
    try:
        data = b"".join(base64.b64decode(shard, validate=True) for shard in _SHARD.findall(text))
        weights = dict(_dequantise(tensors, data))
    except (binascii.Error, ValueError) as cause:
        raise InvalidTfjsModel(f"{path.name!r}: {cause}") from cause
    if not weights or len(data) != sum(one.size for one in weights.values()):
        raise InvalidTfjsModel(f"{path.name!r}: {len(weights)} tensors do not fill its {len(data)} bytes of weights")
    return weights


def _dequantise(tensors: list[re.Match[str]], data: bytes) -> Iterator[tuple[str, NDArray[np.float32]]]:
    """Raises ValueError where bytes are missing."""
    start = 0
    for name, sizes, minimum, scale in (one.groups() for one in tensors):
        shape = tuple(map(int, sizes.split(",")))
        levels = np.frombuffer(data, np.uint8, int(np.prod(shape)), start)
        start += levels.size
        yield name, (levels * np.float64(scale) + np.float64(minimum)).astype(np.float32).reshape(shape)
