"""Panels and dashboards as short declarations; Grafana's own library generates their JSON."""

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
_HEIGHT, _STAT_HEIGHT = 8, 4


@dataclass(frozen=True)
class Panel:
    """`width` is in columns of 24. `is_stacked`: the lines are parts of a whole."""

    title: str
    queries: Sequence[Query]
    unit: Unit = "short"
    description: str = ""
    width: int = 8
    is_stacked: bool = False

    def build(self) -> timeseries.Panel | stat.Panel:
        legend = common.VizLegendOptions().display_mode(LegendDisplayMode.LIST).placement(LegendPlacement.BOTTOM)
        panel = timeseries.Panel().min(0).legend(legend).height(_HEIGHT)
        if self.is_stacked:
            panel.stacking(common.StackingConfig().mode(StackingMode.NORMAL)).fill_opacity(30)
        return _configure(panel, self)


@dataclass(frozen=True)
class StatPanel(Panel):
    """Shows the current value of each query."""

    width: int = 6

    def build(self) -> timeseries.Panel | stat.Panel:
        return _configure(stat.Panel().height(_STAT_HEIGHT), self)


@dataclass(frozen=True)
class PanelRow:
    """`requires` names what its panels need beyond a service and requests."""

    title: str
    panels: Sequence[Panel]
    requires: str = ""


@dataclass(frozen=True)
class Dashboard:
    name: str
    rows: Sequence[PanelRow]

    def to_json(self) -> str:
        builder = (
            dashboard.Dashboard(f"KernelSight: {self.name}")
            .uid(f"kernelsight-{self.name}")
            .tags(["kernelsight"])
            .refresh("15s")
            .time("now-1h", "now")
            .readonly()
            .with_variable(dashboard.DatasourceVariable("datasource").type("prometheus"))
        )
        for row in self.rows:
            builder.with_row(dashboard.Row(row.title))
            for panel in row.panels:
                builder.with_panel(panel.build())
        return JSONEncoder(sort_keys=True, indent=1).encode(builder.build()) + "\n"


def _configure(build: timeseries.Panel | stat.Panel, panel: Panel) -> timeseries.Panel | stat.Panel:
    """Histograms are queried with exemplars, which link a slow request to its trace."""
    build.title(panel.title).description(panel.description).unit(panel.unit).span(panel.width).datasource(_SOURCE)
    for letter, query in zip("ABCDEFGH", panel.queries, strict=False):
        target = prometheus.Dataquery().ref_id(letter).expr(query.expression).legend_format(query.legend)
        build.with_target(target.exemplar("_bucket" in query.expression))
    return build
