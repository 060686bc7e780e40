"""Finds and decodes the frames of an upload: the one that tells most, and those to be looked at beside it."""

import hashlib
from dataclasses import dataclass, field, replace

from pipelines.errors import ImageRejected
from pipelines.image.decode import FrameSurvey, ImageLimits, Picture
from pipelines.image.decoders import Decoders
from pipelines.image.formats import FileFormat
from pipelines.image.frame_choice import FrameChoice
from pipelines.image.frame_views import FrameViews, SurveyPlan

# A PDF's pages are read by its own pipeline.
FORMATS: tuple[FileFormat, ...] = ("GIF", "PNG", "WEBP", "AVIF", "HEIF", "TIFF")


@dataclass(frozen=True)
class FrameReader:
    """Chooses at most `most` frames, the first included."""

    decoders: Decoders
    limits: ImageLimits
    most: int
    plan: SurveyPlan = field(default_factory=SurveyPlan)

    async def choose(self, first: Picture, shorter_side: int | None, *, is_judged: bool) -> Picture:
        """The frame that tells most, with a survey of the others where there are any; `first` is the file's first.

        Frames beside it are chosen where they are to be judged.
        """
        if first.frames == 1 or first.format not in FORMATS or (first.format == "TIFF" and not is_judged):
            return first
        most = self.most - 1 if is_judged else 0
        try:
            survey = await self.decoders.survey(
                first.data, limits=self.limits, plan=self.plan, frames=first.frames, most=most
            )
            if not survey.telling:
                return replace(first, survey=survey)
            telling = await self._decode(first, survey, survey.telling, shorter_side)
        except ImageRejected as error:
            return replace(first, survey=FrameSurvey(0, None, FrameChoice(), failure=str(error)))
        return replace(telling, frame=survey.telling, survey=survey)

    async def read(self, picture: Picture, survey: FrameSurvey, number: int, shorter_side: int | None) -> Picture:
        """A further frame by itself, with a hash of its own: caches must not take it for `picture`.

        Raises ImageRejected.
        """
        frame = await self._decode(picture, survey, number, shorter_side)
        sha256 = hashlib.sha256(f"{picture.sha256}, frame {number}".encode()).hexdigest()
        return replace(frame, frames=1, frame=number, sha256=sha256)

    def describe_unread(self, survey: FrameSurvey, total: int) -> str | None:
        """Which frames could not be looked through, and why; None where all were."""
        if survey.views is not None and survey.views.stopped is None:
            return None
        first, why = (len(survey.views) + 1, self._explain(survey.views)) if survey.views else (2, survey.failure)
        frames = f"frames {first} to {total}" if first < total else f"frame {total}"
        return f"{frames} could not be looked through: {why}"

    def _explain(self, views: FrameViews) -> str | None:
        match views.stopped:
            case "too large":
                return "over the limits of an image"
            case "too many pixels":
                return f"more than {self.plan.pixels:,} pixels in all"
            case "too slow":
                return f"more than {self.plan.seconds:g} s in all"
            case other:
                return other

    async def _decode(self, picture: Picture, survey: FrameSurvey, number: int, shorter_side: int | None) -> Picture:
        if (kept := survey.kept.get(number)) is not None:
            return kept.of_file(picture.data, picture.sha256)
        return await self.decoders.decode(picture.data, limits=self.limits, shorter_side=shorter_side, frame=number)
