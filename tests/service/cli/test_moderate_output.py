"""`kernelsight moderate … --output`, in processes of its own, with the real models."""

import json
import os
import shutil
import signal
import subprocess
import time
from collections import Counter
from pathlib import Path

import pytest
from pyarrow import dataset as arrow_dataset

from tests.service.bulk.pictures import FAST, drawn, folder_of, moderate, rows
from tests.serving import COMMAND, environment

COUNT = 300


def test_every_input_has_one_row_with_its_verdict_and_what_it_rests_on(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, 3)

    done = moderate(folder, "--output", tmp_path / "out.jsonl")

    found = rows(tmp_path / "out.jsonl")
    assert (done.returncode, sorted(row["source"] for row in found)) == (0, sorted(map(str, folder.iterdir())))
    assert all(
        row["error"] is None and row["verdict"] == "allow" and row["id"] == row["source"] and len(row["sha256"]) == 64
        and "nsfw.whole" in row["scores"] and row["policy_version"] and row["models"] and row["seconds"] > 0
        for row in found
    )  # fmt: skip


def test_what_cannot_be_judged_is_a_row_and_the_exit_code(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, 1)
    (folder / "empty.jpg").write_bytes(b"")
    (folder / "cut.jpg").write_bytes(drawn(1)[:700])
    (folder / "large.jpg").write_bytes(drawn(2) + bytes(5000))
    (folder / "list.jsonl").write_text(f'{{"path": "missing.jpg"}}\nnothing\n{{"path": "{folder}"}}\n')

    done = moderate(*(p for p in folder.iterdir()), "--output", tmp_path / "out.jsonl", max_image_bytes="4000")

    again = moderate(*(p for p in folder.iterdir()), "--output", tmp_path / "out.jsonl", max_image_bytes="4000")
    codes = {Path(row["source"]).name: (row["error"] or {"code": None})["code"] for row in rows(tmp_path / "out.jsonl")}
    assert (done.returncode, again.returncode, "0 rows written" in again.stderr, codes) == (
        1,
        1,
        True,
        {
            "0000.jpg": None,
            "empty.jpg": "image-empty",
            "cut.jpg": "image-truncated",
            "large.jpg": "image-too-many-bytes",
            "missing.jpg": "source-unreadable",
            "list.jsonl#2": "manifest-line-invalid",
            "pictures": "source-unreadable",
        },
    )


def test_the_same_input_listed_twice_has_two_rows_also_when_taken_up_again(tmp_path: Path) -> None:
    folder, out = folder_of(tmp_path, 2), tmp_path / "out.jsonl"
    first, second = sorted(folder.iterdir())
    moderate(first, first, "--output", out)

    moderate(first, first, second, first, "--output", out)

    assert Counter(row["source"] for row in rows(out)) == {str(first): 3, str(second): 1}


