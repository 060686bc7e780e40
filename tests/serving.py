"""Runs `kernelsight serve` and the other commands as a user would, in processes of their own."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from tempfile import TemporaryDirectory

import httpx2

COMMAND = [sys.executable, "-m", "service"]


@dataclass(frozen=True)
class Service:
    url: str
    process: subprocess.Popen[str]
    http: httpx2.Client
    settings: dict[str, str]


@contextmanager
def serving(*options: str, ready: bool = True, launcher: Sequence[str] = (), **settings: str) -> Iterator[Service]:
    """Run a service on a free port, with its own queue and folders and without canaries.

    `settings` are KERNELSIGHT_ variables without their prefix. `launcher` is a command that runs the one after it.
    """
    with TemporaryDirectory() as folder:
        own = {
            "queue_data": f"{folder}/queue", "files": f"{folder}/files", "canary_answers": f"{folder}/canaries",
            "versions": f"{folder}/versions", "references": f"{folder}/references",
            "audit": f"{folder}/audit", "keys": f"{folder}/keys.json", "categories": f"{folder}/categories",
            "canary_seconds": "0",  # or a test would count the canaries' requests
        }  # fmt: skip
        with _run_service(*options, ready=ready, launcher=launcher, **own | settings) as service:
            yield service


@contextmanager
def _run_service(*options: str, ready: bool, launcher: Sequence[str], **settings: str) -> Iterator[Service]:
    command = [*launcher, *COMMAND, "serve", "--port", "0", *options]
    process = subprocess.Popen(command, env=environment(**settings), stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    line = process.stdout.readline()
    found = re.search(r"http://\S+", line)
    assert found, f"the service did not start: {line!r}"
    try:
        with httpx2.Client(base_url=found.group(), timeout=60) as http:
            if ready:
                wait_until_ready(http)
            yield Service(found.group(), process, http, settings)
    finally:
        process.terminate()
        process.wait(30)
        process.stdout.close()


def wait_until_ready(http: httpx2.Client) -> None:
    for _ in range(2400):
        if http.get("/readyz").status_code == 200:
            return
        time.sleep(0.05)
    raise AssertionError("not ready after two minutes")


def wait_for_queue(http: httpx2.Client) -> None:
    """Until the service has opened its queue, which comes after the models."""
    for _ in range(2400):
        if http.get("/v1/batches").status_code != 503:
            return
        time.sleep(0.05)
    raise AssertionError("no queue after two minutes")


def run(*arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *arguments], env=environment(**settings), capture_output=True, text=True, timeout=120, check=False
    )


def problem_code(reply: httpx2.Response) -> str:
    """The code in a problem's type."""
    kind: str = reply.json()["type"]
    return kind.removeprefix("urn:kernelsight:problem:")


def environment(**settings: str) -> dict[str, str]:
    """This process's environment with `settings` instead of its KERNELSIGHT_ variables.

    The store is kept, which `make setup` has filled, and what runs its models.
    """
    kept = ("KERNELSIGHT_STORE", "KERNELSIGHT_BACKEND")
    clean = {name: value for name, value in os.environ.items() if name in kept or not name.startswith("KERNELSIGHT_")}
    return clean | {f"KERNELSIGHT_{name.upper()}": value for name, value in settings.items()}
