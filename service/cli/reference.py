"""`kernelsight reference`: capture, show and reset what drift is measured against; a running service notices."""

import asyncio
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from service.monitoring.quality.reference import Reference
    from service.monitoring.quality.reference_store import ReferenceStore

app = typer.Typer(help="Capture, show and reset the references that drift is measured against.", no_args_is_help=True)

out = Console(highlight=False, soft_wrap=True, width=None if sys.stdout.isatty() else 160)

Subjects = Annotated[list[str] | None, typer.Argument(help="Only these.", show_default=False)]


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
    if folder is None:
        _capture_from_service(url, observations)
        return
    if observations is not None or url is not None:
        raise typer.BadParameter("a folder is captured as it is, without a service", param_hint="--from")
    _print_references(asyncio.run(_capture_from_folder(folder)))


@app.command()
def show(
    subjects: Subjects = None, json: Annotated[bool, typer.Option("--json", help="As JSON lines.")] = False
) -> None:
    """The references: when and from how much they were captured."""
    store = _open_store()
    found = [one for name in subjects or store.names if (one := store.load(name)) is not None]
    if json:
        for reference in found:
            print(reference.model_dump_json())
    else:
        _print_references(found)


@app.command()
def reset(subjects: Subjects = None) -> None:
    """Remove references; a running service notices, and captures new ones unless KERNELSIGHT_REFERENCE_AUTO is off."""
    store = _open_store()
    for name in subjects or store.names:
        store.remove(name)


def _open_store() -> "ReferenceStore":
    from service.monitoring.quality.reference_store import ReferenceStore
    from service.settings import load_settings

    return ReferenceStore(load_settings().monitoring.references)


def _capture_from_service(url: str | None, observations: int | None) -> None:
    """Raises ServiceUnreachable or ServiceRefused."""
    from service.cli.service_client import open_service_client

    service = open_service_client(url)
    query = {} if observations is None else {"observations": observations}
    report = service.request("POST", "/v1/quality/reference", **query)
    wanted = {subject["capturing"]["wanted"] for subject in report["subjects"]}
    out.print(f"The next {max(wanted):,} answers of {service.url} become the reference.")


async def _capture_from_folder(folder: Path) -> list["Reference"]:
    """Raises ReferenceTooSmall, ReferencesNotWritable and what `open_components` raises."""
    from pipelines.registry import PIPELINES
    from service.cli.progress import show_steps
    from service.components import open_components, served_pipelines
    from service.monitoring.quality.factory import observe_quality
    from service.monitoring.quality.reference_builder import capture_references, find_images
    from service.settings import load_settings
    from service.telemetry.metrics import Metrics

    settings, paths = load_settings(), find_images(folder)
    wanted = {name: one for name in served_pipelines(settings) if (one := PIPELINES[name].warm_up) is not None}
    async with open_components(settings, Metrics(), only=tuple(wanted)) as components:
        options = {name: wanted[name] for name in components.engine.pipelines}
        with show_steps(f"looking at {folder}", len(paths)) as on_image:
            references = await capture_references(
                components.engine,
                observe_quality(components),
                paths,
                options,
                on_image=on_image,
                on_skip=_print_skipped,
            )
    for reference in references:
        _open_store().save(reference)
    return references


def _print_skipped(path: Path, error: Exception) -> None:
    reason = error.strerror if isinstance(error, OSError) else error
    print(f"kernelsight: skipped {path}: {reason}", file=sys.stderr)


def _print_references(references: Iterable["Reference"]) -> None:
    table = Table("subject", "captured", "from", "observations", "signals", "models")
    for one in references:
        captured = f"{one.captured_at.astimezone():%Y-%m-%d %H:%M}"
        signals = [f"{name} {int(sum(counts))}" for name, counts in one.counts.items()]
        table.add_row(
            one.subject, captured, one.source, str(one.observations), ", ".join(signals), one.fingerprint[:12]
        )
    out.print(table)
