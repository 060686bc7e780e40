"""Runs many files through one engine and hands out their results in the order of the files."""

import asyncio
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import orjson
import typer
from pydantic import BaseModel, ValidationError

from models.errors import KernelSightError
from pipelines.findings import Findings
from pipelines.run_context import PartListener
from service.cli.errors import OutputNotWritable
from service.cli.input_files import read_file
from service.components import Components, open_components
from service.settings import load_settings
from service.telemetry.metrics import Metrics

MAX_CONCURRENT_FILES = 8  # enough to keep every core busy, few enough to keep memory small

OptionsT = TypeVar("OptionsT", bound=BaseModel)
ShowFindings = Callable[[Path, Findings], None]
PartListenerFactory = Callable[[Path], PartListener]  # the listener for the parts of one file, such as its pages


def run_over_files(
    files: list[Path],
    options: Mapping[str, BaseModel],
    show: ShowFindings,
    *,
    part_listener_for: PartListenerFactory | None = None,
    also_open: tuple[str, ...] = (),
) -> None:
    """Run the pipelines of `options` over every file and hand the findings to `show`.

    `also_open` names further pipelines whose models these need. A file that fails is a line on stderr, and exit code 1
    at the end. Raises what `open_components` raises.
    """
    if asyncio.run(_run_over_files(files, options, show, part_listener_for, also_open)):
        raise typer.Exit(1)


async def _run_over_files(
    files: list[Path],
    options: Mapping[str, BaseModel],
    show: ShowFindings,
    part_listener_for: PartListenerFactory | None,
    also_open: tuple[str, ...],
) -> int:
    """How many files failed."""
    failed = 0
    async with open_components(load_settings(), Metrics(), only=(*options, *also_open)) as components:
        slots = asyncio.Semaphore(MAX_CONCURRENT_FILES)
        running = [
            asyncio.create_task(_run_over_file(components, path, options, slots, part_listener_for)) for path in files
        ]
        for path, task in zip(files, running, strict=True):
            try:
                show(path, await task)
            except (KernelSightError, OSError) as error:
                failed += 1
                reason = error.strerror if isinstance(error, OSError) else error
                print(f"kernelsight: {path}: {reason}", file=sys.stderr)
    return failed


async def _run_over_file(
    components: Components,
    path: Path,
    options: Mapping[str, BaseModel],
    slots: asyncio.Semaphore,
    part_listener_for: PartListenerFactory | None,
) -> Findings:
    async with slots:
        data = await asyncio.to_thread(read_file, path)
        return await components.engine.run(
            data, options, on_page=part_listener_for(path) if part_listener_for else None
        )


def parse_options(kind: type[OptionsT], **values: Any) -> OptionsT:
    """Make a pipeline's options; values that it refuses are wrong usage of the command line."""
    try:
        return kind.model_validate(values)
    except ValidationError as cause:
        wrong = cause.errors()[0]
        raise typer.BadParameter(wrong["msg"], param_hint=f"--{wrong['loc'][0]}" if wrong["loc"] else None) from cause


def write_file(path: Path, data: bytes) -> None:
    """Raises OutputNotWritable."""
    try:
        path.write_bytes(data)
    except OSError as cause:
        raise OutputNotWritable(path, cause) from cause


def print_json(path: Path, reply: BaseModel) -> None:
    """One line, with the file's name first."""
    print(orjson.dumps({"file": str(path)} | reply.model_dump(mode="json", exclude_none=True)).decode(), flush=True)
