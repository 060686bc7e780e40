"""Runs a bulk run on a Ray cluster: Ray Data over a pool of actors, each with its own runtime.

listing (a task beside the driver) ─► blocks of items ─► actors, on every node ─► rows ─► the driver ─► output

Only the driver writes: an actor that dies and is restarted loses no row and writes none twice, and an output is resumed
as on one machine.
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
from service.bulk.counters import ProgressCounters
from service.bulk.errors import ClusterUnavailable, OutputMismatch
from service.bulk.items import BulkItem
from service.bulk.moderator import BulkModerator, BulkOptions, open_moderator
from service.bulk.output import BulkOutput, open_output
from service.bulk.process_priority import Politeness, lower_priority
from service.bulk.progress_index import ProgressIndex
from service.bulk.run import BulkRun, counting_items, index_written_rows, remaining_items, with_fetched_manifests
from service.bulk.run_fingerprint import RunFingerprint
from service.bulk.sources import SourceListing
from service.settings import Settings

_ITEMS_PER_CALL = 64
_CONCURRENT_CALLS = 2  # per actor: while the last items of one call are moderated, those of the next begin
_BLOCK_BYTES = 64 * 1024  # of items, and of rows: small, or one actor would get all of them

Columns = Mapping[str, Any]


@dataclass(frozen=True)
class RayCluster:
    """`address` None: the cluster that the environment names, else a new one on this machine's cores.

    `actors` None: one per node, or as many as there are shares of `gpus_per_actor`.
    """

    address: str | None = None
    actors: int | None = None
    gpus_per_actor: float = 0.0
    politeness: Politeness = "idle"


async def run_on_ray(
    run: BulkRun,
    settings: Settings,
    cluster: RayCluster,
    counters: ProgressCounters,
    on_change: Callable[[], None],
    stop: asyncio.Event,
) -> None:
    """After `stop`, items in flight are left for the next run.

    Raises what `run_locally` raises, and ClusterUnavailable.
    """
    run.check()
    stopping = threading.Event()

    async def forward_stop() -> None:
        await stop.wait()
        stopping.set()

    async with with_fetched_manifests(run.listing, settings) as listing:
        forwarder = asyncio.create_task(forward_stop())
        try:
            ray_run = _RayRun(run, settings, cluster, listing, counters, on_change, stopping)
            await asyncio.to_thread(ray_run)
        finally:
            forwarder.cancel()


@dataclass(frozen=True)
class _RayRun:
    run: BulkRun
    settings: Settings
    cluster: RayCluster
    listing: SourceListing
    counters: ProgressCounters
    on_change: Callable[[], None]
    stopping: threading.Event

    def __call__(self) -> None:
        with _connect(self.cluster) as ray, tempfile.TemporaryDirectory(prefix="kernelsight-") as folder:
            task = ray.remote(num_cpus=1, num_gpus=self.cluster.gpus_per_actor)(_compute_fingerprint)
            fingerprint = ray.get(task.remote(self.settings, self.run.options))
            with open_output(self.run.output, fingerprint, restart=self.run.restart) as output:
                path = Path(folder) / "done"
                with ProgressIndex(path) as index:
                    index_written_rows(output, index, self.counters)
                    self.counters.skipped = len(index)
                self.counters.start()
                with counting_items(self.listing, self.counters):
                    self._write(self._moderate(ray, fingerprint, path), output)
                self.run.write_report(output)

    def _moderate(self, ray: Any, fingerprint: RunFingerprint, done: Path) -> Any:
        on_driver = {"ray.io/node-id": ray.get_runtime_context().get_node_id()}
        context = ray.data.DataContext.get_current()
        context.enable_progress_bars, context.target_max_block_size = False, _BLOCK_BYTES
        listed = ray.data.from_items([{"listing": 0}]).map_batches(
            _list_blocks, fn_args=(self.listing, done), num_cpus=0, label_selector=on_driver
        )
        return listed.map_batches(
            RayModerator,
            fn_constructor_args=(self.settings, self.run.options, fingerprint, self.cluster.politeness),
            batch_size=_ITEMS_PER_CALL,
            compute=ray.data.ActorPoolStrategy(
                size=self._count_actors(ray),
                max_concurrent_calls_per_actor=_CONCURRENT_CALLS,
                enable_true_multi_threading=True,
            ),
            num_cpus=1,
            num_gpus=self.cluster.gpus_per_actor or None,
        )

    def _count_actors(self, ray: Any) -> int:
        if self.cluster.actors is not None:
            return self.cluster.actors
        if self.cluster.gpus_per_actor:
            return max(1, int(ray.cluster_resources().get("GPU", 0) / self.cluster.gpus_per_actor))
        return len([node for node in ray.nodes() if node["Alive"] and node["Resources"].get("CPU", 0) >= 1]) or 1

    def _write(self, rows: Any, output: BulkOutput) -> None:
        for block in rows.iter_batches(batch_size=None, batch_format="pyarrow", prefetch_batches=1):
            lines = block.column("row").to_pylist()
            output.write(lines)
            self.counters.record([orjson.loads(line)["verdict"] for line in lines])
            self.on_change()
            if self.stopping.is_set():
                return


@contextmanager
def _connect(cluster: RayCluster) -> Iterator[Any]:
    """Ray, with its errors raised as ClusterUnavailable."""
    ray = optional_imports.load_ray()
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
    """Fails within 5 s; Ray itself would try for a minute or more."""
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host, int(port)), timeout=5).close()
    except (OSError, ValueError) as cause:
        raise ClusterUnavailable(f"no Ray cluster at {address!r}: {cause}") from cause


def _last_line(error: Exception) -> str:
    return str(error).strip().rpartition("\n")[2]


def _list_blocks(_: Columns, listing: SourceListing, path: Path) -> Iterator[Columns]:
    """Blocks of items that have no row yet. Runs on the driver's machine, whose files it lists."""
    with ProgressIndex(path) as index:
        items = remaining_items(listing, index, ProgressCounters())
        while block := list(islice(items, _ITEMS_PER_CALL)):
            yield {"item": [pickle.dumps(item) for item in block]}


def _compute_fingerprint(settings: Settings, options: BulkOptions) -> RunFingerprint:
    async def compute() -> RunFingerprint:
        async with open_moderator(settings, options) as moderator:
            return moderator.fingerprint

    return asyncio.run(compute())


class RayModerator:
    """A Ray actor that keeps its models loaded, on an event loop in a thread of its own."""

    def __init__(
        self, settings: Settings, options: BulkOptions, fingerprint: RunFingerprint, politeness: Politeness
    ) -> None:
        """Raises OutputMismatch if this node has other models, or another policy, than `fingerprint` names."""
        lower_priority(politeness)
        self._loop = uvloop.new_event_loop()
        threading.Thread(target=self._loop.run_forever, name="moderator", daemon=True).start()
        self._moderator = self._wait_for(self._open(settings, options))
        if changes := fingerprint.differences(self._moderator.fingerprint):
            raise OutputMismatch(f"the nodes of this cluster differ: {'; '.join(changes)}")

    def __call__(self, block: Columns) -> Columns:
        items: list[BulkItem] = [pickle.loads(item) for item in block["item"]]  # ours: from `_list_blocks`
        rows = self._wait_for(gather_or_cancel(*(self._moderator.moderate(item) for item in items)))
        return {"row": [row.line for row in rows]}

    async def _open(self, settings: Settings, options: BulkOptions) -> BulkModerator:
        self._exit_stack = AsyncExitStack()
        return await self._exit_stack.enter_async_context(open_moderator(settings, options))

    def _wait_for(self, coroutine: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result()
