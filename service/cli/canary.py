"""`kernelsight canary`: golden sets through an engine of this process's own."""

import asyncio
from typing import Annotated

import orjson
import typer
from rich.console import Console
from rich.table import Table

from service.components import open_components, served_pipelines
from service.monitoring.canaries.expected import CANARY_OPTIONS
from service.monitoring.canaries.results import CanaryResult
from service.monitoring.canaries.runner import build_canary_runner
from service.settings import load_settings
from service.telemetry.metrics import Metrics

app = typer.Typer(help="Pictures whose right answers are known.", no_args_is_help=True)


@app.callback()
def canary() -> None:
    """Without it the only command would be the group itself."""


@app.command()
def run(
    name: Annotated[str | None, typer.Option("--set", help="Only this golden set.")] = None,
    json: Annotated[bool, typer.Option("--json", help="All answers as one JSON object a set.")] = False,
) -> None:
    """Run golden sets once; exit code 1 when an answer is wrong. KERNELSIGHT_CANARIES names a folder of more sets."""
    results = asyncio.run(_run(name))
    for result in results:
        if json:
            print(orjson.dumps(result.model_dump(mode="json")).decode())
        else:
            _print(result)
    if not all(result.passed for result in results):
        raise typer.Exit(1)


async def _run(name: str | None) -> list[CanaryResult]:
    settings = load_settings()
    only = [name for name in CANARY_OPTIONS if name in served_pipelines(settings)]
    async with open_components(settings, Metrics(), only=only) as components:
        return await build_canary_runner(components.engine, settings).run(name)


def _print(result: CanaryResult) -> None:
    table = Table("image", "pipeline", "", "answer", "", title=f"golden set {result.set}", title_justify="left")
    marks = {True: "[green]✓[/]", False: "[red]✗[/]", None: "?"}
    for one in result.answers:
        notes = [*one.wrong, *([f"flipped, before: {one.before}"] if one.flipped else [])]
        table.add_row(one.image, one.pipeline, marks[one.right], one.answer, "; ".join(notes))
    console = Console()
    console.print(table)
    shares = ", ".join(f"{pipeline} {share:.0%}" for pipeline, share in result.accuracy.items())
    console.print(f"right: {shares}; flips: {result.flips}; {result.seconds:.1f} s", highlight=False)
