"""The reader of TorchScript archives takes tensors, and runs nothing that an archive names."""

import os
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from models.nets.torchscript_arrays import InvalidTorchScript, read_torchscript_tensors
from tests.export.small_clip import write_archive


def write_zip(path: Path, description: bytes, **data: bytes) -> Path:
    """An archive with this `data.pkl`, and files under `data/`."""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("clip/data.pkl", description)
        for key, content in data.items():
            archive.writestr(f"clip/data/{key.removeprefix('_')}", content)
    return path


def named(module: str, name: str) -> bytes:
    return f"c{module}\n{name}\n".encode()


def text(value: str) -> bytes:
    return b"X" + len(value).to_bytes(4, "little") + value.encode()


def number(value: int) -> bytes:
    return b"J" + value.to_bytes(4, "little", signed=True)


def ints(*values: int) -> bytes:
    return b"(" + b"".join(map(number, values)) + b"t"


def tensor(
    *, kind: str = "FloatStorage", count: int = 4, offset: int = 0, shape: Any = (2, 2), strides: Any = (2, 1)
) -> bytes:
    storage = b"(" + text("storage") + named("torch", kind) + text("0") + text("cpu") + number(count) + b"tQ"
    arguments = b"(" + storage + number(offset) + ints(*shape) + ints(*strides) + b"\x89" + b"t"
    return named("torch._utils", "_rebuild_tensor_v2") + arguments + b"R"


def module(**attributes: bytes) -> bytes:
    """A pickled module of a made-up class."""
    items = b"".join(text(name) + value for name, value in attributes.items())
    return b"\x80\x02" + named("__torch__.model", "Net") + b")\x81}(" + items + b"ub."


FOUR = np.arange(4, dtype="<f4").tobytes()


def test_tensors_are_those_of_the_module(tmp_path: Path) -> None:
    wanted = write_archive(tmp_path / "clip.pt")

    found = read_torchscript_tensors(tmp_path / "clip.pt")

    assert found.keys() == wanted.keys()
    assert all(np.array_equal(found[name], values) for name, values in wanted.items())
    assert {values.dtype for values in found.values()} == {np.dtype(np.float32)}


def test_strides_and_offsets_are_followed(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "a.pt", module(w=tensor(offset=1, shape=(2, 1), strides=(2, 1))), _0=FOUR)

    assert read_torchscript_tensors(path)["w"].tolist() == [[1.0], [3.0]]


def test_half_precision_becomes_float32(tmp_path: Path) -> None:
    half = np.array([0.5, 1, 2, 3], "<f2").tobytes()
    path = write_zip(tmp_path / "a.pt", module(w=tensor(kind="HalfStorage")), _0=half)

    assert read_torchscript_tensors(path)["w"].tolist() == [[0.5, 1.0], [2.0, 3.0]]


class Harmful:
    def __init__(self, function: Callable[..., Any], *arguments: object) -> None:
        self.call = function, arguments

    def __reduce__(self) -> Any:
        return self.call


@pytest.mark.parametrize("function", [os.mkdir, eval, np.fromfile], ids=lambda one: one.__name__)
def test_code_that_a_pickle_names_is_not_run(tmp_path: Path, function: Callable[..., Any]) -> None:
    target = tmp_path / "made"
    path = write_zip(tmp_path / "a.pt", pickle.dumps(Harmful(function, str(target)), protocol=2))

    with pytest.raises(InvalidTorchScript, match="which no weights need"):
        read_torchscript_tensors(path)
    assert not target.exists()


@pytest.mark.parametrize(
    ("described", "words"),
    [
        (tensor(offset=1), "leaves its storage"),
        (tensor(strides=(3, 1)), "leaves its storage"),
        (tensor(offset=-1), "negative"),
        (tensor(strides=(-2, 1)), "negative"),
        (tensor(count=5), "16 bytes instead of 20"),
        (tensor(kind="IntStorage"), "torch.IntStorage"),
        (named("torch", "FloatStorage") + b")R", "storage of its own"),
        (text("no tensor"), "no tensors"),
    ],
)
def test_descriptions_that_do_not_fit_are_refused(tmp_path: Path, described: bytes, words: str) -> None:
    path = write_zip(tmp_path / "a.pt", module(w=described), _0=FOUR)

    with pytest.raises(InvalidTorchScript, match=words):
        read_torchscript_tensors(path)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"no zip"])
def test_files_that_are_no_archives_are_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.pt"
    path.write_bytes(content)

    with pytest.raises(InvalidTorchScript, match="no TorchScript archive"):
        read_torchscript_tensors(path)


def test_an_archive_without_a_description_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.pt"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("clip/version", b"3")

    with pytest.raises(InvalidTorchScript, match="no TorchScript archive"):
        read_torchscript_tensors(path)
