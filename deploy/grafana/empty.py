"""Which panels of the dashboards have no data: `python -m deploy.grafana.empty http://127.0.0.1:9090`.

Every query of every panel is asked of that Prometheus, over its last minutes. Exit status 1 when a panel has none
that takes nothing but a service and requests.
"""

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from time import time
from urllib.parse import urlencode
from urllib.request import urlopen

from deploy.grafana.boards import BOARDS
from deploy.grafana.parts import Board, Panel, Row

_MINUTES = 5
_INTERVAL = "1m"


@dataclass(frozen=True)
class Empty:
    board: str
    panel: str
    query: str
    takes: str


def empty(prometheus: str) -> Iterator[Empty]:
    """Panels, by query, that would show nothing."""
    for board, row, panel in panels():
        for query in panel.queries:
            if not _has_data(prometheus, query.expression.replace("$__rate_interval", _INTERVAL)):
                yield Empty(board.name, panel.title, query.expression, row.takes)


def panels() -> Iterator[tuple[Board, Row, Panel]]:
    return ((board, row, panel) for board in BOARDS for row in board.rows for panel in row.panels)


def _has_data(prometheus: str, query: str) -> bool:
    """A line of nothing but NaN (a quantile of no requests) is none."""
    now = time()
    asked = urlencode({"query": query, "start": now - 60 * _MINUTES, "end": now, "step": "5s"})
    with urlopen(f"{prometheus}/api/v1/query_range?{asked}", timeout=30) as answer:
        lines = json.load(answer)["data"]["result"]
    return any(value != "NaN" for line in lines for _, value in line["values"])


def main() -> None:
    found = list(empty(sys.argv[1]))
    for one in found:
        print(f"{one.board}: {one.panel}{one.takes and f' (takes {one.takes})'}: no data for {one.query}")
    print(f"{len(list(panels()))} panels, {len(found)} queries without data")
    sys.exit(any(not one.takes for one in found))


if __name__ == "__main__":
    main()
