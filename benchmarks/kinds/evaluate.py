"""Measure the stored head on pictures with known kinds, through the engine as a request goes.

    python -m benchmarks.kinds.evaluate LABELS.jsonl

A line of the file: {"file": "a.png", "kind": "chart", "source": "altair"}; paths are relative to the file.
"""

import asyncio
import json
import sys
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pipelines.captioning.options import FeaturesOptions
from pipelines.captioning.spec import FEATURES
from pipelines.types import PICTURE_KINDS, KindName, PictureKind
from service.components import open_components
from service.settings import load_settings
from service.telemetry.metrics import Metrics


@dataclass(frozen=True)
class Judged:
    """`guess` is the most probable kind, stated or not."""

    source: str
    kind: KindName
    found: PictureKind

    @property
    def guess(self) -> KindName:
        return max(self.found.scores, key=lambda name: self.found.scores[name])


async def main(labels: Path) -> None:
    judged = []
    async with open_components(load_settings(), Metrics(), only=("features",)) as components:
        for line in labels.read_text("utf-8").splitlines():
            row = json.loads(line)
            image = (labels.parent / row["file"]).read_bytes()
            findings = await components.engine.run(image, {"features": FeaturesOptions(embedding="none", top_k=0)})
            kind = findings.of(FEATURES).kind
            if kind is None:
                raise SystemExit("the encoder that is served here is not the one that the head was trained on")
            judged.append(Judged(row["source"], row["kind"], kind))
    print_confusion(judged)
    print_sources(judged)
    print_thresholds(judged)


def macro(judged: Sequence[Judged]) -> float:
    """The mean over kinds of the share that is told right."""
    right: dict[str, list[bool]] = defaultdict(list)
    for one in judged:
        right[one.kind].append(one.guess == one.kind)
    return float(np.mean([np.mean(values) for values in right.values()]))


def print_confusion(judged: Sequence[Judged]) -> None:
    print("is \\ told".ljust(12) + "".join(name[:6].rjust(8) for name in PICTURE_KINDS) + "   right")
    for kind in PICTURE_KINDS:
        guesses = [one.guess for one in judged if one.kind == kind]
        if guesses:
            cells = "".join(f"{guesses.count(name):8}" for name in PICTURE_KINDS)
            print(f"{kind:12}{cells}{guesses.count(kind) / len(guesses):8.3f}")
    print(f"macro accuracy {macro(judged):.3f} of {len(judged)} pictures\n")


def print_sources(judged: Sequence[Judged]) -> None:
    for kind, source in sorted({(one.kind, one.source) for one in judged}):
        rows = [one for one in judged if (one.kind, one.source) == (kind, source)]
        print(f"{kind:12}{source:16}{len(rows):5}{np.mean([one.guess == kind for one in rows]):7.3f}")


def print_thresholds(judged: Sequence[Judged]) -> None:
    """How much is stated from a score on, and how much of that is right: by kind, each weighing the same."""
    weights = {kind: 1 / sum(one.kind == kind for one in judged) for kind in {one.kind for one in judged}}
    print("\n  from  stated   right of these")
    for threshold in (0.0, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95):
        stated = [one for one in judged if one.found.score >= threshold]
        total, right = (
            sum(weights[one.kind] for one in rows)
            for rows in (stated, [one for one in stated if one.guess == one.kind])
        )
        print(f"{threshold:6.2f}{total / len(weights):8.3f}{right / max(total, 1e-9):8.3f}")


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
