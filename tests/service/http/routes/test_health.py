"""Liveness, readiness, metrics, shutdown and the schema of a running service."""

import os
import signal
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from prometheus_client.parser import text_string_to_metric_families

from service.http.app import create_app
from service.settings import ModelSettings, Settings
from tests.conftest import Jpeg
from tests.pipelines.images import encode, photograph
from tests.serving import Service, run, serving


def metric_samples(service: Service) -> dict[tuple[str, tuple[str, ...]], float]:
    """Every metric by name and label values, sorted by label name."""
    families = text_string_to_metric_families(service.http.get("/metrics").text)
    return {
        (sample.name, tuple(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in families
        for sample in family.samples
    }


def test_a_service_with_warm_models_is_ready_and_healthy(service: Service) -> None:
    tasks = service.http.get("/v1/models").json()["tasks"].values()
    loaded = {model: None for task in tasks for model in task["models"]}

    assert [service.http.get(path).json() for path in ("/readyz", "/healthz")] == [
        {"status": "ready", "models": loaded, "decoders": {}},
        {"status": "ok", "models": loaded, "decoders": {"common formats": None, "confined": None}},
    ]


def test_a_service_that_loads_models_is_alive_but_not_ready(jpeg: Jpeg) -> None:
    client = TestClient(create_app(Settings()), base_url="http://localhost")  # without its lifespan: nothing is loaded

    codes = [client.get("/healthz").status_code, client.get("/readyz").status_code]
    reply = client.post("/v1/features", files={"file": jpeg("cat")})
    assert codes == [200, 503]
    assert reply.status_code == 503
    assert reply.json()["type"] == "urn:kernelsight:problem:not-ready"


def test_a_missing_model_stops_the_service(tmp_path: Path) -> None:
    failed = threading.Event()
    app = create_app(Settings(models=ModelSettings(store=tmp_path)), on_failure=failed.set)

    with TestClient(app, base_url="http://localhost") as client:
        assert failed.wait(30)
        assert "kernelsight models pull efficientnet-lite0" in client.get("/readyz").json()["status"]


def test_healthz_runs_an_inference_after_an_idle_time() -> None:
    batches = ("kernelsight_batch_size_count", ("efficientnet-lite0",))
    with serving(probe_after_seconds="0.000001", pipelines="features") as running:
        before = metric_samples(running)[batches]

        running.http.get("/healthz")

        while metric_samples(running)[batches] == before:  # the answer does not wait for it
            time.sleep(0.05)
        assert metric_samples(running)[batches] == before + 1


def test_metrics_count_requests_stages_batches_and_queue_depth(service: Service, jpeg: Jpeg) -> None:
    names = [
        ("kernelsight_requests_total", ("/v1/features", "200")),
        ("kernelsight_request_seconds_count", ("/v1/features",)),
        ("kernelsight_stage_seconds_count", ("all", "decode")),
        ("kernelsight_stage_seconds_count", ("features", "session")),
        ("kernelsight_batch_size_sum", ("efficientnet-lite0",)),
    ]

    def samples_after_request() -> dict[tuple[str, tuple[str, ...]], float]:
        service.http.post("/v1/features", files={"file": jpeg("cat") + os.urandom(8)})  # not in the encoder's cache
        return metric_samples(service)

    before, after = samples_after_request(), samples_after_request()

    assert [after[name] - before[name] for name in names] == [1.0] * len(names)
    assert after[("kernelsight_queue_depth", ("efficientnet-lite0", "interactive"))] == 0


def test_a_rejected_image_is_counted_by_its_problem(service: Service) -> None:
    name = ("kernelsight_rejects_total", ("image-empty",))
    service.http.post("/v1/features", files={"file": b""})
    before = metric_samples(service)[name]

    service.http.post("/v1/features", files={"file": b""})

    assert metric_samples(service)[name] == before + 1


def test_requests_in_flight_are_finished_after_sigterm() -> None:
    slow = encode(photograph("astronaut", (3000, 3000)), "PNG", compress_level=1)
    with serving(pipelines="features") as running, ThreadPoolExecutor(8) as pool:
        answers = [pool.submit(running.http.post, "/v1/features", files={"file": slow}) for _ in range(8)]
        # A request is in flight once it was accepted; one that is still connecting may be refused.
        while metric_samples(running)["kernelsight_requests_in_flight", ()] < 9:  # eight, and the one for the metrics
            assert not any(answer.done() for answer in answers), "answered before all were in flight: no test"

        running.process.send_signal(signal.SIGTERM)

        assert {answer.result().status_code for answer in answers} == {200}


def test_the_api_pages_load_nothing_from_other_hosts(service: Service) -> None:
    page = service.http.get("/docs").text

    sources = [part.split('"')[0] for part in page.replace("href=", "src=").split('src="')[1:]]
    assert [service.http.get(source).status_code for source in sources if source.startswith("/")] == [200] * len(
        sources
    )


@pytest.mark.parametrize("path", ["/v1/features", "/v1/analyze"])
def test_the_schema_has_both_forms_of_an_image_body(service: Service, path: str) -> None:
    body = service.http.get("/openapi.json").json()["paths"][path]["post"]["requestBody"]["content"]

    assert sorted(body) == ["application/json", "multipart/form-data"]
    assert "image" in body["application/json"]["example"]


def test_the_schemas_example_is_a_valid_request(service: Service) -> None:
    body = service.http.get("/openapi.json").json()["paths"]["/v1/features"]["post"]["requestBody"]["content"]

    assert service.http.post("/v1/features", json=body["application/json"]["example"]).status_code == 200


def test_models_are_listed_with_licence_state_and_hash(service: Service) -> None:
    models = {model["id"]: model for model in service.http.get("/v1/models").json()["models"]}
    one = service.http.get("/v1/models/efficientnet-lite0").json()

    lite0 = models["efficientnet-lite0"]
    assert lite0["loaded"] is True
    assert lite0["license"] == "Apache-2.0"
    assert lite0["sha256"] == one["stored"]["files"]["model.onnx"]["sha256"]


def test_a_port_in_use_is_reported_in_one_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = run("serve", "--port", str(taken.getsockname()[1]))

    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("kernelsight: cannot listen on")
