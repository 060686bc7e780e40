"""Prints what was found in an image, as a table or as a line of JSON, and draws faces and objects into a copy of it."""

from pathlib import Path

from PIL.Image import Image
from rich.console import Console
from rich.table import Table

from pipelines.captioning.spec import FEATURES
from pipelines.faces.spec import FACES
from pipelines.findings import Findings
from pipelines.image.decode import decode
from pipelines.objects.spec import OBJECTS
from service.cli.errors import OutputNotWritable
from service.cli.files import print_json
from service.components import image_limits
from service.operations.schemas import FacesReply, FeaturesReply, ObjectsReply
from service.settings import load_settings


def print_faces_json(path: Path, findings: Findings) -> None:
    print_json(path, FacesReply.of(findings))


def print_faces_table(path: Path, findings: Findings) -> None:
    table = Table(
        "face", "score", "box", "position", "yaw", "pitch", "roll", "suitability", "against it", title=str(path),
        title_justify="left",
    )  # fmt: skip
    found = findings.of(FACES)
    for index, face in enumerate(found.faces):
        if face.quality is None:  # a candidate: JSON lists those, too
            continue
        box = " ".join(f"{edge:.0f}" for edge in face.box)
        name = f"{index} primary" if index == found.primary else str(index)
        angles = (f"{angle:.0f}" for angle in (face.pose.yaw, face.pose.pitch, face.pose.roll))
        reasons = ", ".join(face.quality.reasons)
        table.add_row(
            name, f"{face.score:.2f}", box, face.position, *angles, f"{face.quality.suitability:.2f}", reasons
        )
    _print_with_prompt(table, findings)


def write_faces_overlay(path: Path, findings: Findings, out: Path) -> None:
    """Raises OutputNotWritable."""
    from pipelines.faces.overlay import draw_faces

    _save_drawing(draw_faces(_decode_whole(path), findings.of(FACES)), out)


def print_objects_json(path: Path, findings: Findings) -> None:
    print_json(path, ObjectsReply.of(findings))


def print_objects_table(path: Path, findings: Findings) -> None:
    table = Table("object", "score", "box", "position", "size", title=str(path), title_justify="left")
    for one in findings.of(OBJECTS).objects:
        box = " ".join(f"{edge:.0f}" for edge in one.box)
        table.add_row(one.label, f"{one.score:.2f}", box, one.position, f"{one.size:.1%}")
    _print_with_prompt(table, findings)


def write_objects_overlay(path: Path, findings: Findings, out: Path) -> None:
    """Raises OutputNotWritable."""
    from pipelines.objects.overlay import draw_objects

    _save_drawing(draw_objects(_decode_whole(path), findings.of(OBJECTS)), out)


def _decode_whole(path: Path) -> Image:
    return decode(path.read_bytes(), limits=image_limits(load_settings())).pixels


def _save_drawing(drawing: Image, out: Path) -> None:
    try:
        drawing.save(out)
    except (OSError, ValueError) as cause:  # Pillow raises ValueError for a suffix that it does not know
        raise OutputNotWritable(out, cause) from cause


def print_features_json(path: Path, findings: Findings) -> None:
    print_json(path, FeaturesReply.of(findings))


def print_features_table(path: Path, findings: Findings) -> None:
    table = Table("tag", "score", "group", "wnid", title=str(path), title_justify="left")
    for tag in findings.of(FEATURES).tags:
        table.add_row(tag.label, f"{tag.score:.3f}", tag.group, tag.wnid)
    _print_with_prompt(table, findings)


def print_note(text: str) -> None:
    """On stderr, beside a file that was written."""
    Console(stderr=True).print(text, highlight=False, markup=False, soft_wrap=True)


def _print_with_prompt(table: Table, findings: Findings) -> None:
    console = Console()
    console.print(table)
    console.print(findings.prompt, highlight=False, markup=False)
