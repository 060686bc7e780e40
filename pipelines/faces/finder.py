"""Finds the faces of a picture with either detector, and tries harder where it found none."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pipelines.cpu_pool import CpuPool
from pipelines.faces.assembly import assemble_faces
from pipelines.faces.candidates import Candidates
from pipelines.faces.canvas import Canvas, MipPyramid, place_centred, place_turned
from pipelines.faces.detector import Detector
from pipelines.faces.options import FacesOptions
from pipelines.faces.types import Faces
from pipelines.faces.verification import FaceVerifier, VerifiedFaces
from pipelines.image.decode import Picture
from pipelines.nms import measure_intersections, suppress_overlaps
from pipelines.run_context import RunContext
from pipelines.types import ModelUsed

# Search of the other three ways up: the picture's longer side on their canvas, the gap between them, and the smallest
# face wanted, a seventh of the picture's side.
TURNED_SIDE, TURNED_GAP, TURNED_FACE = 140, 8, 20.0
# Search for faces that fill the picture: the picture's longer side on a square canvas that leaves room around it, that
# canvas's side, and the share of the picture's side from which a face fills it.
ROOMY_SIDE, ROOMY_CANVAS, FILLING_SHARE = 64, 96, 0.5
IOU = 0.45
SAME_FACE = 0.5  # share of the smaller box from which two boxes of different searches are of one face
# Only so many candidates are verified; of a larger crowd the best are listed.
MAX_CANDIDATES = 1000


@dataclass(frozen=True)
class FaceFinder:
    detector: Detector
    verifier: FaceVerifier
    pool: CpuPool

    @property
    def models(self) -> list[ModelUsed]:
        return list({used.id: used for used in (*self.detector.models, self.verifier.used)}.values())

    async def find(self, picture: Picture, options: FacesOptions, context: RunContext) -> Faces:
        """Find all faces; a result without any is valid."""
        mips = MipPyramid(picture.pixels)
        smallest = options.min_face_size * picture.scale if options.min_face_size else None
        is_thorough = options.effort == "thorough"
        with context.stage("detect"):
            proposals = await self.detector.propose(
                mips, smallest_face=smallest, is_thorough=is_thorough, context=context
            )
        searches = [await self._verify_best(mips, proposals.candidates, context, is_thorough=is_thorough)]
        tries_harder = is_thorough and proposals.has_hints
        if tries_harder and not searches[-1].has_face(options.threshold):
            with context.stage("filling"):
                searches.append(await self._find_filling(mips, context))
        if options.turned or tries_harder:
            with context.stage("turned"):
                searches.append(await self._find_turned(mips, searches[-1].upright_faces(options.threshold), context))
        candidates = _merge_searches(searches)
        is_wanted = (candidates.scores >= options.min_score) & (candidates.sides >= (smallest or 0))
        with context.stage("measure"):
            return await self.pool.run(
                assemble_faces,
                picture,
                mips,
                candidates[is_wanted][: options.max_faces],
                threshold=options.threshold,
                detector=self.detector.name,
                smallest_face=self.detector.smallest_on_canvas / proposals.finest_scale,
            )

    async def _verify_best(
        self, mips: MipPyramid, candidates: Candidates, context: RunContext, *, is_thorough: bool
    ) -> VerifiedFaces:
        best = candidates[np.argsort(-candidates.scores, kind="stable")[:MAX_CANDIDATES]]
        return await self.verifier.verify(mips, best, self.detector.calibration, context, is_thorough=is_thorough)

    async def _find_filling(self, mips: MipPyramid, context: RunContext) -> VerifiedFaces:
        """Faces that fill the picture: they need room around it, and no detail."""
        canvas = place_centred(mips.width, mips.height, longer_side=ROOMY_SIDE, side=ROOMY_CANVAS)
        candidates = await self._detect_on(canvas, mips, context)
        large = candidates[candidates.sides >= FILLING_SHARE * (mips.width * mips.height) ** 0.5]
        return await self.verifier.verify(mips, large, self.detector.filling_calibration, context, is_thorough=True)

    async def _find_turned(self, mips: MipPyramid, known: Candidates, context: RunContext) -> VerifiedFaces:
        """Faces sideways or upside down: detected on a small canvas, verified in the picture itself.

        `known` upright faces are found there as well: to verify them once more would cost as much as the first time.
        """
        canvas = place_turned(mips.width, mips.height, longer_side=TURNED_SIDE, gap=TURNED_GAP)
        candidates = await self._detect_on(canvas, mips, context)
        return await self._verify_best(mips, _drop_known(candidates, known), context, is_thorough=True)

    async def _detect_on(self, canvas: Canvas, mips: MipPyramid, context: RunContext) -> Candidates:
        """Candidates on a small canvas, in the picture's pixels."""
        small = MipPyramid(await self.pool.run(canvas.render, mips, mips.mean))
        proposals = await self.detector.propose(small, smallest_face=TURNED_FACE, is_thorough=False, context=context)
        return canvas.map_to_picture(proposals.candidates)


def _drop_known(candidates: Candidates, known: Candidates) -> Candidates:
    """Without those that share most of the smaller box with a known face at least half as large."""
    shared = measure_intersections(candidates.boxes, known.boxes)
    sides, known_sides = candidates.sides[:, None], known.sides
    is_same = (shared > SAME_FACE * np.minimum(sides, known_sides) ** 2) & (known_sides > SAME_FACE * sides)
    return candidates[~is_same.any(axis=1)]


def _merge_searches(searches: Sequence[VerifiedFaces]) -> Candidates:
    candidates = Candidates.concatenate([search.candidates for search in searches])
    if len(searches) > 1:
        # The two boxes of a face found twice may share little: neither may survive inside the other. In the first
        # search, boxes that share as much are of two faces in a crowd.
        kept, owners = suppress_overlaps(candidates.boxes, candidates.scores, iou=SAME_FACE, of_smaller=True)
        rows = np.arange(len(candidates))
        owner_rows = np.array(kept, np.intp)[owners]
        first = len(searches[0].candidates)
        candidates = candidates[(owner_rows == rows) | ((rows < first) & (owner_rows < first))]
    return candidates.suppress_overlaps(iou=IOU)
