"""`kernelsight moderate … --output` in separate processes, with the real models."""

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

from tests.service.bulk.bulk_runs import FAST_OPTIONS, draw_jpeg, make_image_folder, read_rows, run_moderate
from tests.serving import COMMAND, environment

COUNT = 300


def test_every_input_has_one_complete_row(tmp_path: Path) -> None:
    folder = make_image_folder(tmp_path, 3)

    done = run_moderate(folder, "--output", tmp_path / "out.jsonl")

    found = read_rows(tmp_path / "out.jsonl")
    assert done.returncode == 0
    assert sorted(row["source"] for row in found) == sorted(map(str, folder.iterdir()))
    for row in found:
        assert row["error"] is None
        assert row["verdict"] == "allow"
        assert row["id"] == row["source"]
        assert len(row["sha256"]) == 64
        assert "nsfw.whole" in row["scores"]
        assert row["policy_version"]
        assert row["models"]
        assert row["seconds"] > 0


def test_failed_inputs_have_rows_and_set_the_exit_code(tmp_path: Path) -> None:
    folder = make_image_folder(tmp_path, 1)
    (folder / "empty.jpg").write_bytes(b"")
    (folder / "cut.jpg").write_bytes(draw_jpeg(1)[:700])
    (folder / "large.jpg").write_bytes(draw_jpeg(2) + bytes(5000))
    (folder / "list.jsonl").write_text(f'{{"path": "missing.jpg"}}\nnothing\n{{"path": "{folder}"}}\n')

    done = run_moderate(*(p for p in folder.iterdir()), "--output", tmp_path / "out.jsonl", max_image_bytes="4000")

    again = run_moderate(*(p for p in folder.iterdir()), "--output", tmp_path / "out.jsonl", max_image_bytes="4000")
    codes = {
        Path(row["source"]).name: (row["error"] or {"code": None})["code"] for row in read_rows(tmp_path / "out.jsonl")
    }
    assert done.returncode == 1
    assert "0 rows written" in again.stderr
    assert again.returncode == 1
    assert codes == {
        "0000.jpg": None,
        "empty.jpg": "image-empty",
        "cut.jpg": "image-truncated",
        "large.jpg": "image-too-many-bytes",
        "missing.jpg": "source-unreadable",
        "list.jsonl#2": "manifest-line-invalid",
        "pictures": "source-unreadable",
    }


@pytest.mark.parametrize("source", ["*.jpg", ""])
def test_a_run_that_matches_nothing_says_so(tmp_path: Path, source: str) -> None:
    (tmp_path / "empty").mkdir()

    done = run_moderate(f"{tmp_path}/empty/{source}", "--output", tmp_path / "out.jsonl")

    assert done.stderr.splitlines()[-1].startswith("kernelsight: nothing matches")
    assert done.returncode == 2


def test_an_input_listed_twice_has_two_rows_after_resuming(tmp_path: Path) -> None:
    folder, out = make_image_folder(tmp_path, 2), tmp_path / "out.jsonl"
    first, second = sorted(folder.iterdir())
    run_moderate(first, first, "--output", out)

    run_moderate(first, first, second, first, "--output", out)

    assert Counter(row["source"] for row in read_rows(out)) == {str(first): 3, str(second): 1}


