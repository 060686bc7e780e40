"""Watches over a server's connections: ends, counts and logs those that break a limit, once a second."""

import logging
from collections import Counter as Tally
from collections.abc import Iterable
from typing import Literal, Protocol

from prometheus_client import CollectorRegistry, Counter, Gauge

from service.http.connections import ConnectionTable
from service.http.descriptors import DescriptorShares, DescriptorWatch
from service.settings import ConnectionSettings
from service.telemetry.metrics import Metrics

log = logging.getLogger(__name__)

EndReason = Literal["silent", "slow-headers", "slow-body", "slow-reader", "gave-way", "no-place", "refused"]

SWEEP_SECONDS = 1.0


class Watched(Protocol):
    def check(self, now_seconds: float) -> None:
        """End the connection if it breaks a limit."""


class ConnectionMetrics:
    def __init__(self, registry: CollectorRegistry) -> None:
        self._connections = Gauge(
            "kernelsight_connections", "Open connections, by whether a request is being received or answered on them.",
            ["state"], registry=registry,
        )  # fmt: skip
        self._places = Gauge("kernelsight_connection_places", "Connections that may be open.", registry=registry)
        self._ended = Counter(
            "kernelsight_connections_ended", "Connections that the server ended for breaking a limit.",
            ["reason"], registry=registry,
        )  # fmt: skip

    def observe(self, table: ConnectionTable) -> None:
        self._places.set(table.limit)
        self._connections.labels("request").set(table.with_request)
        self._connections.labels("waiting").set(table.open - table.with_request)

    def count_end(self, reason: EndReason) -> None:
        self._ended.labels(reason).inc()


class ConnectionGuard:
    """The state that all connections of a server share."""

    def __init__(self, limits: ConnectionSettings, shares: DescriptorShares, metrics: Metrics) -> None:
        self.limits = limits
        self._most = min(limits.max_connections, shares.connections)
        self.table = ConnectionTable(self._most, limits.max_connections_per_address)
        self._descriptors = DescriptorWatch(shares)
        self._requests, self._metrics = metrics.requests, ConnectionMetrics(metrics.registry)
        self._ended: Tally[EndReason] = Tally()

    def note_end(self, reason: EndReason) -> None:
        self._metrics.count_end(reason)
        self._ended[reason] += 1

    def count_problem(self, code: str) -> None:
        self._requests.count_problem(code)

    def sweep(self, connections: Iterable[Watched], now_seconds: float) -> None:
        """End what breaks a limit now. Fewer connections are let in while file descriptors come to an end."""
        for connection in connections:
            connection.check(now_seconds)
        self.table.limit = min(self._most, max(1, self.table.open + self._descriptors.count_free(now_seconds)))
        self._metrics.observe(self.table)
        if self._ended:  # one line for all: strangers decide how many there are
            facts = {f"ended_{reason}": count for reason, count in self._ended.items()}
            counts = ", ".join(f"{count} {reason}" for reason, count in self._ended.items())
            log.warning("ended connections: %s", counts, extra={"facts": facts})
            self._ended.clear()
