"""Verifies candidates with MTCNN's O-Net, each on a crop that is turned upright.

O-Net places landmarks more exactly than the detector (.066 instead of .12 of the eye distance for
YuNet), and judges for itself whether there is a face and which way up it is.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.manifest import Manifest
from pipelines.cpu_pool import CpuPool
from pipelines.faces.candidates import Candidates, Floats
from pipelines.faces.canvas import MipPyramid
from pipelines.faces.crops import cut_windows, map_to_picture
from pipelines.faces.detector import Calibration, infer_timed, logit
from pipelines.pipeline import Infer
from pipelines.run_context import RunContext
from pipelines.types import ModelUsed

WINDOW_SHARE = 0.9  # of the box's longer side; of .85 to 1.3, landmarks were best here
MAX_INLINE_CROPS = 4  # cutting them takes less time than the way to a thread and back

# Detectors find many faces that lie on their side, but give them upright landmarks: such a face quite convinces neither
# net. Of upright faces 1 in 7 has a calibrated score under this, of those that are not upright 8 in 10.
DOUBT_THRESHOLD = 0.92
DOUBT_MIN_SCORE, DOUBT_MIN_SIDE = 0.4, 48.0  # the detector's score, and pixels of the picture: no other try below
MAX_DOUBTED = 2  # where these lie on their side, the whole picture is searched the other ways up
TURNED_THRESHOLD = 0.5  # probability from which another way up is considered
# A turned crop must score higher by this much (logits): a mask over the mouth must not turn a face over.
TURNED_MARGIN = 1.0
MOVEMENT_PENALTY = 30.0  # logits that a crop loses when its landmarks move by a whole box side in the second pass


@dataclass(frozen=True, slots=True)
class VerifiedFaces:
    """`candidates` have calibrated scores; `is_turned` (N,) says which are far from upright."""

    candidates: Candidates
    is_turned: NDArray[np.bool_]

    def has_face(self, threshold: float) -> bool:
        return bool((self.candidates.scores >= threshold).any())

    def upright_faces(self, threshold: float) -> Candidates:
        return self.candidates[(self.candidates.scores >= threshold) & ~self.is_turned]


@dataclass(frozen=True, slots=True)
class _OnetOutput:
    """O-Net's output for N boxes: probabilities (N,) and landmarks (N, 5, 2) in the picture."""

    face: Floats
    landmarks: Floats

    def __getitem__(self, rows: NDArray[np.intp]) -> "_OnetOutput":
        return _OnetOutput(self.face[rows], self.landmarks[rows])

    def concatenate(self, other: "_OnetOutput") -> "_OnetOutput":
        return _OnetOutput(np.concatenate([self.face, other.face]), np.concatenate([self.landmarks, other.landmarks]))


