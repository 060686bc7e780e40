"""Candidates to the faces of an answer: in the original's pixels, measured, and with one that is the primary."""

from collections.abc import Sequence

import numpy as np

from pipelines.decode import Picture
from pipelines.faces.candidates import LANDMARKS, Candidates, Floats
from pipelines.faces.crops import windows
from pipelines.faces.pose import head_poses
from pipelines.faces.quality import COMPANION, SIZE, face_quality, measure
from pipelines.faces.types import Face, FaceQuality, Faces, Landmarks, Pose, Position
from pipelines.faces.views import Mips


def described(
    picture: Picture, mips: Mips, found: Candidates, *, threshold: float, detector: str, smallest_face: float
) -> Faces:
    """`found` has the best score first; it and `smallest_face` are in pixels of the decoded picture."""
    sure = int((found.scores >= threshold).sum())
    poses = [_pose(angles) for angles in head_poses(found.landmarks).round(1).tolist()]
    qualities: list[FaceQuality | None] = [*_qualities(picture, mips, found[:sure], poses)]
    qualities += [None] * (len(found) - sure)
    return Faces(
        faces=[_face(found, row, picture, poses[row], qualities[row]) for row in range(len(found))],
        primary=_primary(found[:sure], mips),
        count=sure,
        detector=detector,
        threshold=threshold,
        smallest_face=round(smallest_face / picture.scale, 1),
    )


def _face(found: Candidates, row: int, picture: Picture, pose: Pose, quality: FaceQuality | None) -> Face:
    points = (found.landmarks[row].astype(np.float64) / picture.scale).round(2).tolist()
    x0, y0, x1, y1 = (found.boxes[row] / picture.scale).tolist()
    box = (max(x0, 0.0), max(y0, 0.0), min(x1, picture.width), min(y1, picture.height))
    return Face(
        box=(round(box[0], 2), round(box[1], 2), round(box[2], 2), round(box[3], 2)),
        score=round(float(found.scores[row]), 4),
        is_face=quality is not None,
        position=_position(found.centres[row] / picture.scale / (picture.width, picture.height)),
        landmarks=Landmarks(**dict(zip(LANDMARKS, points, strict=True))),
        pose=pose,
        quality=quality,
    )


def _position(centre: Floats) -> Position:
    """`centre` in shares of the image's width and height."""
    column, row = (int(np.clip(share * 3, 0, 2)) for share in centre)
    words: tuple[tuple[Position, ...], ...] = (
        ("top left", "top", "top right"),
        ("left", "centre", "right"),
        ("bottom left", "bottom", "bottom right"),
    )
    return words[row][column]


def _pose(angles: Sequence[float]) -> Pose:
    yaw, pitch, roll = angles
    return Pose(yaw=yaw, pitch=pitch, roll=roll)


def _qualities(picture: Picture, mips: Mips, found: Candidates, poses: Sequence[Pose]) -> list[FaceQuality]:
    if not len(found):
        return []
    sides = found.sides
    sharpness, brightness = measure(windows(mips, found.centres, sides, None, SIZE))
    area = mips.width * mips.height
    return [
        face_quality(
            score=float(found.scores[row]),
            side=float(sides[row]) / picture.scale,
            relative_size=min(float(sides[row]) / area**0.5, 1.0),
            pose=poses[row],
            outside=_outside(found.boxes[row], mips),
            sharpness=float(sharpness[row]),
            brightness=float(brightness[row]),
            has_company=bool((sides >= COMPANION * sides[row]).sum() > 1),
        )
        for row in range(len(found))
    ]


def _outside(box: Floats, mips: Mips) -> float:
    """The share of `box` that lies outside the picture."""
    x0, y0, x1, y1 = map(float, box)
    inside = max(0.0, min(x1, mips.width) - max(x0, 0)) * max(0.0, min(y1, mips.height) - max(y0, 0))
    return 1.0 - inside / max((x1 - x0) * (y1 - y0), 1e-6)


def _primary(found: Candidates, mips: Mips) -> int | None:
    """The largest, where faces at the rim count for half their size; a group's photographer centres its subject."""
    if not len(found):
        return None
    middle = np.array([mips.width / 2, mips.height / 2])
    distance = np.abs((found.centres - middle) / middle).max(axis=1).clip(0, 1)  # 0 in the middle, 1 at the rim
    return int((found.sides * (1 - 0.5 * distance)).argmax())
