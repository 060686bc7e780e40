"""PromQL with the legend of its lines: all sum over `instance`, for each process of the service counts for itself."""

from dataclasses import dataclass

_RATE = "[$__rate_interval]"
V1 = 'route=~"/v1/.*"'


@dataclass(frozen=True)
class Query:
    """`by` are the labels that its lines differ in."""

    expression: str
    by: tuple[str, ...] = ()
    name: str = ""

    @property
    def legend(self) -> str:
        return " ".join([*(f"{{{{{label}}}}}" for label in self.by), *([self.name] if self.name else [])])


def plain(expression: str, *by: str, name: str = "") -> Query:
    return Query(expression, by, name)


def rate(metric: str, *by: str, where: str = "") -> Query:
    """Per second."""
    return Query(_rate(metric, by, where), by)


def count(metric: str, *by: str, name: str = "") -> Query:
    """In five minutes."""
    return Query(_over("sum", f"increase({metric}[5m])", by), by, name)


def total(metric: str, *by: str, name: str = "") -> Query:
    return Query(_over("sum", metric, by), by, name)


def highest(metric: str, *by: str, name: str = "") -> Query:
    return Query(_over("max", metric, by), by, name)


def lowest(metric: str, *by: str, name: str = "") -> Query:
    return Query(_over("min", metric, by), by, name)


def quantile(q: float, metric: str, *by: str, where: str = "", name: str = "") -> Query:
    """Of a histogram, by its name without `_bucket`."""
    return Query(f"histogram_quantile({q:g}, {_rate(f'{metric}_bucket', (*by, 'le'), where)})", by, name)


def percentiles(metric: str, where: str = "") -> tuple[Query, ...]:
    return tuple(quantile(q, metric, where=where, name=f"p{q * 100:g}") for q in (0.5, 0.95, 0.99))


def mean(metric: str, *by: str) -> Query:
    """Of a histogram."""
    return Query(f"{_rate(f'{metric}_sum', by)} / {_rate(f'{metric}_count', by)}", by)


def _rate(metric: str, by: tuple[str, ...], where: str = "") -> str:
    chosen = f"{{{where}}}" if where else ""
    return _over("sum", f"rate({metric}{chosen}{_RATE})", by)


def _over(function: str, what: str, by: tuple[str, ...]) -> str:
    return f"{function} by ({', '.join(by)}) ({what})" if by else f"{function}({what})"
