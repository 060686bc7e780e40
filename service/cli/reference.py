"""`kernelsight reference`: capture, show and reset what drift is measured against; a running service notices."""

import asyncio
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import httpx2
import numpy as np
import typer
from rich.console import Console
from rich.table import Table

from models.errors import KernelSightError
from pipelines.registry import PIPELINES
from service.cli.progress import show_steps
from service.components import open_components, served_pipelines
from service.monitoring.quality.factory import observe_quality
from service.monitoring.quality.reference import Reference
from service.monitoring.quality.reference_builder import capture_references, find_images
from service.monitoring.quality.reference_store import ReferenceStore
from service.settings import Settings, load_settings
from service.telemetry.metrics import Metrics

app = typer.Typer(help="Capture, show and reset what drift is measured against.", no_args_is_help=True)

out = Console(highlight=False, soft_wrap=True, width=None if sys.stdout.isatty() else 160)

Subjects = Annotated[list[str] | None, typer.Argument(help="Only these.", show_default=False)]


class ServiceUnreachable(KernelSightError):
    code = "service-unreachable"


class ServiceRefused(KernelSightError):
    code = "service-refused"


@app.command()
def capture(
    folder: Annotated[
        Path | None,
        typer.Option("--from", help="A folder of images, subfolders included.", exists=True, file_okay=False),
    ] = None,
    observations: Annotated[
        int | None, typer.Option(help="Answers that make the reference; KERNELSIGHT_REFERENCE_OBSERVATIONS.", min=500)
    ] = None,
    url: Annotated[str | None, typer.Option(help="Of the running service; by default the one on this machine.")] = None,
) -> None:
    """Make a folder of images the reference, or the next answers of a running service."""
    settings = load_settings()
    if folder is None:
        _ask(settings, url or f"http://{settings.server.host}:{settings.server.port}", observations)
        return
    if observations is not None or url is not None:
        raise typer.BadParameter("a folder is captured as it is, without a service", param_hint="--from")
    _print(asyncio.run(_from_folder(settings, folder)))


@app.command()
def show(
    subjects: Subjects = None, json: Annotated[bool, typer.Option("--json", help="As JSON lines.")] = False
) -> None:
    """The references: when and from how much they were captured."""
    references = ReferenceStore(load_settings().monitoring.references)
    found = [one for name in subjects or references.names if (one := references.load(name)) is not None]
    if json:
        for reference in found:
            print(reference.model_dump_json())
    else:
        _print(found)


@app.command()
def reset(subjects: Subjects = None) -> None:
    """Remove references; a running service notices, and captures new ones unless KERNELSIGHT_REFERENCE_AUTO is off."""
    references = ReferenceStore(load_settings().monitoring.references)
    for name in subjects or references.names:
        references.remove(name)


def _ask(settings: Settings, url: str, observations: int | None) -> None:
    """Raises ServiceUnreachable or ServiceRefused."""
    key = settings.server.api_key
    headers = {"Authorization": f"Bearer {key.get_secret_value()}"} if key else {}
    query = {} if observations is None else {"observations": observations}
    try:
        reply = httpx2.post(f"{url}/v1/quality/reference", params=query, headers=headers, timeout=30)
    except httpx2.TransportError as cause:
        raise ServiceUnreachable(f"no service answers at {url}: {cause}; name it with --url") from cause
    if reply.status_code != 202:
        raise ServiceRefused(f"{url} answers {reply.status_code}: {reply.text}")
    wanted = {one["capturing"]["wanted"] for one in reply.json()["subjects"]}
    out.print(f"The next {max(wanted):,} answers of {url} become the reference.")


async def _from_folder(settings: Settings, folder: Path) -> list[Reference]:
    """Raises ReferenceTooSmall, ReferencesNotWritable and what `open_components` raises."""
    paths, here = find_images(folder), served_pipelines(settings)
    options = {name: one for name in here if (one := PIPELINES[name].warm_up) is not None}
    async with open_components(settings, Metrics(), only=tuple(options)) as components:
        with show_steps(f"looking at {folder}", len(paths)) as on_image:
            found = await capture_references(
                components.engine, observe_quality(components), paths, options, on_image=on_image, on_skip=_say_skipped
            )
    for reference in found:
        ReferenceStore(settings.monitoring.references).save(reference)
    return found


def _say_skipped(path: Path, error: Exception) -> None:
    reason = error.strerror if isinstance(error, OSError) else error
    print(f"kernelsight: skipped {path}: {reason}", file=sys.stderr)


def _print(references: Iterable[Reference]) -> None:
    table = Table("subject", "captured", "from", "observations", "signals", "models")
    for one in references:
        captured = f"{one.captured_at.astimezone():%Y-%m-%d %H:%M}"
        signals = [f"{name} {int(np.sum(counts))}" for name, counts in one.counts.items()]
        table.add_row(
            one.subject, captured, one.source, str(one.observations), ", ".join(signals), one.fingerprint[:12]
        )
    out.print(table)
