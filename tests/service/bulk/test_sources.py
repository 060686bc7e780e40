"""Sources named on the command line, as a stream of items."""

import io
import json
import os
import socket
from codecs import BOM_UTF8
from collections.abc import Iterator
from pathlib import Path

import fsspec
import pyarrow
import pytest
from pyarrow import parquet

from service.bulk.errors import ManifestLineInvalid, SourceInvalid, SourceUnreadable
from service.bulk.file_listing import list_folder, open_file_system
from service.bulk.items import escape_name
from service.bulk.manifests import read_manifest
from service.bulk.sources import SourceListing


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name in ("a.jpg", "b.png", "deep/er/c.jpg", ".hidden.jpg", ".cache/d.jpg"):
        path = tmp_path / "tree" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    return tmp_path / "tree"


@pytest.fixture
def memory() -> Iterator[str]:
    fs = fsspec.filesystem("memory")
    for name in ("a.jpg", "deep/b.jpg", "deep/c.png", ".hidden.jpg"):
        fs.pipe_file(f"/shelf/{name}", b"x")
    yield "memory://shelf"
    fs.rm("/shelf", recursive=True)


def names(*sources: str, excluded: tuple[Path, ...] = ()) -> list[str]:
    return sorted(item.source.rpartition("/")[2] for item in SourceListing(sources, excluded))


def test_a_folder_gives_all_files_except_hidden_ones(tree: Path) -> None:
    assert names(str(tree)) == ["a.jpg", "b.png", "c.jpg"]


def test_excluded_files_are_not_inputs(tree: Path) -> None:
    assert names(str(tree), excluded=(tree / "b.png",)) == ["a.jpg", "c.jpg"]


def test_a_glob_gives_the_files_that_match(tree: Path) -> None:
    assert names(f"{tree}/**/*.jpg") == ["a.jpg", "c.jpg"]


def test_an_existing_file_with_brackets_is_not_a_glob(tree: Path) -> None:
    (tree / "[1].jpg").write_bytes(b"x")

    assert names(f"{tree}/[1].jpg") == ["[1].jpg"]


def test_a_source_named_twice_is_listed_twice(tree: Path) -> None:
    assert names(f"{tree}/a.jpg", f"{tree}/a.jpg") == ["a.jpg", "a.jpg"]


def test_a_missing_source_is_refused_before_listing(tree: Path) -> None:
    with pytest.raises(SourceInvalid, match="no such file or folder: '/nothing'"):
        SourceListing([str(tree), "/nothing"]).check()


def test_a_folder_that_cannot_be_listed_is_an_item_with_a_problem(tmp_path: Path) -> None:
    [item] = list_folder(str(tmp_path / "gone"), ())

    assert item.source == str(tmp_path / "gone")
    assert isinstance(item.problem, SourceUnreadable)


@pytest.fixture
def odd(tree: Path) -> Path:
    """The tree with all that a folder may hold beside files and folders."""
    (tree / "loop").symlink_to("loop")
    (tree / "there").symlink_to("back")
    (tree / "back").symlink_to("there")
    (tree / "long").symlink_to("x" * 300)
    (tree / "through").symlink_to("a.jpg/inside.jpg")
    (tree / "broken").symlink_to("nowhere.jpg")
    (tree / "up").symlink_to("..")
    (tree / "link.jpg").symlink_to("a.jpg")
    os.mkfifo(tree / "pipe")
    with socket.socket(socket.AF_UNIX) as unix:
        unix.bind(str(tree / "socket"))
    return tree


ODD_PROBLEMS = {"loop", "there", "back", "long", "through", "broken", "pipe", "socket"}


@pytest.mark.parametrize("scheme", ["", "file://"])
def test_an_odd_entry_ends_no_folder(odd: Path, scheme: str) -> None:
    items = list(SourceListing([f"{scheme}{odd}"]))

    problems = {Path(item.source).name for item in items if item.problem is not None}
    readable = {Path(item.source).name for item in items if item.problem is None}
    assert problems == ODD_PROBLEMS
    assert readable == {"a.jpg", "b.png", "c.jpg", "link.jpg"}


