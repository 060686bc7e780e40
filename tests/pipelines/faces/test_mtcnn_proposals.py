"""P-Net's outputs become boxes in the picture, level by level."""

import numpy as np
import pytest

from models.arrays import Array
from pipelines.faces.candidates import Floats
from pipelines.faces.canvas import Canvas, View
from pipelines.faces.pyramid import PROPOSAL_THRESHOLD, STRIDE, WINDOW, PnetOutput, propose_boxes

# The picture of 400 x 240 at a half and, beside it, at a quarter.
HALF = View((0, 0, 400, 240), 200, 120)
QUARTER = View((0, 0, 400, 240), 100, 60, left=200)
CANVAS = Canvas(128, 300, (HALF, QUARTER))


def propose_at(*cells: tuple[int, int, float], offsets: tuple[float, float, float, float] = (0, 0, 0, 0)) -> Floats:
    """Boxes for a face in the windows whose top left corners are at (x, y) of the canvas, with their scores."""
    face: Array = np.zeros((CANVAS.height // 2 - 5, CANVAS.width // 2 - 5), np.float32)
    box: Array = np.full((*face.shape, 4), 99, np.float32)
    for x, y, score in cells:
        face[y // STRIDE, x // STRIDE] = score
        box[y // STRIDE, x // STRIDE] = offsets
    return propose_boxes([PnetOutput(CANVAS, face, box)])


@pytest.mark.parametrize(
    ("x", "y", "expected"),
    [
        (0, 0, (0, 0, 24, 24)),
        (40, 60, (80, 120, 104, 144)),
        (188, 108, (376, 216, 400, 240)),
        (200, 0, (0, 0, 48, 48)),
        (240, 20, (160, 80, 208, 128)),
        (288, 48, (352, 192, 400, 240)),
    ],
)
def test_a_window_maps_to_the_picture_by_its_own_level(x: int, y: int, expected: tuple[int, ...]) -> None:
    assert propose_at((x, y, 1.0)).tolist() == [list(expected)]


@pytest.mark.parametrize(("x", "y"), [(190, 20), (196, 20), (40, 110), (240, 50), (200, 70), (240, 100)])
def test_a_window_that_reaches_over_the_edge_of_its_level_is_dropped(x: int, y: int) -> None:
    assert len(propose_at((x, y, 1.0))) == 0


def test_offsets_are_in_windows_of_the_level() -> None:
    boxes = propose_at((240, 20, 1.0), offsets=(-0.5, 0.25, 0.5, -0.25))

    assert boxes.tolist() == [[160 - 24, 80 + 12, 208 + 24, 128 - 12]]


@pytest.mark.parametrize(("score", "count"), [(PROPOSAL_THRESHOLD - 0.01, 0), (PROPOSAL_THRESHOLD + 0.01, 1)])
def test_windows_are_proposed_from_the_threshold_on(score: float, count: int) -> None:
    assert len(propose_at((40, 40, score))) == count


def test_of_neighbouring_windows_only_the_best_gives_a_box() -> None:
    boxes = propose_at((40, 40, 0.9), (42, 40, 0.95), (44, 40, 0.9))

    assert boxes.tolist() == [[84, 80, 108, 104]]


def test_the_best_proposal_comes_first_whatever_its_level() -> None:
    boxes = propose_at((40, 60, 0.85), (240, 20, 0.9), (100, 100, 0.82))

    assert [box[0] for box in boxes.tolist()] == [160, 80, 200]


def test_a_face_found_on_two_levels_is_proposed_once() -> None:
    """A window of the half moved and enlarged to what the quarter's shows."""
    face: Array = np.zeros((CANVAS.height // 2 - 5, CANVAS.width // 2 - 5), np.float32)
    box: Array = np.zeros((*face.shape, 4), np.float32)
    face[10, 20], face[5, 110] = 0.85, 0.9  # at (40, 20) of the half, at (20, 10) of the quarter
    box[10, 20] = (0, 0, 1, 1)

    assert propose_boxes([PnetOutput(CANVAS, face, box)]).tolist() == [[80, 40, 128, 88]]


def test_an_empty_output_gives_no_proposals() -> None:
    assert propose_at().shape == (0, 4)


def test_windows_have_the_size_of_the_nets_window() -> None:
    [box] = propose_at((40, 40, 1.0)).tolist()

    assert box[2] - box[0] == WINDOW / HALF.scale