@pytest.mark.parametrize("name", ["out.jsonl", "out.parquet"])
def test_a_killed_run_is_resumed(tmp_path: Path, name: str) -> None:
    folder, out = make_image_folder(tmp_path, COUNT), tmp_path / name
    process = subprocess.Popen(
        [*COMMAND, "moderate", str(folder), *FAST_OPTIONS, "--output", str(out)],
        env=environment(), stderr=subprocess.DEVNULL,
    )  # fmt: skip
    lines = out if name.endswith("jsonl") else out / "_rows-00000.jsonl"
    while process.poll() is None and (not lines.exists() or lines.read_bytes().count(b"\n") < COUNT // 2):
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    before = set(lines.read_bytes().splitlines(keepends=True))
    safe = {line.rstrip(b"\n") for line in before if line.endswith(b"\n")}

    done = run_moderate(folder, "--output", out)

    if name.endswith("jsonl"):
        found, kept = read_rows(out), safe <= set(out.read_bytes().splitlines())
    else:
        found = arrow_dataset.dataset(out).to_table().to_pylist()
        kept = {(row["id"], row["seconds"]) for row in map(json.loads, safe)} <= {
            (row["id"], row["seconds"]) for row in found
        }
    assert process.returncode == -signal.SIGKILL
    assert COUNT > len(safe) >= COUNT // 2
    assert done.returncode == 0
    assert kept
    assert sorted(row["source"] for row in found) == sorted(map(str, folder.iterdir()))


def test_a_stopped_run_writes_items_in_flight_and_can_be_resumed(tmp_path: Path) -> None:
    folder, out = make_image_folder(tmp_path, COUNT), tmp_path / "out.jsonl"
    process = subprocess.Popen(
        [*COMMAND, "moderate", str(folder), *FAST_OPTIONS, "--output", str(out)],
        env=environment(), stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    while process.poll() is None and (not out.exists() or not out.read_bytes()):
        time.sleep(0.02)
    process.send_signal(signal.SIGTERM)
    _, stderr = process.communicate(timeout=60)
    written_before = len(read_rows(out))

    run_moderate(folder, "--output", out)

    assert "the same command goes on from here" in stderr
    assert process.returncode == 128 + signal.SIGTERM
    assert written_before < COUNT
    assert len(read_rows(out)) == COUNT


def test_another_policy_needs_a_restart(tmp_path: Path) -> None:
    folder, out = make_image_folder(tmp_path, 2), tmp_path / "out.jsonl"
    policy = tmp_path / "policy.yaml"
    shutil.copy("pipelines/moderation/policy.yaml", policy)
    run_moderate(folder, "--output", out)
    policy.write_text(policy.read_text() + "\n# stricter\n")

    refused = run_moderate(folder, "--output", out, policy=str(policy))
    restarted = run_moderate(folder, "--output", out, "--restart", policy=str(policy))

    assert "policy was" in refused.stderr
    assert refused.stderr.count("\n") == 1
    assert refused.returncode == 1
    assert restarted.returncode == 0
    assert len(read_rows(out)) == 2


def test_a_foreign_file_is_never_removed(tmp_path: Path) -> None:
    folder, out = make_image_folder(tmp_path, 1), tmp_path / "out.jsonl"
    out.write_text("precious")

    done = run_moderate(folder, "--output", out, "--restart")

    assert "no batch wrote it" in done.stderr
    assert done.returncode == 1
    assert out.read_text() == "precious"


@pytest.mark.parametrize(
    ("source", "output", "message"),
    [
        ("/nothing", "out.jsonl", "no such file or folder: '/nothing'"),
        (".", "out.csv", "must end in .jsonl or .parquet"),
        (".", "/proc/nothing/out.jsonl", "cannot write"),
        (".", "s3://bucket/out.jsonl", "cannot be appended to"),
    ],
)
def test_an_impossible_run_is_an_error_of_one_line(source: str, output: str, message: str, tmp_path: Path) -> None:
    target = output if output[0] == "/" or "://" in output else str(tmp_path / output)
    done = run_moderate(source, "--output", target)

    assert message in done.stderr
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1


def test_a_run_can_write_into_its_source_folder(tmp_path: Path) -> None:
    folder = make_image_folder(tmp_path, 2)
    for _ in range(2):
        run_moderate(folder, "--output", folder / "out.jsonl")

    assert len(read_rows(folder / "out.jsonl")) == 2


@pytest.mark.skipif(not hasattr(os, "SCHED_IDLE"), reason="this system has no idle class")
def test_every_thread_of_a_polite_run_has_idle_priority(tmp_path: Path) -> None:
    folder = make_image_folder(tmp_path, COUNT)
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
