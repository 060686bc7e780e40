"""Errors that are the service's fault: the log names hosts and folders, and callers are not told them."""

import asyncio
from pathlib import Path

import httpx2
import pytest
from pydantic import SecretStr

from models.errors import InferenceFailed, KernelSightError, ModelCorrupt, SourceFailed
from pipelines.moderation.errors import CategoriesNotWritable
from service.http.app import create_app
from service.http.dependencies import ready_jobs
from service.monitoring.errors import AuditUnavailable
from service.problems import problem_for
from service.settings import BatchSettings, ModelSettings, QueueSettings, Settings, SettingsInvalid
from service.worker.job_services import open_job_services

FOLDER = "/srv/inner/folder"


@pytest.mark.parametrize(
    ("path", "code", "why"),
    [
        ("/v1/dead-letters", "queue-unavailable", "127.0.0.1:1"),
        ("/v1/files", "files-unavailable", "Connection refused"),
    ],
)
def test_an_unreachable_host_is_named_only_in_the_log(
    path: str, code: str, why: str, caplog: pytest.LogCaptureFixture
) -> None:
    settings = Settings(
        queue=QueueSettings(redis_url=SecretStr("redis://127.0.0.1:1/0")),
        batches=BatchSettings(files="ftp://127.0.0.1:1/files"),
    )
    app = create_app(settings)

    async def request() -> httpx2.Response:
        transport = httpx2.ASGITransport(app)
        async with (
            open_job_services(settings) as jobs,
            httpx2.AsyncClient(transport=transport, base_url="http://localhost") as http,
        ):
            app.state.jobs = jobs
            return await http.get(path)

    reply = asyncio.run(request())

    errors = [line.message for line in caplog.records if line.levelname == "ERROR"]
    assert reply.status_code == 503
    assert reply.headers["retry-after"] == "5"
    assert code in reply.text
    assert why not in reply.text
    [line] = errors
    assert code in line
    assert why in line


@pytest.mark.parametrize(
    "error",
    [
        SourceFailed(f"{FOLDER}: no such file"),
        AuditUnavailable(f"{FOLDER}: Read-only file system"),
        CategoriesNotWritable(Path(FOLDER), OSError(30, "Read-only file system")),
        ModelCorrupt(f"{FOLDER} does not load"),
        InferenceFailed(f"{FOLDER}: the session is gone"),
        SettingsInvalid(f"KERNELSIGHT_FILES: {FOLDER}"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_folders_are_named_only_in_the_log(error: KernelSightError, caplog: pytest.LogCaptureFixture) -> None:
    problem = problem_for(error)

    assert FOLDER not in str(problem)
    assert FOLDER in caplog.text


def test_the_store_is_not_named_to_callers(tmp_path: Path) -> None:
    app = create_app(Settings(models=ModelSettings(store=tmp_path)))

    async def request() -> list[str]:
        async with app.router.lifespan_context(app):
            transport = httpx2.ASGITransport(app)
            async with httpx2.AsyncClient(transport=transport, base_url="http://localhost") as http:
                while app.state.failure is None:
                    await asyncio.sleep(0.01)
                return [(await http.get(path)).text for path in ("/readyz", "/v1/models")]

    ready, listed = asyncio.run(request())

    assert "kernelsight models pull" in ready
    assert "kernelsight models pull" in listed
    assert str(tmp_path) not in ready + listed


def test_http_errors_have_openais_form_on_its_routes() -> None:
    app = create_app(Settings())
    app.dependency_overrides[ready_jobs] = lambda: None  # the form is read before the queue is asked

    async def request() -> httpx2.Response:
        async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://localhost") as http:
            return await http.post("/v1/files", content=b"x", headers={"content-type": "multipart/form-data"})

    reply = asyncio.run(request())

    assert reply.status_code == 400
    assert "Missing boundary" in reply.json()["error"]["message"]
