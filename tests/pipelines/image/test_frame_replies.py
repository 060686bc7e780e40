"""A decoder's replies about frames are checked: one that a file has taken over may say anything."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from pipelines.confinement.channel import ChannelMessage
from pipelines.image.decoder_reply import read_views, write_views
from pipelines.image.frame_views import FREQUENCIES, THUMBNAIL_SIDE, FrameViews, SeenCode

VIEWS = FrameViews(
    np.full((2, THUMBNAIL_SIDE, THUMBNAIL_SIDE, 4), 7, np.uint8),
    np.ones((2, FREQUENCIES, FREQUENCIES), np.float32),
    np.array([90, 80], np.uint8),
    np.array([0.5, 0.1], np.float32),
    (SeenCode(0, "https://example.com/ü"), SeenCode(1, "")),
)


def change(**arrays: Any) -> ChannelMessage:
    message = write_views(VIEWS)
    return replace(message, arrays={**message.arrays, **arrays})


def test_views_arrive_as_they_were() -> None:
    found = read_views(write_views(VIEWS), frames=2)

    assert found.codes == VIEWS.codes
    assert np.array_equal(found.thumbnails, VIEWS.thumbnails)
    assert [found.find_start(number) for number in (0, 1)] == [0, 0.5]


def test_the_reason_why_there_are_no_more_arrives() -> None:
    assert read_views(write_views(replace(VIEWS, stopped="damaged")), frames=5).stopped == "damaged"


@pytest.mark.parametrize(
    "message",
    [
        change(thumbnails=np.zeros((2, 8, 8, 4), np.uint8)),
        change(thumbnails=np.zeros((0, THUMBNAIL_SIDE, THUMBNAIL_SIDE, 4), np.uint8)),
        change(frequencies=np.full((2, FREQUENCIES, FREQUENCIES), np.nan, np.float32)),
        change(frequencies=np.ones((1, FREQUENCIES, FREQUENCIES), np.float32)),
        change(qualities=np.array([1, 2, 3], np.uint8)),
        change(durations=np.array([-1, 0], np.float32)),
        change(durations=np.array([np.inf, 0], np.float32)),
        change(code_frames=np.array([0, 2], np.uint32)),
        change(code_ends=np.array([9, 3], np.uint32)),
        change(code_ends=np.array([1, 3], np.uint32)),
        change(code_bytes=np.full(22, 255, np.uint8)),
        write_views(replace(VIEWS, stopped="bored")),  # type: ignore[arg-type]
        write_views(replace(VIEWS, stopped="damaged")),  # all frames are there
    ],
)
def test_what_cannot_be_is_refused(message: ChannelMessage) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  # one kind for all that no sound process says
        read_views(message, frames=2)
