"""Finds the faces of a picture with either detector, and tries harder where it found none."""

from collections.abc import Sequence
from dataclasses import dataclass
from time import perf_counter

import numpy as np

from pipelines.decode import Picture
from pipelines.faces.candidates import LANDMARKS, Candidates, Floats
from pipelines.faces.check import Checked, SecondLook
from pipelines.faces.crops import windows
from pipelines.faces.detector import Detector
from pipelines.faces.options import FacesOptions
from pipelines.faces.pose import head_poses
from pipelines.faces.quality import COMPANION, SIZE, face_quality, measure
from pipelines.faces.types import Face, FaceQuality, Faces, Landmarks, Pose, Position
from pipelines.faces.views import Mips, turned
from pipelines.pipeline import Call, CpuPool
from pipelines.types import ModelUsed

# The picture four times on one canvas of 320 x 320, and the smallest face looked for there: a seventh of its side.
TURNED_SIDE, TURNED_CELL, TURNED_FACE = 144, 160, 20.0
IOU = 0.45
# What the second look is spent on at most; a crowd of more is listed by its best.
MOST_CANDIDATES = 1000


@dataclass(frozen=True)
class FaceFinder:
    detector: Detector
    second: SecondLook
    pool: CpuPool

    @property
    def models(self) -> list[ModelUsed]:
        return list({used.id: used for used in (*self.detector.models, self.second.used)}.values())

    async def find(self, picture: Picture, options: FacesOptions, call: Call) -> Faces:
        """An empty list is an answer like any other."""
        mips = Mips(picture.pixels)
        smallest = options.min_face_size * picture.scale if options.min_face_size else None
        started = perf_counter()
        is_thorough = options.effort == "thorough"
        proposals = await self.detector.propose(mips, smallest=smallest, is_thorough=is_thorough, call=call)
        call.add("detect", perf_counter() - started)
        checked = await self._checked(mips, proposals.found, call, is_thorough=is_thorough)
        found = checked.found
        if options.turned or (is_thorough and _seems_turned(checked, options.threshold)):
            started = perf_counter()
            again = await self._turned(mips, call)
            call.add("turned", perf_counter() - started)
            found = Candidates.joined([found, again.found])
        found = found.distinct(iou=IOU)
        found = found[(found.scores >= options.min_score) & (found.sides >= (smallest or 0))][: options.max_faces]
        with call.stage("measure"):
            return await self.pool.run(
                self._described, picture, mips, found, options, self.detector.smallest / proposals.finest
            )

    async def _checked(self, mips: Mips, found: Candidates, call: Call, *, is_thorough: bool) -> Checked:
        best = found[np.argsort(-found.scores, kind="stable")[:MOST_CANDIDATES]]
        return await self.second.check(mips, best, self.detector.calibration, call, is_thorough=is_thorough)

    async def _turned(self, mips: Mips, call: Call) -> Checked:
        """Sideways, upside down, or filling the frame: found on a small canvas, checked in the picture itself."""
        canvas = turned(mips.width, mips.height, longer_side=TURNED_SIDE, cell=TURNED_CELL)
        small = Mips(await self.pool.run(canvas.image, mips))
        proposals = await self.detector.propose(small, smallest=TURNED_FACE, is_thorough=False, call=call)
        return await self._checked(mips, canvas.undo(proposals.found), call, is_thorough=True)

    def _described(
        self, picture: Picture, mips: Mips, found: Candidates, options: FacesOptions, smallest: float
    ) -> Faces:
        sure = int((found.scores >= options.threshold).sum())  # best score first: they are the first ones
        poses = [_pose(angles) for angles in head_poses(found.landmarks).round(1).tolist()]
        qualities: list[FaceQuality | None] = [*_qualities(picture, mips, found[:sure], poses)]
        qualities += [None] * (len(found) - sure)
        faces = [_face(found, row, picture, poses[row], qualities[row]) for row in range(len(found))]
        return Faces(
            faces=faces,
            primary=_primary(found[:sure], mips),
            count=sure,
            detector=self.detector.models[0].id,
            threshold=options.threshold,
            smallest_face=round(smallest / picture.scale, 1),
        )


def _seems_turned(checked: Checked, threshold: float) -> bool:
    """Nothing was found, or something that does not stand upright."""
    sure = checked.found.scores >= threshold
    return bool(not sure.any() or checked.turned[sure].any())


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
