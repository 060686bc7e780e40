"""Liveness, readiness, metrics and the end of a service."""

import os
import signal
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from prometheus_client.parser import text_string_to_metric_families

from service.http.app import create_app
from service.settings import Settings
from tests.conftest import Jpeg
from tests.pipelines.images import encode, photograph
from tests.serving import Service, run, serving


def samples(service: Service) -> dict[tuple[str, tuple[str, ...]], float]:
    """Every metric by name and label values, sorted by label name."""
    families = text_string_to_metric_families(service.http.get("/metrics").text)
    return {
        (sample.name, tuple(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in families
        for sample in family.samples
    }


def test_a_service_with_warm_models_is_ready_and_well(service: Service) -> None:
    tasks = service.http.get("/v1/models").json()["tasks"].values()
    well = {model: None for task in tasks for model in task["models"]}

    assert [service.http.get(path).json() for path in ("/readyz", "/healthz")] == [
        {"status": "ready", "models": well},
        {"status": "ok", "models": well},
    ]


def test_until_models_are_warm_the_service_lives_and_is_not_ready(jpeg: Jpeg) -> None:
    client = TestClient(create_app(Settings()))  # without its lifespan: nothing is loaded

    codes = [client.get("/healthz").status_code, client.get("/readyz").status_code]
    reply = client.post("/v1/features", files={"file": jpeg("cat")})
    assert (codes, reply.status_code, reply.json()["type"]) == (
        [200, 503], 503, "urn:kernelsight:problem:not-ready",
    )  # fmt: skip


def test_models_that_cannot_be_loaded_end_the_service(tmp_path: Path) -> None:
    failed = threading.Event()
    app = create_app(Settings(store=tmp_path), on_failure=failed.set)

    with TestClient(app) as client:
        assert failed.wait(30)
        assert "kernelsight models pull efficientnet-lite0" in client.get("/readyz").json()["status"]


def test_health_runs_a_real_inference_when_nothing_completed_lately() -> None:
    batches = ("kernelsight_batch_size_count", ("efficientnet-lite0",))
    with serving(probe_after_seconds="0.000001", pipelines="features") as running:
        before = samples(running)[batches]

        running.http.get("/healthz")

        assert samples(running)[batches] == before + 1


def test_metrics_count_requests_stages_batches_and_depth(service: Service, jpeg: Jpeg) -> None:
    names = [
        ("kernelsight_requests_total", ("/v1/features", "200")),
        ("kernelsight_request_seconds_count", ("/v1/features",)),
        ("kernelsight_stage_seconds_count", ("all", "decode")),
        ("kernelsight_stage_seconds_count", ("features", "session")),
        ("kernelsight_batch_size_sum", ("efficientnet-lite0",)),
    ]

    def ask() -> dict[tuple[str, tuple[str, ...]], float]:
        service.http.post("/v1/features", files={"file": jpeg("cat") + os.urandom(8)})  # no image that was seen before
        return samples(service)

    before, after = ask(), ask()

    assert [after[name] - before[name] for name in names] == [1.0] * len(names)
    assert after[("kernelsight_queue_depth", ("efficientnet-lite0", "interactive"))] == 0


def test_a_rejected_image_is_counted_by_its_problem(service: Service) -> None:
    name = ("kernelsight_rejects_total", ("image-empty",))
    service.http.post("/v1/features", files={"file": b""})
    before = samples(service)[name]

    service.http.post("/v1/features", files={"file": b""})

    assert samples(service)[name] == before + 1


def test_what_is_in_flight_is_finished_when_the_service_is_told_to_stop() -> None:
    slow = encode(photograph("astronaut", (3000, 3000)), "PNG", compress_level=1)
    with serving(pipelines="features") as running, ThreadPoolExecutor(8) as pool:
        answers = [pool.submit(running.http.post, "/v1/features", files={"file": slow}) for _ in range(8)]
        # A request counts once it was accepted: one that still connects may be refused.
        while samples(running)["kernelsight_requests_in_flight", ()] < 9:  # with the one that asks
            assert not any(answer.done() for answer in answers), "answered before all were in flight: no test"

        running.process.send_signal(signal.SIGTERM)

        assert {answer.result().status_code for answer in answers} == {200}


def test_the_api_pages_load_nothing_from_elsewhere(service: Service) -> None:
    page = service.http.get("/docs").text

    sources = [part.split('"')[0] for part in page.replace("href=", "src=").split('src="')[1:]]
    assert [service.http.get(source).status_code for source in sources if source.startswith("/")] == [200] * len(
        sources
    )


@pytest.mark.parametrize("path", ["/v1/features", "/v1/analyze"])
def test_the_schema_shows_both_ways_to_send_an_image(service: Service, path: str) -> None:
    body = service.http.get("/openapi.json").json()["paths"][path]["post"]["requestBody"]["content"]

    assert (sorted(body), "image" in body["application/json"]["example"]) == (
        ["application/json", "multipart/form-data"],
        True,
    )


def test_the_example_of_the_schema_is_a_request_that_works(service: Service) -> None:
    body = service.http.get("/openapi.json").json()["paths"]["/v1/features"]["post"]["requestBody"]["content"]

    assert service.http.post("/v1/features", json=body["application/json"]["example"]).status_code == 200


def test_models_are_listed_with_licence_state_and_hash(service: Service) -> None:
    models = {model["id"]: model for model in service.http.get("/v1/models").json()["models"]}
    one = service.http.get("/v1/models/efficientnet-lite0").json()

    lite0 = models["efficientnet-lite0"]
    assert (lite0["loaded"], lite0["license"], lite0["sha256"]) == (
        True, "Apache-2.0", one["stored"]["files"]["model.onnx"]["sha256"],
    )  # fmt: skip


def test_a_port_that_is_taken_is_said_in_one_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = run("serve", "--port", str(taken.getsockname()[1]))

    assert (done.returncode, done.stderr.splitlines()[-1].startswith("kernelsight: cannot listen on")) == (1, True)
