"""Weights in a joblib file: arrays are read unchanged, and no code that the pickle names is executed."""

import io
import os
import pickle
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import lz4.frame
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from models.nets.joblib_arrays import InvalidArrayFile, read_arrays
from models.registry import Catalog
from models.store.store import Store
from service.settings import Settings

Order = Literal["C", "F"]
ALIGNMENT = 16
ARRAYS: list[NDArray[np.float32]] = [
    np.arange(12, dtype=np.float32).reshape(3, 4),
    np.array([-0.0, np.inf, 1e-45], np.float32),
    np.arange(24, dtype=np.float32).reshape(1, 2, 3, 4)[::-1],
    np.array(7, np.float32),
]


def pickle_body(value: object) -> bytes:
    """A value's pickle without its first and last instruction, to be embedded in another pickle."""
    return pickle.dumps(value, protocol=2)[2:-1]


def dump_array(array: NDArray[Any], order: Order, at: int, *, aligned: bool) -> bytes:
    """The bytes that joblib writes for an array at offset `at`: its description, padding, its values."""
    state = {"subclass": np.ndarray, "shape": array.shape, "order": order, "dtype": array.dtype, "allow_mmap": True}
    if aligned:
        state["numpy_array_alignment_bytes"] = ALIGNMENT
    head = b"cjoblib.numpy_pickle\nNumpyArrayWrapper\n" + b")\x81" + pickle_body(state) + pickle.BUILD
    padding = ALIGNMENT - (at + len(head) + 1) % ALIGNMENT
    return head + (bytes([padding]) + b"\xff" * padding if aligned else b"") + array.tobytes(order)


def dump_arrays(arrays: Sequence[NDArray[Any]], order: Order = "C", *, aligned: bool = True) -> bytes:
    """A list of arrays as joblib pickles it."""
    stream = io.BytesIO()
    stream.write(pickle.PROTO + b"\x03" + pickle.EMPTY_LIST + pickle.MARK)
    for array in arrays:
        stream.write(dump_array(array, order, stream.tell(), aligned=aligned))
    stream.write(pickle.APPENDS + pickle.STOP)
    return stream.getvalue()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "weights.lz4"


@pytest.mark.parametrize("aligned", [True, False])
@pytest.mark.parametrize("order", ["C", "F"])
def test_arrays_are_read_unchanged(path: Path, order: Order, aligned: bool) -> None:
    path.write_bytes(lz4.frame.compress(dump_arrays(ARRAYS, order, aligned=aligned)))

    found = read_arrays(path)

    assert [(one.shape, str(one.dtype), one.tobytes()) for one in found] == [
        (one.shape, "float32", one.tobytes()) for one in ARRAYS
    ]


@pytest.mark.parametrize("net", ["pnet", "rnet", "onet"])
def test_the_published_weights_are_finite_float32(net: str) -> None:
    found = read_arrays(Store(Settings().models.store).weights(Catalog.load().get(f"mtcnn-{net}")))

    assert {(str(one.dtype), bool(np.isfinite(one).all())) for one in found} == {("float32", True)}


class MaliciousPickle:
    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, (f"touch {self.trace}",)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_pickle_that_names_a_function_is_not_executed(path: Path, tmp_path: Path, protocol: int) -> None:
    trace = tmp_path / "was-here"
    path.write_bytes(lz4.frame.compress(pickle.dumps([MaliciousPickle(trace)], protocol)))

    with pytest.raises(InvalidArrayFile, match="system"):
        read_arrays(path)

    assert not trace.exists()


NAMES = [
    "os\nsystem",
    "builtins\neval",
    "numpy\nload",
    "numpy.core.multiarray\n_reconstruct",
    "joblib.numpy_pickle\nload",
]


@pytest.mark.parametrize("name", NAMES)
def test_any_name_but_those_of_arrays_is_refused(path: Path, name: str) -> None:
    path.write_bytes(lz4.frame.compress(pickle.GLOBAL + name.encode() + b"\n" + pickle.STOP))

    with pytest.raises(InvalidArrayFile, match="names"):
        read_arrays(path)


WHOLE = dump_arrays(ARRAYS)
WRONG: dict[str, bytes] = {
    "empty": b"",
    "not lz4": WHOLE,
    "lz4 that is cut off": lz4.frame.compress(WHOLE)[:-20],
    "lz4 of nothing": lz4.frame.compress(b""),
    "lz4 of text": lz4.frame.compress(b"no pickle at all"),
    "cut off inside an array": lz4.frame.compress(dump_arrays(ARRAYS[:1])[:-10]),
    "cut off behind an array": lz4.frame.compress(WHOLE[:-2]),
    "cut off in a description": lz4.frame.compress(WHOLE[:60]),
    "float64": lz4.frame.compress(dump_arrays([np.ones(3)])),
    "integers": lz4.frame.compress(dump_arrays([np.ones(3, np.int32)])),
    "big-endian": lz4.frame.compress(dump_arrays([np.ones(3, ">f4")])),
    "one of them float16": lz4.frame.compress(dump_arrays([*ARRAYS, np.ones(3, np.float16)])),
    "an array and no list": lz4.frame.compress(b"\x80\x03" + dump_array(ARRAYS[0], "C", 2, aligned=True) + b"."),
    "a list of numbers": lz4.frame.compress(pickle.dumps([1, 2])),
    "a dict": lz4.frame.compress(pickle.dumps({"a": 1})),
}


@pytest.mark.parametrize("content", WRONG.values(), ids=WRONG)
def test_only_lists_of_float32_arrays_are_accepted(path: Path, content: bytes) -> None:
    path.write_bytes(content)

    with pytest.raises(InvalidArrayFile):
        read_arrays(path)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(at=st.integers(0, len(WHOLE) - 1), value=st.integers(0, 255))
def test_a_damaged_byte_gives_arrays_or_an_invalid_array_file(path: Path, at: int, value: int) -> None:
    path.write_bytes(lz4.frame.compress(WHOLE[:at] + bytes([value]) + WHOLE[at + 1 :]))
    try:
        found = read_arrays(path)
    except InvalidArrayFile:
        return

    assert all(one.dtype == np.float32 for one in found)
