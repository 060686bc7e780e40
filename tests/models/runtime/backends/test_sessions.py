"""The same session, whichever backend runs it, on real graphs."""

from pathlib import Path

import numpy as np
import pytest

from models.arrays import Array
from models.errors import InferenceFailed, ModelCorrupt
from models.runtime.session import Session
from models.variants.sessions import open_session
from models.variants.variant import Variant
from tests.models.backends import BACKENDS
from tests.models.tiny_graphs import (
    SIZES,
    image,
    means,
    write_classifier_graph,
    write_graph,
)


@pytest.fixture(params=BACKENDS)
def variant(request: pytest.FixtureRequest) -> Variant:
    chosen: Variant = request.param
    return chosen


@pytest.fixture
def session(variant: Variant, tmp_path: Path) -> Session:
    return open_session(variant, write_graph(tmp_path / "model.onnx"))


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("count", [1, 3])
def test_outputs_come_by_name_with_a_row_per_item(session: Session, count: int, size: tuple[int, int]) -> None:
    items = [image(seed, size) for seed in range(count)]
    outputs = session.run({"image": np.stack([one["image"] for one in items])})

    assert list(outputs) == ["embedding", "grid"]
    assert [[round(float(mean), 2) for mean in row] for row in outputs["embedding"]] == [means(one) for one in items]
    assert outputs["grid"].shape == (count, *size, 3)


def test_the_next_run_leaves_earlier_outputs_as_they_were(session: Session) -> None:
    first = session.run({"image": image(1)["image"][None]})
    kept = {name: values.copy() for name, values in first.items()}
    session.run({"image": image(2)["image"][None]})

    assert all(np.array_equal(first[name], kept[name]) for name in kept)


def test_outputs_may_be_written_to(session: Session) -> None:
    rows = {"image": image(1)["image"][None]}
    outputs = session.run(rows)
    outputs["grid"][:] = -1

    assert session.run(rows)["grid"].min() >= 0


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_a_row_is_the_same_in_any_company(session: Session, size: tuple[int, int]) -> None:
    rows = np.stack([image(seed, size)["image"] for seed in range(5)])
    together = session.run({"image": rows})
    alone = session.run({"image": rows[3:4]})

    assert all(np.array_equal(together[name][3:4], alone[name]) for name in alone)


def test_further_outputs_follow_the_declared_ones(variant: Variant, tmp_path: Path) -> None:
    graph = write_classifier_graph(tmp_path / "model.onnx")
    outputs = open_session(variant, graph, extra_outputs=["cells", "scores"]).run({"image": image(1)["image"][None]})

    assert list(outputs) == ["embedding", "cells", "scores"]
    assert np.allclose(outputs["embedding"], 2 * outputs["scores"])


def test_a_graph_without_a_wanted_output_is_corrupt(variant: Variant, tmp_path: Path) -> None:
    with pytest.raises(ModelCorrupt):
        open_session(variant, write_graph(tmp_path / "model.onnx"), extra_outputs=["missing one"])


@pytest.mark.parametrize("content", [b"", b"<html>not a graph</html>", bytes(1000)], ids=["empty", "page", "zeros"])
def test_a_file_that_is_no_graph_is_corrupt_and_named(variant: Variant, tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(content)

    with pytest.raises(ModelCorrupt, match=r"model\.onnx"):
        open_session(variant, path)


def test_a_file_that_is_gone_is_corrupt_and_named(variant: Variant, tmp_path: Path) -> None:
    with pytest.raises(ModelCorrupt, match=r"gone\.onnx"):
        open_session(variant, tmp_path / "gone.onnx")


@pytest.mark.parametrize(
    "feeds",
    [
        {"image": np.zeros((1, 4, 4, 3), np.float32)},
        {"image": np.zeros((1, 4, 4, 4), np.uint8)},
        {"picture": np.zeros((1, 4, 4, 3), np.uint8)},
        {},
    ],
    ids=["dtype", "shape", "name", "nothing"],
)
def test_feeds_that_break_the_graphs_contract_fail_the_inference(session: Session, feeds: dict[str, Array]) -> None:
    with pytest.raises(InferenceFailed):
        session.run(feeds)


def test_a_failed_run_leaves_the_session_usable(session: Session) -> None:
    with pytest.raises(InferenceFailed):
        session.run({})
    outputs = session.run({"image": image(1)["image"][None]})

    assert outputs["embedding"].shape == (1, 3)


def test_a_session_that_was_stopped_refuses_to_run(session: Session) -> None:
    session.stop()

    with pytest.raises(InferenceFailed):
        session.run({"image": image(1)["image"][None]})
