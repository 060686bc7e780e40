"""`kernelsight features`: the same engine as the service, over files."""

import asyncio
import sys
from pathlib import Path
from typing import Annotated

import orjson
import typer
from rich.console import Console
from rich.table import Table

from models.errors import KernelSightError
from pipelines.captioning import FeaturesOptions
from pipelines.findings import Findings
from service.composition import House, open_house
from service.metrics import Metrics
from service.schemas import FeaturesReply
from service.settings import load_settings

AT_ONCE = 8  # files in flight: enough to keep every core busy, few enough to keep memory small


def features(
    images: Annotated[list[Path], typer.Argument(help="Image files.", show_default=False)],
    top_k: Annotated[int, typer.Option(help="Tags per image at most.", min=0, max=1000)] = 5,
    min_score: Annotated[float, typer.Option(help="Leave out tags under this score.", min=0, max=1)] = 0.02,
    grid: Annotated[bool, typer.Option("--grid", help="Add the spatial feature grid (JSON only).")] = False,
    json: Annotated[bool, typer.Option("--json", help="JSON lines even on a terminal.")] = False,
) -> None:
    """Captioning features of images: a table on a terminal, else one JSON object a line."""
    options = FeaturesOptions(top_k=top_k, min_score=min_score, grid=grid)
    failed = asyncio.run(_run(images, options, as_json=json or not sys.stdout.isatty()))
    if failed:
        raise typer.Exit(1)


async def _run(images: list[Path], options: FeaturesOptions, *, as_json: bool) -> int:
    failed = 0
    async with open_house(load_settings(), Metrics()) as house:
        slots = asyncio.Semaphore(AT_ONCE)
        tasks = [asyncio.create_task(_one(house, path, options, slots)) for path in images]
        for path, task in zip(images, tasks, strict=True):
            try:
                _show(path, await task, as_json=as_json)
            except (KernelSightError, OSError) as error:
                failed += 1
                reason = error.strerror if isinstance(error, OSError) else error
                print(f"kernelsight: {path}: {reason}", file=sys.stderr)
    return failed


async def _one(house: House, path: Path, options: FeaturesOptions, slots: asyncio.Semaphore) -> Findings:
    async with slots:
        data = await asyncio.to_thread(path.read_bytes)
        return await house.engine.run(data, {"features": options})


def _show(path: Path, findings: Findings, *, as_json: bool) -> None:
    if as_json:
        reply = FeaturesReply.of(findings).model_dump(mode="json", exclude_none=True)
        print(orjson.dumps({"file": str(path)} | reply).decode(), flush=True)
        return
    assert findings.features is not None
    table = Table("tag", "score", "group", "wnid", title=str(path), title_justify="left")
    for tag in findings.features.tags:
        table.add_row(tag.label, f"{tag.score:.3f}", tag.group, tag.wnid)
    console = Console()
    console.print(table)
    console.print(findings.prompt, highlight=False, markup=False)
