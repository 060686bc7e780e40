"""A real Prometheus scrapes a real service with the deployed rules."""

import json
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlencode, urlsplit
from urllib.request import urlopen

import pytest
import yaml

from deploy.grafana.empty import iterate_panels
from tests.conftest import Jpeg
from tests.deploy.dockerfile import ROOT
from tests.serving import Service

RULES = ROOT / "deploy" / "prometheus" / "rules"
BUILT_IN = {"up", "vector"}

T = TypeVar("T")


@dataclass(frozen=True)
class Prometheus:
    url: str

    def ask(self, path: str, **query: str) -> Any:
        with urlopen(f"{self.url}/api/v1/{path}?{urlencode(query)}", timeout=10) as answer:
            return json.load(answer)["data"]


@pytest.fixture(scope="module")
def prometheus(service: Service, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    if shutil.which("prometheus") is None:
        pytest.skip("needs prometheus (Debian: prometheus)")
    folder = tmp_path_factory.mktemp("prometheus")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    process = subprocess.Popen(
        [
            "prometheus", f"--config.file={write_config(folder, service.url)}", f"--storage.tsdb.path={folder}/data",
            f"--web.listen-address=127.0.0.1:{port}", "--log.level=error",
        ]
    )  # fmt: skip
    yield Prometheus(f"http://127.0.0.1:{port}")
    process.terminate()
    process.wait(30)


def write_config(folder: Path, url: str) -> Path:
    """The deployed configuration with short intervals and this service as its target."""
    config = yaml.safe_load((RULES.parent / "prometheus.yml").read_text("utf-8"))
    targets = [{"targets": [urlsplit(url).netloc]}]
    config |= {
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
        "rule_files": [str(RULES / "*.yml")],
        "scrape_configs": [{"job_name": "kernelsight-api", "static_configs": targets}],
    }
    path = folder / "prometheus.yml"
    path.write_text(yaml.safe_dump(config))
    return path


def wait_for(poll: Callable[[], T]) -> T:
    for _ in range(300):
        try:
            if found := poll():
                return found
        except OSError:
            pass  # not listening yet
        time.sleep(0.1)
    raise AssertionError("nothing after half a minute")


def metrics_in(expression: str) -> set[str]:
    """The names of metrics in PromQL, without functions, labels and recorded metrics."""
    stripped = re.sub(r"\{[^}]*\}|\[[^\]]*\]|\b(?:by|ignoring|on|group_left)\s*\([^)]*\)", " ", expression)
    names = set(re.findall(r"\b(?:kernelsight_\w+|process_\w+|up)\b", stripped))
    return {re.sub(r"_(total|bucket|sum|count)$", "", name) for name in names} - BUILT_IN


def deployed_queries() -> Iterator[str]:
    for path in RULES.iterdir():
        for group in yaml.safe_load(path.read_text("utf-8"))["groups"]:
            yield from (rule["expr"] for rule in group["rules"])
    yield from (query.expression for _, _, panel in iterate_panels() for query in panel.queries)


def list_rules(prometheus: Prometheus) -> list[dict[str, Any]]:
    return [rule for group in prometheus.ask("rules")["groups"] for rule in group["rules"]]


def test_every_query_names_metrics_that_the_service_exposes(service: Service) -> None:
    # The queue is ready a moment after the models.
    wait_for(lambda: service.http.get("/v1/dead-letters").status_code != 503)
    text = service.http.get("/metrics").text
    exposed = {re.sub(r"_(total|created)$", "", name) for name in re.findall(r"^# TYPE (\S+)", text, re.MULTILINE)}
    asked = set().union(*map(metrics_in, deployed_queries()))
    of_gpus = {name for name in asked if name.startswith("kernelsight_gpu_")}

    assert asked - exposed - of_gpus == set()


def test_requests_are_scraped_and_every_rule_is_evaluated(prometheus: Prometheus, service: Service, jpeg: Jpeg) -> None:
    wait_for(lambda: prometheus.ask("query", query='up{job="kernelsight-api"} == 1')["result"])
    service.http.post("/v1/features", files={"file": jpeg("cat")})
    asked = 'kernelsight_requests_total{route="/v1/features", status="200"} >= 1'
    wait_for(lambda: prometheus.ask("query", query=asked)["result"])
    wait_for(lambda: all(rule["lastEvaluation"] > "2000" for rule in list_rules(prometheus)))
    broken = [rule["name"] for rule in list_rules(prometheus) if rule.get("lastError")]

    assert broken == []


def test_every_query_of_a_panel_is_valid(prometheus: Prometheus) -> None:
    wait_for(lambda: prometheus.ask("query", query="up")["result"])
    for _, _, panel in iterate_panels():
        for query in panel.queries:
            prometheus.ask("query", query=query.expression.replace("$__rate_interval", "1m"))