@pytest.mark.parametrize("pattern", ["**", "**/*", "*"])
def test_a_glob_survives_odd_entries_and_links_in_circles(odd: Path, pattern: str) -> None:
    (odd / "here").symlink_to(".")
    (odd / "deep" / "up").symlink_to("..")

    items = list(SourceListing([f"{odd}/{pattern}"]))

    problems = {Path(item.source).name for item in items if item.problem is not None}
    readable = {Path(item.source).name for item in items if item.problem is None}
    assert problems == ODD_PROBLEMS
    assert readable >= {"a.jpg", "b.png", "link.jpg"}


def test_a_relative_glob_gives_relative_names(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tree)

    assert sorted(item.source for item in SourceListing(["**/*.jpg"])) == ["a.jpg", "deep/er/c.jpg"]


def test_an_odd_entry_says_why_it_is_not_read(odd: Path) -> None:
    why = {Path(item.source).name: str(item.problem) for item in SourceListing([str(odd)]) if item.problem}

    assert "Too many levels of symbolic links" in why["loop"]
    assert "File name too long" in why["long"]
    assert "a link to nothing" in why["broken"]
    assert "no file: a pipe" in why["pipe"]


def test_a_link_in_a_circle_with_the_name_of_the_output_ends_nothing(odd: Path, tmp_path: Path) -> None:
    items = list(SourceListing([str(odd)], excluded=(tmp_path / "loop",)))

    assert len(items) == len(ODD_PROBLEMS) + 4


@pytest.mark.parametrize("name", ["a::b.jpg", "a b.jpg", "#1?.jpg", "line\nbreak.jpg", "100%.jpg", "[1].jpg", "*.jpg"])
@pytest.mark.parametrize("scheme", ["", "file://"])
def test_a_file_is_found_whatever_its_name(tmp_path: Path, name: str, scheme: str) -> None:
    (tmp_path / name).write_bytes(b"x")
    (tmp_path / "other.jpg").write_bytes(b"x")

    [item] = SourceListing([f"{scheme}{tmp_path}/{name}"])

    assert item.source == f"{scheme}{tmp_path}/{name}"


@pytest.mark.parametrize("name", ["x" * 300, "a.jpg/b.jpg", "nul\0.jpg"])
def test_a_source_that_cannot_exist_is_refused(tree: Path, name: str) -> None:
    with pytest.raises(SourceInvalid, match="no such file"):
        SourceListing([f"{tree}/{name}"]).check()


@pytest.mark.parametrize("name", ["a b.jpg", "ü#?.jpg", "50%.jpg", "a%20b.jpg"])
def test_a_file_url_may_be_escaped_or_not(tmp_path: Path, name: str) -> None:
    file = tmp_path / name
    file.write_bytes(b"x")

    for url in (file.as_uri(), f"file://{file}"):
        [item] = SourceListing([url])
        fs, path = open_file_system(item.source)
        assert fs.cat_file(path) == b"x"


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32"])
def test_a_manifest_in_wide_letters_is_refused_by_name(encoding: str) -> None:
    with pytest.raises(SourceInvalid, match="is in UTF-16 or UTF-32"):
        list(read_manifest(io.BytesIO('{"path": "a.jpg"}\n'.encode(encoding)), "m.jsonl"))


def test_a_damaged_parquet_manifest_is_refused_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "m.parquet").write_bytes(b"PAR1" + bytes(40) + b"\x10\0\0\0PAR1")

    with pytest.raises(SourceInvalid) as refused:
        list(SourceListing([str(tmp_path / "m.parquet")]))

    assert "\n" not in str(refused.value)


