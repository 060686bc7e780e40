"""`kernelsight jobs`: shows the queue, cancels jobs and handles dead letters."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer
from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from service.worker.job_services import JobServices
    from service.worker.job_view import JobView

app = typer.Typer(help="Show and cancel jobs in the queue; handle dead letters.", no_args_is_help=True)
dead_letters = typer.Typer(help="Dead letters: jobs that failed too often.", no_args_is_help=True)
app.add_typer(dead_letters, name="dead")

T = TypeVar("T")
JobIds = Annotated[list[str], typer.Argument(help="Ids of jobs.", show_default=False)]

_LISTING_PAGE = 1000


@app.command()
def depth() -> None:
    """How many jobs wait, run, and wait for another try; how long the first in the queue has waited."""
    depths = _run_with_queue(lambda jobs: jobs.queue.depths())
    table = Table("queue", "waiting", "running", "to be retried", "oldest")
    for priority, depth in depths.items():
        oldest = f"{depth.oldest_seconds:.1f} s"
        table.add_row(priority, str(depth.waiting), str(depth.running), str(depth.delayed), oldest)
    Console().print(table)


@app.command()
def show(id: str) -> None:
    """A job as GET /v1/jobs/ID gives it."""
    from service.worker.job_view import JobView

    async def view(jobs: "JobServices") -> JobView:
        status = await jobs.queue.status(id)
        return JobView.from_status(status, await jobs.queue.result(id))

    print(_run_with_queue(view).model_dump_json(exclude_none=True, indent=2))


@app.command()
def cancel(ids: JobIds) -> None:
    """Cancel jobs."""

    async def cancel_each(jobs: "JobServices") -> None:
        for id in ids:
            print(f"{id}: {(await jobs.queue.cancel(id)).state}")

    _run_with_queue(cancel_each)


@dead_letters.command("list")
def list_dead_letters(
    json: Annotated[bool, typer.Option("--json", help="JSON lines instead of a table.")] = False,
) -> None:
    """All of them, the oldest first, with the reason."""
    views = _run_with_queue(_load_dead_letters)
    if json:
        for view in views:
            print(view.model_dump_json(exclude_none=True))
        return
    table = Table("id", "queue", "attempts", "reason")
    for view in views:
        table.add_row(view.id, view.priority, str(view.attempts), (view.error or {}).get("detail", ""))
    Console().print(table)


async def _load_dead_letters(jobs: "JobServices") -> list["JobView"]:
    from service.worker.job_view import JobView

    views: list[JobView] = []
    while page := await jobs.dead_letters.list(_LISTING_PAGE, views[-1].id if views else None):
        views += [JobView.from_status(status) for status in page]
    return views


@dead_letters.command()
def inspect(id: str) -> None:
    """One dead letter, with its work; passwords and URLs' paths are hidden."""
    import orjson

    from service.worker.job_secrets import hide_secrets
    from service.worker.job_view import JobView

    letter = _run_with_queue(lambda jobs: jobs.dead_letters.inspect(id))
    view = JobView.from_status(letter.status).model_dump(mode="json", exclude_none=True)
    print(orjson.dumps(view | {"work": hide_secrets(letter.work)}, option=orjson.OPT_INDENT_2).decode())


@dead_letters.command()
def requeue(ids: JobIds) -> None:
    """Put jobs back into the queue, with all their attempts."""

    async def requeue_each(jobs: "JobServices") -> None:
        for id in ids:
            print(f"{id}: {(await jobs.dead_letters.requeue(id)).state}")

    _run_with_queue(requeue_each)


@dead_letters.command()
def drop(ids: JobIds) -> None:
    """Delete jobs with their payloads."""

    async def drop_each(jobs: "JobServices") -> None:
        for id in ids:
            await jobs.dead_letters.drop(id)
            print(f"{id}: dropped")

    _run_with_queue(drop_each)


def _run_with_queue(work: Callable[["JobServices"], Awaitable[T]]) -> T:
    """Raises QueueUnavailable and what `work` raises."""
    from service.settings import load_settings
    from service.worker.job_services import open_job_services

    async def open_and_run() -> T:
        async with open_job_services(load_settings()) as jobs:
            return await work(jobs)

    return asyncio.run(open_and_run())
