"""Chooses the frames to judge: those that show something new, but no longer those that differ by the most.

Farthest-point sampling (Gonzalez 1985) finds a frame that shows something new however short it is shown. Alone it can
be led: nothing differs as much as patterns of black and white squares, and a few of them take all places. So

    one place       goes to the picture that is shown for the longest time,
    the others      to what differs from those chosen, where from FAR on all differences count the same,
                    and patterns and empty frames count less than pictures,
    what is left    is measured: by how much it differs, and whether it is hidden as a trick would hide it:
                    among patterns, or cut in for a moment.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipelines.image.frame_views import THUMBNAIL_SIDE, FrameViews

_BLOCK = 4  # pixels of the squares in which two thumbnails are compared
DIFFERENT_FROM = 0.04  # of the range: noise, dithering and a blinking cursor stay below
FAR = 0.5  # where two photographs differ most they differ by about this much
LIKE = 0.1  # on average over the frame: the same picture, moved a little
PLAIN = 0.25  # of the detail of the most detailed frame: below, the first frame tells little
PATTERN_SPREAD = 0.4  # deviation of a thumbnail's values; of photographs .15 to .3, of two extremes .5
EMPTY_SPREAD = 0.01
_PATTERN_WEIGHT, _EMPTY_WEIGHT = 0.6, 0.3
FLASH_SECONDS = 0.25  # a picture that is shown for less
CUT, CUT_COLOURS = 0.12, 0.08  # differences on average: of places and, to tell cuts from pans and scrolls, of colours
_BETWEEN = 1.8  # a fade's frames differ from each neighbour half as much as these do from one another
DECOYS = 2  # patterns, from which on anything different beside them is suspicious
HIDDEN_FROM = 0.25  # difference of something hidden

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class FrameChoice:
    """`chosen` are frames to judge beside the one that tells most, by number from 0.

    Of the others, 0-1: `unseen` is the greatest difference of one from all that are judged; `hidden` is the same of
    frames that are shown for a moment only or stand among patterns, and 1 where something was found in a frame
    without a place; `unseen_frames` is the share of all that differ at all.
    """

    chosen: tuple[int, ...] = ()
    unseen: float = 0.0
    hidden: float = 0.0
    unseen_frames: float = 0.0


def find_telling(squares: Floats) -> int:
    """The first frame, unless it is plain beside another: many animations begin with an empty one."""
    detail = squares.std(axis=2).mean(axis=(1, 2))
    best = int(detail.argmax())
    return best if detail[0] < PLAIN * detail[best] else 0


def choose_frames(
    views: FrameViews, squares: Floats, first: int, *, most: int, suspects: tuple[int, ...] = ()
) -> FrameChoice:
    """At most `most` frames beside `first`, which is judged anyway; `suspects` are the first of them. `squares` are
    those of the views' thumbnails.
    """
    spreads = squares[:, 0].std(axis=(1, 2))
    means = squares.reshape(len(squares), -1, _BLOCK * _BLOCK, 3).mean(axis=2).reshape(len(squares), -1)
    seconds = _measure_seconds(views, means)
    distances, chosen = _compare(squares, squares[first]), list[int]()
    for number in suspects[:most]:
        chosen.append(number)
        distances = np.minimum(distances, _compare(squares, squares[number]))
    is_longest_due = True
    while len(chosen) < most and distances.max() > DIFFERENT_FROM:
        worth = seconds if is_longest_due else _rank(distances, spreads, seconds)
        is_longest_due = False
        chosen.append(int(np.where(distances > DIFFERENT_FROM, worth, -1).argmax()))
        distances = np.minimum(distances, _compare(squares, squares[chosen[-1]]))
    is_suspicious = distances >= HIDDEN_FROM
    if np.count_nonzero(spreads > PATTERN_SPREAD) < DECOYS:
        is_suspicious &= _find_flashes(views, means, np.flatnonzero(is_suspicious & (seconds < FLASH_SECONDS)))
    return FrameChoice(
        tuple(chosen),
        round(float(distances.max()), 4),
        1.0 if len(suspects) > most else round(float(np.where(is_suspicious, distances, 0).max()), 4),
        round(float(np.mean(distances > DIFFERENT_FROM)), 4),
    )


def _rank(distances: Floats, spreads: Floats, seconds: Floats) -> Floats:
    weights = np.where(spreads > PATTERN_SPREAD, _PATTERN_WEIGHT, np.where(spreads < EMPTY_SPREAD, _EMPTY_WEIGHT, 1))
    worth: Floats = np.minimum(distances, FAR) * weights + 1e-3 * seconds / seconds.sum()
    return worth


def _measure_seconds(views: FrameViews, means: Floats) -> Floats:
    """(N,): for how long a frame and those like it are shown; pages are shown equally long."""
    durations = views.durations if len(views.durations) else np.ones(len(views), np.float32)
    return np.array([durations[_differ(means, one) < LIKE].sum() for one in means], np.float32)


def _find_flashes(views: FrameViews, means: Floats, numbers: NDArray[np.intp]) -> NDArray[np.bool_]:
    """(N,): which of the frames `numbers` are cut in between others that show something else."""
    is_flash = np.zeros(len(means), bool)
    if not len(numbers) or not len(views.durations):
        return is_flash
    pixels = np.sort(views.thumbnails[..., :3].reshape(len(means), -1, 3), axis=1)[:, 32::64]
    colours: Floats = pixels.reshape(len(means), -1).astype(np.float32) / np.float32(255)
    for number in numbers:
        unlike = np.roll(_differ(means, means[number]) >= LIKE, -number).nonzero()[0]
        before, after = ((number + unlike[[-1, 0]]) % len(means)).tolist()
        cut = min(_differ(means[[before, after]], means[number]))
        cut_colours = min(_differ(colours[[before, after]], colours[number]))
        across = _differ(means[[before]], means[after])[0]
        is_flash[number] = cut >= CUT and cut_colours >= CUT_COLOURS and across < _BETWEEN * cut
    return is_flash


def _differ(several: Floats, one: Floats) -> Floats:
    """(N,) differences on average, 0-1."""
    differences: Floats = np.abs(several - one).mean(axis=-1)
    return differences


def split_into_squares(thumbnails: NDArray[np.uint8]) -> Floats:
    """(N, grounds, squares, values): the colours, 0-1, by squares of _BLOCK pixels. Over white, and over black where
    something is transparent.
    """
    values = thumbnails.astype(np.float32) / np.float32(255)
    colour, alpha = values[..., :3] * values[..., 3:], values[..., 3:]
    grounds = np.stack([colour + 1 - alpha, colour] if alpha.min() < 1 else [colour], axis=1)
    count = THUMBNAIL_SIDE // _BLOCK
    squares = grounds.reshape(len(values), -1, count, _BLOCK, count, _BLOCK, 3).transpose(0, 1, 2, 4, 3, 5, 6)
    return squares.reshape(len(values), -1, count * count, _BLOCK * _BLOCK * 3)


def _compare(squares: Floats, one: Floats) -> Floats:
    """(N,) differences, 0-1: that of the square in which two frames differ most."""
    differences: Floats = np.abs(squares - one).mean(axis=-1).max(axis=(1, 2))
    return differences
