"""`/metrics`: OpenMetrics with exemplars for clients that accept it, else the classic text."""

import pytest
from fastapi.testclient import TestClient
from prometheus_client.core import Metric
from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_openmetrics
from prometheus_client.parser import text_string_to_metric_families as read_classic

from service.http.app import create_app
from service.settings import Settings
from service.telemetry.metrics import Metrics
from service.telemetry.request_context import RequestContext, bind_request

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PROMETHEUS = (
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,"
    "application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=1.0.0;q=0.3,*/*;q=0.1"
)


def families_of(text: str) -> list[Metric]:
    return list(read_openmetrics(text))  # type: ignore[no-untyped-call]


def exemplars(metrics: Metrics) -> list[dict[str, str]]:
    families = families_of(metrics.render(PROMETHEUS)[0].decode())
    return [sample.exemplar.labels for family in families for sample in family.samples if sample.exemplar]


@pytest.mark.parametrize("accept", [PROMETHEUS, "application/openmetrics-text; version=none"])
def test_clients_that_accept_openmetrics_get_it(accept: str) -> None:
    http = TestClient(create_app(Settings()), base_url="http://localhost")  # without its lifespan: nothing is loaded
    http.get("/healthz")

    reply = http.get("/metrics", headers={"accept": accept})

    assert reply.headers["content-type"] == "application/openmetrics-text; version=1.0.0; charset=utf-8"
    assert "kernelsight_requests" in {family.name for family in families_of(reply.text)}


def test_other_clients_get_the_classic_text() -> None:
    http = TestClient(create_app(Settings()), base_url="http://localhost")
    http.get("/healthz")

    reply = http.get("/metrics")

    assert reply.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert "kernelsight_requests" in {family.name for family in read_classic(reply.text)}


@pytest.mark.parametrize(
    ("context", "expected"),
    [
        (RequestContext("req_1", trace_id=TRACE), [{"trace_id": TRACE}]),
        (RequestContext("req_1"), [{"request_id": "req_1"}]),
        (RequestContext("x" * 101), []),  # a client's own id: longer than an exemplar may be
    ],
)
def test_an_exemplar_names_the_trace_or_the_request(context: RequestContext, expected: list[dict[str, str]]) -> None:
    metrics = Metrics()
    metrics.requests.begin_request()

    with bind_request(context):
        metrics.requests.end_request("/v1/features", 200, 0.02)

    assert exemplars(metrics) == expected


def test_outside_of_requests_there_are_no_exemplars() -> None:
    metrics = Metrics()
    metrics.requests.begin_request()
    metrics.requests.end_request("/v1/features", 200, 0.02)

    assert exemplars(metrics) == []
