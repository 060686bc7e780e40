"""Traces and log lines of requests, from HTTP through the queue to a callback, as a collector receives them."""

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
from tests.service.collector import Collector, ReceivedSpan, run_collector
from tests.service.image_server import ImageServer, serving_images
from tests.service.json_log import LogLines, capture_log

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
class TracedRequests:
    """Replies, spans and log lines of requests answered at once, by a worker with a callback, or with an error."""

    collector: Collector
    images: ImageServer
    image: str = ""
    replies: dict[str, httpx2.Response] = field(default_factory=dict)
    lines: LogLines = field(default_factory=list)

    def children(self, parent: ReceivedSpan) -> list[ReceivedSpan]:
        return [span for span in self.collector.spans if span.parent == parent.id]

    def line(self, **facts: Any) -> dict[str, Any]:
        [line] = [line for line in self.lines if facts.items() <= line.items()]
        return line


@pytest.fixture(scope="module")
def traced(url: str, jpeg: Jpeg, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TracedRequests]:
    with run_collector() as collector, serving_images() as images:
        requests = TracedRequests(collector, images, base64.b64encode(jpeg("cat")).decode())
        images.image = jpeg("coffee")
        settings = Settings(
            server=ServerSettings(api_key=SecretStr(KEY), url_inputs="any"),
            queue=QueueSettings(redis_url=SecretStr(url)),
            batches=BatchSettings(files=str(tmp_path_factory.mktemp("files"))),
            webhooks=WebhookSettings(webhook_secret=SecretStr(SECRET), webhook_urls="any"),
            telemetry=TelemetrySettings(otel_endpoint=collector.url, trace_ratio=1),
        )
        with capture_log() as requests.lines:
            asyncio.run(send_requests(settings, requests))
        yield requests


async def send_requests(settings: Settings, requests: TracedRequests) -> None:
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
            httpx2.AsyncClient(transport=transport, base_url="http://localhost", headers=HEADERS)
        )
        await post_all(http, state.jobs, requests)
    await asyncio.to_thread(state.tracing.close)


async def post_all(http: httpx2.AsyncClient, jobs: JobServices, requests: TracedRequests) -> None:
    image = {"image": {"url": f"data:image/jpeg;base64,{requests.image}"}}
    hook = f"{requests.images.url}/hook"

    async def post(name: str, path: str, **request: Any) -> None:
        requests.replies[name] = await http.post(path, **request)

    await post("now", "/v1/features?top_k=3", json=image)
    await post("url", "/v1/features", json={"image": {"url": f"{requests.images.url}/image/?{SIGNATURE}"}})
    await post("unfetched", "/v1/features", json={"image": {"url": f"{requests.images.url}/cut/?{SIGNATURE}"}})
    await post("damaged", "/v1/features", json={"image": {"data": requests.image[:4000]}})
    await post("unauthorised", "/v1/features", json=image, headers={"Authorization": f"Bearer {KEY}-wrong"})
    await post("invalid", "/v1/moderations", json={"input": [{"type": "image_url", "image_url": requests.image}]})
    await post("later", f"/v1/jobs?operation=features&callback={hook}", json=image)
    async for _ in jobs.queue.events(requests.replies["later"].json()["id"]):
        pass
    while not requests.images.posted:
        await asyncio.sleep(0.02)


def test_a_request_is_a_trace_with_its_operation_and_every_stage(traced: TracedRequests) -> None:
    reply = traced.replies["now"]

    server = next(
        span
        for span in traced.collector.spans
        if span.kind == "server" and span.attributes["url.path"] == "/v1/features"
    )
    [operation] = traced.children(server)
    [run] = traced.children(operation)
    stages = traced.children(run)
    assert server.name == "POST /v1/features"
    assert server.trace == TRACE
    assert server.parent == CALLER
    assert server.attributes["http.response.status_code"] == 200
    assert operation.name == "features"
    assert run.name == "engine.run"
    assert run.attributes["kernelsight.result_id"] == reply.json()["result_id"]
    assert {stage.name for stage in stages} == reply.json()["timings"].keys() - {"total"}
    assert all(run.started <= span.started <= span.ended <= run.ended for span in stages)


def test_a_trace_continues_through_the_queue_to_the_callback(traced: TracedRequests) -> None:
    jobs = [span for span in traced.collector.spans if span.name == "POST /v1/jobs"]
    [[enqueued]] = [traced.children(job) for job in jobs]
    [processed] = traced.children(enqueued)
    operation, callback_enqueued = sorted(traced.children(processed), key=lambda span: span.started)
    [callback_processed] = traced.children(callback_enqueued)
    [post] = traced.children(callback_processed)
    headers, _ = traced.images.posted[0]

    found = [
        (span.name, span.kind) for span in (enqueued, processed, operation, callback_enqueued, callback_processed, post)
    ]
    assert found == [
        ("enqueue", "producer"), ("process interactive", "consumer"), ("features", "internal"),
        ("enqueue", "producer"), ("process interactive", "consumer"), ("POST", "client"),
    ]  # fmt: skip
    assert {span.trace for span in traced.collector.spans} == {TRACE}
    assert {name.lower(): value for name, value in headers.items()}["traceparent"] == f"00-{TRACE}-{post.id}-01"
    assert [span.name for span in traced.children(operation)] == ["engine.run"]


def test_a_failed_span_carries_only_the_errors_code(traced: TracedRequests) -> None:
    failed = {span.name: span.error for span in traced.collector.spans if span.error is not None}

    assert failed == {"features": "image-truncated", "fetch": "url-fetch-failed", "moderations": "request-rejected"}


def test_every_log_line_of_a_request_has_its_ids(traced: TracedRequests) -> None:
    result, job = traced.replies["now"].json()["result_id"], traced.replies["later"].json()["id"]
    access, work = traced.line(result_id=result), traced.line(job_id=job, outcome="done")

    assert {name: access[name] for name in ("method", "route", "status", "request_id", "trace_id")} == {
        "method": "POST", "route": "/v1/features", "status": 200, "request_id": "caller-17", "trace_id": TRACE,
    }  # fmt: skip
    assert work["request_id"] == "caller-17"
    assert work["trace_id"] == TRACE
    assert work["result_id"][:4] == "res_"
    assert sum("status" in line for line in traced.lines) == len(traced.replies)


def test_logs_and_traces_hold_no_keys_images_or_signatures(traced: TracedRequests) -> None:
    written = json.dumps(traced.lines) + "".join(body.decode("latin-1") for body in traced.collector.bodies)
    statuses = [reply.status_code for reply in traced.replies.values()]

    assert statuses == [200, 200, 424, 422, 401, 400, 202]
    secrets = (KEY, SIGNATURE, traced.image[:64], traced.image[-64:], SECRET)
    assert [secret for secret in secrets if secret in written] == []


def test_each_reply_names_its_request(traced: TracedRequests) -> None:
    assert {reply.headers["x-request-id"] for reply in traced.replies.values()} == {"caller-17"}
    assert traced.replies["damaged"].json()["request_id"] == "caller-17"
    assert traced.replies["invalid"].json().keys() == {"error"}
