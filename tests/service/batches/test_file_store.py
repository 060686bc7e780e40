"""Files of batches: whole or not at all, gone when their time is over, and nothing outside their folder."""

import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import fsspec
import pytest

from models.errors import KernelSightError
from pipelines.errors import RequestRejected
from service.batches.errors import FilesNotWritable, FilesUnavailable, FileUnknown
from service.batches.file_store import FileStore, file_id_of
from service.batches.remote_file import FarFile


@pytest.fixture
def store(tmp_path: Path) -> FileStore:
    return FileStore(str(tmp_path / "files"), 3600)


def content(store: FileStore, id: str, at: int = 0) -> bytes:
    with store.opened(id, at) as source:
        return source.read()


def test_a_file_comes_back_as_it_was(store: FileStore) -> None:
    file = store.add(io.BytesIO(b"one\ntwo\n"), "in.jsonl")

    assert (file.bytes, file.filename, content(store, file.id), content(store, file.id, 4)) == (
        8, "in.jsonl", b"one\ntwo\n", b"two\n",
    )  # fmt: skip


def test_a_file_whose_writing_fails_is_not_there_and_leaves_nothing(store: FileStore, tmp_path: Path) -> None:
    id = file_id_of("batch", 1)

    def fail() -> None:
        with store.writing(id, "part", "batch_part") as target:
            target.write(b"half")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()

    with pytest.raises(FileUnknown):
        store.get(id)
    assert list((tmp_path / "files").iterdir()) == []


def test_writing_again_replaces_the_whole(store: FileStore) -> None:
    id = file_id_of("batch", 1)
    for text in (b"a long first text", b"short"):
        with store.writing(id, "out", "batch_output") as target:
            target.write(text)

    assert (content(store, id), store.get(id).bytes) == (b"short", 5)


@pytest.mark.parametrize("id", ["", "file-1", "../secret", "file-" + "g" * 32, "file-" + "a" * 32])
def test_what_is_no_files_id_is_unknown(store: FileStore, id: str) -> None:
    with pytest.raises(FileUnknown):
        store.get(id)


def test_a_file_is_gone_when_its_time_is_over(tmp_path: Path) -> None:
    store = FileStore(str(tmp_path), keep_seconds=-10)
    id = file_id_of("batch", 1)
    with store.writing(id, "out", "batch_output") as target:
        target.write(b"x")

    with pytest.raises(FileUnknown):
        store.get(id)
    store.sweep()
    assert list(tmp_path.iterdir()) == []


def test_pages_go_on_where_the_last_one_ended_and_have_no_parts(store: FileStore) -> None:
    made = {store.add(io.BytesIO(b"x"), f"{number}.jsonl").id for number in range(5)}
    with store.writing(file_id_of("part"), "part", "batch_part") as target:
        target.write(b"x")

    first = store.page(after=None, limit=3, newest_first=True, purpose=None)
    second = store.page(after=first.last_id, limit=3, newest_first=True, purpose="batch")

    assert ({one.id for one in [*first.data, *second.data]}, first.has_more, second.has_more) == (made, True, False)
    with pytest.raises(RequestRejected):
        store.page(after="file-none", limit=3, newest_first=True, purpose=None)


def test_a_folder_that_takes_no_files_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")

    with pytest.raises(FilesNotWritable):
        FileStore(str(tmp_path / "file"), 3600).add(io.BytesIO(b"x"), "in.jsonl")


def test_files_may_lie_anywhere_that_fsspec_reaches() -> None:
    store = FileStore("memory://batch-files", 3600)

    file = store.add(io.BytesIO(b"far away"), "in.jsonl")

    assert (content(store, file.id), store.page(after=None, limit=9, newest_first=False, purpose=None).first_id) == (
        b"far away", file.id,
    )  # fmt: skip


@pytest.fixture
def away(monkeypatch: pytest.MonkeyPatch) -> Iterator[FileStore]:
    """In an S3 that does not answer, and whose client gives up at once."""
    for name, value in {
        "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": "http://127.0.0.1:1", "AWS_MAX_ATTEMPTS": "1",
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    yield FileStore("s3://shelf/files", 3600)
    fsspec.get_filesystem_class("s3").clear_instance_cache()


def write(store: FileStore) -> None:
    with store.writing(file_id_of("batch", 1), "part", "batch_part") as target:
        target.write(b"x")


@pytest.mark.parametrize(
    ("use", "error"),
    [
        (lambda store: store.get(file_id_of("some")), FilesUnavailable),
        (lambda store: content(store, file_id_of("some")), FilesUnavailable),
        (lambda store: store.page(after=None, limit=9, newest_first=True, purpose=None), FilesUnavailable),
        (lambda store: store.remove(file_id_of("some")), FilesUnavailable),
        (lambda store: store.add(io.BytesIO(b"x"), "in.jsonl"), FilesUnavailable),
        (write, FilesNotWritable),
    ],
    ids=["get", "read", "list", "remove", "add", "write"],
)
def test_an_object_store_that_does_not_answer_is_said(
    away: FileStore, use: Callable[[FileStore], object], error: type[KernelSightError]
) -> None:
    with pytest.raises(error, match="EndpointConnectionError"):
        use(away)


def test_a_store_that_is_lost_while_a_file_is_read_is_said() -> None:
    far = io.BytesIO(b"one\ntwo\n")
    source = io.BufferedReader(FarFile(far, FilesUnavailable), 4)
    first = source.readline()
    far.close()

    with pytest.raises(FilesUnavailable):
        source.readline()

    assert first == b"one\n"


def test_a_place_that_does_not_answer_yet_is_no_reason_not_to_start(caplog: pytest.LogCaptureFixture) -> None:
    FileStore("ftp://127.0.0.1:1/files", 3600).check()

    assert "ConnectionRefusedError" in caplog.text


class Silent(io.BytesIO):
    """As files of some clients: it does not say what it wrote, or where it is."""

    def write(self, data: Any) -> None:  # type: ignore[override]
        super().write(data)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> None:  # type: ignore[override]
        super().seek(offset, whence)


def test_a_client_that_does_not_say_what_it_did_is_believed() -> None:
    far = FarFile(Silent(b"....five"), FilesUnavailable)

    assert (far.seek(4), far.read(4), far.seek(0), far.write(b"one")) == (4, b"five", 0, 3)


def test_what_is_no_record_of_a_file_hides_no_others(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    store = FileStore(str(tmp_path), 3600)
    known = store.add(io.BytesIO(b"x"), "in.jsonl")
    (tmp_path / "file-broken.json").write_bytes(b"")

    listed = store.page(after=None, limit=9, newest_first=True, purpose=None)

    assert ([one.id for one in listed.data], "file-broken.json is no record" in caplog.text) == ([known.id], True)
