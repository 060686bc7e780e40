"""The folder of Parquet parts: each is complete or absent, whatever a crash leaves behind."""

from collections.abc import Iterator
from pathlib import Path

import fsspec
import orjson
import pytest
from pyarrow import dataset as arrow_dataset

from service.bulk.dataset import ParquetDataset


def line(number: int) -> bytes:
    row = {
        "id": str(number), "source": f"{number}.jpg", "sha256": None, "verdict": "review", "severity": 3,
        "rules": [
            {
                "rule": "r", "category": "c", "signal": "nsfw.whole", "score": 0.5, "threshold": 0.4,
                "verdict": "review", "severity": 3, "actions": ["blur"],
            }
        ],
        "scores": {"nsfw.whole": 0.5}, "categories": {"sexual": 0.5}, "failed_signals": {},
        "error": None, "policy": "default", "policy_version": "1", "policy_sha256": "00",
        "models": [
            {"id": "opennsfw", "version": 1, "sha256": "11", "backend": "openvino", "precision": "bfloat16"}
        ],
        "seconds": 0.1,
    }  # fmt: skip
    return orjson.dumps(row)


def ids(folder: Path | str) -> list[int]:
    return sorted(int(row["id"]) for row in ParquetDataset(str(folder), rows_per_part=10).rows())


def parts(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture
def memory() -> Iterator[str]:
    yield "memory://shelf/out.parquet"
    fsspec.filesystem("memory").rm("/shelf", recursive=True)


def test_rows_are_read_as_they_were_written(tmp_path: Path) -> None:
    out = ParquetDataset(str(tmp_path / "out.parquet"))
    out.write([line(0), line(1)])
    out.close()

    assert list(ParquetDataset(str(tmp_path / "out.parquet")).rows()) == [orjson.loads(line(0)), orjson.loads(line(1))]


def test_parquet_readers_see_only_finished_parts(tmp_path: Path) -> None:
    out = ParquetDataset(str(tmp_path / "out.parquet"), rows_per_part=2)
    out.write([line(0), line(1)])
    out.write([line(2)])

    assert arrow_dataset.dataset(tmp_path / "out.parquet").count_rows() == 2


def test_rows_of_an_unfinished_part_survive_a_crash(tmp_path: Path) -> None:
    ParquetDataset(str(tmp_path / "out.parquet"), rows_per_part=2).write([line(0), line(1)])
    out = ParquetDataset(str(tmp_path / "out.parquet"), rows_per_part=10)
    out.write([line(2)])
    with (tmp_path / "out.parquet" / "_rows-00001.jsonl").open("ab") as file:
        file.write(b'{"id": "torn')

    assert ids(tmp_path / "out.parquet") == [0, 1, 2]


def test_a_crash_between_part_and_lines_duplicates_no_rows(tmp_path: Path) -> None:
    folder = tmp_path / "out.parquet"
    ParquetDataset(str(folder), rows_per_part=2).write([line(0), line(1)])
    (folder / "_rows-00000.jsonl").write_bytes(line(0) + b"\n" + line(1) + b"\n")

    assert ids(folder) == [0, 1]
    assert parts(folder) == ["_rows-00001.jsonl", "part-00000.parquet"]


def test_an_unfinished_part_file_is_ignored(tmp_path: Path) -> None:
    folder = tmp_path / "out.parquet"
    ParquetDataset(str(folder)).write([line(0)])
    (folder / ".part-00000.parquet.tmp").write_bytes(b"PAR1")

    assert ids(folder) == [0]


def test_closing_leaves_only_parts(tmp_path: Path) -> None:
    out = ParquetDataset(str(tmp_path / "out.parquet"), rows_per_part=2)
    out.write([line(0), line(1)])
    out.write([line(2)])
    out.close()

    assert parts(tmp_path / "out.parquet") == ["part-00000.parquet", "part-00001.parquet"]


def test_an_object_store_gets_only_complete_parts(memory: str) -> None:
    out = ParquetDataset(memory, rows_per_part=2)
    out.write([line(0), line(1)])
    out.write([line(2)])

    assert ids(memory) == [0, 1]
