"""The pipeline: signals beside each other, failures that are readings, and a gate that others wait behind."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from PIL import Image

from models.errors import DeadlineExceeded, InferenceFailed, Overloaded
from pipelines.cpu_pool import CpuPool
from pipelines.engine import Engine
from pipelines.errors import RequestRejected
from pipelines.findings import Findings
from pipelines.image.decode import Limits, Picture
from pipelines.moderation.options import ModerationOptions
from pipelines.moderation.pipeline import ModerationPipeline
from pipelines.moderation.policy import Policy
from pipelines.moderation.types import SignalResult
from pipelines.pipeline import Pipeline
from pipelines.run_context import RunContext
from pipelines.types import ModelUsed
from tests.pipelines.fakes import FakePipeline, NoOptions
from tests.pipelines.images import encode
from tests.pipelines.moderation.readings import policy, reading

IMAGE = encode(Image.new("RGB", (64, 48), "teal"), "PNG")
RULES = policy(bad={"signal": "one", "review": 0.5, "block": 0.9}, other={"signal": "two", "review": 0.5})


@dataclass
class FakeSignal:
    """Answers with a score, or does what `work` does."""

    name: str
    score: float = 0.0
    shorter_side: int | None = 10
    work: Callable[[], Any] = lambda: None
    seen: list[Picture] = field(default_factory=list)
    models: list[ModelUsed] = field(default_factory=list)

    async def read(self, picture: Picture, context: RunContext) -> SignalResult:
        self.seen.append(picture)
        self.work()
        return reading(self.score)


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
            engine = Engine(pipelines, pool=pool, limits=Limits())
            tasks = {"moderation": options or ModerationOptions()} | ({beside.name: NoOptions()} if beside else {})
            return await engine.run(IMAGE, tasks, gate=gate)
        finally:
            pool.close()

    return asyncio.run(scenario())


def test_all_signals_are_read_and_the_policy_is_named() -> None:
    found = run(FakeSignal("one", 0.6), FakeSignal("two", 0.1)).moderation

    assert found is not None
    assert (found.verdict, list(found.signals), found.policy, found.policy_version) == (
        "review",
        ["one", "two"],
        "test",
        "1",
    )


def test_only_the_signals_that_are_asked_for_are_read() -> None:
    one, two = FakeSignal("one"), FakeSignal("two", 0.9)

    found = run(one, two, options=ModerationOptions(signals=("one",))).moderation

    assert found is not None
    assert (list(found.signals), len(two.seen), found.verdict) == (["one"], 0, "allow")


def test_the_models_are_those_of_the_signals_that_are_asked_for() -> None:
    def with_model(name: str) -> FakeSignal:
        return FakeSignal(name, models=[ModelUsed(id=f"model-{name}", version=1, sha256="0" * 64)])

    found = run(with_model("one"), with_model("two"), options=ModerationOptions(signals=("two",)))

    assert [used.id for used in found.models] == ["model-two"]


@pytest.mark.parametrize("given", ["one,two", ["one", "two"], ["one,two"], "one, two,"])
def test_signals_may_be_named_in_one_string(given: Any) -> None:
    assert ModerationOptions(signals=given).signals == ("one", "two")


def test_an_unknown_signal_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(RequestRejected, match="no 'three' here; there are: one, two"):
        run(FakeSignal("one"), FakeSignal("two"), options=ModerationOptions(signals=("three",)))


def test_an_unknown_tenant_is_refused_before_anything_is_read() -> None:
    signal = FakeSignal("one")

    with pytest.raises(RequestRejected, match="no tenant 'x'"):
        run(signal, options=ModerationOptions(tenant="x"))

    assert signal.seen == []


@pytest.mark.parametrize("error", [InferenceFailed("the session is gone"), ZeroDivisionError("a bug")])
def test_a_signal_that_fails_is_a_reading_and_the_others_still_count(error: Exception) -> None:
    found = run(FakeSignal("one", work=fails(error)), FakeSignal("two", 0.7)).moderation

    assert found is not None
    assert (found.verdict, [one.rule for one in found.rules], bool(found.signals["one"].error)) == (
        "review",
        ["other", "on_error"],
        True,
    )


def test_a_bug_in_a_signal_is_not_shown_to_the_caller() -> None:
    found = run(FakeSignal("one", work=fails(ZeroDivisionError("secret")))).moderation

    assert found is not None
    assert "secret" not in str(found.signals["one"].error)


@pytest.mark.parametrize("error", [Overloaded("x", 1), DeadlineExceeded("x")])
def test_a_request_that_can_be_sent_again_is_not_judged(error: Exception) -> None:
    with pytest.raises(type(error)):
        run(FakeSignal("one", work=fails(error)), FakeSignal("two"))


@pytest.mark.parametrize(("sides", "wanted"), [((10, 30), 30), ((10, None), None)])
def test_the_picture_is_decoded_as_large_as_the_most_demanding_signal_needs(
    sides: tuple[int | None, int | None], wanted: int | None
) -> None:
    signals = (FakeSignal("one", shorter_side=sides[0]), FakeSignal("two", shorter_side=sides[1]))

    async def current() -> Policy:
        return RULES

    pool = CpuPool(threads=1)
    side = ModerationPipeline(signals, current, pool).shorter_side(ModerationOptions())
    pool.close()

    assert side == wanted


def test_what_is_blocked_is_withheld_from_the_other_pipelines() -> None:
    beside = FakePipeline()

    found = run(FakeSignal("one", 0.95), beside=beside)

    assert (found.moderation is not None and found.moderation.verdict, beside.seen, found.withheld, found.features) == (
        "block",
        [],
        ["features"],
        None,
    )


@pytest.mark.parametrize("score", [0.0, 0.6])
def test_what_is_allowed_or_under_review_is_passed_on(score: float) -> None:
    beside = FakePipeline()

    found = run(FakeSignal("one", score), beside=beside)

    assert (len(beside.seen), found.withheld, found.features is not None) == (1, None, True)


def test_without_a_gate_nothing_is_withheld() -> None:
    beside = FakePipeline()

    found = run(FakeSignal("one", 0.95), beside=beside, gate=False)

    assert (len(beside.seen), found.withheld) == (1, None)


def test_the_prompt_says_the_verdict_and_why() -> None:
    assert run(FakeSignal("one", 0.95)).prompt.splitlines()[1] == "Moderation: block (bad)."


def test_a_preview_shows_next_to_nothing() -> None:
    found = run(FakeSignal("one"), options=ModerationOptions(preview=True)).moderation

    assert found is not None
    assert (found.preview or "").startswith("data:image/webp;base64,")
