"""Every request is counted, by a closed set of labels, and every refusal by its reason."""

from fastapi.testclient import TestClient
from prometheus_client import CollectorRegistry

from service.http.app import create_app
from service.settings import LimitSettings, Settings
from tests.service.telemetry.metrics.reading import series, value


def asked(method: str, path: str, body: bytes = b"") -> CollectorRegistry:
    """The metrics after one request to a service whose models are not loaded."""
    app = create_app(Settings(limits=LimitSettings(max_image_bytes=100)))
    TestClient(app, raise_server_exceptions=False).request(method, path, content=body)
    registry: CollectorRegistry = app.state.metrics.registry
    return registry


def test_requests_are_counted_by_route_and_status() -> None:
    registry = asked("GET", "/healthz")

    assert series(registry, "requests_total") == [({"route": "/healthz", "status": "200"}, 1)]
    assert (value(registry, "request_seconds_count", route="/healthz"), value(registry, "requests_in_flight")) == (1, 0)


def test_a_path_with_an_id_in_it_counts_as_its_route() -> None:
    [(labels, _)] = series(asked("GET", "/v1/models/whatever"), "requests_total")

    assert labels["route"] == "/v1/models/{model}"


def test_whatever_a_client_makes_up_is_one_series() -> None:
    registry = asked("GET", "/wp-admin.php")

    assert series(registry, "requests_total") == [({"route": "none", "status": "404"}, 1)]
    assert value(registry, "rejects_total", problem="not-found") == 1


def test_a_request_that_announces_too_much_is_a_reject_with_a_reason() -> None:
    registry = asked("POST", "/v1/features", bytes(70_000))

    assert value(registry, "rejects_total", problem="body-too-large") == 1


def test_a_request_before_the_models_are_warm_is_one_too() -> None:
    assert value(asked("POST", "/v1/features"), "rejects_total", problem="not-ready") == 1
