"""A whole batch on this machine: opened, taken up where it was left, gone through, closed."""

import asyncio
import tempfile
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, replace
from itertools import takewhile
from pathlib import Path

from service.bulk.counters import Tally
from service.bulk.items import Item
from service.bulk.local_runner import judge_all
from service.bulk.manifests import is_manifest
from service.bulk.moderator import Work, open_judge
from service.bulk.output import Output, check_name, open_output
from service.bulk.progress_index import Done
from service.bulk.report import write_report
from service.bulk.rows import Row
from service.bulk.sources import Listing, is_web
from service.network.image_fetcher import open_fetcher
from service.settings import Settings

_MANIFEST_BYTES, _MANIFEST_SECONDS = 2**28, 600.0  # of one behind http(s)


@dataclass(frozen=True)
class Batch:
    """`report` is a page about all rows of the output, written at the end, also of a batch that was stopped."""

    sources: Sequence[str]
    output: str
    work: Work
    restart: bool = False
    report: Path | None = None

    @property
    def listing(self) -> Listing:
        written = [] if "://" in self.output else [Path(self.output)]
        return Listing(self.sources, written if self.report is None else [*written, self.report])

    def write_report(self, output: Output) -> None:
        """Where one is asked for; raises OutputInvalid."""
        if self.report is not None:
            write_report(self.report, self.output, output.rows())

    def check(self) -> None:
        """What can be seen before any model is loaded; raises SourceInvalid or OutputInvalid."""
        check_name(self.output)
        self.listing.check()


async def run_here(
    batch: Batch, settings: Settings, tally: Tally, on_change: Callable[[], None], stop: asyncio.Event
) -> None:
    """Raises as `open_judge`, `open_output` and `Listing` do; rows that were written stay."""
    batch.check()
    async with open_judge(settings, batch.work) as judge, fetched(batch.listing, settings) as listing:
        with open_output(batch.output, judge.conditions, restart=batch.restart) as output, Done() as done:
            await asyncio.to_thread(note_rows, output, done, tally)

            def note(rows: list[Row]) -> None:
                tally.note([row.verdict for row in rows])
                on_change()

            tally.begin()
            with counting(listing, tally):
                await judge_all(left(listing, done, tally), judge, output, note, stop)
            await asyncio.to_thread(batch.write_report, output)


def note_rows(output: Output, done: Done, tally: Tally) -> None:
    """What earlier runs have written."""

    def names() -> Iterator[tuple[str, str]]:
        for row in output.rows(["id", "source", "error"]):
            tally.failed_before += row["error"] is not None
            yield row["id"], row["source"]

    done.add(names())


def left(listing: Listing, done: Done, tally: Tally) -> Iterator[Item]:
    """Items that have no row yet."""
    for item in listing:
        if done.take(item):
            tally.skipped += 1
        else:
            yield item


@asynccontextmanager
async def fetched(listing: Listing, settings: Settings) -> AsyncIterator[Listing]:
    """The listing with its manifests behind http(s) on this machine, by the service's own rules for URLs.

    Raises as `ImageFetcher.fetch` does.
    """
    urls = [source for source in listing.sources if is_web(source) and is_manifest(source)]
    if not urls:
        yield listing
        return
    with tempfile.TemporaryDirectory(prefix="kernelsight-") as folder:
        found = {}
        async with open_fetcher(settings.url_inputs, max_bytes=_MANIFEST_BYTES, seconds=_MANIFEST_SECONDS) as fetcher:
            for number, url in enumerate(urls):
                found[url] = Path(folder) / str(number)
                found[url].write_bytes(await fetcher.fetch(url))
        yield replace(listing, fetched=found)


@contextmanager
def counting(listing: Listing, tally: Tally) -> Iterator[None]:
    """Goes through the listing beside the work, for who wants to know how long it takes."""
    leaving = threading.Event()

    def count() -> None:
        with suppress(Exception):  # whoever lists for the work hears of it
            total = sum(1 for _ in takewhile(lambda _: not leaving.is_set(), listing))
            tally.total = None if leaving.is_set() else total

    thread = threading.Thread(target=count, name="counter", daemon=True)
    thread.start()
    try:
        yield
    finally:
        leaving.set()
        thread.join(timeout=5)