@dataclass(frozen=True)
class FaceVerifier:
    manifest: Manifest
    used: ModelUsed
    infer_many: Infer
    pool: CpuPool

    async def verify(
        self,
        mips: MipPyramid,
        candidates: Candidates,
        calibration: Calibration,
        context: RunContext,
        *,
        is_thorough: bool,
    ) -> VerifiedFaces:
        """The same candidates in the same order; those too small or too weak keep the detector's landmarks.

        Where O-Net doubts a good candidate, a thorough verification tries the other three ways up, too; one that is
        not thorough skips weak candidates.
        """
        weakest = calibration.weakest_verified if is_thorough else DOUBT_MIN_SCORE
        was_verified = (candidates.sides >= calibration.smallest_verified) & (candidates.scores >= weakest)
        (rows,) = np.nonzero(was_verified)
        face, landmarks = np.full(len(candidates), 0.5, np.float32), candidates.landmarks.copy()
        is_turned = np.zeros(len(candidates), np.bool_)
        if len(rows):
            output = await self._run_onet(
                mips, candidates.boxes[rows], _measure_roll(candidates.landmarks[rows]), context
            )
            face[rows], landmarks[rows] = output.face, output.landmarks
            doubted = _find_doubted(candidates, calibration.score(candidates.scores, face, was_verified))
            if is_thorough and len(doubted):
                upright = _OnetOutput(face[doubted], landmarks[doubted])
                output, is_turned[doubted] = await self._try_turned(mips, candidates[doubted], upright, context)
                face[doubted], landmarks[doubted] = output.face, output.landmarks
        scores = calibration.score(candidates.scores, face, was_verified)
        return VerifiedFaces(Candidates(candidates.boxes, scores, landmarks), is_turned)

    async def _try_turned(
        self, mips: MipPyramid, candidates: Candidates, upright: _OnetOutput, context: RunContext
    ) -> tuple[_OnetOutput, NDArray[np.bool_]]:
        """Try the other three ways up, too; where that shows a face, the more convincing way counts.

        O-Net finds some face in many crops that are the wrong way up. But only from about the right way up do its
        landmarks stay where they are in a second pass, at the angle that they show.
        """
        angles = (_measure_roll(candidates.landmarks)[:, None] + np.arange(1, 4) * np.float32(np.pi / 2)).ravel()
        ways = await self._run_onet(mips, candidates.boxes.repeat(3, axis=0), angles, context)
        best = ways.face.reshape(-1, 3).argmax(axis=1) + np.arange(len(candidates)) * 3
        (rows,) = np.nonzero(ways.face[best] >= TURNED_THRESHOLD)
        is_turned = np.zeros(len(candidates), np.bool_)
        if not len(rows):
            return upright, is_turned
        first = upright[rows].concatenate(ways[best[rows]])
        boxes = np.tile(candidates.boxes[rows], (2, 1))
        second = await self._run_onet(mips, boxes, _measure_roll(first.landmarks), context)
        moved = _measure_movement(second.landmarks, first.landmarks) / np.tile(candidates.sides[rows], 2)
        upright_score, turned_score = np.split(logit(second.face) - MOVEMENT_PENALTY * moved, 2)
        is_turned[rows] = turned_score - TURNED_MARGIN > upright_score
        chosen = second[np.arange(len(rows)) + len(rows) * is_turned[rows]]
        face, landmarks = upright.face.copy(), upright.landmarks.copy()
        face[rows], landmarks[rows] = chosen.face, chosen.landmarks
        return _OnetOutput(face, landmarks), is_turned

    async def _run_onet(self, mips: MipPyramid, boxes: Floats, angles: Floats, context: RunContext) -> _OnetOutput:
        centres = (boxes[:, :2] + boxes[:, 2:]) * np.float32(0.5)
        sides = (boxes[:, 2:] - boxes[:, :2]).max(axis=1) * np.float32(WINDOW_SHARE)
        size = self.manifest.input.sizes[0][0]
        with context.stage("preprocess"):
            if len(boxes) <= MAX_INLINE_CROPS:
                crops = cut_windows(mips, centres, sides, angles, size)
            else:
                crops = await self.pool.run(cut_windows, mips, centres, sides, angles, size)
        outputs = await infer_timed(self.infer_many, self.manifest.id, {self.manifest.input.name: crops}, context)
        return _OnetOutput(outputs["face"], map_to_picture(outputs["landmarks"], centres, sides, angles))


def _find_doubted(candidates: Candidates, scores: Floats) -> NDArray[np.intp]:
    """Rows of good candidates with poor calibrated `scores`, the best of them if there are many.

    No rows where most good candidates have better scores: people in one picture stand the same way up, and a mask or a
    hand is then the likelier reason.
    """
    is_good = (candidates.scores >= DOUBT_MIN_SCORE) & (candidates.sides >= DOUBT_MIN_SIDE)
    (rows,) = np.nonzero(is_good & (scores < DOUBT_THRESHOLD))
    if 2 * len(rows) < np.count_nonzero(is_good):
        return rows[:0]
    return rows[np.argsort(-candidates.scores[rows], kind="stable")[:MAX_DOUBTED]]


def _measure_movement(one: Floats, other: Floats) -> Floats:
    """(N,): the mean distance between two sets of (N, 5, 2) landmarks, in pixels."""
    distances: Floats = np.linalg.norm(one - other, axis=2).mean(axis=1)
    return distances


def _measure_roll(landmarks: Floats) -> Floats:
    """(N,) angles of the line between the eyes against the picture's x axis, clockwise as seen, in radians."""
    eyes = landmarks[:, 1] - landmarks[:, 0]
    angles: Floats = np.arctan2(eyes[:, 1], eyes[:, 0])
    return angles
