"""Reads float arrays from a joblib file compressed with LZ4, without executing code that the pickle names.

A joblib file is a pickle of small descriptions (shape, dtype, order), each followed by the array's
bytes. A pickle can name any function for the reader to call. This reader accepts three names, replaces
all of them by its own inert classes, and refuses every other.
"""

import io
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import lz4.frame
import numpy as np
from numpy.typing import NDArray


class InvalidArrayFile(ValueError):
    """The file holds something other than a list of float32 arrays."""


def read_arrays(path: Path) -> list[NDArray[np.float32]]:
    """The arrays in file order; raises InvalidArrayFile."""
    try:
        found = _Reader(io.BytesIO(lz4.frame.decompress(path.read_bytes()))).load()
    except InvalidArrayFile:
        raise
    except Exception as cause:  # a damaged pickle may raise anything
        raise InvalidArrayFile(f"{path.name!r} is no joblib file of arrays: {cause}") from cause
    if not isinstance(found, list) or not all(isinstance(one, np.ndarray) for one in found):
        raise InvalidArrayFile(f"{path.name!r} holds no list of arrays")
    return found


class _Inert:
    """Stands in for a class of joblib or numpy: stores arguments and state, and does nothing."""

    def __init__(self, *arguments: object) -> None:
        self.arguments = arguments
        self.state: Any = None


class _ArrayDescription(_Inert):
    """joblib's NumpyArrayWrapper."""

    def read(self, stream: io.BytesIO) -> NDArray[np.float32]:
        facts = self.state
        dtype = facts["dtype"]
        if dtype.arguments[0] != "f4" or dtype.state[1] != "<" or facts["order"] not in ("C", "F"):
            raise InvalidArrayFile("an array is not little-endian float32")
        if facts.get("numpy_array_alignment_bytes"):
            stream.read(stream.read(1)[0])  # padding, its length first
        shape = tuple(facts["shape"])
        count = int(np.prod(shape))
        return np.frombuffer(stream.read(4 * count), "<f4", count).reshape(shape, order=facts["order"])


_INERT_CLASSES: dict[tuple[str, str], type[_Inert]] = {
    ("joblib.numpy_pickle", "NumpyArrayWrapper"): _ArrayDescription,
    ("numpy", "ndarray"): _Inert,
    ("numpy", "dtype"): _Inert,
}


class _Reader(pickle._Unpickler):  # the C one cannot skip the bytes in between
    stack: list[Any]
    dispatch: ClassVar[dict[int, Callable[..., None]]] = dict(pickle._Unpickler.dispatch)

    def __init__(self, stream: io.BytesIO) -> None:
        super().__init__(stream)
        self._stream = stream

    def find_class(self, module: str, name: str) -> type[_Inert]:
        if (module, name) not in _INERT_CLASSES:
            raise InvalidArrayFile(f"it names {module}.{name}, which no weights need")
        return _INERT_CLASSES[module, name]

    def load_build(self) -> None:
        """The instruction that completes an object: for a description, its array's bytes come next."""
        state = self.stack.pop()
        incomplete = self.stack[-1]
        if not isinstance(incomplete, _Inert):
            raise InvalidArrayFile("it builds an object that is neither array nor dtype")
        incomplete.state = state
        if isinstance(incomplete, _ArrayDescription):
            self.stack[-1] = incomplete.read(self._stream)

    dispatch[pickle.BUILD[0]] = load_build
