"""A shadow version is promoted over REST and the command line, on a running service with a key."""

from pathlib import Path

import pytest

from service.cli import shadow
from service.cli.errors import ServiceRefused
from tests.conftest import Jpeg
from tests.service.monitoring.shadow.graphs import ENCODER, change_only_bytes, write_changed_encoder
from tests.serving import run, serving

KEY = "a key"


def test_the_command_line_promotes_on_a_running_service(
    tmp_path: Path, jpeg: Jpeg, capsys: pytest.CaptureFixture[str]
) -> None:
    graph = write_changed_encoder(tmp_path / "again.onnx", change_only_bytes)
    with serving(
        shadow=f"{ENCODER}={graph}",
        api_key=KEY,
        pipelines="features",
    ) as service:
        service.http.headers["Authorization"] = f"Bearer {KEY}"
        done = run("models", "promote", ENCODER, "--url", service.url, "--key", KEY)

        promoted = service.http.get(f"/v1/models/{ENCODER}").json()["summary"]
        answer = service.http.post("/v1/features", files={"file": jpeg("cat")}).json()
        assert done.stdout == f"{ENCODER}: version 2 answers ({promoted['sha256']})\n"
        assert promoted["version"] == 2
        [used] = answer["models"]
        assert (used["id"], used["version"], used["sha256"]) == (ENCODER, 2, promoted["sha256"])

        unknown = service.http.post("/v1/models/opennsfw/promote")
        assert unknown.status_code == 409
        assert unknown.json()["type"] == "urn:kernelsight:problem:candidate-unknown"
        with pytest.raises(ServiceRefused, match="the API key is wrong"):
            shadow.promote(ENCODER, url=service.url, key="another")

        while not (sets := service.http.get("/v1/canaries").json()["sets"]):
            assert service.http.get("/readyz").status_code == 200  # a promotion runs the canaries
        assert set(sets[0]["accuracy"].values()) == {1.0}
        while service.http.get(f"/v1/models/{ENCODER}").json()["summary"]["shadow"] is None:
            assert service.http.get("/readyz").status_code == 200  # the earlier version is loaded as the shadow version
        shadow.shadow(url=service.url, key=KEY)
        assert f"{ENCODER} │ 2       │ 1" in capsys.readouterr().out
