"""Sources and output on S3, with moto as the server."""

from collections.abc import Iterator
from pathlib import Path

import boto3
import fsspec
import pytest
from moto.server import ThreadedMotoServer

from service.bulk import file_listing
from service.bulk.dataset import ParquetDataset
from tests.service.bulk.bulk_runs import draw_jpeg, read_rows, run_moderate

KEYS = ("photos/a.jpg", "photos/deep/b.jpg", "photos/c.png", "photos/.hidden.jpg", "photos2/d.jpg")


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    server = ThreadedMotoServer(port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    for name, value in {
        "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    s3 = boto3.client("s3")
    s3.create_bucket(Bucket="shelf")
    for number, key in enumerate(KEYS):
        s3.put_object(Bucket="shelf", Key=key, Body=draw_jpeg(number))
    s3.put_object(Bucket="shelf", Key="lists/m.jsonl", Body=b'{"path": "../photos/a.jpg"}\n{"path": "gone.jpg"}\n')
    yield "s3://shelf"
    s3.close()
    fsspec.get_filesystem_class("s3").clear_instance_cache()
    server.stop()


def names(url: str) -> list[str]:
    return sorted(item.source for item in file_listing.list_items(url))


def test_a_prefix_ends_at_a_slash(bucket: str) -> None:
    assert names(f"{bucket}/photos") == [f"{bucket}/{key}" for key in sorted(KEYS[:3])]


def test_a_listing_of_several_pages_is_complete(bucket: str) -> None:
    keys = [f"shelf/many/{number:04d}.jpg" for number in range(1_001)]
    fsspec.filesystem("s3").pipe(dict.fromkeys(keys, b"x"))

    assert names(f"{bucket}/many") == [f"s3://{key}" for key in keys]


def test_a_glob_gives_the_keys_that_match(bucket: str) -> None:
    assert names(f"{bucket}/photos*/*.jpg") == [f"{bucket}/photos/a.jpg", f"{bucket}/photos2/d.jpg"]


def test_a_bulk_run_from_bucket_to_bucket_is_resumed(bucket: str, tmp_path: Path) -> None:
    sources = (f"{bucket}/photos", f"{bucket}/lists/m.jsonl")
    first = run_moderate(f"{bucket}/photos", "--output", f"{bucket}/out.parquet")

    second = run_moderate(*sources, "--output", f"{bucket}/out.parquet")

    found = {
        (row["source"], (row["error"] or {}).get("code")) for row in ParquetDataset(f"{bucket}/out.parquet").rows()
    }
    assert first.returncode == 0
    assert second.returncode == 1
    assert "2 rows written" in second.stderr
    assert found == {
        *((f"{bucket}/{key}", None) for key in KEYS[:3]),  # the first of them twice
        (f"{bucket}/lists/gone.jpg", "source-unreadable"),
    }


@pytest.mark.parametrize("key", ["photos/[1].jpg", "photos/a::b.jpg", "photos/a b#1?.jpg", "photos/*.jpg"])
def test_a_key_is_found_and_read_whatever_its_name(bucket: str, tmp_path: Path, key: str) -> None:
    fsspec.filesystem("s3").pipe({f"shelf/{key}": draw_jpeg(1)})

    done = run_moderate(f"{bucket}/{key}", "--output", tmp_path / "out.jsonl")

    assert done.returncode == 0
    assert [row["source"] for row in read_rows(tmp_path / "out.jsonl")] == [f"{bucket}/{key}"]


@pytest.mark.parametrize(
    "changed", [{"AWS_ENDPOINT_URL": "http://127.0.0.1:9"}, {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}]
)
def test_a_store_that_cannot_be_asked_is_an_error_of_one_line(
    bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changed: dict[str, str]
) -> None:
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    for name, value in changed.items():
        monkeypatch.setenv(name, value)

    done = run_moderate(f"{bucket}/photos", "--output", tmp_path / "out.jsonl")

    assert "Traceback" not in done.stderr
    assert "cannot be listed" in done.stderr.splitlines()[-1]
    assert done.returncode == 1


def test_a_missing_bucket_is_an_error_of_one_line(bucket: str, tmp_path: Path) -> None:
    done = run_moderate("s3://nowhere/photos", "--output", tmp_path / "out.jsonl")

    assert "nothing there" in done.stderr
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
