"""`kernelsight features`, `faces`, `avatar`, `explain` and `sanitize`: one engine over image files."""

import sys
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.console import Console
from rich.table import Table

from pipelines.captioning.options import FeaturesOptions
from pipelines.captioning.spec import FEATURES
from pipelines.explain.options import ExplainOptions
from pipelines.explain.spec import EXPLAIN
from pipelines.faces.options import AvatarOptions, FacesOptions
from pipelines.faces.overlay import draw
from pipelines.faces.spec import AVATAR, FACES
from pipelines.findings import Findings
from pipelines.image.decode import decode
from pipelines.image.sanitize_types import OutputFormat, SanitizeOptions
from pipelines.image.spec import SANITIZE
from service.cli.files import NotWritten, checked, look_at, print_json, write
from service.components import image_limits
from service.operations.schemas import FacesReply, FeaturesReply
from service.settings import load_settings


def faces(
    images: Annotated[list[Path], typer.Argument(help="Image files.", show_default=False)],
    threshold: Annotated[float, typer.Option(help="Score from which a candidate is a face.", min=0, max=1)] = 0.5,
    min_score: Annotated[float, typer.Option(help="Leave out candidates under this.", min=0, max=1)] = 0.02,
    max_faces: Annotated[int, typer.Option(help="Faces per image at most.", min=1, max=1000)] = 1000,
    min_face_size: Annotated[int | None, typer.Option(help="Leave out smaller faces; pixels.", min=1)] = None,
    turned: Annotated[bool, typer.Option("--turned", help="Look for sideways faces in any case.")] = False,
    draw_to: Annotated[
        Path | None, typer.Option("--draw", help="Write the image with what was found; a folder for several images.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="JSON lines even on a terminal.")] = False,
) -> None:
    """Faces of images with landmarks, pose and avatar suitability: a table on a terminal, else JSON lines."""
    options = FacesOptions(
        threshold=threshold, min_score=min_score, max_faces=max_faces, min_face_size=min_face_size, turned=turned
    )
    if draw_to is not None and len(images) > 1 and not draw_to.is_dir():
        raise typer.BadParameter("with several images this must be a folder", param_hint="--draw")
    answer = _print_faces_json if json or not sys.stdout.isatty() else _print_faces_table

    def show(path: Path, findings: Findings) -> None:
        answer(path, findings)
        if draw_to is not None:
            _draw_faces(path, findings, draw_to / f"{path.stem}.png" if draw_to.is_dir() else draw_to)

    look_at(images, {"faces": options}, show)


def avatar(
    image: Annotated[Path, typer.Argument(help="Image file.", show_default=False)],
    out: Annotated[Path, typer.Argument(help="Where to write the avatar: .png or .webp.", show_default=False)],
    size: Annotated[int, typer.Option(help="Side in pixels.", min=32, max=1024)] = 256,
    circle: Annotated[bool, typer.Option("--circle", help="Transparent outside a circle.")] = False,
    face: Annotated[str, typer.Option(help="primary, or a face's index in `kernelsight faces`.")] = "primary",
    padding: Annotated[str, typer.Option(help="Outside the image: reflect, or a colour #rrggbb.")] = "reflect",
) -> None:
    """Cut one face out as an avatar, aligned by its eyes."""
    kinds: dict[str, Literal["png", "webp"]] = {".png": "png", ".webp": "webp"}
    if out.suffix.lower() not in kinds:
        raise typer.BadParameter("the name must end in .png or .webp", param_hint="OUT")
    options = checked(
        AvatarOptions, size=size, shape="circle" if circle else "square", format=kinds[out.suffix.lower()],
        face=face, padding=padding,
    )  # fmt: skip

    def show(path: Path, findings: Findings) -> None:
        write(out, findings.of(AVATAR).data)
        Console(stderr=True).print(f"{out}: face {findings.of(AVATAR).index} of {path}", highlight=False, markup=False)

    look_at([image], {"avatar": options}, show)


def _print_faces_json(path: Path, findings: Findings) -> None:
    print_json(path, FacesReply.of(findings))


def _print_faces_table(path: Path, findings: Findings) -> None:
    table = Table(
        "face", "score", "box", "position", "yaw", "pitch", "roll", "suitability", "against it", title=str(path),
        title_justify="left",
    )  # fmt: skip
    for index, face in enumerate(findings.of(FACES).faces):
        if face.quality is None:  # a candidate: JSON lists those, too
            continue
        box = " ".join(f"{edge:.0f}" for edge in face.box)
        name = f"{index} primary" if index == findings.of(FACES).primary else str(index)
        turns = (f"{angle:.0f}" for angle in (face.pose.yaw, face.pose.pitch, face.pose.roll))
        reasons = ", ".join(face.quality.reasons)
        table.add_row(name, f"{face.score:.2f}", box, face.position, *turns, f"{face.quality.suitability:.2f}", reasons)
    console = Console()
    console.print(table)
    console.print(findings.prompt, highlight=False, markup=False)


def _draw_faces(path: Path, findings: Findings, out: Path) -> None:
    picture = decode(path.read_bytes(), limits=image_limits(load_settings()))
    try:
        draw(picture.pixels, findings.of(FACES)).save(out)
    except (OSError, ValueError) as cause:  # Pillow raises ValueError for a suffix that it does not know
        raise NotWritten(out, cause) from cause


def features(
    images: Annotated[list[Path], typer.Argument(help="Image files.", show_default=False)],
    top_k: Annotated[int, typer.Option(help="Tags per image at most.", min=0, max=1000)] = 5,
    min_score: Annotated[float, typer.Option(help="Leave out tags under this score.", min=0, max=1)] = 0.02,
    grid: Annotated[bool, typer.Option("--grid", help="Add the spatial feature grid (JSON only).")] = False,
    json: Annotated[bool, typer.Option("--json", help="JSON lines even on a terminal.")] = False,
) -> None:
    """Captioning features of images: a table on a terminal, else one JSON object a line."""
    options = FeaturesOptions(top_k=top_k, min_score=min_score, grid=grid)
    look_at(
        images,
        {"features": options},
        _print_features_json if json or not sys.stdout.isatty() else _print_features_table,
    )


def _print_features_json(path: Path, findings: Findings) -> None:
    print_json(path, FeaturesReply.of(findings))


def _print_features_table(path: Path, findings: Findings) -> None:
    table = Table("tag", "score", "group", "wnid", title=str(path), title_justify="left")
    for tag in findings.of(FEATURES).tags:
        table.add_row(tag.label, f"{tag.score:.3f}", tag.group, tag.wnid)
    console = Console()
    console.print(table)
    console.print(findings.prompt, highlight=False, markup=False)


def explain(
    image: Annotated[Path, typer.Argument(help="Image file.", show_default=False)],
    out: Annotated[Path, typer.Argument(help="Where to write the picture: .png.", show_default=False)],
    wnid: Annotated[str | None, typer.Option(help="Class by WordNet id; the best tag without it.")] = None,
    index: Annotated[int | None, typer.Option(help="Class by index.")] = None,
) -> None:
    """Draw which places of an image speak for its best tag, or for a class: warm for it, cold against it."""
    if out.suffix.lower() != ".png":
        raise typer.BadParameter("the name must end in .png", param_hint="OUT")
    options = checked(ExplainOptions, wnid=wnid, index=index)

    def show(path: Path, findings: Findings) -> None:
        [found] = findings.of(EXPLAIN).explanations
        assert found.overlay is not None
        write(out, found.overlay)
        words = f"{out}: {found.label}, score {found.score:.2f}, logit {found.logit:.2f}"
        Console(stderr=True).print(words, highlight=False, markup=False, soft_wrap=True)

    look_at([image], {"explain": options}, show)


_SANITIZED_FORMATS: dict[str, OutputFormat] = {".jpg": "jpeg", ".jpeg": "jpeg", ".png": "png", ".webp": "webp"}


def sanitize(
    image: Annotated[Path, typer.Argument(metavar="IN", help="Image file.", show_default=False)],
    out: Annotated[Path, typer.Argument(help="The clean image: .jpg, .png or .webp.", show_default=False)],
    quality: Annotated[int, typer.Option(help="Of JPEG and WebP.", min=1, max=100)] = 90,
    max_side: Annotated[int | None, typer.Option(help="Shrink to this longer side; pixels.", min=1, max=16_383)] = None,
) -> None:
    """Make an image anew from its pixels: upright, in sRGB, without metadata."""
    if out.suffix.lower() not in _SANITIZED_FORMATS:
        raise typer.BadParameter("the name must end in .jpg, .jpeg, .png or .webp", param_hint="OUT")
    options = SanitizeOptions(format=_SANITIZED_FORMATS[out.suffix.lower()], quality=quality, max_side=max_side)

    def show(path: Path, findings: Findings) -> None:
        made = findings.of(SANITIZE)
        write(out, made.data)
        first = f", first of {made.frames} frames" if made.frames > 1 else ""
        words = f"{out}: {made.width} x {made.height} pixels of {path}{first}"
        Console(stderr=True).print(words, highlight=False, markup=False, soft_wrap=True)

    look_at([image], {"sanitize": options}, show)
