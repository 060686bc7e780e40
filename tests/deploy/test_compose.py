import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from service.settings import GROUPS, LimitSettings
from tests.deploy.compose import COMPOSE_FILES, load_services
from tests.deploy.dockerfile import ROOT, load_stages


@pytest.mark.parametrize("file", COMPOSE_FILES)
def test_the_compose_file_follows_the_specification(file: str) -> None:
    checker = Path(sys.executable).with_name("check-jsonschema")

    found = subprocess.run(
        [checker, "--builtin-schema", "vendor.compose-spec", file],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert found.returncode == 0, found.stdout


def test_only_api_and_dashboards_are_published_and_only_on_loopback() -> None:
    ports = {name: service["ports"] for name, service in load_services().items() if "ports" in service}

    assert ports == {
        "api": ["${KERNELSIGHT_PUBLISH:-127.0.0.1:8000}:8000"],
        "grafana": ["${KERNELSIGHT_GRAFANA:-127.0.0.1:3000}:3000"],
    }


def test_prometheus_scrapes_the_right_ports_with_the_key() -> None:
    config = yaml.safe_load((ROOT / "deploy" / "prometheus" / "prometheus.yml").read_text("utf-8"))
    scraped = {
        one["dns_sd_configs"][0]["names"][0]: one["dns_sd_configs"][0]["port"] for one in config["scrape_configs"]
    }
    key = config["scrape_configs"][0]["authorization"]["credentials_file"]

    assert scraped == {"api": 8000, "worker": int(load_services()["worker"]["command"][-1])}
    assert key == f"/run/secrets/{load_services()['prometheus']['secrets'][0]}"


def test_compose_refuses_to_start_without_a_key() -> None:
    assert load_services()["api"]["environment"]["KERNELSIGHT_API_KEY"].startswith("${KERNELSIGHT_API_KEY:?")


@pytest.mark.parametrize("name", ["api", "worker"])
def test_services_start_after_the_queue_is_healthy(name: str) -> None:
    assert load_services()[name]["depends_on"] == {"valkey": {"condition": "service_healthy"}}


@pytest.mark.parametrize("name", ["api", "worker"])
def test_data_outlives_the_container(name: str) -> None:
    declared = [one.value for one in load_stages()["serving"].find_all("VOLUME")]

    assert [f"data:{path}" for path in declared] == load_services()[name]["volumes"]


def test_the_queue_is_persistent_and_never_evicts() -> None:
    queue = load_services()["valkey"]
    options = dict(zip(queue["command"][1::2], queue["command"][2::2], strict=True))

    assert queue["volumes"] == ["queue:/data"]
    assert options["--appendonly"] == "yes"
    assert options["--maxmemory-policy"] == "noeviction"


def test_every_variable_of_a_container_is_a_setting() -> None:
    given = {
        name
        for file in COMPOSE_FILES
        for service in load_services(file).values()
        for name in service.get("environment", {})
    }
    given = {name for name in given if name.startswith("KERNELSIGHT_")}
    given |= set(load_stages()["serving"].find_last("ENV").pairs) - {"XDG_DATA_HOME"}
    known = {f"KERNELSIGHT_{name.upper()}" for group in GROUPS.values() for name in group.model_fields}

    assert given - known == set()


@pytest.mark.parametrize("name", ["api", "worker"])
def test_the_grace_period_exceeds_the_drain_time(name: str) -> None:
    grace = float(load_services()[name]["stop_grace_period"].removesuffix("s"))

    assert grace > LimitSettings.model_fields["drain_seconds"].default


def test_a_missing_gpu_is_an_error() -> None:
    found = load_services("docker-compose.gpu.yml")

    assert {name: (one["image"], one["environment"]["KERNELSIGHT_DEVICE"]) for name, one in found.items()} == {
        "api": ("kernelsight:gpu", "cuda"),
        "worker": ("kernelsight:gpu", "cuda"),
    }
