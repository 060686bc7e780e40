"""Turns candidates into the faces of a result: in the original's pixels, measured, one of them the primary face."""

from collections.abc import Sequence

import numpy as np

from pipelines.boxes import POSITIONS
from pipelines.faces.candidates import LANDMARKS, Candidates
from pipelines.faces.canvas import MipPyramid
from pipelines.faces.crops import cut_windows
from pipelines.faces.cut_off import measure_outside
from pipelines.faces.pose import estimate_head_poses
from pipelines.faces.quality import COMPANION_RATIO, CROP_SIZE, measure_faces, rate_face
from pipelines.faces.types import Face, FaceQuality, Faces, Landmarks, Pose
from pipelines.image.decode import Picture


def assemble_faces(
    picture: Picture, mips: MipPyramid, candidates: Candidates, *, threshold: float, detector: str, smallest_face: float
) -> Faces:
    """`candidates` have the best score first; they and `smallest_face` are in pixels of the decoded picture."""
    count = int((candidates.scores >= threshold).sum())
    angles = estimate_head_poses(candidates.landmarks).round(1).tolist()
    poses = [Pose(yaw=yaw, pitch=pitch, roll=roll) for yaw, pitch, roll in angles]
    qualities: list[FaceQuality | None] = [*_rate_faces(picture, mips, candidates[:count], poses)]
    qualities += [None] * (len(candidates) - count)
    return Faces(
        faces=_list_faces(picture, candidates, poses, qualities),
        primary=_choose_primary(candidates[:count], mips),
        count=count,
        detector=detector,
        threshold=threshold,
        smallest_face=round(smallest_face / picture.scale, 1),
    )


def _list_faces(
    picture: Picture, candidates: Candidates, poses: Sequence[Pose], qualities: Sequence[FaceQuality | None]
) -> list[Face]:
    scale, size = picture.scale, np.array([picture.width, picture.height])
    boxes = (candidates.boxes.astype(np.float64) / scale).clip(0, np.tile(size, 2)).round(2)
    scores = candidates.scores.tolist()
    points = (candidates.landmarks.astype(np.float64) / scale).round(2)
    thirds = (candidates.centres * (3 / scale) / size).clip(0, 2).astype(int)
    rows = zip(boxes.tolist(), scores, points.tolist(), thirds.tolist(), poses, qualities, strict=True)
    return [
        Face(
            box=box,
            score=round(score, 4),
            is_face=quality is not None,
            position=POSITIONS[down][across],
            landmarks=Landmarks(**dict(zip(LANDMARKS, landmarks, strict=True))),
            pose=pose,
            quality=quality,
        )
        for box, score, landmarks, (across, down), pose, quality in rows
    ]


def _rate_faces(picture: Picture, mips: MipPyramid, candidates: Candidates, poses: Sequence[Pose]) -> list[FaceQuality]:
    if not len(candidates):
        return []
    sides = candidates.sides.astype(np.float64)
    sharpness, brightness = measure_faces(cut_windows(mips, candidates.centres, candidates.sides, None, CROP_SIZE))
    columns = (
        candidates.scores,
        sides / picture.scale,
        (sides / (mips.width * mips.height) ** 0.5).clip(0, 1),
        measure_outside(
            candidates.boxes.astype(np.float64),
            np.array([pose.yaw for pose in poses[: len(candidates)]]),
            np.array([pose.roll for pose in poses[: len(candidates)]]),
            width=mips.width,
            height=mips.height,
        ),
        sharpness,
        brightness,
        (sides >= COMPANION_RATIO * sides[:, None]).sum(axis=1) > 1,
    )
    return [
        rate_face(
            score=score,
            side=side,
            relative_size=relative_size,
            pose=pose,
            outside=outside,
            sharpness=sharp,
            brightness=bright,
            has_company=has_company,
        )
        for pose, score, side, relative_size, outside, sharp, bright, has_company in zip(
            poses, *(column.tolist() for column in columns), strict=False
        )
    ]


def _choose_primary(candidates: Candidates, mips: MipPyramid) -> int | None:
    """The index of the largest face. A face at the rim counts for half its size: photographers centre their subject."""
    if not len(candidates):
        return None
    middle = np.array([mips.width / 2, mips.height / 2])
    distance = np.abs((candidates.centres - middle) / middle).max(axis=1).clip(0, 1)  # 0 in the middle, 1 at the rim
    return int((candidates.sides * (1 - 0.5 * distance)).argmax())
