"""`kernelsight faces` and `kernelsight avatar`: the same engine as the service, over files."""

import sys
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.console import Console
from rich.table import Table

from pipelines.decode import decode
from pipelines.faces.drawing import draw
from pipelines.faces.options import AvatarOptions, FacesOptions
from pipelines.findings import Findings
from service.cli.files import NotWritten, checked, look_at, print_json, write
from service.composition import image_limits
from service.schemas import FacesReply
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
    answer = _print_json if json or not sys.stdout.isatty() else _print_table

    def show(path: Path, findings: Findings) -> None:
        answer(path, findings)
        if draw_to is not None:
            _draw(path, findings, draw_to / f"{path.stem}.png" if draw_to.is_dir() else draw_to)

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
        assert findings.avatar is not None
        write(out, findings.avatar.data)
        Console(stderr=True).print(f"{out}: face {findings.avatar.index} of {path}", highlight=False, markup=False)

    look_at([image], {"avatar": options}, show)


def _print_json(path: Path, findings: Findings) -> None:
    print_json(path, FacesReply.of(findings))


def _print_table(path: Path, findings: Findings) -> None:
    assert findings.faces is not None
    table = Table(
        "face", "score", "box", "position", "yaw", "pitch", "roll", "suitability", "against it", title=str(path),
        title_justify="left",
    )  # fmt: skip
    for index, face in enumerate(findings.faces.faces):
        if face.quality is None:  # a candidate: JSON lists those, too
            continue
        box = " ".join(f"{edge:.0f}" for edge in face.box)
        name = f"{index} primary" if index == findings.faces.primary else str(index)
        turns = (f"{angle:.0f}" for angle in (face.pose.yaw, face.pose.pitch, face.pose.roll))
        reasons = ", ".join(face.quality.reasons)
        table.add_row(name, f"{face.score:.2f}", box, face.position, *turns, f"{face.quality.suitability:.2f}", reasons)
    console = Console()
    console.print(table)
    console.print(findings.prompt, highlight=False, markup=False)


def _draw(path: Path, findings: Findings, out: Path) -> None:
    assert findings.faces is not None
    picture = decode(path.read_bytes(), limits=image_limits(load_settings()))
    try:
        draw(picture.pixels, findings.faces).save(out)
    except (OSError, ValueError) as cause:  # Pillow raises ValueError for a suffix that it does not know
        raise NotWritten(out, cause) from cause
