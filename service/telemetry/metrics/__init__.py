"""What Prometheus sees. Prefix `kernelsight_`, base units, closed label sets; docs/metrics.md says what each is for."""

from service.telemetry.metrics.metrics import Metrics

__all__ = ["Metrics"]
