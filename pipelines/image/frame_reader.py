"""Finds and decodes the frames of an upload that are to be looked at beside the first."""

import hashlib
from dataclasses import dataclass, replace

from pipelines.errors import ImageRejected
from pipelines.image.decode import ImageLimits, Picture
from pipelines.image.decoders import Decoders
from pipelines.image.formats import FileFormat
from pipelines.image.frames import FrameSurvey

# A PDF's pages are read by its own pipeline.
FORMATS: tuple[FileFormat, ...] = ("GIF", "PNG", "WEBP", "AVIF", "HEIF", "TIFF")


@dataclass(frozen=True)
class FrameReader:
    """Finds and decodes at most `most` frames beside the first."""

    decoders: Decoders
    limits: ImageLimits
    most: int

    def has_further(self, picture: Picture) -> bool:
        return picture.frames > 1 and picture.format in FORMATS

    async def survey(self, picture: Picture) -> FrameSurvey:
        try:
            return await self.decoders.survey(picture.data, limits=self.limits, frames=picture.frames, most=self.most)
        except ImageRejected:
            return FrameSurvey(picture.frames, (), 1.0)

    async def read(self, picture: Picture, survey: FrameSurvey, number: int, shorter_side: int | None) -> Picture:
        """The frame by itself, with a hash of its own: caches must not take it for the first. Raises ImageRejected."""
        sha256 = hashlib.sha256(f"{picture.sha256}, frame {number}".encode()).hexdigest()
        if (kept := survey.kept.get(number)) is not None:
            return replace(kept, frames=1).of_file(picture.data, sha256)
        frame = await self.decoders.decode(picture.data, limits=self.limits, shorter_side=shorter_side, frame=number)
        return replace(frame, frames=1, sha256=sha256)
