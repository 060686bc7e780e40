"""Finds the faces of a picture with either detector, and tries harder where it found none."""

from dataclasses import dataclass

import numpy as np

from pipelines.cpu_pool import CpuPool
from pipelines.faces.assembly import described
from pipelines.faces.candidates import Candidates
from pipelines.faces.canvas import Canvas, Mips, centred, turned
from pipelines.faces.detector import Detector
from pipelines.faces.options import FacesOptions
from pipelines.faces.types import Faces
from pipelines.faces.verification import Checked, SecondLook
from pipelines.image.decode import Picture
from pipelines.nms import keep_best
from pipelines.run_context import RunContext
from pipelines.types import ModelUsed

# The picture's longer side on the canvas of other ways up, what lies between them, and the smallest face looked for: a
# seventh of the picture's side.
TURNED_SIDE, TURNED_GAP, TURNED_FACE = 140, 8, 20.0
# The picture's longer side on the square canvas that has room around it, that canvas's side, and the smallest side of
# a face that fills the picture, of the picture's.
ROOMY_SIDE, ROOMY_CANVAS, FILLING = 64, 96, 0.5
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

    async def find(self, picture: Picture, options: FacesOptions, context: RunContext) -> Faces:
        """An empty list is an answer like any other."""
        mips = Mips(picture.pixels)
        smallest = options.min_face_size * picture.scale if options.min_face_size else None
        is_thorough = options.effort == "thorough"
        with context.stage("detect"):
            proposals = await self.detector.propose(mips, smallest=smallest, is_thorough=is_thorough, context=context)
        looks = [await self._checked(mips, proposals.found, context, is_thorough=is_thorough)]
        tries_harder = is_thorough and proposals.has_hints
        if tries_harder and not looks[-1].is_sure(options.threshold):
            with context.stage("filling"):
                looks.append(await self._filling(mips, context))
        if options.turned or (tries_harder and looks[-1].seems_turned(options.threshold)):
            with context.stage("turned"):
                looks.append(await self._turned(mips, context))
        found = Candidates.joined([look.found for look in looks])
        if len(looks) > 1:
            # Of a face found twice the two boxes may share little: neither may survive inside the other.
            found = found[keep_best(found.boxes, found.scores, iou=0.5, of_smaller=True)]
        found = found.distinct(iou=IOU)
        found = found[(found.scores >= options.min_score) & (found.sides >= (smallest or 0))][: options.max_faces]
        with context.stage("measure"):
            return await self.pool.run(
                described,
                picture,
                mips,
                found,
                threshold=options.threshold,
                detector=self.detector.name,
                smallest_face=self.detector.smallest / proposals.finest,
            )

    async def _checked(self, mips: Mips, found: Candidates, context: RunContext, *, is_thorough: bool) -> Checked:
        best = found[np.argsort(-found.scores, kind="stable")[:MOST_CANDIDATES]]
        return await self.second.check(mips, best, self.detector.calibration, context, is_thorough=is_thorough)

    async def _filling(self, mips: Mips, context: RunContext) -> Checked:
        """Faces that fill the picture: they need room around it, and no detail."""
        found = await self._on(
            centred(mips.width, mips.height, longer_side=ROOMY_SIDE, side=ROOMY_CANVAS), mips, context
        )
        large = found[found.sides >= FILLING * (mips.width * mips.height) ** 0.5]
        return await self.second.check(mips, large, self.detector.filling, context, is_thorough=True)

    async def _turned(self, mips: Mips, context: RunContext) -> Checked:
        """Sideways or upside down: found on a small canvas, checked in the picture itself."""
        canvas = turned(mips.width, mips.height, longer_side=TURNED_SIDE, gap=TURNED_GAP)
        return await self._checked(mips, await self._on(canvas, mips, context), context, is_thorough=True)

    async def _on(self, canvas: Canvas, mips: Mips, context: RunContext) -> Candidates:
        """What the detector finds on a small canvas, in the picture's pixels."""
        small = Mips(await self.pool.run(canvas.render, mips, mips.mean))
        proposals = await self.detector.propose(small, smallest=TURNED_FACE, is_thorough=False, context=context)
        return canvas.undo(proposals.found)
