"""The pipelines "faces" (faces with their measures) and "avatar" (one face as an avatar)."""

from dataclasses import dataclass

from pipelines.cpu_pool import CpuPool
from pipelines.errors import NoSuitableFace
from pipelines.faces.avatar import compute_frame, encode_avatar, render_avatar
from pipelines.faces.canvas import MipPyramid
from pipelines.faces.finder import FaceFinder
from pipelines.faces.options import AvatarOptions, FacesOptions
from pipelines.faces.types import Avatar, Face, Faces
from pipelines.faces.wording import describe_faces
from pipelines.image.decode import Picture
from pipelines.prompt import PromptContext
from pipelines.run_context import RunContext
from pipelines.types import ModelUsed

# A JPEG may be decoded at a smaller scale as long as its shorter side keeps this many pixels: the finest search needs
# no more.
SHORTER_SIDE = 1500


@dataclass(frozen=True)
class FacesPipeline:
    finder: FaceFinder
    name: str = "faces"

    def models(self, options: FacesOptions) -> list[ModelUsed]:
        return self.finder.models

    def shorter_side(self, options: FacesOptions) -> int:
        return SHORTER_SIDE

    async def run(self, picture: Picture, options: FacesOptions, context: RunContext) -> Faces:
        return await self.finder.find(picture, options, context)

    def describe(self, result: Faces, context: PromptContext) -> str:
        return describe_faces(result, context)


@dataclass(frozen=True)
class AvatarPipeline:
    finder: FaceFinder
    pool: CpuPool
    name: str = "avatar"

    def models(self, options: AvatarOptions) -> list[ModelUsed]:
        return self.finder.models

    def shorter_side(self, options: AvatarOptions) -> None:
        """None, for all pixels: the face may be a small part of them."""

    async def run(self, picture: Picture, options: AvatarOptions, context: RunContext) -> Avatar:
        """Raises NoSuitableFace, which carries all faces found."""
        faces = await self.finder.find(picture, FacesOptions(threshold=options.threshold), context)
        index = self._choose_face(faces, options)
        with context.stage("render"):
            data = await self.pool.run(self._render, picture, faces.faces[index], options)
        return Avatar(
            data=data,
            media_type="image/png" if options.format == "png" else "image/webp",
            size=options.size,
            index=index,
            face=faces.faces[index],
        )

    def _choose_face(self, faces: Faces, options: AvatarOptions) -> int:
        index = faces.primary if options.face == "primary" else options.face
        if index is None or index >= len(faces.faces) or not faces.faces[index].is_face:
            detail = "there is no face in this image" if index is None else f"face {index} is not among the faces found"
            raise NoSuitableFace(detail, faces.model_dump(mode="json"))
        quality = faces.faces[index].quality
        assert quality is not None
        if quality.suitability < options.min_suitability:
            reasons = ", ".join(quality.reasons)
            raise NoSuitableFace(
                f"face {index} would make a poor avatar: suitability {quality.suitability:.2f} is under "
                f"{options.min_suitability:.2f} ({reasons})",
                faces.model_dump(mode="json"),
            )
        return index

    def _render(self, picture: Picture, face: Face, options: AvatarOptions) -> bytes:
        frame = compute_frame(face, scale=picture.scale, longer_side=max(picture.pixels.size))
        image = render_avatar(MipPyramid(picture.pixels), frame, size=options.size, padding=options.padding)
        return encode_avatar(image, shape=options.shape, format=options.format)

    def describe(self, result: Avatar, context: PromptContext) -> str:
        return f"Avatar of face {result.index}, {result.size} pixels."
