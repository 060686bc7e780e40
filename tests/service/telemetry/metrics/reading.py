"""A registry as Prometheus reads it."""

from prometheus_client import CollectorRegistry

Labels = dict[str, str]


def value(registry: CollectorRegistry, name: str, **labels: str) -> float | None:
    """None where there is no such series."""
    return registry.get_sample_value(f"kernelsight_{name}", labels)


def series(registry: CollectorRegistry, name: str) -> list[tuple[Labels, float]]:
    """All series of a name, `_bucket` and the like included in it."""
    whole = f"kernelsight_{name}"
    samples = [sample for family in registry.collect() for sample in family.samples if sample.name == whole]
    return [(dict(sample.labels), sample.value) for sample in samples]
