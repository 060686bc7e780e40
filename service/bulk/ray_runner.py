"""The engine past one machine: Ray Data over a pool of actors, each with a runtime of its own.

listing (a task beside the driver) ─► blocks of items ─► actors, on every node ─► rows ─► the driver ─► output

The driver alone writes, so that an actor that dies and is started again costs no row and makes none twice, and an
output is taken up again as those of the engine on one machine are.
"""

import asyncio
import logging
import pickle
import socket
import tempfile
import threading
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import orjson
import uvloop

from models.concurrency import gather_or_cancel
from models.errors import KernelSightError
from service.bulk import optional_imports
from service.bulk.counters import Tally
from service.bulk.errors import ClusterUnavailable, OutputMismatch
from service.bulk.items import Item
from service.bulk.moderator import Judge, Work, open_judge
from service.bulk.output import Output, open_output
from service.bulk.process_priority import Politeness, make_way
from service.bulk.progress_index import Done
from service.bulk.run import Batch, counting, fetched, left, note_rows
from service.bulk.run_fingerprint import Conditions
from service.bulk.sources import Listing
from service.settings import Settings

_AT_ONCE = 64  # items of one call of an actor
_CALLS = 2  # of an actor at once: while the last items of one are judged, the next one's begin
_BLOCK_BYTES = 64 * 1024  # of items, and of rows: small, or one actor would get all of them

Columns = Mapping[str, Any]


@dataclass(frozen=True)
class Cluster:
    """`address` None takes the one that the environment names, else makes one of this machine's cores.

    `actors` None: one for each node, or as many as have `gpus_per_actor`.
    """

    address: str | None = None
    actors: int | None = None
    gpus_per_actor: float = 0.0
    politeness: Politeness = "idle"


async def run_on_ray(
    batch: Batch, settings: Settings, cluster: Cluster, tally: Tally, on_change: Callable[[], None], stop: asyncio.Event
) -> None:
    """What is in flight at `stop` is left for the next time. Raises as `run_here` does, and ClusterUnavailable."""
    batch.check()
    leaving = threading.Event()

    async def pass_on() -> None:
        await stop.wait()
        leaving.set()

    async with fetched(batch.listing, settings) as listing:
        watcher = asyncio.create_task(pass_on())
        try:
            run = _Run(batch, settings, cluster, listing, tally, on_change, leaving)
            await asyncio.to_thread(run)
        finally:
            watcher.cancel()


@dataclass(frozen=True)
class _Run:
    batch: Batch
    settings: Settings
    cluster: Cluster
    listing: Listing
    tally: Tally
    on_change: Callable[[], None]
    leaving: threading.Event

    def __call__(self) -> None:
        with _connected(self.cluster) as ray, tempfile.TemporaryDirectory(prefix="kernelsight-") as folder:
            ask = ray.remote(num_cpus=1, num_gpus=self.cluster.gpus_per_actor)(_conditions)
            conditions = ray.get(ask.remote(self.settings, self.batch.work))
            with open_output(self.batch.output, conditions, restart=self.batch.restart) as output:
                path = Path(folder) / "done"
                with Done(path) as done:
                    note_rows(output, done, self.tally)
                    self.tally.skipped = len(done)
                self.tally.begin()
                with counting(self.listing, self.tally):
                    self._write(self._rows(ray, conditions, path), output)
                self.batch.write_report(output)

    def _rows(self, ray: Any, conditions: Conditions, done: Path) -> Any:
        here = {"ray.io/node-id": ray.get_runtime_context().get_node_id()}
        context = ray.data.DataContext.get_current()
        context.enable_progress_bars, context.target_max_block_size = False, _BLOCK_BYTES
        listed = ray.data.from_items([{"listing": 0}]).map_batches(
            _list, fn_args=(self.listing, done), num_cpus=0, label_selector=here
        )
        return listed.map_batches(
            Moderator,
            fn_constructor_args=(self.settings, self.batch.work, conditions, self.cluster.politeness),
            batch_size=_AT_ONCE,
            compute=ray.data.ActorPoolStrategy(
                size=self._actors(ray), max_concurrent_calls_per_actor=_CALLS, enable_true_multi_threading=True
            ),
            num_cpus=1,
            num_gpus=self.cluster.gpus_per_actor or None,
        )

    def _actors(self, ray: Any) -> int:
        if self.cluster.actors is not None:
            return self.cluster.actors
        if self.cluster.gpus_per_actor:
            return max(1, int(ray.cluster_resources().get("GPU", 0) / self.cluster.gpus_per_actor))
        return len([node for node in ray.nodes() if node["Alive"] and node["Resources"].get("CPU", 0) >= 1]) or 1

    def _write(self, rows: Any, output: Output) -> None:
        for block in rows.iter_batches(batch_size=None, batch_format="pyarrow", prefetch_batches=1):
            lines = block.column("row").to_pylist()
            output.write(lines)
            self.tally.note([orjson.loads(line)["verdict"] for line in lines])
            self.on_change()
            if self.leaving.is_set():
                return


