"""`kernelsight reference`: what is stored is shown and reset; a running service is asked to capture."""

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
def listening(app: FastAPI) -> Iterator[str]:
    """Its URL, while it is served from a thread."""
    server = uvicorn.Server(uvicorn.Config(app, log_config=None))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()


def run(folder: Path, *arguments: str) -> str:
    done = CliRunner().invoke(
        app, ["reference", *arguments], env={"KERNELSIGHT_REFERENCES": str(folder), "KERNELSIGHT_API_KEY": "secret"}
    )
    if isinstance(done.exception, KernelSightError):
        raise done.exception
    assert done.exit_code == 0, done.output
    return done.output


def test_show_names_what_is_stored(folder: Path) -> None:
    table, facts = run(folder, "show"), json.loads(run(folder, "show", "--json"))

    assert all(word in table for word in ("made-up", "traffic", "500", "margin 500", "aaaaaaaaaaaa"))
    assert (facts["subject"], facts["observations"], sum(facts["counts"]["margin"])) == ("made-up", 500, 500)


def test_reset_removes_what_is_named_or_all(folder: Path) -> None:
    run(folder, "reset")

    assert ReferenceStore(folder).names == []
    with pytest.raises(KernelSightError, match="there is no reference of 'made-up'"):
        run(folder, "reset", "made-up")


def test_capture_asks_the_service_with_its_key(folder: Path) -> None:
    observer = make_observer()
    with listening(create_quality_app(observer, Settings(server=ServerSettings(api_key=SecretStr("secret"))))) as url:
        said = run(folder, "capture", "--observations", "700", "--url", url)

    captures = [tracker.capture for tracker in observer.trackers.values()]
    assert said == f"The next 700 answers of {url} become the reference.\n"
    assert [(one.wanted, one.source) for one in captures if one] == [(700, "traffic")] * len(observer.trackers)


def test_a_service_with_another_key_refuses(folder: Path) -> None:
    settings = Settings(server=ServerSettings(api_key=SecretStr("another")))
    with (
        listening(create_quality_app(make_observer(), settings)) as url,
        pytest.raises(KernelSightError, match=r"answers 401: .*the API key is wrong"),
    ):
        run(folder, "capture", "--url", url)


def test_a_service_that_does_not_answer_is_named(folder: Path) -> None:
    with pytest.raises(KernelSightError, match=r"no service answers at http://127\.0\.0\.1:9"):
        run(folder, "capture", "--url", "http://127.0.0.1:9")


def test_a_folder_with_too_few_images_says_how_many_it_takes(folder: Path) -> None:
    with pytest.raises(KernelSightError, match="a reference takes 250 observations, here are 1"):
        run(folder, "capture", "--from", str(folder))
