"""Checks of the RayJob in deploy/ that need no cluster."""

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
    manifest: dict[str, Any] = yaml.safe_load(Path("deploy/kubernetes/rayjob.yaml").read_text())
    return manifest


def test_its_entry_point_is_a_valid_command_line(job: dict[str, Any]) -> None:
    program, command, *arguments = shlex.split(job["spec"]["entrypoint"])
    moderate = typer.main.get_command(app).commands["moderate"]  # type: ignore[attr-defined]
    options = moderate.make_context(command, arguments).params

    check_name(options["output"])
    assert program == "kernelsight"
    assert options["engine"] == "ray"
    assert options["address"] == "auto"


def test_it_has_as_many_actors_as_workers(job: dict[str, Any]) -> None:
    [workers] = job["spec"]["rayClusterSpec"]["workerGroupSpecs"]

    assert f"--actors {workers['replicas']} " in job["spec"]["entrypoint"]


def test_it_names_the_pinned_version_of_ray(job: dict[str, Any]) -> None:
    pinned = dict(line.split("==") for line in Path("constraints.txt").read_text().splitlines() if "==" in line)

    assert job["spec"]["rayClusterSpec"]["rayVersion"] == pinned["ray"]


def test_none_of_its_containers_runs_as_root(job: dict[str, Any]) -> None:
    cluster = job["spec"]["rayClusterSpec"]
    pods = [group["template"]["spec"] for group in (cluster["headGroupSpec"], *cluster["workerGroupSpecs"])]

    assert len(pods) == 2
    assert all(pod["securityContext"]["runAsNonRoot"] is True for pod in pods)
