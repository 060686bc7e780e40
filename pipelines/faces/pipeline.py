"""The pipelines "faces" (faces with their measures) and "avatar" (one face as an avatar)."""

from dataclasses import dataclass

from pipelines.cpu_pool import CpuPool
from pipelines.errors import NoSuitableFace
from pipelines.faces.avatar import compute_frame, encode_avatar, render_avatar
from pipelines.faces.canvas import MipPyramid
from pipelines.faces.finder import FaceFinder
from pipelines.faces.options import AvatarOptions, FacesOptions
from pipelines.faces.types import Avatar, Face, Faces
from pipelines.image.decode import Picture
from pipelines.run_context import RunContext
from pipelines.types import ModelUsed

# A JPEG may be decoded at a smaller scale as long as its shorter side keeps this many pixels: the finest search needs
# no more.
SHORTER_SIDE = 1500
MAX_DESCRIBED = 5


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

    def describe(self, result: Faces) -> str:
        sure = [face for face in result.faces if face.is_face]
        if not sure:
            return "Faces: none found."
        largest = sorted(sure, key=lambda face: -_measure_area(face))[:MAX_DESCRIBED]
        descriptions = "; ".join(_describe_face(face, result) for face in largest)
        more = f"; and {len(sure) - len(largest)} smaller" if len(sure) > len(largest) else ""
        return f"Faces: {len(sure)}. {descriptions}{more}."


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

    def describe(self, result: Avatar) -> str:
        return f"Avatar of face {result.index}, {result.size} pixels."


def _describe_face(face: Face, result: Faces) -> str:
    """Size, position, direction of the gaze, and for the primary face its suitability as an avatar."""
    assert face.quality is not None
    size = "large" if face.quality.relative_size >= 0.3 else "small" if face.quality.relative_size < 0.1 else "medium"
    parts = [f"{size}, {face.position}"]
    if abs(face.pose.yaw) >= 30:
        parts.append(f"looks {'right' if face.pose.yaw > 0 else 'left'}")
    if result.primary is not None and face is result.faces[result.primary]:
        suitability = face.quality.suitability
        drawbacks = f" ({', '.join(face.quality.reasons)})" if face.quality.reasons else ""
        parts.append(f"avatar candidate, suitability {suitability:.2f}{drawbacks}")
    return ", ".join(parts)


def _measure_area(face: Face) -> float:
    x0, y0, x1, y1 = face.box
    return (x1 - x0) * (y1 - y0)
