"""Finds the faces of a picture with either detector, and tries harder where it found none."""

from dataclasses import dataclass
from time import perf_counter

import numpy as np

from pipelines.decode import Picture
from pipelines.faces.candidates import Candidates
from pipelines.faces.check import Checked, SecondLook
from pipelines.faces.description import described
from pipelines.faces.detector import Detector
from pipelines.faces.options import FacesOptions
from pipelines.faces.types import Faces
from pipelines.faces.views import Mips, turned
from pipelines.pipeline import Call, CpuPool
from pipelines.suppression import keep_best
from pipelines.types import ModelUsed

# The picture's longer side on the canvas of other ways up, that of the upright one there (faces that fill the frame
# are large even so), what lies between them, and the smallest face looked for: a seventh of the picture's side.
TURNED_SIDE, UPRIGHT_SIDE, TURNED_GAP, TURNED_FACE = 144, 64, 8, 20.0
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
            # Of a face found both ways up the two boxes may share little: neither may survive inside the other.
            found = found[keep_best(found.boxes, found.scores, iou=0.5, of_smaller=True)]
        found = found.distinct(iou=IOU)
        found = found[(found.scores >= options.min_score) & (found.sides >= (smallest or 0))][: options.max_faces]
        with call.stage("measure"):
            return await self.pool.run(
                described,
                picture,
                mips,
                found,
                threshold=options.threshold,
                detector=self.detector.name,
                smallest_face=self.detector.smallest / proposals.finest,
            )

    async def _checked(self, mips: Mips, found: Candidates, call: Call, *, is_thorough: bool) -> Checked:
        best = found[np.argsort(-found.scores, kind="stable")[:MOST_CANDIDATES]]
        return await self.second.check(mips, best, self.detector.calibration, call, is_thorough=is_thorough)

    async def _turned(self, mips: Mips, call: Call) -> Checked:
        """Sideways, upside down, or filling the frame: found on a small canvas, checked in the picture itself."""
        canvas = turned(mips.width, mips.height, longer_side=TURNED_SIDE, upright_side=UPRIGHT_SIDE, gap=TURNED_GAP)
        small = Mips(await self.pool.run(canvas.image, mips))
        proposals = await self.detector.propose(small, smallest=TURNED_FACE, is_thorough=False, call=call)
        return await self._checked(mips, canvas.undo(proposals.found), call, is_thorough=True)


def _seems_turned(checked: Checked, threshold: float) -> bool:
    """Nothing was found, or something that does not stand upright."""
    sure = checked.found.scores >= threshold
    return bool(not sure.any() or checked.turned[sure].any())
