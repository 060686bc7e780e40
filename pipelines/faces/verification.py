"""A second look at every candidate: MTCNN's O-Net on a crop that is turned upright.

It places landmarks more exactly than the detector (.066 instead of .12 of the eye distance for
YuNet), and has an opinion of its own on whether there is a face, and which way up it is.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.manifest import Manifest
from pipelines.cpu_pool import CpuPool
from pipelines.faces.candidates import Candidates, Floats
from pipelines.faces.canvas import Mips
from pipelines.faces.crops import to_picture, windows
from pipelines.faces.detector import Calibration, logit, timed
from pipelines.pipeline import Infer
from pipelines.run_context import RunContext
from pipelines.types import ModelUsed

WINDOW = 0.9  # of the box's longer side: landmarks were best here, of .85 to 1.3
FEW = 4  # crops that take less time than the way to a thread and back

# Detectors find many a face that lies on its side, and draw upright landmarks into it: it then convinces neither net
# quite. Of upright faces 1 in 7 has a calibrated score under this, of those that are not 8 in 10.
DOUBTED = 0.92
DOUBTED_SCORE, DOUBTED_SIDE = 0.4, 48.0  # the detector's score, and pixels of the picture: others are not worth it
MOST_DOUBTED = 2  # where these lie on their side, all of the picture is looked at four ways
SEEN = 0.5  # probability from which another way up is taken seriously
# A turned crop has to convince by this much more (logits): a mask over the mouth must not turn a face over.
MARGIN = 1.0
RESTLESS = 30.0  # logits that a crop loses for landmarks that move by a whole box side at a second look


@dataclass(frozen=True, slots=True)
class Checked:
    """`found` has calibrated scores; `turned` says which candidates are far from upright."""

    found: Candidates
    turned: NDArray[np.bool_]

    def is_sure(self, threshold: float) -> bool:
        return bool((self.found.scores >= threshold).any())

    def seems_turned(self, threshold: float) -> bool:
        """Nothing is a face, or something that does not stand upright."""
        sure = self.found.scores >= threshold
        return bool(not sure.any() or self.turned[sure].any())


@dataclass(frozen=True, slots=True)
class _Look:
    """What O-Net says of some boxes: probabilities (N,) and landmarks (N, 5, 2) in the picture."""

    face: Floats
    landmarks: Floats

    def __getitem__(self, rows: NDArray[np.intp]) -> "_Look":
        return _Look(self.face[rows], self.landmarks[rows])

    def joined(self, other: "_Look") -> "_Look":
        return _Look(np.concatenate([self.face, other.face]), np.concatenate([self.landmarks, other.landmarks]))


@dataclass(frozen=True)
class SecondLook:
    manifest: Manifest
    used: ModelUsed
    infer_many: Infer
    pool: CpuPool

    async def check(
        self, mips: Mips, found: Candidates, calibration: Calibration, context: RunContext, *, is_thorough: bool
    ) -> Checked:
        """The same candidates in the same order; those too small or too weak keep the detector's landmarks.

        Where O-Net doubts a good candidate, a thorough check looks at it the other three ways up, too; one
        that is not leaves weak candidates alone.
        """
        weakest = calibration.weakest_checked if is_thorough else DOUBTED_SCORE
        worth_it = (found.sides >= calibration.smallest_checked) & (found.scores >= weakest)
        (large,) = np.nonzero(worth_it)
        second, landmarks = np.full(len(found), 0.5, np.float32), found.landmarks.copy()
        turned = np.zeros(len(found), np.bool_)
        if len(large):
            look = await self._look(mips, found.boxes[large], _roll(found.landmarks[large]), context)
            second[large], landmarks[large] = look.face, look.landmarks
            doubted = _doubted(found, calibration.score(found.scores, second, worth_it))
            if is_thorough and len(doubted):
                first = _Look(second[doubted], landmarks[doubted])
                look, turned[doubted] = await self._turn(mips, found[doubted], first, context)
                second[doubted], landmarks[doubted] = look.face, look.landmarks
        scores = calibration.score(found.scores, second, worth_it)
        return Checked(Candidates(found.boxes, scores, landmarks), turned)

    async def _turn(
        self, mips: Mips, found: Candidates, first: _Look, context: RunContext
    ) -> tuple[_Look, NDArray[np.bool_]]:
        """Looks at them the other three ways up, too; where that shows a face, the more convincing way counts.

        O-Net finds some face in many a crop that is the wrong way up. But only from about the right way up do
        its landmarks stay where they are when it looks again, at the angle that they show.
        """
        angles = (_roll(found.landmarks)[:, None] + np.arange(1, 4) * np.float32(np.pi / 2)).ravel()
        ways = await self._look(mips, found.boxes.repeat(3, axis=0), angles, context)
        best = ways.face.reshape(-1, 3).argmax(axis=1) + np.arange(len(found)) * 3
        (rows,) = np.nonzero(ways.face[best] >= SEEN)
        turned = np.zeros(len(found), np.bool_)
        if not len(rows):
            return first, turned
        both = first[rows].joined(ways[best[rows]])
        again = await self._look(mips, np.tile(found.boxes[rows], (2, 1)), _roll(both.landmarks), context)
        moved = _apart(again.landmarks, both.landmarks) / np.tile(found.sides[rows], 2)
        upright, other = np.split(logit(again.face) - RESTLESS * moved, 2)
        turned[rows] = other - MARGIN > upright
        chosen = again[np.arange(len(rows)) + len(rows) * turned[rows]]
        face, landmarks = first.face.copy(), first.landmarks.copy()
        face[rows], landmarks[rows] = chosen.face, chosen.landmarks
        return _Look(face, landmarks), turned

    async def _look(self, mips: Mips, boxes: Floats, angles: Floats, context: RunContext) -> _Look:
        centres = (boxes[:, :2] + boxes[:, 2:]) * np.float32(0.5)
        sides = (boxes[:, 2:] - boxes[:, :2]).max(axis=1) * np.float32(WINDOW)
        size = self.manifest.input.sizes[0][0]
        with context.stage("preprocess"):
            if len(boxes) <= FEW:
                crops = windows(mips, centres, sides, angles, size)
            else:
                crops = await self.pool.run(windows, mips, centres, sides, angles, size)
        outputs = await timed(self.infer_many, self.manifest.id, {self.manifest.input.name: crops}, context)
        return _Look(outputs["face"], to_picture(outputs["landmarks"], centres, sides, angles))


def _doubted(found: Candidates, scores: Floats) -> NDArray[np.intp]:
    """Rows of good candidates that got poor calibrated `scores`, the best ones if there are many.

    None where most got better ones: people in one picture stand the same way up, and a mask or a hand is then the
    likelier reason.
    """
    good = (found.scores >= DOUBTED_SCORE) & (found.sides >= DOUBTED_SIDE)
    (rows,) = np.nonzero(good & (scores < DOUBTED))
    if 2 * len(rows) < np.count_nonzero(good):
        return rows[:0]
    return rows[np.argsort(-found.scores[rows], kind="stable")[:MOST_DOUBTED]]


def _apart(one: Floats, other: Floats) -> Floats:
    """Mean distance of (N, 5, 2) landmarks in pixels: (N,)."""
    distances: Floats = np.linalg.norm(one - other, axis=2).mean(axis=1)
    return distances


def _roll(landmarks: Floats) -> Floats:
    """(N,) angles of the line between the eyes against the picture's x axis, clockwise as seen, in radians."""
    eyes = landmarks[:, 1] - landmarks[:, 0]
    angles: Floats = np.arctan2(eyes[:, 1], eyes[:, 0])
    return angles