def test_byte_order_marks_of_a_manifest_are_ignored() -> None:
    lines = BOM_UTF8 + b'{"url": "https://h/a.jpg"}\n' + BOM_UTF8 + b'{"url": "https://h/b.jpg"}\n'

    items = read_manifest(io.BytesIO(lines), "https://h/m.jsonl")

    assert [(item.source, item.problem) for item in items] == [("https://h/a.jpg", None), ("https://h/b.jpg", None)]


@pytest.mark.parametrize(("id", "read"), [("7", "7"), ("7.0", "7"), ('"7"', "7"), ("null", "https://h/a.jpg")])
def test_ids_are_texts_or_whole_numbers(id: str, read: str) -> None:
    lines = f'{{"url": "https://h/a.jpg", "id": {id}}}\n'.encode()

    [item] = read_manifest(io.BytesIO(lines), "https://h/m.jsonl")

    assert item.id == read


@pytest.mark.parametrize("id", ["7.5", "true", "[7]"])
def test_other_ids_are_refused(id: str) -> None:
    lines = f'{{"url": "https://h/a.jpg", "id": {id}}}\n'.encode()

    [item] = read_manifest(io.BytesIO(lines), "https://h/m.jsonl")

    assert "must be a text or a whole number" in str(item.problem)


def test_missing_ids_of_a_column_of_numbers_are_the_sources(tmp_path: Path) -> None:
    """pandas makes such a column one of floats."""
    table = pyarrow.table({"url": ["https://h/a.jpg", "https://h/b.jpg"], "id": [1.0, float("nan")]})
    parquet.write_table(table, tmp_path / "m.parquet")

    assert [item.id for item in SourceListing([str(tmp_path / "m.parquet")])] == ["1", "https://h/b.jpg"]


def test_a_folder_of_another_file_system_gives_all_files(memory: str) -> None:
    assert sorted(item.source for item in SourceListing([memory])) == [
        "memory:///shelf/a.jpg", "memory:///shelf/deep/b.jpg", "memory:///shelf/deep/c.png",
    ]  # fmt: skip


def test_a_glob_of_another_file_system_gives_the_files_that_match(memory: str) -> None:
    assert names(f"{memory}/*/*.jpg") == ["b.jpg"]


def test_an_unknown_scheme_is_refused() -> None:
    with pytest.raises(SourceInvalid, match="nothing://there"):
        list(SourceListing(["nothing://there"]))


def test_paths_of_a_manifest_are_relative_to_it(tree: Path) -> None:
    (tree / "list.jsonl").write_text('{"path": "a.jpg"}\n\n{"image": "/x/b.png", "id": 7, "label": "cat"}\n')

    found = [(item.id, item.source) for item in SourceListing([str(tree / "list.jsonl")])]
    assert found == [(f"{tree}/a.jpg", f"{tree}/a.jpg"), ("7", "/x/b.png")]


def test_invalid_manifest_lines_become_items_with_problems(tmp_path: Path) -> None:
    lines = ["not json", '{"id": "a"}', "[]", '{"path": 3}', '{"path": "a", "id": true}', '{"path": "b"}']
    (tmp_path / "list.jsonl").write_text("\n".join(lines))

    items = list(SourceListing([str(tmp_path / "list.jsonl")]))
    assert [(item.source.partition("#")[2], isinstance(item.problem, ManifestLineInvalid)) for item in items] == [
        ("1", True), ("2", True), ("3", True), ("4", True), ("5", True), ("", False),
    ]  # fmt: skip


def test_the_problem_of_an_invalid_line_says_where_and_why() -> None:
    [_, bad] = read_manifest(io.BytesIO(b'{"path": "a"}\n{"id": "x"}\n'), "m.jsonl")

    assert str(bad.problem) == "line 2 of 'm.jsonl': it has no 'path', 'url', 'image' or 'source'"


