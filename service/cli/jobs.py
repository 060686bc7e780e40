"""`kernelsight jobs`: what is in the queue, and what became of it."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Annotated, TypeVar

import orjson
import typer
from rich.console import Console
from rich.table import Table

from service.settings import load_settings
from service.worker.job_services import JobServices, open_job_services
from service.worker.job_view import JobView

app = typer.Typer(help="Look after the queue.", no_args_is_help=True)
dead = typer.Typer(help="Jobs that were tried too often.", no_args_is_help=True)
app.add_typer(dead, name="dead")

T = TypeVar("T")
Ids = Annotated[list[str], typer.Argument(help="Ids of jobs.", show_default=False)]
_PAGE = 1000


@app.command()
def depth() -> None:
    """How many jobs wait, run, and wait for another try; how long the first one in line has waited."""
    depths = _with(lambda jobs: jobs.queue.depths())
    table = Table("queue", "waiting", "running", "to be retried", "oldest")
    for priority, one in depths.items():
        table.add_row(priority, str(one.waiting), str(one.running), str(one.delayed), f"{one.oldest_seconds:.1f} s")
    Console().print(table)


@app.command()
def show(id: str) -> None:
    """A job as GET /v1/jobs/ID gives it."""

    async def view(jobs: JobServices) -> JobView:
        status = await jobs.queue.status(id)
        return JobView.from_status(status, await jobs.queue.result(id))

    print(_with(view).model_dump_json(exclude_none=True, indent=2))


@app.command()
def cancel(ids: Ids) -> None:
    """Cancel jobs."""

    async def each(jobs: JobServices) -> None:
        for id in ids:
            print(f"{id}: {(await jobs.queue.cancel(id)).state}")

    _with(each)


@dead.command("list")
def listed(
    json: Annotated[bool, typer.Option("--json", help="JSON lines instead of a table.")] = False,
) -> None:
    """All of them, the oldest first, with the reason."""

    async def all_of(jobs: JobServices) -> list[JobView]:
        found: list[JobView] = []
        while page := await jobs.dead_letters.list(_PAGE, found[-1].id if found else None):
            found += [JobView.from_status(status) for status in page]
        return found

    views = _with(all_of)
    if json:
        for view in views:
            print(view.model_dump_json(exclude_none=True))
        return
    table = Table("id", "queue", "attempts", "reason")
    for view in views:
        table.add_row(view.id, view.priority, str(view.attempts), (view.error or {}).get("detail", ""))
    Console().print(table)


@dead.command()
def inspect(id: str) -> None:
    """One, with what was to be done."""
    letter = _with(lambda jobs: jobs.dead_letters.inspect(id))
    written = JobView.from_status(letter.status).model_dump(mode="json", exclude_none=True) | {"work": letter.work}
    print(orjson.dumps(written, option=orjson.OPT_INDENT_2).decode())


@dead.command()
def requeue(ids: Ids) -> None:
    """Try jobs again, with all their attempts before them."""

    async def each(jobs: JobServices) -> None:
        for id in ids:
            print(f"{id}: {(await jobs.dead_letters.requeue(id)).state}")

    _with(each)


@dead.command()
def drop(ids: Ids) -> None:
    """Forget jobs, and what they were made of."""

    async def each(jobs: JobServices) -> None:
        for id in ids:
            await jobs.dead_letters.drop(id)
            print(f"{id}: dropped")

    _with(each)


def _with(work: Callable[[JobServices], Awaitable[T]]) -> T:
    """Raises what reaching the queue raises."""

    async def opened() -> T:
        async with open_job_services(load_settings()) as jobs:
            return await work(jobs)

    return asyncio.run(opened())
