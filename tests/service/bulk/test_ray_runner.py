"""Bulk runs on a real Ray cluster of two nodes give the same rows as on one machine."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from pyarrow import dataset as arrow_dataset

from service.bulk.dataset import ParquetDataset
from tests.service.bulk.bulk_runs import FAST_OPTIONS, draw_jpeg, make_image_folder, read_rows, run_moderate
from tests.serving import COMMAND, environment

with_ray = pytest.mark.skipif(find_spec("ray") is None, reason="the extra 'ray' is not installed")

COUNT = 300


@dataclass(frozen=True)
class Nodes:
    address: str
    process: int


@pytest.fixture(scope="module")
def nodes() -> Iterator[Nodes]:
    here = str(Path.cwd())  # the nodes run this code, whatever is installed
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.service.bulk.two_nodes"], env=environment() | {"PYTHONPATH": here},
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    yield Nodes(process.stdout.readline().strip(), process.pid)
    process.communicate()


def without_times(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(({**row, "seconds": None} for row in found), key=lambda row: (row["id"], row["source"]))


@with_ray
def test_a_cluster_gives_the_same_rows_as_one_machine(tmp_path: Path, nodes: Nodes) -> None:
    folder = make_image_folder(tmp_path, 100)
    (folder / "cut.jpg").write_bytes(draw_jpeg(1)[:700])
    (folder / "list.jsonl").write_text(f'{{"path": "0001.jpg", "id": "one"}}\nnothing\n{{"path": "{folder}"}}\n')
    sources = (folder, folder / "list.jsonl")
    run_moderate(*sources, "--output", tmp_path / "here.jsonl")

    done = run_moderate(*sources, "--output", tmp_path / "there.parquet", "--engine", "ray", "--address", nodes.address)

    here, there = read_rows(tmp_path / "here.jsonl"), list(ParquetDataset(str(tmp_path / "there.parquet")).rows())
    assert done.returncode == 1
    assert without_times(there) == without_times(here)


@with_ray
def test_a_run_resumes_after_its_driver_was_killed(tmp_path: Path, nodes: Nodes) -> None:
    folder, out = make_image_folder(tmp_path, COUNT), tmp_path / "out.parquet"
    command = ("--output", str(out), "--engine", "ray", "--address", nodes.address)
    process = subprocess.Popen(
        [*COMMAND, "moderate", str(folder), *FAST_OPTIONS, *command], env=environment(), stderr=subprocess.DEVNULL
    )
    lines = out / "_rows-00000.jsonl"
    while process.poll() is None and (not lines.exists() or lines.read_bytes().count(b"\n") < 50):
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    before = lines.read_bytes().count(b"\n")

    done = run_moderate(folder, *command)

    found = arrow_dataset.dataset(out).to_table(columns=["source"]).column("source").to_pylist()
    assert before < COUNT
    assert done.returncode == 0
    assert sorted(found) == sorted(map(str, folder.iterdir()))
    assert f"{COUNT - before} rows written" in done.stderr


@with_ray
def test_a_killed_actor_loses_and_repeats_no_row(tmp_path: Path, nodes: Nodes) -> None:
    folder, out = make_image_folder(tmp_path, COUNT), tmp_path / "out.jsonl"
    command = ("--output", str(out), "--engine", "ray", "--address", nodes.address)
    process = subprocess.Popen([*COMMAND, "moderate", str(folder), *FAST_OPTIONS, *command], env=environment())
    while process.poll() is None and (not out.exists() or not out.read_bytes()):
        time.sleep(0.02)

    os.kill(find_actors(nodes.process)[0], signal.SIGKILL)

    assert process.wait() == 0
    assert sorted(row["source"] for row in read_rows(out)) == sorted(map(str, folder.iterdir()))


def find_actors(ancestor: int) -> list[int]:
    """Descendant processes that run the actor."""
    parents = {int(path.name): read_parent(path) for path in Path("/proc").iterdir() if path.name.isdigit()}
    below, found = {ancestor}, set[int]()
    while below:
        found |= below
        below = {process for process, parent in parents.items() if parent in below}
    return [process for process in found if b"Moderator" in Path(f"/proc/{process}/cmdline").read_bytes()]


def read_parent(process: Path) -> int:
    try:
        return int((process / "stat").read_text().rpartition(")")[2].split()[1])
    except OSError:  # it has just ended
        return 0


@with_ray
def test_an_unreachable_cluster_is_reported(tmp_path: Path) -> None:
    done = run_moderate(
        make_image_folder(tmp_path, 1),
        "--output",
        tmp_path / "out.jsonl",
        "--engine",
        "ray",
        "--address",
        "127.0.0.1:1",
    )

    assert "no Ray cluster at '127.0.0.1:1'" in done.stderr
    assert done.returncode == 1


@pytest.mark.skipif(find_spec("ray") is not None, reason="the extra 'ray' is installed")
def test_a_missing_extra_names_its_install_command(tmp_path: Path) -> None:
    done = run_moderate(make_image_folder(tmp_path, 1), "--output", tmp_path / "out.jsonl", "--engine", "ray")

    message = "--engine ray takes the extra 'ray'; install it with: pip install 'kernelsight[ray]'"
    assert done.stderr == f"kernelsight: {message}\n"
    assert done.returncode == 1
