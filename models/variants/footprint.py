"""Measures the memory of a session that has run every size that its model accepts, in a process of its own."""

import gc
from collections.abc import Sequence
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np

from models.errors import InferenceFailed, KernelSightError
from models.manifest import Manifest
from models.runtime.session import Session
from models.store.store import Store
from models.variants.sessions import open_session
from models.variants.variant import Variant


def measure_megabytes(store: Store, manifest: Manifest, variant: Variant) -> float:
    """Resident megabytes that one session adds; 0 where the system does not tell.

    Raises what opening it raises, and InferenceFailed where its process ends without an answer.
    """
    # No pool: its process waits for work for ever if this one is killed meanwhile, as it is when the service stops.
    context = get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_send_measured, args=(sender, store, manifest, variant))
    process.start()
    sender.close()
    try:
        found: float | KernelSightError = receiver.recv()
    except EOFError:
        raise InferenceFailed(f"the process that measured {variant}'s memory ended") from None
    finally:
        process.join()
        receiver.close()
    if isinstance(found, KernelSightError):
        raise found
    return found


def _send_measured(sender: Connection, store: Store, manifest: Manifest, variant: Variant) -> None:
    try:
        sender.send(_measure(store, manifest, variant))
    except KernelSightError as error:
        sender.send(error)


def _measure(store: Store, manifest: Manifest, variant: Variant) -> float:
    graph, shapes = store.graph(manifest), manifest.input.item_shapes

    def open_and_run(shapes: Sequence[tuple[int, ...]]) -> Session:
        session = open_session(variant, graph, shapes_vary=len(shapes) > 1, extra_outputs=manifest.undeclared_outputs)
        for shape in shapes:
            session.run({manifest.input.name: np.zeros((1, *shape), manifest.input.dtype)})
        return session

    first = open_and_run(shapes[:1])  # loads the libraries, which sessions share
    before = _resident_megabytes()
    second = open_and_run(shapes)
    grown = _resident_megabytes() - before
    del first, second  # both were there while it was measured
    return round(max(grown, 0.0), 1)


def _resident_megabytes() -> float:
    gc.collect()
    status = Path("/proc/self/status")
    if not status.exists():
        return 0.0
    [line] = (one for one in status.read_text("utf-8").splitlines() if one.startswith("VmRSS:"))
    return float(line.split()[1]) / 1024
