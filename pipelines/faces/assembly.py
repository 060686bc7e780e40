"""Candidates to the faces of an answer: in the original's pixels, measured, and with one that is the primary."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pipelines.faces.candidates import LANDMARKS, Candidates
from pipelines.faces.canvas import Mips
from pipelines.faces.crops import windows
from pipelines.faces.pose import head_poses
from pipelines.faces.quality import COMPANION, SIZE, face_quality, measure
from pipelines.faces.types import Face, FaceQuality, Faces, Landmarks, Pose, Position
from pipelines.image.decode import Picture

POSITIONS: tuple[tuple[Position, ...], ...] = (
    ("top left", "top", "top right"),
    ("left", "centre", "right"),
    ("bottom left", "bottom", "bottom right"),
)


def described(
    picture: Picture, mips: Mips, found: Candidates, *, threshold: float, detector: str, smallest_face: float
) -> Faces:
    """`found` has the best score first; it and `smallest_face` are in pixels of the decoded picture."""
    sure = int((found.scores >= threshold).sum())
    poses = [
        Pose(yaw=yaw, pitch=pitch, roll=roll) for yaw, pitch, roll in head_poses(found.landmarks).round(1).tolist()
    ]
    qualities: list[FaceQuality | None] = [*_qualities(picture, mips, found[:sure], poses)]
    qualities += [None] * (len(found) - sure)
    return Faces(
        faces=_faces(picture, found, poses, qualities),
        primary=_primary(found[:sure], mips),
        count=sure,
        detector=detector,
        threshold=threshold,
        smallest_face=round(smallest_face / picture.scale, 1),
    )


def _faces(
    picture: Picture, found: Candidates, poses: Sequence[Pose], qualities: Sequence[FaceQuality | None]
) -> list[Face]:
    scale, size = picture.scale, np.array([picture.width, picture.height])
    boxes = (found.boxes.astype(np.float64) / scale).clip(0, np.tile(size, 2)).round(2)
    points = (found.landmarks.astype(np.float64) / scale).round(2)
    thirds = (found.centres * (3 / scale) / size).clip(0, 2).astype(int)
    rows = zip(boxes.tolist(), found.scores.tolist(), points.tolist(), thirds.tolist(), poses, qualities, strict=True)
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


def _qualities(picture: Picture, mips: Mips, found: Candidates, poses: Sequence[Pose]) -> list[FaceQuality]:
    if not len(found):
        return []
    sides = found.sides.astype(np.float64)
    sharpness, brightness = measure(windows(mips, found.centres, found.sides, None, SIZE))
    columns = (
        found.scores,
        sides / picture.scale,
        (sides / (mips.width * mips.height) ** 0.5).clip(0, 1),
        _outside(found.boxes.astype(np.float64), mips),
        sharpness,
        brightness,
        (sides >= COMPANION * sides[:, None]).sum(axis=1) > 1,
    )
    return [
        face_quality(
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


def _outside(boxes: NDArray[np.float64], mips: Mips) -> NDArray[np.float64]:
    """The share of each of (N, 4) boxes that lies outside the picture."""
    inside = (boxes[:, 2:].clip(None, (mips.width, mips.height)) - boxes[:, :2].clip(0)).clip(0).prod(axis=1)
    shares: NDArray[np.float64] = 1 - inside / (boxes[:, 2:] - boxes[:, :2]).prod(axis=1).clip(1e-6)
    return shares


def _primary(found: Candidates, mips: Mips) -> int | None:
    """The largest, where faces at the rim count for half their size; a group's photographer centres its subject."""
    if not len(found):
        return None
    middle = np.array([mips.width / 2, mips.height / 2])
    distance = np.abs((found.centres - middle) / middle).max(axis=1).clip(0, 1)  # 0 in the middle, 1 at the rim
    return int((found.sides * (1 - 0.5 * distance)).argmax())
