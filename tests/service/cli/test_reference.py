"""`kernelsight reference`: shows and resets stored references, and asks a running service to capture new ones."""

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import uvicorn
from fastapi import FastAPI
from pydantic import SecretStr
from typer.testing import CliRunner

from models.errors import KernelSightError
from service.cli import app
from service.monitoring.quality.reference_store import ReferenceStore
from service.monitoring.quality.tracker import DriftTracker
from service.settings import ServerSettings, Settings
from tests.service.monitoring.quality.app import create_quality_app
from tests.service.monitoring.quality.observations import WINDOW, make_subject, observe_random
from tests.service.monitoring.quality.traffic import make_observer


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """References of one subject, from 500 observations."""
    tracker = DriftTracker(make_subject(), WINDOW)
    tracker.start_capture(500, "traffic")
    observe_random(tracker, 500)
    assert tracker.capture
    ReferenceStore(tmp_path).save(tracker.capture.reference())
    return tmp_path


@contextmanager
def serve_in_thread(app: FastAPI) -> Iterator[str]:
    """The URL of the app, which is served from a thread."""
    server = uvicorn.Server(uvicorn.Config(app, log_config=None))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()


def run_reference(folder: Path, *arguments: str) -> str:
    """Its output; raises the command's error."""
    done = CliRunner().invoke(
        app, ["reference", *arguments], env={"KERNELSIGHT_REFERENCES": str(folder), "KERNELSIGHT_API_KEY": "secret"}
    )
    if isinstance(done.exception, KernelSightError):
        raise done.exception
    assert done.exit_code == 0, done.output
    return done.output


def test_show_prints_the_stored_references(folder: Path) -> None:
    table, facts = run_reference(folder, "show"), json.loads(run_reference(folder, "show", "--json"))

    assert all(word in table for word in ("made-up", "traffic", "500", "margin 500", "aaaaaaaaaaaa"))
    assert facts["subject"] == "made-up"
    assert facts["observations"] == 500
    assert sum(facts["counts"]["margin"]) == 500


def test_reset_removes_the_named_references_or_all(folder: Path) -> None:
    run_reference(folder, "reset")

    assert ReferenceStore(folder).names == []
    with pytest.raises(KernelSightError, match="there is no reference of 'made-up'"):
        run_reference(folder, "reset", "made-up")


def test_capture_asks_the_service_with_its_key(folder: Path) -> None:
    observer = make_observer()
    with serve_in_thread(
        create_quality_app(observer, Settings(server=ServerSettings(api_key=SecretStr("secret"))))
    ) as url:
        output = run_reference(folder, "capture", "--observations", "700", "--url", url)

    captures = [tracker.capture for tracker in observer.trackers.values()]
    assert output == f"The next 700 answers of {url} become the reference.\n"
    assert [(one.wanted, one.source) for one in captures if one] == [(700, "traffic")] * len(observer.trackers)


def test_a_service_with_another_key_refuses(folder: Path) -> None:
    settings = Settings(server=ServerSettings(api_key=SecretStr("another")))
    with (
        serve_in_thread(create_quality_app(make_observer(), settings)) as url,
        pytest.raises(KernelSightError, match=r"answers 401: .*the API key is wrong"),
    ):
        run_reference(folder, "capture", "--url", url)


def test_an_unreachable_service_is_named(folder: Path) -> None:
    with pytest.raises(KernelSightError, match=r"no service answers at http://127\.0\.0\.1:9"):
        run_reference(folder, "capture", "--url", "http://127.0.0.1:9")


def test_a_folder_with_too_few_images_is_refused(folder: Path) -> None:
    with pytest.raises(KernelSightError, match="a reference takes 250 observations, here are 1"):
        run_reference(folder, "capture", "--from", str(folder))
