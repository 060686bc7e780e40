"""Draw the training pictures, fit the head that tells a picture's kind, print its figures and store it.

    make kinds            (or: python -m benchmarks.kinds.train FOLDER)

FOLDER keeps the packages and the examples, so that an interrupted run goes on where it was. The encoder must be in the
store (`make setup`). The same packages, encoder and seed give the same figures.
"""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from benchmarks.kinds.examples import Examples, make_examples
from benchmarks.kinds.fitting import fit_head, fit_temperature, predict_left_out
from benchmarks.kinds.stock import Stock
from models.registry import Catalog
from models.store.store import Store
from pipelines.captioning.kinds.head import HEAD
from pipelines.types import PICTURE_KINDS
from service.settings import load_settings

ENCODER = "efficientnet-lite0"
PER_KIND = 800
STATES_FROM = 0.6  # chosen on pictures that were not drawn here: docs/kinds.md


def main(folder: Path) -> None:
    manifest = Catalog.load().get(ENCODER)
    graph = Store(load_settings().models.store.expanduser()).graph(manifest)
    examples = make_examples(Stock.load(folder / "packages"), graph, manifest.input, PER_KIND, folder / "examples")
    with threadpool_limits(1):  # the order of additions, and so the last digits, would follow from the number of cores
        logits = predict_left_out(examples, manifest.file.sha256)
        temperature = fit_temperature(logits, examples.kinds)
        head = fit_head(examples, manifest.file.sha256)
    print_report(examples, logits)
    replace(head, temperature=temperature, states_from=STATES_FROM).write(HEAD)
    print(f"\ntemperature {temperature:.3f}; {HEAD.stat().st_size:,} bytes in {HEAD}")


def print_report(examples: Examples, logits: NDArray[np.float32]) -> None:
    """How well kinds are told of sorts of pictures that were left out, sort by sort."""
    found = logits.argmax(1)
    print(f"{'left out':34}{'pictures':>9}{'right':>7}")
    for sort in np.unique(examples.sorts):
        rows = examples.sorts == sort
        print(f"{sort:34}{rows.sum():9}{(found == examples.kinds)[rows].mean():7.2f}")
    recalls = [(found == kind)[examples.kinds == kind].mean() for kind in range(len(PICTURE_KINDS))]
    print(f"macro accuracy {np.mean(recalls):.3f}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
