"""YuNet's raw outputs become candidates: computed by hand for one cell of each stride."""

import numpy as np
import pytest

from models.arrays import Array
from pipelines.faces.yunet import HINT_SCORE, STRIDES, decode_outputs

WIDTH, HEIGHT = 96, 64
CELLS = {stride: (HEIGHT // stride) * (WIDTH // stride) for stride in STRIDES}


def empty_outputs() -> dict[str, Array]:
    """Outputs in which no cell sees a face."""
    count = sum(CELLS.values())
    return {"scores": np.zeros(count, np.float32), "offsets": np.zeros((14, count), np.float32)}


def add_face(outputs: dict[str, Array], stride: int, column: int, row: int, *, score: float = 0.81) -> dict[str, Array]:
    """Add a face of 2 by 4 cells, its centre a quarter of a cell right of the anchor and half a cell under it."""
    cell = sum(CELLS[finer] for finer in STRIDES if finer < stride) + row * (WIDTH // stride) + column
    outputs["scores"][cell] = score
    outputs["offsets"][:, cell] = (0.25, 0.5, np.log(2), np.log(4), *(np.arange(10) / 10 - 0.5))
    return outputs


@pytest.mark.parametrize("stride", STRIDES)
@pytest.mark.parametrize(("column", "row"), [(0, 0), (2, 0), (0, 1), (2, 1)])
def test_a_cell_gives_the_box_and_landmarks_of_its_offsets(stride: int, column: int, row: int) -> None:
    found = decode_outputs(add_face(empty_outputs(), stride, column, row), HEIGHT, WIDTH)

    x, y = (column + 0.25) * stride, (row + 0.5) * stride
    box = (x - stride, y - 2 * stride, x + stride, y + 2 * stride)
    points = [((column + (2 * i) / 10 - 0.5) * stride, (row + (2 * i + 1) / 10 - 0.5) * stride) for i in range(5)]
    assert len(found) == 1
    assert found.boxes[0] == pytest.approx(box, abs=1e-3)
    assert found.landmarks[0] == pytest.approx(np.array(points), abs=1e-3)


def test_all_strides_are_decoded_together() -> None:
    outputs = empty_outputs()
    for stride in STRIDES:
        add_face(outputs, stride, 1, 1)

    assert sorted(decode_outputs(outputs, HEIGHT, WIDTH).sides) == pytest.approx(
        [8**0.5 * stride for stride in STRIDES], rel=1e-4
    )


@pytest.mark.parametrize(("share", "count"), [(0.99, 0), (1.01, 1)])
def test_candidates_begin_at_the_threshold(share: float, count: int) -> None:
    score = HINT_SCORE * share

    assert len(decode_outputs(add_face(empty_outputs(), 32, 0, 0, score=score), HEIGHT, WIDTH)) == count


def test_empty_outputs_give_no_candidates() -> None:
    found = decode_outputs(empty_outputs(), HEIGHT, WIDTH)

    assert found.boxes.shape == (0, 4)
    assert found.scores.shape == (0,)
    assert found.landmarks.shape == (0, 5, 2)
