"""Every request is counted by route and status, and every rejection by its problem."""

from fastapi.testclient import TestClient
from prometheus_client import CollectorRegistry

from service.http.app import create_app
from service.settings import LimitSettings, Settings
from tests.service.telemetry.metrics.reading import series, value


def metrics_after(method: str, path: str, body: bytes = b"") -> CollectorRegistry:
    """The metrics after one request to a service whose models are not loaded."""
    app = create_app(Settings(limits=LimitSettings(max_image_bytes=100)))
    TestClient(app, base_url="http://localhost", raise_server_exceptions=False).request(method, path, content=body)
    registry: CollectorRegistry = app.state.metrics.registry
    return registry


def test_requests_are_counted_by_route_and_status() -> None:
    registry = metrics_after("GET", "/healthz")

    assert series(registry, "requests_total") == [({"route": "/healthz", "status": "200"}, 1)]
    assert value(registry, "request_seconds_count", route="/healthz") == 1
    assert value(registry, "requests_in_flight") == 0


def test_a_path_with_an_id_counts_as_its_route() -> None:
    [(labels, _)] = series(metrics_after("GET", "/v1/models/whatever"), "requests_total")

    assert labels["route"] == "/v1/models/{model}"


def test_all_unknown_paths_are_one_series() -> None:
    registry = metrics_after("GET", "/wp-admin.php")

    assert series(registry, "requests_total") == [({"route": "none", "status": "404"}, 1)]
    assert value(registry, "rejects_total", problem="not-found") == 1


def test_a_body_over_the_limit_is_counted_as_a_reject() -> None:
    registry = metrics_after("POST", "/v1/features", bytes(70_000))

    assert value(registry, "rejects_total", problem="body-too-large") == 1


def test_a_request_before_the_models_are_ready_is_a_reject() -> None:
    assert value(metrics_after("POST", "/v1/features"), "rejects_total", problem="not-ready") == 1
