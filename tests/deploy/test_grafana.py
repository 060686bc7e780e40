import json

import yaml

from deploy.grafana.boards import DASHBOARDS
from deploy.grafana.build import FOLDER
from tests.deploy.compose import load_services
from tests.deploy.dockerfile import ROOT


def test_the_dashboards_match_their_source() -> None:
    """`python -m deploy.grafana.build` writes them."""
    written = {path.name: path.read_text("utf-8") for path in FOLDER.iterdir()}

    assert written == {f"{board.name}.json": board.to_json() for board in DASHBOARDS}


def test_panels_fit_the_width_and_never_overlap() -> None:
    for path in FOLDER.iterdir():
        positions = [panel["gridPos"] for panel in json.loads(path.read_text("utf-8"))["panels"]]
        cells = [
            (x, y)
            for position in positions
            for x in range(position["x"], position["x"] + position["w"])
            for y in range(position["y"], position["y"] + position["h"])
        ]

        assert len(cells) == len(set(cells))
        assert max(x for x, _ in cells) < 24


def test_grafana_is_provisioned_with_what_compose_mounts() -> None:
    folder = ROOT / "deploy" / "grafana" / "provisioning"
    [source] = yaml.safe_load((folder / "datasources" / "prometheus.yml").read_text("utf-8"))["datasources"]
    [provider] = yaml.safe_load((folder / "dashboards" / "kernelsight.yml").read_text("utf-8"))["providers"]
    mounted = load_services()["grafana"]["volumes"]

    assert source["url"] == "http://prometheus:9090"
    assert f"./deploy/grafana/dashboards:{provider['options']['path']}:ro" in mounted
