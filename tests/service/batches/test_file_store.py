"""Files of batches: complete or absent, gone once expired, and never outside their folder."""

import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import fsspec
import pytest

from models.errors import KernelSightError
from pipelines.errors import RequestRejected
from service.batches.file_quota import FileQuota
from service.batches.file_store import FileStore, derived_file_id
from service.batches.remote_file import RemoteFile
from service.errors import FilesFull, FilesNotWritable, FilesUnavailable, FileUnknown
from service.keys.caller import UNRESTRICTED
from service.problems import problem_for


@pytest.fixture
def store(tmp_path: Path) -> FileStore:
    return FileStore(str(tmp_path / "files"), 3600)


def content(store: FileStore, id: str, at: int = 0) -> bytes:
    with store.open_reader(id, at) as source:
        return source.read()


def test_a_file_is_read_as_it_was_stored(store: FileStore) -> None:
    file = store.add(io.BytesIO(b"one\ntwo\n"), "in.jsonl")

    assert file.bytes == 8
    assert file.filename == "in.jsonl"
    assert content(store, file.id) == b"one\ntwo\n"
    assert content(store, file.id, 4) == b"two\n"


def test_a_failed_write_leaves_nothing(store: FileStore, tmp_path: Path) -> None:
    id = derived_file_id("batch", 1)

    def fail() -> None:
        with store.open_writer(id, "part", "batch_part") as target:
            target.write(b"half")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()

    with pytest.raises(FileUnknown):
        store.get(id)
    assert list((tmp_path / "files").iterdir()) == []


def test_an_upload_over_the_bytes_of_all_files_is_refused(tmp_path: Path) -> None:
    store = FileStore(str(tmp_path), 3600, FileQuota(1000))
    store.add(io.BytesIO(bytes(600)), "in.jsonl")
    before = sorted(tmp_path.iterdir())

    with pytest.raises(FilesFull) as refused:
        store.add(io.BytesIO(bytes(401)), "in.jsonl")

    assert problem_for(refused.value)["type"] == "urn:kernelsight:problem:storage-full"
    assert problem_for(refused.value)["status"] == 507
    assert sorted(tmp_path.iterdir()) == before


def test_an_output_over_the_bytes_of_all_files_leaves_nothing(tmp_path: Path) -> None:
    store = FileStore(str(tmp_path), 3600, FileQuota(3 * 2**20))

    def write() -> None:
        with store.open_writer(derived_file_id("batch", 1), "part", "batch_part") as target:
            for _ in range(4):
                target.write(bytes(2**20))

    with pytest.raises(FilesFull):
        write()

    assert list(tmp_path.iterdir()) == []


def test_two_uploads_at_once_share_the_bytes(tmp_path: Path) -> None:
    store = FileStore(str(tmp_path), 3600, FileQuota(1000))

    def write_second() -> None:
        with store.open_writer(derived_file_id("batch", 2), "part", "batch_part") as target:
            target.write(bytes(600))

    def write_both() -> None:
        with store.open_writer(derived_file_id("batch", 1), "part", "batch_part") as target:
            target.write(bytes(600))
            target.flush()
            write_second()

    with pytest.raises(FilesFull):
        write_both()


def test_a_removed_file_makes_room(tmp_path: Path) -> None:
    store = FileStore(str(tmp_path), 3600, FileQuota(1000))
    store.remove(store.add(io.BytesIO(bytes(1000)), "in.jsonl").id)

    assert store.add(io.BytesIO(bytes(1000)), "in.jsonl").bytes == 1000


def test_files_of_another_process_count(tmp_path: Path) -> None:
    here, there = (FileStore(str(tmp_path), 3600, FileQuota(1000)) for _ in range(2))
    there.add(io.BytesIO(bytes(600)), "in.jsonl")

    with pytest.raises(FilesFull):
        here.add(io.BytesIO(bytes(600)), "in.jsonl")


def test_writing_again_replaces_the_file(store: FileStore) -> None:
    id = derived_file_id("batch", 1)
    for text in (b"a long first text", b"short"):
        with store.open_writer(id, "out", "batch_output") as target:
            target.write(text)

    assert content(store, id) == b"short"
    assert store.get(id).bytes == 5


@pytest.mark.parametrize("id", ["", "file-1", "../secret", "file-" + "g" * 32, "file-" + "a" * 32])
def test_an_invalid_or_unknown_id_is_refused(store: FileStore, id: str) -> None:
    with pytest.raises(FileUnknown):
        store.get(id)


def test_an_expired_file_is_unknown_and_removed(tmp_path: Path) -> None:
    store = FileStore(str(tmp_path), keep_seconds=-10)
    id = derived_file_id("batch", 1)
    with store.open_writer(id, "out", "batch_output") as target:
        target.write(b"x")

    with pytest.raises(FileUnknown):
        store.get(id)
    store.remove_expired()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("asked", "kept"), [(3_600, 3_600), (10**6, 86_400), (None, 86_400)])
