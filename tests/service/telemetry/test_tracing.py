"""Traces from a request through the queue to a callback, as a collector gets them; and what the logs say of it."""

import asyncio
import base64
import json
from collections.abc import Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any

import httpx2
import pytest
from pydantic import SecretStr

from service.components import open_components
from service.http.app import create_app
from service.monitoring.monitors import open_monitors
from service.settings import BatchSettings, QueueSettings, ServerSettings, Settings, TelemetrySettings, WebhookSettings
from service.worker.job_services import JobServices, open_job_services
from service.worker.metrics import JobMetrics
from service.worker.worker import run_worker
from tests.conftest import Jpeg
from tests.service.collector import Collector, Taken, collecting
from tests.service.image_server import ImageServer, serving_images
from tests.service.json_log import Lines, logged

TRACE, CALLER = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
KEY = "key-of-the-operator-0123"
SIGNATURE = "X-Amz-Signature=5d672d79c15b13162d9279b0855cfba6"
HEADERS = {
    "Authorization": f"Bearer {KEY}",
    "traceparent": f"00-{TRACE}-{CALLER}-01",
    "X-Request-Id": "caller-17",
}
SECRET = "whsec_" + base64.b64encode(b"a key of at least 24 random bytes").decode()


@dataclass
class Played:
    """What came of one request answered at once, one by a worker with a callback, and some that failed."""

    collector: Collector
    images: ImageServer
    image: str = ""
    replies: dict[str, httpx2.Response] = field(default_factory=dict)
    lines: Lines = field(default_factory=list)

    def below(self, span: Taken) -> list[Taken]:
        return [one for one in self.collector.spans if one.parent == span.id]

    def line(self, **facts: Any) -> dict[str, Any]:
        [line] = [line for line in self.lines if facts.items() <= line.items()]
        return line


@pytest.fixture(scope="module")
def played(url: str, jpeg: Jpeg, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Played]:
    with collecting() as collector, serving_images() as images:
        scene = Played(collector, images, base64.b64encode(jpeg("cat")).decode())
        images.image = jpeg("coffee")
        settings = Settings(
            server=ServerSettings(api_key=SecretStr(KEY), url_inputs="any"),
            queue=QueueSettings(redis_url=SecretStr(url)),
            batches=BatchSettings(files=str(tmp_path_factory.mktemp("files"))),
            webhooks=WebhookSettings(webhook_secret=SecretStr(SECRET), webhook_urls="any"),
            telemetry=TelemetrySettings(otel_endpoint=collector.url, trace_ratio=1),
        )
        with logged() as scene.lines:
            asyncio.run(play(settings, scene))
        yield scene


async def play(settings: Settings, scene: Played) -> None:
    app = create_app(settings)
    state = app.state
    async with AsyncExitStack() as stack:
        state.components = await stack.enter_async_context(open_components(settings, state.metrics, only=["features"]))
        await stack.enter_async_context(open_monitors(state.components))
        state.jobs = await stack.enter_async_context(open_job_services(settings))
        metrics = JobMetrics(state.metrics.registry)
        await stack.enter_async_context(run_worker(state.components, state.jobs, metrics, state.tracing))
        transport = httpx2.ASGITransport(app, raise_app_exceptions=False)
        http = await stack.enter_async_context(
            httpx2.AsyncClient(transport=transport, base_url="http://kernelsight", headers=HEADERS)
        )
        await ask(http, state.jobs, scene)
    await asyncio.to_thread(state.tracing.close)


async def ask(http: httpx2.AsyncClient, jobs: JobServices, scene: Played) -> None:
    image = {"image": {"url": f"data:image/jpeg;base64,{scene.image}"}}
    hook = f"{scene.images.url}/hook"

    async def post(name: str, path: str, **request: Any) -> None:
        scene.replies[name] = await http.post(path, **request)

    await post("now", "/v1/features?top_k=3", json=image)
    await post("url", "/v1/features", json={"image": {"url": f"{scene.images.url}/image/?{SIGNATURE}"}})
    await post("unfetched", "/v1/features", json={"image": {"url": f"{scene.images.url}/cut/?{SIGNATURE}"}})
    await post("damaged", "/v1/features", json={"image": {"data": scene.image[:4000]}})
    await post("unauthorised", "/v1/features", json=image, headers={"Authorization": f"Bearer {KEY}-wrong"})
    await post("invalid", "/v1/moderations", json={"input": [{"type": "image_url", "image_url": scene.image}]})
    await post("later", f"/v1/jobs?operation=features&callback={hook}", json=image)
    async for _ in jobs.queue.events(scene.replies["later"].json()["id"]):
        pass
    while not scene.images.posted:
        await asyncio.sleep(0.02)


