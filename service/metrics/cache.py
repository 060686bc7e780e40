"""How often a cache had what was asked for."""

from collections.abc import Iterable
from typing import Protocol

from prometheus_client.core import CounterMetricFamily, Metric
from prometheus_client.registry import Collector


class Cache(Protocol):
    hits: int
    misses: int


class CacheCollector(Collector):
    def __init__(self, name: str, cache: Cache) -> None:
        self._name, self._cache = name, cache

    def collect(self) -> Iterable[Metric]:
        asked = CounterMetricFamily(
            "kernelsight_cache_requests",
            "What a cache was asked for.",
            labels=["cache", "outcome"],
        )
        asked.add_metric([self._name, "hit"], self._cache.hits)
        asked.add_metric([self._name, "miss"], self._cache.misses)
        yield asked
