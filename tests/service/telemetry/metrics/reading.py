"""Read samples from a registry, as Prometheus does."""

from prometheus_client import CollectorRegistry

Labels = dict[str, str]


def value(registry: CollectorRegistry, name: str, **labels: str) -> float | None:
    """None if there is no such series."""
    return registry.get_sample_value(f"kernelsight_{name}", labels)


def series(registry: CollectorRegistry, name: str) -> list[tuple[Labels, float]]:
    """All series of one sample name (with its suffix, such as `_bucket`)."""
    sample_name = f"kernelsight_{name}"
    samples = [sample for family in registry.collect() for sample in family.samples if sample.name == sample_name]
    return [(dict(sample.labels), sample.value) for sample in samples]
