"""What callers are told of a failure that is the service's: nothing of its hosts and folders, which the log has."""

import asyncio
from pathlib import Path

import httpx2
import pytest

from models.errors import InferenceFailed, KernelSightError, ModelCorrupt, SourceFailed
from pipelines.moderation.errors import CategoriesNotWritable
from service.app import create_app
from service.audit.errors import AuditUnavailable
from service.problems import problem_of
from service.settings import Settings, SettingsInvalid
from service.work.jobs import open_jobs

WHERE = "/srv/inner/folder"


def test_a_queue_that_cannot_be_reached_is_not_named_to_callers_but_in_the_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    settings = Settings.model_validate({"redis_url": "redis://127.0.0.1:1/0", "files": str(tmp_path)})
    app = create_app(settings)

    async def asked() -> httpx2.Response:
        transport = httpx2.ASGITransport(app)
        async with open_jobs(settings) as jobs, httpx2.AsyncClient(transport=transport, base_url="http://test") as http:
            app.state.jobs = jobs
            return await http.get("/v1/jobs/some")

    reply = asyncio.run(asked())

    problem = reply.json()
    assert (reply.status_code, problem["type"], reply.headers["retry-after"]) == (
        503, "urn:kernelsight:problem:queue-unavailable", "5",
    )  # fmt: skip
    logged = [line.levelname for line in caplog.records if "127.0.0.1:1" in line.message]
    assert ("127.0.0.1" in reply.text, logged) == (False, ["ERROR"])


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
