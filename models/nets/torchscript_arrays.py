"""Reads the tensors of a TorchScript archive, without its code: neither TorchScript's nor what its pickle names.

The archive is a zip file: `data.pkl` describes modules, their attributes and tensors, and `data/<key>` has each
tensor's bytes. A pickle can name any function for the reader to call. This reader accepts the names that such
descriptions need, replaces all of them by its own inert ones, and refuses every other.
Format: pytorch/pytorch, `torch/csrc/jit/docs/serialization.md`.
"""

import io
import pickle
import zipfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

_DTYPES = {"HalfStorage": "<f2", "FloatStorage": "<f4", "DoubleStorage": "<f8", "LongStorage": "<i8"}
_LISTS = ("build_boollist", "build_doublelist", "build_intlist", "build_tensorlist")

Array = NDArray[Any]


class InvalidTorchScript(ValueError):
    """The file is no TorchScript archive of tensors that are read here."""


def read_torchscript_tensors(path: Path) -> Mapping[str, NDArray[np.float32]]:
    """The parameters and buffers by their names in a state dict, as float32; raises InvalidTorchScript."""
    try:
        with zipfile.ZipFile(path) as archive:
            [description] = [name for name in archive.namelist() if name.count("/") == 1 and name.endswith("/data.pkl")]
            root = description.removesuffix("data.pkl")
            module = _Reader(io.BytesIO(archive.read(description)), archive, f"{root}data/").load()
            tensors = {name: np.array(one, np.float32, order="C") for name, one in _walk(module)}
    except InvalidTorchScript:
        raise
    except Exception as cause:  # a damaged archive or pickle may raise anything
        raise InvalidTorchScript(f"{path.name!r} is no TorchScript archive: {cause}") from cause
    if not tensors:
        raise InvalidTorchScript(f"{path.name!r} has no tensors")
    return tensors


class _Module:
    """Stands in for every class of the archive: its attributes, and nothing that runs."""

    attributes: Mapping[str, Any] = {}

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        self.attributes = dict(state)


class _Storage(NamedTuple):
    """The name of a class in torch, as the kind of a storage; it is not called."""

    name: str

    def __call__(self) -> None:
        raise InvalidTorchScript("it builds a storage of its own")


class _Reader(pickle.Unpickler):
    def __init__(self, stream: io.BytesIO, archive: zipfile.ZipFile, folder: str) -> None:
        super().__init__(stream)
        self._archive, self._folder = archive, folder

    def find_class(self, module: str, name: str) -> Any:
        if module == "__torch__" or module.startswith("__torch__."):
            return _Module
        if module == "torch" and name in _DTYPES:
            return _Storage(name)
        if (module, name) not in _INERT_FUNCTIONS:
            raise InvalidTorchScript(f"it names {module}.{name}, which no weights need")
        return _INERT_FUNCTIONS[module, name]

    def persistent_load(self, pid: Any) -> Array:
        """A storage's elements, in one dimension."""
        kind, storage, key, _device, count = pid
        if kind != "storage" or not isinstance(storage, _Storage):
            raise InvalidTorchScript(f"it refers to {kind!r}")
        dtype, member = np.dtype(_DTYPES[storage.name]), self._archive.getinfo(f"{self._folder}{key}")
        if member.file_size != count * dtype.itemsize:
            raise InvalidTorchScript(f"a tensor has {member.file_size} bytes instead of {count * dtype.itemsize}")
        return np.frombuffer(self._archive.read(member), dtype)


def _build_tensor(
    storage: Array, offset: int, shape: tuple[int, ...], strides: tuple[int, ...], *_requires_grad_and_hooks: object
) -> Array:
    """A view of the storage; `strides` count elements. Raises InvalidTorchScript where it leaves the storage."""
    if min((offset, *shape, *strides), default=0) < 0:
        raise InvalidTorchScript("a tensor has a negative offset, size or stride")
    if 0 not in shape and offset + sum((n - 1) * s for n, s in zip(shape, strides, strict=True)) >= storage.size:
        raise InvalidTorchScript("a tensor leaves its storage")
    steps = [one * storage.itemsize for one in strides]
    return np.lib.stride_tricks.as_strided(storage[offset:], shape, steps, writeable=False)


def _keep(value: object, *_types: object) -> object:
    return value


_INERT_FUNCTIONS: dict[tuple[str, str], Callable[..., Any]] = {
    ("collections", "OrderedDict"): dict,
    ("torch._utils", "_rebuild_tensor_v2"): _build_tensor,
    ("torch.jit._pickle", "restore_type_tag"): _keep,
    **{("torch.jit._pickle", name): _keep for name in _LISTS},
}


def _walk(module: Any, prefix: str = "") -> Iterator[tuple[str, Array]]:
    if not isinstance(module, _Module):
        raise InvalidTorchScript("it describes no module")
    for name, value in module.attributes.items():
        if isinstance(value, _Module):
            yield from _walk(value, f"{prefix}{name}.")
        elif isinstance(value, np.ndarray):
            yield f"{prefix}{name}", value
