"""Prometheus metrics: prefix `kernelsight_`, base units, closed label sets. docs/metrics.md explains each."""

from service.telemetry.metrics.metrics import Metrics

__all__ = ["Metrics"]
