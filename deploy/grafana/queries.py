"""PromQL queries with legends; all aggregate over `instance`, because each process has its own metrics."""

from dataclasses import dataclass

_RATE = "[$__rate_interval]"
V1 = 'route=~"/v1/.*"'


@dataclass(frozen=True)
class Query:
    """`by` are the labels of its series."""

    expression: str
    by: tuple[str, ...] = ()
    name: str = ""

    @property
    def legend(self) -> str:
        return " ".join([*(f"{{{{{label}}}}}" for label in self.by), *([self.name] if self.name else [])])


def raw_query(expression: str, *by: str, name: str = "") -> Query:
    return Query(expression, by, name)


def rate(metric: str, *by: str, where: str = "") -> Query:
    """Per second."""
    return Query(_rate(metric, by, where), by)


def increase(metric: str, *by: str, name: str = "") -> Query:
    """Within five minutes."""
    return Query(_aggregate("sum", f"increase({metric}[5m])", by), by, name)


def sum_by(metric: str, *by: str, name: str = "") -> Query:
    return Query(_aggregate("sum", metric, by), by, name)


def max_by(metric: str, *by: str, name: str = "") -> Query:
    return Query(_aggregate("max", metric, by), by, name)


def min_by(metric: str, *by: str, name: str = "") -> Query:
    return Query(_aggregate("min", metric, by), by, name)


def quantile(q: float, metric: str, *by: str, where: str = "", name: str = "") -> Query:
    """`metric` is a histogram, without `_bucket`."""
    return Query(f"histogram_quantile({q:g}, {_rate(f'{metric}_bucket', (*by, 'le'), where)})", by, name)


def percentiles(metric: str, where: str = "") -> tuple[Query, ...]:
    return tuple(quantile(q, metric, where=where, name=f"p{q * 100:g}") for q in (0.5, 0.95, 0.99))


def mean(metric: str, *by: str) -> Query:
    """`metric` is a histogram."""
    return Query(f"{_rate(f'{metric}_sum', by)} / {_rate(f'{metric}_count', by)}", by)


def _rate(metric: str, by: tuple[str, ...], where: str = "") -> str:
    selector = f"{{{where}}}" if where else ""
    return _aggregate("sum", f"rate({metric}{selector}{_RATE})", by)


def _aggregate(function: str, expression: str, by: tuple[str, ...]) -> str:
    return f"{function} by ({', '.join(by)}) ({expression})" if by else f"{function}({expression})"
