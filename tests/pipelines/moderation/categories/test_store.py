"""The folder of heads: atomic writes, changes that are noticed, and damaged files that do not affect others."""

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
from tests.pipelines.moderation.embeddings import train_head


@pytest.fixture(scope="module")
def head() -> Head:
    return train_head()


@pytest.fixture(scope="module")
def other() -> Head:
    return train_head(seed=5)


@pytest.fixture
def store(tmp_path: Path) -> HeadStore:
    return HeadStore(tmp_path / "deep" / "folder")


def reopen(store: HeadStore) -> HeadStore:
    again = HeadStore(store.folder)
    again.refresh()
    return again


def test_a_saved_head_is_readable_here_and_elsewhere(store: HeadStore, head: Head) -> None:
    store.save(head, replace=False)

    assert store.get("knives") == head
    assert reopen(store).get("knives") == head


def test_saving_leaves_one_file_with_public_read_permission(store: HeadStore, head: Head) -> None:
    store.save(head, replace=False)

    assert [(path.name, oct(path.stat().st_mode)[-3:]) for path in store.folder.iterdir()] == [("knives.json", "644")]


def test_a_head_is_replaced_only_on_request(store: HeadStore, head: Head, other: Head) -> None:
    store.save(head, replace=False)
    with pytest.raises(CategoryExists):
        store.save(other, replace=False)
    assert store.get("knives") == head

    store.save(other, replace=True)

    assert store.get("knives") == other


def test_a_removed_head_is_gone(store: HeadStore, head: Head) -> None:
    store.save(head, replace=False)
    store.remove("knives")

    with pytest.raises(CategoryUnknown, match="there are: none"):
        store.get("knives")
    with pytest.raises(CategoryUnknown):
        store.remove("knives")
    assert reopen(store).entries == []


def test_refresh_notices_what_other_processes_do(store: HeadStore, head: Head, other: Head) -> None:
    elsewhere = HeadStore(store.folder)

    elsewhere.save(head, replace=False)
    assert [entry.head for entry in store.refresh().entries] == [head]

    elsewhere.save(other, replace=True)
    assert [entry.head for entry in store.refresh().entries] == [other]

    elsewhere.remove("knives")
    assert store.refresh().entries == []


def test_a_damaged_file_is_logged_once_and_affects_no_other(
    store: HeadStore, head: Head, caplog: pytest.LogCaptureFixture
) -> None:
    store.save(head, replace=False)
    (store.folder / "forks.json").write_text("{")
    fresh = HeadStore(store.folder)

    with caplog.at_level(logging.WARNING):
        fresh.refresh()
        fresh.refresh()

    forks, knives = fresh.entries
    assert forks.head is None
    assert knives.head == head
    assert len(caplog.records) == 1
    assert "forks.json" in caplog.text
    with pytest.raises(CategoryBroken, match="Invalid JSON"):
        fresh.get("forks")


def test_a_file_that_breaks_keeps_its_last_valid_head(store: HeadStore, head: Head) -> None:
    store.save(head, replace=False)
    path = store.folder / "knives.json"
    path.write_bytes(path.read_bytes()[:1000])
    store.refresh()

    [entry] = store.entries
    assert entry.head == head
    assert entry.problem is not None


def test_a_file_under_another_name_is_broken(store: HeadStore, head: Head) -> None:
    store.save(head, replace=False)
    (store.folder / "knives.json").rename(store.folder / "forks.json")

    [entry] = reopen(store).entries
    assert entry.head is None
    assert "it holds the category 'knives'" in (entry.problem or "")


def test_a_crash_while_writing_leaves_the_old_head(store: HeadStore, head: Head) -> None:
    store.save(head, replace=False)
    (store.folder / ".knives.abc.tmp").write_text("half a he")

    assert [entry.head for entry in reopen(store).entries] == [head]


def test_no_name_leads_out_of_the_folder(store: HeadStore) -> None:
    with pytest.raises(CategoryNameInvalid):
        store.check_free("../../etc/passwd", replace=True)


def test_the_error_names_a_folder_that_cannot_be_written(tmp_path: Path, head: Head) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(CategoriesNotWritable, match=f"{tmp_path}{os.sep}file"):
        HeadStore(tmp_path / "file").save(head, replace=False)
