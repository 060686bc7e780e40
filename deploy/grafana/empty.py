"""List dashboard panels without data: `python -m deploy.grafana.empty http://127.0.0.1:9090`.

Runs every query of every panel on that Prometheus, over its last minutes. Exits with status 1 if a panel is empty that
needs nothing but a service and requests.
"""

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from time import time
from urllib.parse import urlencode
from urllib.request import urlopen

from deploy.grafana.boards import DASHBOARDS
from deploy.grafana.panels import Dashboard, Panel, PanelRow

_MINUTES = 5
_INTERVAL = "1m"


@dataclass(frozen=True)
class EmptyPanel:
    board: str
    panel: str
    query: str
    requires: str


def find_empty_panels(prometheus: str) -> Iterator[EmptyPanel]:
    """Queries of panels that return no data."""
    for board, row, panel in iterate_panels():
        for query in panel.queries:
            if not _has_data(prometheus, query.expression.replace("$__rate_interval", _INTERVAL)):
                yield EmptyPanel(board.name, panel.title, query.expression, row.requires)


def iterate_panels() -> Iterator[tuple[Dashboard, PanelRow, Panel]]:
    return ((board, row, panel) for board in DASHBOARDS for row in board.rows for panel in row.panels)


def _has_data(prometheus: str, query: str) -> bool:
    """A series of only NaN (a quantile of no requests) is no data."""
    now = time()
    parameters = urlencode({"query": query, "start": now - 60 * _MINUTES, "end": now, "step": "5s"})
    with urlopen(f"{prometheus}/api/v1/query_range?{parameters}", timeout=30) as reply:
        series = json.load(reply)["data"]["result"]
    return any(value != "NaN" for one in series for _, value in one["values"])


def main() -> None:
    empty = list(find_empty_panels(sys.argv[1]))
    for one in empty:
        print(f"{one.board}: {one.panel}{one.requires and f' (needs {one.requires})'}: no data for {one.query}")
    print(f"{len(list(iterate_panels()))} panels, {len(empty)} queries without data")
    sys.exit(any(not one.requires for one in empty))


if __name__ == "__main__":
    main()
