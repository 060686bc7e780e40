"""ImageNet's 1000 classes, in the order of the logits."""

import re
from itertools import pairwise

import numpy as np

from models.labels import load_label_set

IMAGENET = load_label_set("imagenet-1k")
LABELS = IMAGENET.labels
GROUPS = {
    "animal", "building", "clothing", "container", "document", "electronics", "food", "furniture", "household",
    "instrument", "kitchen", "medical", "nature", "other", "person", "plant", "sports", "structure", "tool", "toy",
    "vehicle", "weapon",
}  # fmt: skip


def test_there_are_a_thousand_labels_in_order() -> None:
    assert [label.index for label in LABELS] == list(range(1000))


def test_wordnet_ids_are_well_formed_sorted_and_unique() -> None:
    wnids = [label.wnid for label in LABELS]

    assert all(re.fullmatch(r"n\d{8}", one) for one in wnids)
    assert all(a < b for a, b in pairwise(wnids))


def test_names_are_unique_and_neither_empty_nor_padded() -> None:
    names = [label.name for label in LABELS]

    assert len(set(names)) == 1000
    assert [name for name in names if not name or name != name.strip()] == []


def test_groups_are_the_known_ones_and_none_is_empty() -> None:
    counts = np.bincount(IMAGENET.group_of, minlength=len(IMAGENET.groups))

    assert set(IMAGENET.groups) == GROUPS
    assert counts.sum() == 1000
    assert counts.min() > 0


def test_group_of_leads_each_class_to_its_own_group() -> None:
    assert [IMAGENET.groups[place] for place in IMAGENET.group_of] == [label.group for label in LABELS]


def test_well_known_classes_have_their_known_index() -> None:
    known = {0: "n01440764", 207: "n02099601", 281: "n02123045", 999: "n15075141"}  # tench, retriever, tabby, tissue

    assert {index: LABELS[index].wnid for index in known} == known
