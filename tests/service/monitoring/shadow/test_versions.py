"""A shadow version of the encoder on real models: compared, promoted under load, kept, and promoted back."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from pipelines.captioning.options import FeaturesOptions
from pipelines.captioning.spec import FEATURES
from pipelines.explain.options import ExplainOptions
from pipelines.explain.spec import EXPLAIN
from pipelines.findings import Findings
from pipelines.image.decode import ImageLimits, decode
from pipelines.run_context import RunContext
from service.components import Components, open_components
from service.monitoring.canaries.results import CanaryResult
from service.monitoring.errors import CandidateUnknown
from service.monitoring.monitors import Monitors, open_monitors
from service.monitoring.shadow.metrics import ShadowReport
from service.settings import ModelSettings, MonitoringSettings, RuntimeSettings, Settings
from service.telemetry.metrics import Metrics
from tests.conftest import Jpeg
from tests.service.monitoring.shadow.graphs import ENCODER, change_only_bytes, damage_classifier, write_changed_encoder

GOLDEN = {"cat": "tiger cat", "coffee": "espresso"}
NAMES = ("cat", "coffee", "astronaut", "rocket", "chelsea", "retina")
TASKS = {"features": FeaturesOptions(embedding="none")}


@dataclass(frozen=True)
class OpenService:
    components: Components
    monitors: Monitors

    async def analyse(self, data: bytes) -> Findings:
        return await self.components.engine.run(data, TASKS)

    async def wait_for_comparisons(self, count: int) -> ShadowReport:
        """The report once `count` sampled inferences were compared or skipped."""
        while True:
            report = self.monitors.versions.report(ENCODER)
            if report and report.compared + sum(report.skipped.values()) == count:
                return report
            await asyncio.sleep(0.01)

    async def wait_for_canaries(self, sha256: str) -> CanaryResult:
        """The canary run that follows the promotion of this graph."""
        while True:
            for result in self.monitors.canaries.results:
                if result.set == "tags" and [one.sha256 for one in result.models] == [sha256]:
                    return result
            await asyncio.sleep(0.01)

    def sample(self, name: str, **labels: str) -> float | None:
        return self.components.metrics.registry.get_sample_value(
            f"kernelsight_shadow_{name}", {"model": ENCODER, **labels}
        )


@asynccontextmanager
async def open_service(folder: Path, shadow: Path) -> AsyncIterator[OpenService]:
    settings = Settings(
        models=ModelSettings(versions=folder / "versions"),
        runtime=RuntimeSettings(encoder_cache=0),
        monitoring=MonitoringSettings(
            canaries=folder / "sets",
            canary_answers=folder / "answers",
            canary_seconds=0,
            shadow=f"{ENCODER}={shadow}",
            shadow_share=1,
        ),
    )
    async with (
        open_components(settings, Metrics(), only=("features", "explain")) as components,
        open_monitors(components) as monitors,
    ):
        yield OpenService(components, monitors)


@pytest.fixture
def folder(tmp_path: Path, jpeg: Jpeg) -> Path:
    """A folder with a golden set of two photographs."""
    tags = tmp_path / "sets" / "tags"
    tags.mkdir(parents=True)
    for name in GOLDEN:
        (tags / name).write_bytes(jpeg(name))
    (tags / "expected.json").write_text(
        json.dumps({name: {"features": {"top": [tag]}} for name, tag in GOLDEN.items()})
    )
    return tmp_path


@pytest.fixture(scope="module")
def same(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_changed_encoder(tmp_path_factory.mktemp("graphs") / "again.onnx", change_only_bytes)


@pytest.fixture(scope="module")
def bad(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_changed_encoder(tmp_path_factory.mktemp("graphs") / "bad.onnx", damage_classifier)


def model_used(findings: Findings) -> tuple[int, str]:
    """Version and sha256."""
    [model] = findings.models
    return model.version, model.sha256


def test_an_equal_version_agrees_and_its_promotion_flips_nothing(folder: Path, same: Path, jpeg: Jpeg) -> None:
    async def scenario() -> None:
        async with open_service(folder, same) as service:
            [before] = await service.monitors.canaries.run("tags")
            for number, name in enumerate(NAMES, 1):
                await service.analyse(jpeg(name))
                report = await service.wait_for_comparisons(number)
            assert report.agreement == 1.0
            assert report.compared == len(NAMES)
            assert report.skipped == {}
            assert report.score_delta is not None
            assert report.score_delta < 1e-4
            assert service.sample("compared_total", version="2", outcome="same") == len(NAMES)
            assert service.sample("session_seconds_count", version="2") == len(NAMES)

            served = await service.monitors.versions.promote(ENCODER)

            after = await service.wait_for_canaries(served.sha256)
            for result in (before, after):
                assert result.accuracy["features"] == 1.0
                assert result.flips == 0

    asyncio.run(scenario())


def test_damaged_weights_show_in_agreement_and_canaries_until_promoted_back(
    folder: Path, bad: Path, jpeg: Jpeg
) -> None:
    async def scenario() -> None:
        async with open_service(folder, bad) as service:
            for number, name in enumerate(NAMES, 1):
                await service.analyse(jpeg(name))
                report = await service.wait_for_comparisons(number)
            assert report.agreement == 0
            assert service.sample("compared_total", version="2", outcome="different") == len(NAMES)
            assert service.sample("score_delta_sum", version="2") != 0
            results = await service.monitors.canaries.run("tags")

            for _ in range(2):
                served = await service.monitors.versions.promote(ENCODER)
                results.append(await service.wait_for_canaries(served.sha256))
                assert model_used(await service.analyse(jpeg("cat"))) == (served.version, served.sha256)
            assert [result.accuracy["features"] for result in results] == [1.0, 0.0, 1.0]
            assert [result.flips for result in results] == [0, 2, 2]

    asyncio.run(scenario())


def test_a_promotion_under_load_drops_no_request(folder: Path, same: Path, jpeg: Jpeg) -> None:
    findings: list[tuple[bool, Findings]] = []

    async def scenario() -> tuple[tuple[int, str], tuple[int, str]]:
        async with open_service(folder, same) as service:
            promoted = done = False

            async def call() -> None:
                while not done:
                    began_after = promoted
                    findings.append((began_after, await service.analyse(jpeg("cat"))))

            first = model_used(await service.analyse(jpeg("cat")))
            callers = [asyncio.create_task(call()) for _ in range(8)]
            served = await service.monitors.versions.promote(ENCODER)
            promoted = True
            after = len(findings) + 30
            while len(findings) < after:
                await asyncio.sleep(0.01)
            done = True
            await asyncio.gather(*callers)
            return first, (served.version, served.sha256)

    first, second = asyncio.run(scenario())

    assert {model_used(one) for _, one in findings} == {first, second}
    assert {model_used(one) for began_after, one in findings if began_after} == {second}
    assert {found.tags[0].label for _, one in findings if (found := one.get(FEATURES))} == {"tiger cat"}


def test_a_promotion_and_the_way_back_survive_a_restart(folder: Path, same: Path, jpeg: Jpeg) -> None:
    async def run_service() -> tuple[int, int, int]:
        """The live version at start, the shadow version, and the live version after its promotion."""
        async with open_service(folder, same) as service:
            live, _ = model_used(await service.analyse(jpeg("cat")))
            shadow = service.monitors.versions.report(ENCODER)
            assert shadow
            served = await service.monitors.versions.promote(ENCODER, shadow.version)
            assert await service.monitors.versions.promote(ENCODER, shadow.version) == served
            return live, shadow.version, model_used(await service.analyse(jpeg("cat")))[0]

    assert [asyncio.run(run_service()) for _ in range(3)] == [(1, 2, 2), (2, 1, 1), (1, 2, 2)]


def test_explanations_come_from_the_live_version(folder: Path, bad: Path, jpeg: Jpeg) -> None:
    picture = decode(jpeg("cat"), limits=ImageLimits(), shorter_side=256)

    async def scenario() -> list[tuple[float, float]]:
        found = []
        async with open_service(folder, bad) as service:
            for _ in range(2):
                findings = await service.components.engine.run(jpeg("cat"), {"explain": ExplainOptions(overlay=False)})
                logits = (await service.components.encoder.encode(picture, RunContext()))["logits"]
                found.append((findings.of(EXPLAIN).explanations[0].logit, float(logits.max())))
                await service.monitors.versions.promote(ENCODER)
        return found

    for explained, logit in asyncio.run(scenario()):
        assert explained == pytest.approx(logit, abs=1e-2)


def test_only_the_loaded_shadow_version_can_be_promoted(folder: Path, same: Path) -> None:
    async def scenario() -> None:
        async with open_service(folder, same) as service:
            with pytest.raises(CandidateUnknown, match="'opennsfw' has no shadow version"):
                await service.monitors.versions.promote("opennsfw")
            with pytest.raises(CandidateUnknown, match="has version 2 as its shadow version, not 7"):
                await service.monitors.versions.promote(ENCODER, 7)

    asyncio.run(scenario())


def test_an_invalid_graph_is_logged_and_the_live_version_answers(
    folder: Path, jpeg: Jpeg, caplog: pytest.LogCaptureFixture
) -> None:
    page = folder / "page.onnx"
    page.write_text("<html>log in first</html>")

    async def scenario() -> tuple[int, ShadowReport | None]:
        async with open_service(folder, page) as service:
            return model_used(await service.analyse(jpeg("cat")))[0], service.monitors.versions.report(ENCODER)

    version, report = asyncio.run(scenario())
    assert version == 1
    assert report is None
    assert "no shadow version: efficientnet-lite0 2" in caplog.text
