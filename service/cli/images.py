"""`kernelsight features`, `faces`, `avatar`, `explain` and `sanitize`: one engine over image files."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

if TYPE_CHECKING:
    from pipelines.findings import Findings


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
    from pipelines.faces.options import FacesOptions
    from service.cli.files import run_over_files
    from service.cli.image_output import print_faces_json, print_faces_table, write_faces_overlay

    options = FacesOptions(
        threshold=threshold, min_score=min_score, max_faces=max_faces, min_face_size=min_face_size, turned=turned
    )
    _check_drawing(images, draw_to)
    print_faces = print_faces_json if json or not sys.stdout.isatty() else print_faces_table

    def show(path: Path, findings: "Findings") -> None:
        print_faces(path, findings)
        if draw_to is not None:
            write_faces_overlay(path, findings, _drawing_of(path, draw_to))

    run_over_files(images, {"faces": options}, show)


def objects(
    images: Annotated[list[Path], typer.Argument(help="Image files.", show_default=False)],
    min_score: Annotated[float, typer.Option(help="Leave out objects under this score.", min=0, max=1)] = 0.3,
    labels: Annotated[str | None, typer.Option(help="Only these, comma-separated: dog,cat.")] = None,
    max_objects: Annotated[int, typer.Option("--max", help="Objects per image at most.", min=1, max=1000)] = 100,
    precision: Annotated[
        float | None,
        typer.Option(help="Share of stated labels that is right.", show_default="the setting's", min=0.8, max=0.99),
    ] = None,
    draw_to: Annotated[
        Path | None, typer.Option("--draw", help="Write the image with what was found; a folder for several images.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="JSON lines even on a terminal.")] = False,
) -> None:
    """Objects in images, and how many of each are certain: a table on a terminal, else JSON lines."""
    from pipelines.objects.options import ObjectsOptions
    from service.cli.files import parse_options, run_over_files
    from service.cli.image_output import print_objects_json, print_objects_table, write_objects_overlay

    options = parse_options(ObjectsOptions, min_score=min_score, labels=labels, max=max_objects, precision=precision)
    _check_drawing(images, draw_to)
    print_objects = print_objects_json if json or not sys.stdout.isatty() else print_objects_table

    def show(path: Path, findings: "Findings") -> None:
        print_objects(path, findings)
        if draw_to is not None:
            write_objects_overlay(path, findings, _drawing_of(path, draw_to))

    run_over_files(images, {"objects": options}, show)


def _check_drawing(images: list[Path], draw_to: Path | None) -> None:
    if draw_to is not None and len(images) > 1 and not draw_to.is_dir():
        raise typer.BadParameter("with several images this must be a folder", param_hint="--draw")


def _drawing_of(path: Path, draw_to: Path) -> Path:
    return draw_to / f"{path.stem}.png" if draw_to.is_dir() else draw_to


def avatar(
    image: Annotated[Path, typer.Argument(help="Image file.", show_default=False)],
    out: Annotated[Path, typer.Argument(help="Where to write the avatar: .png or .webp.", show_default=False)],
    size: Annotated[int, typer.Option(help="Side in pixels.", min=32, max=1024)] = 256,
    circle: Annotated[bool, typer.Option("--circle", help="Transparent outside a circle.")] = False,
    face: Annotated[str, typer.Option(help="primary, or a face's index in `kernelsight faces`.")] = "primary",
    padding: Annotated[str, typer.Option(help="Outside the image: reflect, or a colour #rrggbb.")] = "reflect",
) -> None:
    """Cut one face out as an avatar, aligned by its eyes."""
    from pipelines.faces.options import AvatarOptions
    from pipelines.faces.spec import AVATAR
    from service.cli.files import parse_options, run_over_files, write_file
    from service.cli.image_output import print_note

    formats: dict[str, Literal["png", "webp"]] = {".png": "png", ".webp": "webp"}
    if out.suffix.lower() not in formats:
        raise typer.BadParameter("the name must end in .png or .webp", param_hint="OUT")
    options = parse_options(
        AvatarOptions, size=size, shape="circle" if circle else "square", format=formats[out.suffix.lower()],
        face=face, padding=padding,
    )  # fmt: skip

    def show(path: Path, findings: "Findings") -> None:
        cut = findings.of(AVATAR)
        write_file(out, cut.data)
        print_note(f"{out}: face {cut.index} of {path}")

    run_over_files([image], {"avatar": options}, show)


def features(
    images: Annotated[list[Path], typer.Argument(help="Image files.", show_default=False)],
    top_k: Annotated[int, typer.Option(help="Tags per image at most.", min=0, max=1000)] = 5,
    min_score: Annotated[float, typer.Option(help="Leave out tags under this score.", min=0, max=1)] = 0.02,
    grid: Annotated[bool, typer.Option("--grid", help="Add the spatial feature grid (JSON only).")] = False,
    json: Annotated[bool, typer.Option("--json", help="JSON lines even on a terminal.")] = False,
) -> None:
    """Captioning features of images: a table on a terminal, else one JSON object a line."""
    from pipelines.captioning.options import FeaturesOptions
    from service.cli.files import run_over_files
    from service.cli.image_output import print_features_json, print_features_table

    show = print_features_json if json or not sys.stdout.isatty() else print_features_table
    run_over_files(images, {"features": FeaturesOptions(top_k=top_k, min_score=min_score, grid=grid)}, show)


def explain(
    image: Annotated[Path, typer.Argument(help="Image file.", show_default=False)],
    out: Annotated[Path, typer.Argument(help="Where to write the picture: .png.", show_default=False)],
    wnid: Annotated[str | None, typer.Option(help="Class by WordNet id; the best tag without it.")] = None,
    index: Annotated[int | None, typer.Option(help="Class by index.")] = None,
) -> None:
    """Draw which places of an image speak for its best tag, or for a class: warm for it, cold against it."""
    from pipelines.explain.options import ExplainOptions
    from pipelines.explain.spec import EXPLAIN
    from service.cli.files import parse_options, run_over_files, write_file
    from service.cli.image_output import print_note

    if out.suffix.lower() != ".png":
        raise typer.BadParameter("the name must end in .png", param_hint="OUT")
    options = parse_options(ExplainOptions, wnid=wnid, index=index)

    def show(path: Path, findings: "Findings") -> None:
        [explained] = findings.of(EXPLAIN).explanations
        assert explained.overlay is not None
        write_file(out, explained.overlay)
        print_note(f"{out}: {explained.label}, score {explained.score:.2f}, logit {explained.logit:.2f}")

    run_over_files([image], {"explain": options}, show)


def sanitize(
    image: Annotated[Path, typer.Argument(metavar="IN", help="Image file.", show_default=False)],
    out: Annotated[Path, typer.Argument(help="The clean image: .jpg, .png or .webp.", show_default=False)],
    quality: Annotated[int, typer.Option(help="Of JPEG and WebP.", min=1, max=100)] = 90,
    max_side: Annotated[int | None, typer.Option(help="Shrink to this longer side; pixels.", min=1, max=16_383)] = None,
) -> None:
    """Make an image anew from its pixels: upright, in sRGB, without metadata."""
    from pipelines.image.sanitize_types import OutputFormat, SanitizeOptions
    from pipelines.image.spec import SANITIZE
    from service.cli.files import run_over_files, write_file
    from service.cli.image_output import print_note

    formats: dict[str, OutputFormat] = {".jpg": "jpeg", ".jpeg": "jpeg", ".png": "png", ".webp": "webp"}
    if out.suffix.lower() not in formats:
        raise typer.BadParameter("the name must end in .jpg, .jpeg, .png or .webp", param_hint="OUT")
    options = SanitizeOptions(format=formats[out.suffix.lower()], quality=quality, max_side=max_side)

    def show(path: Path, findings: "Findings") -> None:
        clean = findings.of(SANITIZE)
        write_file(out, clean.data)
        first = f", first of {clean.frames} frames" if clean.frames > 1 else ""
        print_note(f"{out}: {clean.width} x {clean.height} pixels of {path}{first}")

    run_over_files([image], {"sanitize": options}, show)