@contextmanager
def _connected(cluster: Cluster) -> Iterator[Any]:
    """Ray, with its errors as ours."""
    ray = optional_imports.ray()
    if cluster.address is not None and ":" in cluster.address:
        _check_listens(cluster.address)
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", module=r"ray\.")
    try:
        ray.init(address=cluster.address, log_to_driver=False, logging_level=logging.ERROR)
    except (ConnectionError, ValueError, RuntimeError) as cause:
        raise ClusterUnavailable(f"no Ray cluster at {cluster.address or 'this machine'!r}: {cause}") from cause
    try:
        yield ray
    except ray.exceptions.RayTaskError as error:
        if isinstance(error.cause, KernelSightError):
            raise error.cause from None
        raise ClusterUnavailable(f"Ray: {_last_line(error)}") from error
    except ray.exceptions.RayError as error:
        raise ClusterUnavailable(f"Ray: {_last_line(error)}") from error
    finally:
        ray.shutdown()


def _check_listens(address: str) -> None:
    """Ray itself would try for a minute or more."""
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host, int(port)), timeout=5).close()
    except (OSError, ValueError) as cause:
        raise ClusterUnavailable(f"no Ray cluster at {address!r}: {cause}") from cause


def _last_line(error: Exception) -> str:
    return str(error).strip().rpartition("\n")[2]


def _list(_: Columns, listing: Listing, path: Path) -> Iterator[Columns]:
    """Blocks of items that have no row yet. Runs beside the driver, for files of that machine."""
    with Done(path) as done:
        items = left(listing, done, Tally())
        while block := list(islice(items, _AT_ONCE)):
            yield {"item": [pickle.dumps(item) for item in block]}


def _conditions(settings: Settings, work: Work) -> Conditions:
    async def ask() -> Conditions:
        async with open_judge(settings, work) as judge:
            return judge.conditions

    return asyncio.run(ask())


class Moderator:
    """An actor: models that stay loaded, on an event loop in a thread of its own."""

    def __init__(self, settings: Settings, work: Work, conditions: Conditions, politeness: Politeness) -> None:
        """Raises OutputMismatch where this node has other models, or another policy, than the first that was asked."""
        make_way(politeness)
        self._loop = uvloop.new_event_loop()
        threading.Thread(target=self._loop.run_forever, name="judge", daemon=True).start()
        self._judge = self._wait_for(self._open(settings, work))
        if changes := conditions.changes(self._judge.conditions):
            raise OutputMismatch(f"the nodes of this cluster differ: {'; '.join(changes)}")

    def __call__(self, block: Columns) -> Columns:
        items: list[Item] = [pickle.loads(item) for item in block["item"]]  # ours: `_list` made them
        rows = self._wait_for(gather_or_cancel(*(self._judge.judge(item) for item in items)))
        return {"row": [row.line for row in rows]}

    async def _open(self, settings: Settings, work: Work) -> Judge:
        self._open_until_the_end = AsyncExitStack()
        return await self._open_until_the_end.enter_async_context(open_judge(settings, work))

    def _wait_for(self, work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()
