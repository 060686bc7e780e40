import json

import yaml

from deploy.grafana.boards import BOARDS
from deploy.grafana.build import FOLDER
from tests.deploy.compose import services
from tests.deploy.dockerfile import ROOT


def test_the_dashboards_are_what_their_source_says() -> None:
    """`python -m deploy.grafana.build` writes them."""
    written = {path.name: path.read_text("utf-8") for path in FOLDER.iterdir()}

    assert written == {f"{board.name}.json": board.json() for board in BOARDS}


def test_panels_lie_side_by_side_within_the_width_and_never_over_each_other() -> None:
    for path in FOLDER.iterdir():
        places = [panel["gridPos"] for panel in json.loads(path.read_text("utf-8"))["panels"]]
        cells = [
            (x, y)
            for place in places
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        ]

        assert len(cells) == len(set(cells))
        assert max(x for x, _ in cells) < 24


def test_grafana_finds_prometheus_and_the_dashboards_where_compose_puts_them() -> None:
    folder = ROOT / "deploy" / "grafana" / "provisioning"
    [source] = yaml.safe_load((folder / "datasources" / "prometheus.yml").read_text("utf-8"))["datasources"]
    [provider] = yaml.safe_load((folder / "dashboards" / "kernelsight.yml").read_text("utf-8"))["providers"]
    mounted = services()["grafana"]["volumes"]

    assert source["url"] == "http://prometheus:9090"
    assert f"./deploy/grafana/dashboards:{provider['options']['path']}:ro" in mounted
