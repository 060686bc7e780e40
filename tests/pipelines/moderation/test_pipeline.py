"""The pipeline: concurrent signals, failures as results, and the gate in front of other pipelines."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from PIL import Image

from models.errors import DeadlineExceeded, InferenceFailed, Overloaded
from pipelines.captioning.spec import FEATURES
from pipelines.cpu_pool import CpuPool
from pipelines.engine import Engine
from pipelines.errors import RequestRejected
from pipelines.findings import Findings
from pipelines.image.decode import ImageLimits, Picture
from pipelines.moderation.options import ModerationOptions
from pipelines.moderation.pipeline import ModerationPipeline
from pipelines.moderation.policy import Policy
from pipelines.moderation.spec import MODERATION
from pipelines.moderation.types import SignalResult
from pipelines.pipeline import Pipeline
from pipelines.run_context import RunContext
from pipelines.types import ModelUsed
from tests.pipelines.fakes import FakePipeline, NoOptions
from tests.pipelines.images import encode
from tests.pipelines.moderation.signal_results import make_policy, signal_result

IMAGE = encode(Image.new("RGB", (64, 48), "teal"), "PNG")
RULES = make_policy(bad={"signal": "one", "review": 0.5, "block": 0.9}, other={"signal": "two", "review": 0.5})


@dataclass
class FakeSignal:
    """Gives a score, after calling `work`."""

    name: str
    score: float = 0.0
    shorter_side: int | None = 10
    work: Callable[[], Any] = lambda: None
    seen: list[Picture] = field(default_factory=list)
    models: list[ModelUsed] = field(default_factory=list)

    def score_names(self) -> tuple[str, ...]:
        return ("whole",)

    async def read(self, picture: Picture, context: RunContext) -> SignalResult:
        self.seen.append(picture)
        self.work()
        return signal_result(self.score)


def fails(error: Exception) -> Callable[[], None]:
    def work() -> None:
        raise error

    return work


def run(
    *signals: FakeSignal,
    options: ModerationOptions | None = None,
    rules: Policy = RULES,
    beside: FakePipeline | None = None,
    gate: bool = True,
) -> Findings:
    async def current() -> Policy:
        return rules

    async def scenario() -> Findings:
        pool = CpuPool(threads=1)
        try:
            pipelines: list[Pipeline[Any, Any]] = [
                ModerationPipeline(signals, current, pool),
                *([beside] if beside else []),
            ]
            engine = Engine(pipelines, pool=pool, limits=ImageLimits())
            tasks = {"moderation": options or ModerationOptions()} | ({beside.name: NoOptions()} if beside else {})
            return await engine.run(IMAGE, tasks, gate=gate)
        finally:
            pool.close()

    return asyncio.run(scenario())


def test_the_result_has_all_signals_and_names_the_policy() -> None:
    found = run(FakeSignal("one", 0.6), FakeSignal("two", 0.1)).of(MODERATION)

    assert found.verdict == "review"
    assert list(found.signals) == ["one", "two"]
    assert found.policy == "test"
    assert found.policy_version == "1"


def test_only_the_requested_signals_run() -> None:
    one, two = FakeSignal("one"), FakeSignal("two", 0.9)

    found = run(one, two, options=ModerationOptions(signals=("one",))).of(MODERATION)

    assert list(found.signals) == ["one"]
    assert two.seen == []
    assert found.verdict == "allow"


def test_the_models_are_those_of_the_requested_signals() -> None:
    def with_model(name: str) -> FakeSignal:
        return FakeSignal(name, models=[ModelUsed(id=f"model-{name}", version=1, sha256="0" * 64)])

    found = run(with_model("one"), with_model("two"), options=ModerationOptions(signals=("two",)))

    assert [used.id for used in found.models] == ["model-two"]


@pytest.mark.parametrize("given", ["one,two", ["one", "two"], ["one,two"], "one, two,"])
def test_signals_may_be_named_in_one_string(given: Any) -> None:
    assert ModerationOptions(signals=given).signals == ("one", "two")


def test_the_error_for_an_unknown_signal_lists_the_signals() -> None:
    with pytest.raises(RequestRejected, match="no 'three' here; there are: one, two"):
        run(FakeSignal("one"), FakeSignal("two"), options=ModerationOptions(signals=("three",)))


def test_an_unknown_tenant_is_refused_before_any_signal_runs() -> None:
    signal = FakeSignal("one")

    with pytest.raises(RequestRejected, match="no tenant 'x'"):
        run(signal, options=ModerationOptions(tenant="x"))

    assert signal.seen == []


@pytest.mark.parametrize("error", [InferenceFailed("the session is gone"), ZeroDivisionError("a bug")])
def test_a_failed_signal_leaves_the_others_in_force(error: Exception) -> None:
    found = run(FakeSignal("one", work=fails(error)), FakeSignal("two", 0.7)).of(MODERATION)

    assert found.signals["one"].error
    assert [one.rule for one in found.rules] == ["other", "on_error"]
    assert found.verdict == "review"


def test_a_bug_in_a_signal_is_not_shown_to_the_caller() -> None:
    found = run(FakeSignal("one", work=fails(ZeroDivisionError("secret")))).of(MODERATION)

    assert "secret" not in str(found.signals["one"].error)


@pytest.mark.parametrize("error", [Overloaded("x", 1), DeadlineExceeded("x")])
def test_overload_and_deadline_fail_the_whole_request(error: Exception) -> None:
    with pytest.raises(type(error)):
        run(FakeSignal("one", work=fails(error)), FakeSignal("two"))


@pytest.mark.parametrize(("sides", "wanted"), [((10, 30), 30), ((10, None), None)])
def test_the_most_demanding_signal_sets_the_decoded_size(
    sides: tuple[int | None, int | None], wanted: int | None
) -> None:
    signals = (FakeSignal("one", shorter_side=sides[0]), FakeSignal("two", shorter_side=sides[1]))

    async def current() -> Policy:
        return RULES

    pool = CpuPool(threads=1)
    side = ModerationPipeline(signals, current, pool).shorter_side(ModerationOptions())
    pool.close()

    assert side == wanted


def test_a_blocked_image_is_withheld_from_other_pipelines() -> None:
    beside = FakePipeline()

    found = run(FakeSignal("one", 0.95), beside=beside)

    assert found.of(MODERATION).verdict == "block"
    assert beside.seen == []
    assert found.withheld == ["features"]
    assert found.get(FEATURES) is None


@pytest.mark.parametrize("score", [0.0, 0.6])
def test_an_image_under_allow_or_review_is_passed_on(score: float) -> None:
    beside = FakePipeline()

    found = run(FakeSignal("one", score), beside=beside)

    assert len(beside.seen) == 1
    assert found.withheld is None
    assert found.get(FEATURES) is not None


def test_without_a_gate_nothing_is_withheld() -> None:
    beside = FakePipeline()

    found = run(FakeSignal("one", 0.95), beside=beside, gate=False)

    assert len(beside.seen) == 1
    assert found.withheld is None


def test_the_prompt_says_that_an_image_is_withheld() -> None:
    assert run(FakeSignal("one", 0.95)).prompt.splitlines()[1] == "Moderation withheld this image."


def test_verdicts_that_withhold_nothing_stay_out_of_the_prompt() -> None:
    found = run(FakeSignal("one", 0.6))

    assert found.of(MODERATION).verdict == "review"
    assert len(found.prompt.splitlines()) == 1


def test_a_requested_preview_is_a_webp_data_url() -> None:
    found = run(FakeSignal("one"), options=ModerationOptions(preview=True)).of(MODERATION)

    assert (found.preview or "").startswith("data:image/webp;base64,")
