"""Files that end or stall native decoders get an answer on every route that takes images, and cost nobody else."""

import os
import signal
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.conftest import Jpeg
from tests.hostile_heic import HOSTILE
from tests.pipelines.images import encode, photograph
from tests.serving import Service, serving

ROUTES = ("features", "faces", "avatars", "explain", "sanitize", "analyze", "documents")
CAT = photograph("cat", (120, 80))


@pytest.mark.parametrize("route", ROUTES)
def test_hostile_files_are_answered_while_neighbours_are_served(service: Service, jpeg: Jpeg, route: str) -> None:
    def post(to: str, data: bytes) -> tuple[int, str | None]:
        reply = service.http.post(f"/v1/{to}", files={"file": data})
        return reply.status_code, reply.json().get("type") if reply.status_code >= 400 else None

    cat = jpeg("cat")
    with ThreadPoolExecutor(4) as callers:
        neighbours = [callers.submit(post, "features", cat + os.urandom(8)) for _ in HOSTILE]
        found = [post(route, layout.to_bytes()) for layout in HOSTILE.values()]

    assert found == [(422, "urn:kernelsight:problem:image-corrupt")] * len(HOSTILE)
    assert {neighbour.result()[0] for neighbour in neighbours} == {200}
    assert service.process.poll() is None
    assert service.http.get("/healthz").json()["status"] == "ok"


def children(service: Service) -> list[int]:
    """Decoder processes of the service."""
    tasks = Path(f"/proc/{service.process.pid}/task").iterdir()
    pids = {int(pid) for task in tasks for pid in (task / "children").read_text().split()}
    return [pid for pid in pids if b"decoder_process" in Path(f"/proc/{pid}/cmdline").read_bytes()]


def test_a_decoder_that_is_killed_is_replaced(service: Service) -> None:
    def post() -> int:
        return service.http.post("/v1/features", files={"file": encode(CAT, "HEIC") + os.urandom(8)}).status_code

    first = post()
    before = children(service)
    for pid in before:
        os.kill(pid, signal.SIGKILL)

    assert [first, post(), post()] == [200, 200, 200]
    assert before
    assert not set(before) & set(children(service))


def test_no_decoder_sees_the_service_s_secrets() -> None:
    with serving(pipelines="features", api_key="a-secret-key") as running:
        seen = [Path(f"/proc/{pid}/environ").read_bytes() for pid in children(running)]

    assert seen
    assert not any(b"a-secret-key" in environment or b"KERNELSIGHT" in environment for environment in seen)
