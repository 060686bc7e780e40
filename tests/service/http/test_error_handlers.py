"""What callers are told of a failure that is the service's: nothing of its hosts and folders, which the log has."""

import asyncio
from pathlib import Path

import httpx2
import pytest

from models.errors import InferenceFailed, KernelSightError, ModelCorrupt, SourceFailed
from pipelines.moderation.errors import CategoriesNotWritable
from service.http.app import create_app
from service.http.dependencies import ready_jobs
from service.monitoring.errors import AuditUnavailable
from service.problems import problem_of
from service.settings import Settings, SettingsInvalid
from service.worker.job_services import open_job_services

WHERE = "/srv/inner/folder"


@pytest.mark.parametrize(
    ("path", "code", "why"),
    [
        ("/v1/dead-letters", "queue-unavailable", "127.0.0.1:1"),
        ("/v1/files", "files-unavailable", "ConnectionRefusedError"),
    ],
)
def test_what_cannot_be_reached_is_not_named_to_callers_but_in_the_log(
    path: str, code: str, why: str, caplog: pytest.LogCaptureFixture
) -> None:
    away = {"redis_url": "redis://127.0.0.1:1/0", "files": "ftp://127.0.0.1:1/files"}
    settings = Settings.model_validate(away)
    app = create_app(settings)

    async def asked() -> httpx2.Response:
        transport = httpx2.ASGITransport(app)
        async with (
            open_job_services(settings) as jobs,
            httpx2.AsyncClient(transport=transport, base_url="http://test") as http,
        ):
            app.state.jobs = jobs
            return await http.get(path)

    reply = asyncio.run(asked())

    errors = [line.message for line in caplog.records if line.levelname == "ERROR"]
    assert (reply.status_code, reply.headers["retry-after"], code in reply.text) == (503, "5", True)
    assert (why in reply.text, [code in line and why in line for line in errors]) == (False, [True])


@pytest.mark.parametrize(
    "error",
    [
        SourceFailed(f"{WHERE}: no such file"),
        AuditUnavailable(f"{WHERE}: Read-only file system"),
        CategoriesNotWritable(Path(WHERE), OSError(30, "Read-only file system")),
        ModelCorrupt(f"{WHERE} does not load"),
        InferenceFailed(f"{WHERE}: the session is gone"),
        SettingsInvalid(f"KERNELSIGHT_FILES: {WHERE}"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_where_the_service_keeps_its_things_is_for_the_log_alone(
    error: KernelSightError, caplog: pytest.LogCaptureFixture
) -> None:
    told = problem_of(error)

    assert (WHERE in str(told), WHERE in caplog.text) == (False, True)


def test_where_models_should_be_is_not_said_to_callers(tmp_path: Path) -> None:
    missing = create_app(Settings(store=tmp_path))

    async def asked() -> list[str]:
        async with missing.router.lifespan_context(missing):
            transport = httpx2.ASGITransport(missing)
            async with httpx2.AsyncClient(transport=transport, base_url="http://test") as http:
                while missing.state.failure is None:
                    await asyncio.sleep(0.01)
                return [(await http.get(path)).text for path in ("/readyz", "/v1/models")]

    ready, listed = asyncio.run(asked())

    assert ("kernelsight models pull" in ready, "kernelsight models pull" in listed) == (True, True)
    assert str(tmp_path) not in ready + listed


def test_what_http_itself_says_is_told_in_openais_form_too() -> None:
    app = create_app(Settings())
    app.dependency_overrides[ready_jobs] = lambda: None  # the form is read before the queue is asked

    async def asked() -> httpx2.Response:
        async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://test") as http:
            return await http.post("/v1/files", content=b"x", headers={"content-type": "multipart/form-data"})

    reply = asyncio.run(asked())

    assert (reply.status_code, "Missing boundary" in reply.json()["error"]["message"]) == (400, True)
