"""Panels and dashboards in a few words each; Grafana's own library makes the JSON of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from grafana_foundation_sdk.builders import common, dashboard, prometheus, stat, timeseries
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.common import LegendDisplayMode, LegendPlacement, StackingMode
from grafana_foundation_sdk.models.dashboard import DataSourceRef

from deploy.grafana.queries import Query

Unit = Literal["short", "s", "bytes", "percentunit", "reqps", "ops"]

_SOURCE = DataSourceRef(type_val="prometheus", uid="${datasource}")
_TALL, _SMALL = 8, 4


@dataclass(frozen=True)
class Panel:
    """`width` of the 24 columns that a row has. `stacks`: its lines are parts of a whole."""

    title: str
    queries: Sequence[Query]
    unit: Unit = "short"
    about: str = ""
    width: int = 8
    stacks: bool = False

    def built(self) -> timeseries.Panel | stat.Panel:
        legend = common.VizLegendOptions().display_mode(LegendDisplayMode.LIST).placement(LegendPlacement.BOTTOM)
        panel = timeseries.Panel().min(0).legend(legend).height(_TALL)
        if self.stacks:
            panel.stacking(common.StackingConfig().mode(StackingMode.NORMAL)).fill_opacity(30)
        return _filled(panel, self)


@dataclass(frozen=True)
class Number(Panel):
    """One figure a query: what it is now."""

    width: int = 6

    def built(self) -> timeseries.Panel | stat.Panel:
        return _filled(stat.Panel().height(_SMALL), self)


@dataclass(frozen=True)
class Row:
    """`takes`: what has to be there for its panels to show anything; nothing: a service and requests are enough."""

    title: str
    panels: Sequence[Panel]
    takes: str = ""


@dataclass(frozen=True)
class Board:
    name: str
    rows: Sequence[Row]

    def json(self) -> str:
        built = (
            dashboard.Dashboard(f"KernelSight: {self.name}")
            .uid(f"kernelsight-{self.name}")
            .tags(["kernelsight"])
            .refresh("15s")
            .time("now-1h", "now")
            .readonly()
            .with_variable(dashboard.DatasourceVariable("datasource").type("prometheus"))
        )
        for row in self.rows:
            built.with_row(dashboard.Row(row.title))
            for panel in row.panels:
                built.with_panel(panel.built())
        return JSONEncoder(sort_keys=True, indent=1).encode(built.build()) + "\n"


def _filled(built: timeseries.Panel | stat.Panel, panel: Panel) -> timeseries.Panel | stat.Panel:
    """Exemplars are asked for where lines are of a histogram: they link a slow request to its trace."""
    built.title(panel.title).description(panel.about).unit(panel.unit).span(panel.width).datasource(_SOURCE)
    for letter, query in zip("ABCDEFGH", panel.queries, strict=False):
        target = prometheus.Dataquery().ref_id(letter).expr(query.expression).legend_format(query.legend)
        built.with_target(target.exemplar("_bucket" in query.expression))
    return built
