"""The engine on Ray: a real cluster of two nodes, and the same rows as from one machine."""

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

from service.bulk.dataset import Dataset
from tests.service.bulk.pictures import FAST, drawn, folder_of, moderate, rows
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
def test_a_cluster_gives_the_rows_that_one_machine_gives(tmp_path: Path, nodes: Nodes) -> None:
    folder = folder_of(tmp_path, 100)
    (folder / "cut.jpg").write_bytes(drawn(1)[:700])
    (folder / "list.jsonl").write_text(f'{{"path": "0001.jpg", "id": "one"}}\nnothing\n{{"path": "{folder}"}}\n')
    sources = (folder, folder / "list.jsonl")
    moderate(*sources, "--output", tmp_path / "here.jsonl")

    done = moderate(*sources, "--output", tmp_path / "there.parquet", "--engine", "ray", "--address", nodes.address)

    here, there = rows(tmp_path / "here.jsonl"), list(Dataset(str(tmp_path / "there.parquet")).rows())
    assert (done.returncode, without_times(there)) == (1, without_times(here))


@with_ray
def test_a_killed_driver_goes_on_where_it_was(tmp_path: Path, nodes: Nodes) -> None:
    folder, out = folder_of(tmp_path, COUNT), tmp_path / "out.parquet"
    command = ("--output", str(out), "--engine", "ray", "--address", nodes.address)
    process = subprocess.Popen(
        [*COMMAND, "moderate", str(folder), *FAST, *command], env=environment(), stderr=subprocess.DEVNULL
    )
    lines = out / "_rows-00000.jsonl"
    while process.poll() is None and (not lines.exists() or lines.read_bytes().count(b"\n") < 50):
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    before = lines.read_bytes().count(b"\n")

    done = moderate(folder, *command)

    found = arrow_dataset.dataset(out).to_table(columns=["source"]).column("source").to_pylist()
    assert (before < COUNT, done.returncode, sorted(found)) == (True, 0, sorted(map(str, folder.iterdir())))
    assert f"{COUNT - before} rows written" in done.stderr


@with_ray
def test_an_actor_that_dies_costs_no_row_and_makes_none_twice(tmp_path: Path, nodes: Nodes) -> None:
    folder, out = folder_of(tmp_path, COUNT), tmp_path / "out.jsonl"
    command = ("--output", str(out), "--engine", "ray", "--address", nodes.address)
    process = subprocess.Popen([*COMMAND, "moderate", str(folder), *FAST, *command], env=environment())
    while process.poll() is None and (not out.exists() or not out.read_bytes()):
        time.sleep(0.02)

    os.kill(actors_of(nodes.process)[0], signal.SIGKILL)

    assert process.wait() == 0
    assert sorted(row["source"] for row in rows(out)) == sorted(map(str, folder.iterdir()))


def actors_of(ancestor: int) -> list[int]:
    """Processes under it that judge."""
    parents = {int(path.name): parent_of(path) for path in Path("/proc").iterdir() if path.name.isdigit()}
    below, found = {ancestor}, set[int]()
    while below:
        found |= below
        below = {process for process, parent in parents.items() if parent in below}
    return [process for process in found if b"Moderator" in Path(f"/proc/{process}/cmdline").read_bytes()]


def parent_of(process: Path) -> int:
    try:
        return int((process / "stat").read_text().rpartition(")")[2].split()[1])
    except OSError:  # it has just ended
        return 0


@with_ray
def test_a_cluster_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    done = moderate(
        folder_of(tmp_path, 1), "--output", tmp_path / "out.jsonl", "--engine", "ray", "--address", "127.0.0.1:1"
    )

    assert (done.returncode, "no Ray cluster at '127.0.0.1:1'" in done.stderr) == (1, True)


@pytest.mark.skipif(find_spec("ray") is not None, reason="the extra 'ray' is installed")
def test_without_the_extra_it_says_how_to_install_it(tmp_path: Path) -> None:
    done = moderate(folder_of(tmp_path, 1), "--output", tmp_path / "out.jsonl", "--engine", "ray")

    assert (done.returncode, done.stderr) == (
        1,
        "kernelsight: --engine ray takes the extra 'ray'; install it with: pip install 'kernelsight[ray]'\n",
    )
