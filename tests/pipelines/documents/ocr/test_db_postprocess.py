"""Outlines from synthetic probability maps: cores of lines, shrunk as in the detector's training."""

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.documents.ocr.db_postprocess import UNCLIP_RATIO, TextQuads, decode_text_quads


def core(centre: tuple[float, float], length: float, height: float, angle: float, value: float = 1.0) -> np.ndarray:
    answer = np.zeros((400, 600), np.float32)
    corners = cv2.boxPoints((centre, (length, height), angle))
    cv2.fillPoly(answer, [corners.round().astype(np.int32)], value)
    return answer


@given(st.floats(150, 250), st.floats(12, 30), st.floats(-12, 12))
def test_a_core_grows_by_its_area_over_its_perimeter(length: float, height: float, angle: float) -> None:
    found = decode_text_quads(core((300, 200), length, height, angle), threshold=0.3)
    growth = UNCLIP_RATIO * length * height / (length + height)

    assert len(found) == 1
    assert found.lengths[0] == pytest.approx(length + growth, abs=8)
    assert found.heights[0] == pytest.approx(height + growth, abs=8)


@given(st.floats(-12, 12))
def test_a_slanted_line_begins_at_its_left_end(angle: float) -> None:
    found = decode_text_quads(core((300, 200), 200, 20, angle), threshold=0.3)

    assert found.angles[0] == pytest.approx(angle, abs=1)


@pytest.mark.parametrize(("length", "height", "is_vertical"), [(200, 20, False), (20, 200, True), (30, 36, False)])
def test_a_core_much_higher_than_wide_runs_down_the_page(length: float, height: float, is_vertical: bool) -> None:
    found = decode_text_quads(core((300, 200), length, height, 0), threshold=0.3)

    assert found.is_vertical[0] == is_vertical
    assert round(float(found.angles[0])) == (90 if is_vertical else 0)


def test_two_lines_are_two_boxes() -> None:
    found = decode_text_quads(core((300, 100), 200, 20, 0) + core((300, 160), 200, 20, 0), threshold=0.3)

    assert sorted(found.quads[:, :, 1].mean(axis=1).round()) == pytest.approx([100, 160], abs=1)


@pytest.mark.parametrize("answer", [core((300, 200), 200, 1, 0), core((300, 200), 200, 20, 0, 0.4)])
def test_hairlines_and_faint_cores_are_no_lines(answer: np.ndarray) -> None:
    assert len(decode_text_quads(answer, threshold=0.3)) == 0


def test_a_digit_whose_core_runs_into_a_faint_rule_is_found() -> None:
    answer = np.maximum(core((300, 200), 12, 12, 0, 0.9), core((318, 200), 40, 12, 0, 0.35))
    x, y = decode_text_quads(answer, threshold=0.3).quads.reshape(-1, 2).T

    assert x.min() + x.max() == pytest.approx(600, abs=2)
    assert y.min() + y.max() == pytest.approx(400, abs=2)


def test_a_word_inside_a_frame_is_found_once() -> None:
    frame = core((300, 200), 280, 60, 0, 0.95) - core((300, 200), 200, 20, 0, 0.95)
    word = core((280, 200), 40, 6, 0, 0.9)

    assert len(decode_text_quads(np.maximum(frame, word), threshold=0.3)) == 2


def test_a_reversed_line_begins_where_it_ended() -> None:
    boxes = decode_text_quads(core((300, 200), 200, 20, 0), threshold=0.3)

    assert boxes.reverse(np.array([True])).quads[0, 0].tolist() == boxes.quads[0, 2].tolist()


def test_boxes_are_clipped_to_the_page_or_dropped() -> None:
    inside = np.array([(10, 10), (50, 10), (50, 20), (10, 20)], np.float32)
    boxes = TextQuads(np.stack([inside, inside + np.array([0, 200], np.float32)]), np.ones(2, np.float32))

    assert boxes.scale_to_page(2, 2, 60, 100).quads[:, 2].tolist() == [[60, 40]]