@pytest.mark.parametrize("name", ["out.jsonl", "out.parquet"])
def test_a_killed_batch_goes_on_where_it_was(tmp_path: Path, name: str) -> None:
    folder, out = folder_of(tmp_path, COUNT), tmp_path / name
    process = subprocess.Popen(
        [*COMMAND, "moderate", str(folder), *FAST, "--output", str(out)],
        env=environment(), stderr=subprocess.DEVNULL,
    )  # fmt: skip
    lines = out if name.endswith("jsonl") else out / "_rows-00000.jsonl"
    while process.poll() is None and (not lines.exists() or lines.read_bytes().count(b"\n") < COUNT // 2):
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    before = set(lines.read_bytes().splitlines(keepends=True))
    safe = {line.rstrip(b"\n") for line in before if line.endswith(b"\n")}

    done = moderate(folder, "--output", out)

    if name.endswith("jsonl"):
        found, kept = rows(out), safe <= set(out.read_bytes().splitlines())
    else:
        found = arrow_dataset.dataset(out).to_table().to_pylist()
        kept = {(row["id"], row["seconds"]) for row in map(json.loads, safe)} <= {
            (row["id"], row["seconds"]) for row in found
        }
    assert (process.returncode, done.returncode, kept, COUNT > len(safe) >= COUNT // 2) == (-9, 0, True, True)
    assert sorted(row["source"] for row in found) == sorted(map(str, folder.iterdir()))


def test_a_stopped_batch_writes_what_is_in_flight_and_says_how_to_go_on(tmp_path: Path) -> None:
    folder, out = folder_of(tmp_path, COUNT), tmp_path / "out.jsonl"
    process = subprocess.Popen(
        [*COMMAND, "moderate", str(folder), *FAST, "--output", str(out)],
        env=environment(), stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    while process.poll() is None and (not out.exists() or not out.read_bytes()):
        time.sleep(0.02)
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=60)
    left = len(rows(out))

    moderate(folder, "--output", out)

    assert (process.returncode, "the same command goes on from here" in said, left < COUNT, len(rows(out))) == (
        128 + signal.SIGTERM, True, True, COUNT,
    )  # fmt: skip


def test_an_output_is_not_continued_under_another_policy_but_can_be_started_over(tmp_path: Path) -> None:
    folder, out = folder_of(tmp_path, 2), tmp_path / "out.jsonl"
    policy = tmp_path / "policy.yaml"
    shutil.copy("pipelines/moderation/policy.yaml", policy)
    moderate(folder, "--output", out)
    policy.write_text(policy.read_text() + "\n# stricter\n")

    refused = moderate(folder, "--output", out, policy=str(policy))
    restarted = moderate(folder, "--output", out, "--restart", policy=str(policy))

    assert (refused.returncode, refused.stderr.count("\n"), "policy was" in refused.stderr) == (1, 1, True)
    assert (restarted.returncode, len(rows(out))) == (0, 2)


def test_a_file_that_no_batch_wrote_is_left_alone_even_with_restart(tmp_path: Path) -> None:
    folder, out = folder_of(tmp_path, 1), tmp_path / "out.jsonl"
    out.write_text("precious")

    done = moderate(folder, "--output", out, "--restart")

    assert (done.returncode, "no batch wrote it" in done.stderr, out.read_text()) == (1, True, "precious")


@pytest.mark.parametrize(
    ("source", "output", "says"),
    [
        ("/nothing", "out.jsonl", "no such file or folder: '/nothing'"),
        (".", "out.csv", "must end in .jsonl or .parquet"),
        (".", "/proc/nothing/out.jsonl", "cannot write"),
        (".", "s3://bucket/out.jsonl", "cannot be appended to"),
    ],
)
def test_what_cannot_be_done_is_one_line(source: str, output: str, says: str, tmp_path: Path) -> None:
    target = output if output[0] == "/" or "://" in output else str(tmp_path / output)
    done = moderate(source, "--output", target)

    assert (done.returncode, says in done.stderr, done.stderr.count("\n")) == (1, True, 1)


def test_a_batch_can_write_into_the_folder_that_it_reads(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, 2)
    for _ in range(2):
        moderate(folder, "--output", folder / "out.jsonl")

    assert len(rows(folder / "out.jsonl")) == 2


@pytest.mark.skipif(not hasattr(os, "SCHED_IDLE"), reason="this system has no idle class")
def test_every_thread_of_a_polite_batch_makes_way(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, COUNT)
    process = subprocess.Popen(
        [*COMMAND, "moderate", str(folder), "--signals", "nsfw", "--output", str(tmp_path / "out.jsonl")],
        env=environment(), stderr=subprocess.DEVNULL,
    )  # fmt: skip
    while process.poll() is None and not (tmp_path / "out.jsonl").exists():
        time.sleep(0.02)
    threads = [int(task.name) for task in Path(f"/proc/{process.pid}/task").iterdir()]
    policies = {thread: os.sched_getscheduler(thread) for thread in threads}
    process.kill()
    process.wait()

    assert set(policies.values()) == {os.SCHED_IDLE}, policies
