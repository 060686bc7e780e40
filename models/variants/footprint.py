"""Measures the memory of a session that has run every size that its model accepts, in a process of its own."""

import gc
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from models.manifest import Manifest
from models.runtime.session import Session
from models.store.store import Store
from models.variants.sessions import open_session
from models.variants.variant import Variant


def measure_megabytes(store: Store, manifest: Manifest, variant: Variant) -> float:
    """Resident megabytes that one session adds; 0 where the system does not tell. Raises what opening it raises."""
    with ProcessPoolExecutor(1, get_context("spawn")) as process:
        return process.submit(_measure, store, manifest, variant).result()


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
