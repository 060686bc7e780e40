import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from service.settings import GROUPS, LimitSettings
from tests.deploy.compose import FILES, services
from tests.deploy.dockerfile import ROOT, stages


@pytest.mark.parametrize("file", FILES)
def test_the_compose_specification_allows_it(file: str) -> None:
    checker = Path(sys.executable).with_name("check-jsonschema")

    found = subprocess.run(
        [checker, "--builtin-schema", "vendor.compose-spec", file],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert found.returncode == 0, found.stdout


def test_only_this_machine_reaches_api_and_dashboards_and_nobody_reaches_the_rest() -> None:
    ports = {name: service["ports"] for name, service in services().items() if "ports" in service}

    assert ports == {
        "api": ["${KERNELSIGHT_PUBLISH:-127.0.0.1:8000}:8000"],
        "grafana": ["${KERNELSIGHT_GRAFANA:-127.0.0.1:3000}:3000"],
    }


def test_prometheus_asks_the_ports_that_are_there_and_has_the_key() -> None:
    config = yaml.safe_load((ROOT / "deploy" / "prometheus" / "prometheus.yml").read_text("utf-8"))
    asked = {one["dns_sd_configs"][0]["names"][0]: one["dns_sd_configs"][0]["port"] for one in config["scrape_configs"]}
    key = config["scrape_configs"][0]["authorization"]["credentials_file"]

    assert asked == {"api": 8000, "worker": int(services()["worker"]["command"][-1])}
    assert key == f"/run/secrets/{services()['prometheus']['secrets'][0]}"


def test_nothing_starts_without_a_key() -> None:
    assert services()["api"]["environment"]["KERNELSIGHT_API_KEY"].startswith("${KERNELSIGHT_API_KEY:?")


@pytest.mark.parametrize("name", ["api", "worker"])
def test_what_uses_the_queue_starts_once_it_answers(name: str) -> None:
    assert services()[name]["depends_on"] == {"valkey": {"condition": "service_healthy"}}


@pytest.mark.parametrize("name", ["api", "worker"])
def test_data_outlives_the_container(name: str) -> None:
    declared = [one.value for one in stages()["serving"].all("VOLUME")]

    assert [f"data:{path}" for path in declared] == services()[name]["volumes"]


def test_the_queue_outlives_its_container_and_refuses_rather_than_forgets() -> None:
    queue = services()["valkey"]
    given = dict(zip(queue["command"][1::2], queue["command"][2::2], strict=True))
    found = (queue["volumes"], given["--appendonly"], given["--maxmemory-policy"])

    assert found == (["queue:/data"], "yes", "noeviction")


def test_every_setting_that_a_container_gets_is_one() -> None:
    given = {name for file in FILES for service in services(file).values() for name in service.get("environment", {})}
    given = {name for name in given if name.startswith("KERNELSIGHT_")}
    given |= set(stages()["serving"].last("ENV").pairs) - {"XDG_DATA_HOME"}
    known = {f"KERNELSIGHT_{name.upper()}" for group in GROUPS.values() for name in group.model_fields}

    assert given - known == set()


@pytest.mark.parametrize("name", ["api", "worker"])
def test_a_container_has_longer_to_stop_than_what_is_in_flight_has_to_end(name: str) -> None:
    grace = float(services()[name]["stop_grace_period"].removesuffix("s"))

    assert grace > LimitSettings.model_fields["drain_seconds"].default


def test_a_gpu_that_is_missing_is_an_error() -> None:
    found = services("docker-compose.gpu.yml")

    assert {name: (one["image"], one["environment"]["KERNELSIGHT_DEVICE"]) for name, one in found.items()} == {
        "api": ("kernelsight:gpu", "cuda"),
        "worker": ("kernelsight:gpu", "cuda"),
    }