def test_a_request_is_a_trace_with_its_operation_and_every_stage(played: Played) -> None:
    reply = played.replies["now"]

    [server] = [
        one for one in played.collector.spans if one.kind == "server" and one.attributes["url.path"] == "/v1/features"
    ][:1]
    [operation] = played.below(server)
    [run] = played.below(operation)
    stages = played.below(run)
    assert (server.name, server.trace, server.parent) == ("POST /v1/features", TRACE, CALLER)
    assert server.attributes["http.response.status_code"] == 200
    assert (operation.name, run.name, run.attributes["kernelsight.result_id"]) == (
        "features", "engine.run", reply.json()["result_id"],
    )  # fmt: skip
    assert {stage.name for stage in stages} == reply.json()["timings"].keys() - {"total"}
    assert all(run.started <= one.started <= one.ended <= run.ended for one in stages)


def test_a_trace_goes_on_through_the_queue_to_the_callback(played: Played) -> None:
    jobs = [one for one in played.collector.spans if one.name == "POST /v1/jobs"]
    [[sent]] = [played.below(job) for job in jobs]
    [worked] = played.below(sent)
    operation, announced = sorted(played.below(worked), key=lambda one: one.started)
    [called] = played.below(announced)
    [post] = played.below(called)
    headers, _ = played.images.posted[0]

    found = [(one.name, one.kind) for one in (sent, worked, operation, announced, called, post)]
    assert found == [
        ("enqueue", "producer"), ("process interactive", "consumer"), ("features", "internal"),
        ("enqueue", "producer"), ("process interactive", "consumer"), ("POST", "client"),
    ]  # fmt: skip
    assert {one.trace for one in played.collector.spans} == {TRACE}
    assert {name.lower(): value for name, value in headers.items()}["traceparent"] == f"00-{TRACE}-{post.id}-01"
    assert [one.name for one in played.below(operation)] == ["engine.run"]


def test_what_went_wrong_is_told_by_its_code_alone(played: Played) -> None:
    failed = {one.name: one.error for one in played.collector.spans if one.error is not None}

    assert failed == {"features": "image-truncated", "fetch": "url-fetch-failed", "moderations": "request-rejected"}


def test_every_line_of_a_request_has_its_ids(played: Played) -> None:
    result, job = played.replies["now"].json()["result_id"], played.replies["later"].json()["id"]
    access, work = played.line(result_id=result), played.line(job_id=job, outcome="done")

    assert {name: access[name] for name in ("method", "route", "status", "request_id", "trace_id")} == {
        "method": "POST", "route": "/v1/features", "status": 200, "request_id": "caller-17", "trace_id": TRACE,
    }  # fmt: skip
    assert (work["request_id"], work["trace_id"], work["result_id"][:4]) == ("caller-17", TRACE, "res_")
    assert sum("status" in line for line in played.lines) == len(played.replies)


def test_neither_logs_nor_traces_have_keys_images_or_signatures(played: Played) -> None:
    written = json.dumps(played.lines) + "".join(body.decode("latin-1") for body in played.collector.bodies)
    statuses = [reply.status_code for reply in played.replies.values()]

    assert statuses == [200, 200, 424, 422, 401, 400, 202]
    secrets = (KEY, SIGNATURE, played.image[:64], played.image[-64:], SECRET)
    assert [secret for secret in secrets if secret in written] == []


def test_each_reply_names_its_request(played: Played) -> None:
    assert {reply.headers["x-request-id"] for reply in played.replies.values()} == {"caller-17"}
    assert played.replies["damaged"].json()["request_id"] == "caller-17"
    assert played.replies["invalid"].json().keys() == {"error"}
