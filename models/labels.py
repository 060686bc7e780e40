"""Reads the class names of a classifier: one row per class, in the order of its logits."""

import csv
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from models.manifest import BUILT_IN_CATALOG


@dataclass(frozen=True, slots=True)
class ClassLabel:
    """`wnid` is the WordNet id; `group` a coarse kind such as animal, food or vehicle."""

    index: int
    wnid: str
    name: str
    group: str


@dataclass(frozen=True)
class LabelSet:
    """`group_of[i]` is the index of class i's group in `groups`."""

    labels: tuple[ClassLabel, ...]
    groups: tuple[str, ...]
    group_of: NDArray[np.intp]


@cache
def load_label_set(name: str) -> LabelSet:
    """The label set `name` of `models/catalog/labels`."""
    with (BUILT_IN_CATALOG / "labels" / f"{name}.tsv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    labels = tuple(ClassLabel(int(row["index"]), row["wnid"], row["label"], row["group"]) for row in rows)
    groups = tuple(sorted({label.group for label in labels}))
    return LabelSet(labels, groups, np.array([groups.index(label.group) for label in labels]))