def test_an_upload_is_kept_as_asked_but_no_longer_than_others(tmp_path: Path, asked: int | None, kept: int) -> None:
    file = FileStore(str(tmp_path), keep_seconds=86_400).add(io.BytesIO(b"x"), "a.jsonl", keep_seconds=asked)

    assert file.expires_at == file.created_at + kept


def test_listing_pages_continue_and_skip_parts(store: FileStore) -> None:
    made = {store.add(io.BytesIO(b"x"), f"{number}.jsonl").id for number in range(5)}
    with store.open_writer(derived_file_id("part"), "part", "batch_part") as target:
        target.write(b"x")

    first = store.list_page(viewer=UNRESTRICTED, after=None, limit=3, newest_first=True, purpose=None)
    second = store.list_page(viewer=UNRESTRICTED, after=first.last_id, limit=3, newest_first=True, purpose="batch")

    assert {one.id for one in [*first.data, *second.data]} == made
    assert first.has_more
    assert not second.has_more
    with pytest.raises(RequestRejected):
        store.list_page(viewer=UNRESTRICTED, after="file-none", limit=3, newest_first=True, purpose=None)


def test_a_folder_that_cannot_be_written_raises(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")

    with pytest.raises(FilesNotWritable):
        FileStore(str(tmp_path / "file"), 3600).add(io.BytesIO(b"x"), "in.jsonl")


def test_files_can_be_anywhere_that_fsspec_reaches() -> None:
    store = FileStore("memory://batch-files", 3600)

    file = store.add(io.BytesIO(b"far away"), "in.jsonl")

    assert content(store, file.id) == b"far away"
    assert (
        store.list_page(viewer=UNRESTRICTED, after=None, limit=9, newest_first=False, purpose=None).first_id == file.id
    )


@pytest.fixture
def unreachable(monkeypatch: pytest.MonkeyPatch) -> Iterator[FileStore]:
    """In an S3 that does not answer, with a client that gives up at once."""
    for name, value in {
        "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": "http://127.0.0.1:1", "AWS_MAX_ATTEMPTS": "1",
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    yield FileStore("s3://shelf/files", 3600)
    fsspec.get_filesystem_class("s3").clear_instance_cache()


def write(store: FileStore) -> None:
    with store.open_writer(derived_file_id("batch", 1), "part", "batch_part") as target:
        target.write(b"x")


@pytest.mark.parametrize(
    ("use", "error"),
    [
        (lambda store: store.get(derived_file_id("some")), FilesUnavailable),
        (lambda store: content(store, derived_file_id("some")), FilesUnavailable),
        (
            lambda store: store.list_page(viewer=UNRESTRICTED, after=None, limit=9, newest_first=True, purpose=None),
            FilesUnavailable,
        ),
        (lambda store: store.remove(derived_file_id("some")), FilesUnavailable),
        (lambda store: store.add(io.BytesIO(b"x"), "in.jsonl"), FilesUnavailable),
        (write, FilesNotWritable),
    ],
    ids=["get", "read", "list", "remove", "add", "write"],
)
def test_an_unreachable_object_store_raises(
    unreachable: FileStore, use: Callable[[FileStore], object], error: type[KernelSightError]
) -> None:
    with pytest.raises(error, match="Could not connect"):
        use(unreachable)


def test_losing_the_store_while_reading_raises() -> None:
    far = io.BytesIO(b"one\ntwo\n")
    source = io.BufferedReader(RemoteFile(far, FilesUnavailable), 4)
    first = source.readline()
    far.close()

    with pytest.raises(FilesUnavailable):
        source.readline()

    assert first == b"one\n"


def test_an_unreachable_file_system_does_not_prevent_the_start(caplog: pytest.LogCaptureFixture) -> None:
    FileStore("ftp://127.0.0.1:1/files", 3600).check()

    assert "Connection refused" in caplog.text


class SilentFile(io.BytesIO):
    """Like the files of some fsspec clients: `write` and `seek` return None."""

    def write(self, data: Any) -> None:  # type: ignore[override]
        super().write(data)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> None:  # type: ignore[override]
        super().seek(offset, whence)


def test_a_client_that_returns_none_has_done_as_asked() -> None:
    far = RemoteFile(SilentFile(b"....five"), FilesUnavailable)

    assert far.seek(4) == 4
    assert far.read(4) == b"five"
    assert far.seek(0) == 0
    assert far.write(b"one") == 3


def test_broken_metadata_hides_no_other_file(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    store = FileStore(str(tmp_path), 3600)
    known = store.add(io.BytesIO(b"x"), "in.jsonl")
    (tmp_path / "file-broken.json").write_bytes(b"")

    listed = store.list_page(viewer=UNRESTRICTED, after=None, limit=9, newest_first=True, purpose=None)

    assert [one.id for one in listed.data] == [known.id]
    assert "file-broken.json is no record" in caplog.text
