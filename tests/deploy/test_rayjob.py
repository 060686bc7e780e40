"""The RayJob in deploy/: what can be checked of it without a cluster."""

import shlex
from pathlib import Path
from typing import Any

import pytest
import typer.main
import yaml

from service.bulk.output import check_name
from service.cli import app


@pytest.fixture
def job() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(Path("deploy/kubernetes/rayjob.yaml").read_text())
    return found


def test_its_entry_point_is_a_command_line_that_we_take(job: dict[str, Any]) -> None:
    program, command, *arguments = shlex.split(job["spec"]["entrypoint"])
    moderate = typer.main.get_command(app).commands["moderate"]  # type: ignore[attr-defined]
    given = moderate.make_context(command, arguments).params

    check_name(given["output"])
    assert program == "kernelsight"
    assert given["engine"] == "ray"
    assert given["address"] == "auto"


def test_it_asks_for_as_many_actors_as_there_are_workers(job: dict[str, Any]) -> None:
    [workers] = job["spec"]["rayClusterSpec"]["workerGroupSpecs"]

    assert f"--actors {workers['replicas']} " in job["spec"]["entrypoint"]


def test_it_names_the_version_of_ray_that_is_pinned(job: dict[str, Any]) -> None:
    pinned = dict(line.split("==") for line in Path("constraints.txt").read_text().splitlines() if "==" in line)

    assert job["spec"]["rayClusterSpec"]["rayVersion"] == pinned["ray"]


def test_no_container_of_it_runs_as_root(job: dict[str, Any]) -> None:
    cluster = job["spec"]["rayClusterSpec"]
    pods = [group["template"]["spec"] for group in (cluster["headGroupSpec"], *cluster["workerGroupSpecs"])]

    assert [pod["securityContext"]["runAsNonRoot"] for pod in pods] == [True, True]