def test_a_parquet_manifest_gives_an_item_for_each_row(tmp_path: Path) -> None:
    table = pyarrow.table({"id": [1, 2], "url": ["s3://b/a.jpg", "https://h/b.jpg"], "width": [3, 4]})
    parquet.write_table(table, tmp_path / "list.parquet")

    found = [(item.id, item.source) for item in SourceListing([str(tmp_path / "list.parquet")])]
    assert found == [("1", "s3://b/a.jpg"), ("2", "https://h/b.jpg")]


def test_a_parquet_manifest_without_an_image_column_is_refused(tmp_path: Path) -> None:
    parquet.write_table(pyarrow.table({"id": [1], "width": [3]}), tmp_path / "list.parquet")

    with pytest.raises(SourceInvalid, match="no column 'path', 'url', 'image' or 'source'"):
        list(SourceListing([str(tmp_path / "list.parquet")]))


def test_a_web_manifest_cannot_name_local_files() -> None:
    items = list(
        read_manifest(io.BytesIO(b'{"path": "file:///etc/passwd"}\n{"path": "a.jpg"}\n'), "https://h/l/m.jsonl")
    )

    assert [(item.source, item.problem is None) for item in items] == [
        ("https://h/l/m.jsonl#1", False), ("https://h/l/a.jpg", True),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "named",
    [
        "/etc/passwd",
        "file:///etc/passwd",
        "FILE:///etc/passwd",
        "local:///etc/passwd",
        "simplecache::file:///etc/passwd",
        "simplecache::/etc/passwd",
        "zip://a.jpg::/etc/secrets.zip",
        "memory://shelf/a.jpg::file:///etc/passwd",
        "sftp://inner/a.jpg",
        "s3://other/a.jpg",
        "../../etc/passwd",
        "a/../../../etc/passwd",
    ],
)
def test_a_manifest_in_a_store_names_nothing_outside_of_it(named: str) -> None:
    file = io.BytesIO(json.dumps({"path": named}).encode())

    [item] = read_manifest(file, "memory://shelf/m.jsonl", schemes=("memory",))

    assert isinstance(item.problem, ManifestLineInvalid)
    assert item.source == "memory://shelf/m.jsonl#1"


def test_a_manifest_in_a_store_names_its_files_and_urls(memory: str) -> None:
    lines = (
        '{"path": "a.jpg"}',
        '{"path": "../deep/b.jpg"}',
        '{"path": "memory://else/c.jpg"}',
        '{"url": "https://h/d"}',
    )
    fsspec.filesystem("memory").pipe_file("/shelf/lists/m.jsonl", "\n".join(lines).encode())

    assert [item.source for item in SourceListing([f"{memory}/lists/m.jsonl"])] == [
        "memory://shelf/lists/a.jpg", "memory://shelf/deep/b.jpg", "memory://else/c.jpg", "https://h/d",
    ]  # fmt: skip


def test_a_manifest_in_a_store_cannot_name_local_files(memory: str) -> None:
    fsspec.filesystem("memory").pipe_file(
        "/shelf/m.jsonl", b'{"path": "/etc/passwd"}\n{"source": "file:///etc/passwd"}'
    )

    assert [item.problem is None for item in SourceListing([f"{memory}/m.jsonl"])] == [False, False]


def test_a_manifest_within_an_archive_names_no_paths() -> None:
    [item] = read_manifest(io.BytesIO(b'{"path": "a.jpg"}'), "zip://m.jsonl::s3://shelf/a.zip", schemes=("zip",))

    assert isinstance(item.problem, ManifestLineInvalid)


def test_a_local_manifest_named_by_url_may_name_local_files(tree: Path) -> None:
    (tree / "list.jsonl").write_text('{"path": "/x/b.png"}\n{"path": "a.jpg"}\n')

    found = [item.source for item in SourceListing([f"file://{tree}/list.jsonl"])]
    assert found == ["/x/b.png", f"file://{tree}/a.jpg"]


def test_names_that_are_not_utf_8_are_escaped() -> None:
    assert escape_name("a\udcff.jpg") == "a\\xff.jpg"
