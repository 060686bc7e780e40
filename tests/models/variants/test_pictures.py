"""The pictures of the gate fit every model that it judges, and are the same in each run."""

import numpy as np
import pytest

from models.manifest import Manifest
from models.registry import Catalog
from models.variants.pictures import make_items, make_timing_items

CATALOG = Catalog.load()


@pytest.mark.parametrize("manifest", CATALOG.defaults, ids=lambda one: one.id)
def test_items_are_what_the_model_takes(manifest: Manifest) -> None:
    items = make_items(manifest)

    assert len(items) >= 12
    assert {item.shape for item in items} <= set(manifest.input.item_shapes)
    assert {item.dtype for item in items} == {np.dtype(manifest.input.dtype)}


def test_pictures_do_not_change_between_runs() -> None:
    manifest = CATALOG.get("ppocr-v6-rec-small")
    first, second = make_items(manifest), make_items(manifest)

    assert all(np.array_equal(one, other) for one, other in zip(first, second, strict=True))


def test_texts_have_no_pictures() -> None:
    assert make_items(CATALOG.get("clip-rn50-text")) == []


def test_times_are_taken_from_the_smallest_to_the_largest_size() -> None:
    contract = CATALOG.get("ppocr-v6-rec-small").input
    shapes = [item.shape for item in make_timing_items(contract)]

    assert shapes[0] == (3, 48, 64)
    assert shapes[-1] == (3, 48, 1280)
    assert len(shapes) == 5
