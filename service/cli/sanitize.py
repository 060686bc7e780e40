"""`kernelsight sanitize`: the same engine as the service, over one file."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from pipelines.findings import Findings
from pipelines.sanitize import FileFormat, SanitizeOptions
from service.cli.files import look_at, write

_KINDS: dict[str, FileFormat] = {".jpg": "jpeg", ".jpeg": "jpeg", ".png": "png", ".webp": "webp"}


def sanitize(
    image: Annotated[Path, typer.Argument(metavar="IN", help="Image file.", show_default=False)],
    out: Annotated[Path, typer.Argument(help="The clean image: .jpg, .png or .webp.", show_default=False)],
    quality: Annotated[int, typer.Option(help="Of JPEG and WebP.", min=1, max=100)] = 90,
    max_side: Annotated[int | None, typer.Option(help="Shrink to this longer side; pixels.", min=1, max=16_383)] = None,
) -> None:
    """Make an image anew from its pixels: upright, in sRGB, without metadata."""
    if out.suffix.lower() not in _KINDS:
        raise typer.BadParameter("the name must end in .jpg, .jpeg, .png or .webp", param_hint="OUT")
    options = SanitizeOptions(format=_KINDS[out.suffix.lower()], quality=quality, max_side=max_side)

    def show(path: Path, findings: Findings) -> None:
        assert findings.sanitize is not None
        made = findings.sanitize
        write(out, made.data)
        first = f", first of {made.frames} frames" if made.frames > 1 else ""
        words = f"{out}: {made.width} x {made.height} pixels of {path}{first}"
        Console(stderr=True).print(words, highlight=False, markup=False, soft_wrap=True)

    look_at([image], {"sanitize": options}, show)
