"""A second version of the encoder in a house on real models: compared, promoted under load, kept, taken back."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from pipelines.captioning.pipeline import FeaturesOptions
from pipelines.explain.pipeline import ExplainOptions
from pipelines.findings import Findings
from pipelines.image.decode import Limits, decode
from pipelines.run_context import RunContext
from service.components import Components, open_components
from service.monitoring.canaries.results import CanaryResult
from service.monitoring.errors import CandidateUnknown
from service.monitoring.monitors import Monitors, open_monitors
from service.monitoring.shadow.metrics import ShadowReport
from service.settings import Settings
from service.telemetry.metrics import Metrics
from tests.conftest import Jpeg
from tests.service.monitoring.shadow.graphs import ENCODER, damaged, exported_again, other_encoder

GOLDEN = {"cat": "tiger cat", "coffee": "espresso"}
NAMES = ("cat", "coffee", "astronaut", "rocket", "chelsea", "retina")
TASKS = {"features": FeaturesOptions(embedding="none")}


@dataclass(frozen=True)
class Open:
    components: Components
    watch: Monitors

    async def look(self, data: bytes) -> Findings:
        return await self.components.engine.run(data, TASKS)

    async def compared(self, count: int) -> ShadowReport:
        """The figures once so many inferences of the sample were compared or skipped."""
        while True:
            report = self.watch.versions.report(ENCODER)
            if report and report.compared + sum(report.skipped.values()) == count:
                return report
            await asyncio.sleep(0.01)

    async def canaries_of(self, sha256: str) -> CanaryResult:
        """The run that a promotion of this graph brings about."""
        while True:
            for result in self.watch.canaries.results:
                if result.set == "tags" and [one.sha256 for one in result.models] == [sha256]:
                    return result
            await asyncio.sleep(0.01)

    def sample(self, name: str, **labels: str) -> float | None:
        return self.components.metrics.registry.get_sample_value(
            f"kernelsight_shadow_{name}", {"model": ENCODER, **labels}
        )


@asynccontextmanager
async def opened(folder: Path, shadow: Path) -> AsyncIterator[Open]:
    settings = Settings(
        versions=folder / "versions", canaries=folder / "sets", canary_answers=folder / "answers", encoder_cache=0,
        canary_seconds=0,
        shadow=f"{ENCODER}={shadow}", shadow_share=1,
    )  # fmt: skip
    async with (
        open_components(settings, Metrics(), only=("features", "explain")) as components,
        open_monitors(components) as watch,
    ):
        yield Open(components, watch)


@pytest.fixture
def folder(tmp_path: Path, jpeg: Jpeg) -> Path:
    """With a golden set of two photographs."""
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
    return other_encoder(tmp_path_factory.mktemp("graphs") / "again.onnx", exported_again)


@pytest.fixture(scope="module")
def bad(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return other_encoder(tmp_path_factory.mktemp("graphs") / "bad.onnx", damaged)


def used(findings: Findings) -> tuple[int, str]:
    [model] = findings.models
    return model.version, model.sha256


def test_a_version_that_is_the_same_agrees_and_flips_nothing_when_it_is_promoted(
    folder: Path, same: Path, jpeg: Jpeg
) -> None:
    async def scenario() -> None:
        async with opened(folder, same) as open:
            [before] = await open.watch.canaries.run("tags")
            for number, name in enumerate(NAMES, 1):
                await open.look(jpeg(name))
                report = await open.compared(number)
            assert (report.agreement, report.compared, report.skipped) == (1.0, len(NAMES), {})
            assert report.score_delta is not None
            assert report.score_delta < 1e-4
            assert open.sample("compared_total", version="2", outcome="same") == len(NAMES)
            assert open.sample("session_seconds_count", version="2") == len(NAMES)

            served = await open.watch.versions.promote(ENCODER)

            after = await open.canaries_of(served.sha256)
            assert [(one.accuracy["features"], one.flips) for one in (before, after)] == [(1.0, 0)] * 2

    asyncio.run(scenario())


def test_damaged_weights_show_in_the_comparison_and_in_canaries_and_going_back_heals(
    folder: Path, bad: Path, jpeg: Jpeg
) -> None:
    async def scenario() -> None:
        async with opened(folder, bad) as open:
            for number, name in enumerate(NAMES, 1):
                await open.look(jpeg(name))
                report = await open.compared(number)
            assert report.agreement == 0
            assert open.sample("compared_total", version="2", outcome="different") == len(NAMES)
            assert open.sample("score_delta_sum", version="2") != 0
            results = await open.watch.canaries.run("tags")

            for _ in range(2):
                served = await open.watch.versions.promote(ENCODER)
                results.append(await open.canaries_of(served.sha256))
                assert used(await open.look(jpeg("cat"))) == (served.version, served.sha256)
            assert [(one.accuracy["features"], one.flips) for one in results] == [(1.0, 0), (0.0, 2), (1.0, 2)]

    asyncio.run(scenario())


def test_under_load_a_promotion_costs_no_request(folder: Path, same: Path, jpeg: Jpeg) -> None:
    findings: list[tuple[bool, Findings]] = []

    async def scenario() -> tuple[tuple[int, str], tuple[int, str]]:
        async with opened(folder, same) as open:
            promoted = done = False

            async def caller() -> None:
                while not done:
                    began_after = promoted
                    findings.append((began_after, await open.look(jpeg("cat"))))

            first = used(await open.look(jpeg("cat")))
            callers = [asyncio.create_task(caller()) for _ in range(8)]
            served = await open.watch.versions.promote(ENCODER)
            promoted = True
            after = len(findings) + 30
            while len(findings) < after:
                await asyncio.sleep(0.01)
            done = True
            await asyncio.gather(*callers)
            return first, (served.version, served.sha256)

    first, second = asyncio.run(scenario())

    assert {used(one) for _, one in findings} == {first, second}
    assert {used(one) for began_after, one in findings if began_after} == {second}
    assert {one.features.tags[0].label for _, one in findings if one.features} == {"tiger cat"}


def test_a_promotion_outlives_the_process_and_so_does_the_way_back(folder: Path, same: Path, jpeg: Jpeg) -> None:
    async def lives() -> tuple[int, int, int]:
        """Which version answers at start, which is the second one, and which answers when that was promoted."""
        async with opened(folder, same) as open:
            first, _ = used(await open.look(jpeg("cat")))
            second = open.watch.versions.report(ENCODER)
            assert second
            served = await open.watch.versions.promote(ENCODER, second.version)
            assert await open.watch.versions.promote(ENCODER, second.version) == served
            return first, second.version, used(await open.look(jpeg("cat")))[0]

    assert [asyncio.run(lives()) for _ in range(3)] == [(1, 2, 2), (2, 1, 1), (1, 2, 2)]


def test_explanations_are_those_of_the_version_that_answers(folder: Path, bad: Path, jpeg: Jpeg) -> None:
    picture = decode(jpeg("cat"), limits=Limits(), shorter_side=256)

    async def scenario() -> list[tuple[float, float]]:
        found = []
        async with opened(folder, bad) as open:
            for _ in range(2):
                findings = await open.components.engine.run(jpeg("cat"), {"explain": ExplainOptions(overlay=False)})
                assert findings.explain
                logits = (await open.components.encoder.encode(picture, RunContext()))["logits"]
                found.append((findings.explain.explanations[0].logit, float(logits.max())))
                await open.watch.versions.promote(ENCODER)
        return found

    for explained, logit in asyncio.run(scenario()):
        assert explained == pytest.approx(logit, abs=1e-2)


def test_only_the_second_version_there_is_can_be_promoted(folder: Path, same: Path) -> None:
    async def scenario() -> None:
        async with opened(folder, same) as open:
            with pytest.raises(CandidateUnknown, match="'opennsfw' has no second version"):
                await open.watch.versions.promote("opennsfw")
            with pytest.raises(CandidateUnknown, match="has version 2 as its second, not 7"):
                await open.watch.versions.promote(ENCODER, 7)

    asyncio.run(scenario())


def test_a_graph_that_is_none_costs_no_answer(folder: Path, jpeg: Jpeg, caplog: pytest.LogCaptureFixture) -> None:
    page = folder / "page.onnx"
    page.write_text("<html>log in first</html>")

    async def scenario() -> tuple[int, ShadowReport | None]:
        async with opened(folder, page) as open:
            return used(await open.look(jpeg("cat")))[0], open.watch.versions.report(ENCODER)

    assert asyncio.run(scenario()) == (1, None)
    assert "no second version: efficientnet-lite0 2" in caplog.text
