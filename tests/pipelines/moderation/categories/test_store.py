"""The folder of heads: whole or not at all, noticed when it changes, and one damaged file costs no other."""

import logging
import os
from pathlib import Path

import pytest

from pipelines.moderation.categories.head import Head
from pipelines.moderation.categories.store import HeadStore
from pipelines.moderation.errors import (
    CategoriesNotWritable,
    CategoryBroken,
    CategoryExists,
    CategoryNameInvalid,
    CategoryUnknown,
)
from tests.pipelines.moderation.clouds import trained


@pytest.fixture(scope="module")
def head() -> Head:
    return trained()


@pytest.fixture(scope="module")
def other() -> Head:
    return trained(seed=5)


@pytest.fixture
def store(tmp_path: Path) -> HeadStore:
    return HeadStore(tmp_path / "deep" / "folder")


def reopened(store: HeadStore) -> HeadStore:
    again = HeadStore(store.folder)
    again.refresh()
    return again


def test_a_saved_head_is_there_at_once_and_for_the_next_process(store: HeadStore, head: Head) -> None:
    store.save(head, replace=False)

    assert (store.get("knives"), reopened(store).get("knives")) == (head, head)


def test_saving_leaves_one_file_that_others_can_read(store: HeadStore, head: Head) -> None:
    store.save(head, replace=False)

    assert [(path.name, oct(path.stat().st_mode)[-3:]) for path in store.folder.iterdir()] == [("knives.json", "644")]


def test_a_head_is_replaced_only_when_one_says_so(store: HeadStore, head: Head, other: Head) -> None:
    store.save(head, replace=False)
    with pytest.raises(CategoryExists):
        store.save(other, replace=False)
    kept = store.get("knives")

    store.save(other, replace=True)

    assert (kept, store.get("knives")) == (head, other)


def test_a_removed_head_is_gone(store: HeadStore, head: Head) -> None:
    store.save(head, replace=False)
    store.remove("knives")

    with pytest.raises(CategoryUnknown, match="there are: none"):
        store.get("knives")
    with pytest.raises(CategoryUnknown):
        store.remove("knives")
    assert reopened(store).entries == []


def test_what_other_processes_do_is_noticed(store: HeadStore, head: Head, other: Head) -> None:
    elsewhere, seen = HeadStore(store.folder), []

    def look() -> None:
        store.refresh()
        seen.append([entry.head and entry.head.version for entry in store.entries])

    elsewhere.save(head, replace=False)
    look()
    elsewhere.save(other, replace=True)
    look()
    elsewhere.remove("knives")
    look()

    assert seen == [[head.version], [other.version], []]


def test_a_damaged_file_is_told_once_and_costs_no_other(
    store: HeadStore, head: Head, caplog: pytest.LogCaptureFixture
) -> None:
    store.save(head, replace=False)
    (store.folder / "forks.json").write_text("{")
    fresh = HeadStore(store.folder)

    with caplog.at_level(logging.WARNING):
        fresh.refresh()
        fresh.refresh()

    forks, knives = fresh.entries
    assert (forks.head, knives.head, len(caplog.records), "forks.json" in caplog.text) == (None, head, 1, True)
    with pytest.raises(CategoryBroken, match="Invalid JSON"):
        fresh.get("forks")


def test_a_file_that_breaks_keeps_scoring_as_it_was(store: HeadStore, head: Head) -> None:
    store.save(head, replace=False)
    path = store.folder / "knives.json"
    path.write_bytes(path.read_bytes()[:1000])
    store.refresh()

    [entry] = store.entries
    assert (entry.head, entry.problem is None) == (head, False)


def test_a_file_under_another_name_is_broken(store: HeadStore, head: Head) -> None:
    store.save(head, replace=False)
    (store.folder / "knives.json").rename(store.folder / "forks.json")

    [entry] = reopened(store).entries
    assert (entry.head, "it holds the category 'knives'" in (entry.problem or "")) == (None, True)


def test_a_crash_while_writing_leaves_the_old_head(store: HeadStore, head: Head) -> None:
    store.save(head, replace=False)
    (store.folder / ".knives.abc.tmp").write_text("half a he")

    assert [entry.head for entry in reopened(store).entries] == [head]


def test_no_name_leads_out_of_the_folder(store: HeadStore) -> None:
    with pytest.raises(CategoryNameInvalid):
        store.check_free("../../etc/passwd", replace=True)


def test_a_folder_that_takes_no_file_is_named(tmp_path: Path, head: Head) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(CategoriesNotWritable, match=f"{tmp_path}{os.sep}file"):
        HeadStore(tmp_path / "file").save(head, replace=False)
