"""A bulk run on this machine: opens its output, resumes where an earlier run stopped, and moderates the rest."""

import asyncio
import tempfile
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, replace
from itertools import takewhile
from pathlib import Path

from service.bulk.counters import ProgressCounters
from service.bulk.items import BulkItem
from service.bulk.local_runner import moderate_items
from service.bulk.manifests import is_manifest
from service.bulk.moderator import BulkOptions, open_moderator
from service.bulk.output import BulkOutput, check_name, open_output
from service.bulk.progress_index import ProgressIndex
from service.bulk.report import write_report
from service.bulk.rows import ModerationRow
from service.bulk.sources import SourceListing, is_web_url
from service.network.image_fetcher import open_fetcher
from service.settings import Settings

_MANIFEST_BYTES, _MANIFEST_SECONDS = 2**28, 600.0  # limits for a manifest behind http(s)


@dataclass(frozen=True)
class BulkRun:
    """`report` is a page about all rows of the output, written at the end, even if the run was stopped."""

    sources: Sequence[str]
    output: str
    options: BulkOptions
    restart: bool = False
    report: Path | None = None

    @property
    def listing(self) -> SourceListing:
        written = [] if "://" in self.output else [Path(self.output)]
        return SourceListing(self.sources, written if self.report is None else [*written, self.report])

    def write_report(self, output: BulkOutput) -> None:
        """If `report` is set; raises OutputInvalid."""
        if self.report is not None:
            write_report(self.report, self.output, output.rows())

    def check(self) -> None:
        """Checks what needs no model; raises SourceInvalid or OutputInvalid."""
        check_name(self.output)
        self.listing.check()


async def run_locally(
    run: BulkRun, settings: Settings, counters: ProgressCounters, on_change: Callable[[], None], stop: asyncio.Event
) -> None:
    """Raises what `open_moderator`, `open_output` and `SourceListing` raise; rows that were written stay."""
    run.check()
    async with (
        open_moderator(settings, run.options) as moderator,
        with_fetched_manifests(run.listing, settings) as listing,
    ):
        with open_output(run.output, moderator.fingerprint, restart=run.restart) as output, ProgressIndex() as index:
            await asyncio.to_thread(index_written_rows, output, index, counters)

            def on_written(rows: list[ModerationRow]) -> None:
                counters.record([row.verdict for row in rows])
                on_change()

            counters.start()
            with counting_items(listing, counters):
                await moderate_items(remaining_items(listing, index, counters), moderator, output, on_written, stop)
            await asyncio.to_thread(run.write_report, output)


def index_written_rows(output: BulkOutput, index: ProgressIndex, counters: ProgressCounters) -> None:
    """Read the rows that earlier runs have written."""

    def written() -> Iterator[tuple[str, str]]:
        for row in output.rows(["id", "source", "error"]):
            counters.failed_before += row["error"] is not None
            yield row["id"], row["source"]

    index.add_rows(written())


def remaining_items(listing: SourceListing, index: ProgressIndex, counters: ProgressCounters) -> Iterator[BulkItem]:
    """The items that have no row yet."""
    for item in listing:
        if index.take(item):
            counters.skipped += 1
        else:
            yield item


@asynccontextmanager
async def with_fetched_manifests(listing: SourceListing, settings: Settings) -> AsyncIterator[SourceListing]:
    """The listing, with copies of its http(s) manifests on this machine, fetched by the service's rules for URLs.

    Raises what `ImageFetcher.fetch` raises.
    """
    urls = [source for source in listing.sources if is_web_url(source) and is_manifest(source)]
    if not urls:
        yield listing
        return
    with tempfile.TemporaryDirectory(prefix="kernelsight-") as folder:
        copies = {}
        async with open_fetcher(
            settings.server.url_inputs, max_bytes=_MANIFEST_BYTES, seconds=_MANIFEST_SECONDS
        ) as fetcher:
            for number, url in enumerate(urls):
                copies[url] = Path(folder) / str(number)
                copies[url].write_bytes(await fetcher.fetch(url))
        yield replace(listing, fetched=copies)


@contextmanager
def counting_items(listing: SourceListing, counters: ProgressCounters) -> Iterator[None]:
    """Count all items in a thread of its own meanwhile, so that the time left can be shown."""
    stopping = threading.Event()

    def count() -> None:
        with suppress(Exception):  # the run itself lists the same sources, and reports it
            total = sum(1 for _ in takewhile(lambda _: not stopping.is_set(), listing))
            counters.total = None if stopping.is_set() else total

    thread = threading.Thread(target=count, name="counter", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stopping.set()
        thread.join(timeout=5)
