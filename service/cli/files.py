"""Many files through one engine, answered in the order in which they were named."""

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
from service.components import Components, open_components
from service.settings import load_settings
from service.telemetry.metrics import Metrics

AT_ONCE = 8  # files in flight: enough to keep every core busy, few enough to keep memory small

OptionsT = TypeVar("OptionsT", bound=BaseModel)
Show = Callable[[Path, Findings], None]
ReportOf = Callable[[Path], PartListener]  # what is told of a file's parts while they are done


class NotWritten(KernelSightError):
    code = "not-written"

    def __init__(self, path: Path, cause: Exception) -> None:
        super().__init__(f"cannot write {path}: {cause.strerror if isinstance(cause, OSError) else cause}")


def look_at(
    images: list[Path],
    tasks: Mapping[str, BaseModel],
    show: Show,
    *,
    report_of: ReportOf | None = None,
    also: tuple[str, ...] = (),
) -> None:
    """Run `tasks` over every file and hand each answer to `show`; `also` names pipelines whose models they need, too.

    A file that fails is a line on stderr, and exit code 1 at the end. Raises what `open_components` raises.
    """
    if asyncio.run(_look_at(images, tasks, show, report_of, also)):
        raise typer.Exit(1)


async def _look_at(
    images: list[Path],
    tasks: Mapping[str, BaseModel],
    show: Show,
    report_of: ReportOf | None,
    also: tuple[str, ...],
) -> int:
    failed = 0
    async with open_components(load_settings(), Metrics(), only=(*tasks, *also)) as components:
        slots = asyncio.Semaphore(AT_ONCE)
        running = [asyncio.create_task(_one(components, path, tasks, slots, report_of)) for path in images]
        for path, task in zip(images, running, strict=True):
            try:
                show(path, await task)
            except (KernelSightError, OSError) as error:
                failed += 1
                reason = error.strerror if isinstance(error, OSError) else error
                print(f"kernelsight: {path}: {reason}", file=sys.stderr)
    return failed


async def _one(
    components: Components,
    path: Path,
    tasks: Mapping[str, BaseModel],
    slots: asyncio.Semaphore,
    report_of: ReportOf | None,
) -> Findings:
    async with slots:
        data = await asyncio.to_thread(path.read_bytes)
        return await components.engine.run(data, tasks, on_page=report_of(path) if report_of else None)


def checked(kind: type[OptionsT], **values: Any) -> OptionsT:
    """`kind` of these values; what it refuses is wrong usage of the command line."""
    try:
        return kind.model_validate(values)
    except ValidationError as cause:
        wrong = cause.errors()[0]
        raise typer.BadParameter(wrong["msg"], param_hint=f"--{wrong['loc'][0]}" if wrong["loc"] else None) from cause


def write(path: Path, data: bytes) -> None:
    """Raises NotWritten."""
    try:
        path.write_bytes(data)
    except OSError as cause:
        raise NotWritten(path, cause) from cause


def print_json(path: Path, reply: BaseModel) -> None:
    """One line, with the file's name first."""
    print(orjson.dumps({"file": str(path)} | reply.model_dump(mode="json", exclude_none=True)).decode(), flush=True)
