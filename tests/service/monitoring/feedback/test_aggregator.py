"""Feedback is counted by all processes and after a restart, in files and in a real server."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from prometheus_client import CollectorRegistry

from pipelines.errors import RequestRejected
from service.keys.caller import UNRESTRICTED
from service.monitoring.audit.observer import AuditObserver
from service.monitoring.errors import ResultUnknown
from service.monitoring.feedback.aggregator import FeedbackAggregator
from service.monitoring.feedback.labels import KnownLabels
from service.monitoring.feedback.types import FeedbackRequest, FeedbackSummary, PipelineFeedback
from tests.service.conftest import OpenEventLogs
from tests.service.monitoring.audit.records import make_line, result_id_at

KNOWN = KnownLabels({"weapon", "sexual"}, {"weapon", "animal"}, {})


async def read_labels() -> KnownLabels:
    return KNOWN


@asynccontextmanager
async def open_aggregator(
    open_logs: OpenEventLogs, registry: CollectorRegistry | None = None
) -> AsyncIterator[FeedbackAggregator]:
    """The aggregator of one process."""
    registry = registry or CollectorRegistry()
    async with open_logs() as opened:
        yield FeedbackAggregator(
            AuditObserver(opened.audit, registry), opened, read_labels, registry, window=100, days=10
        )


async def append_record(open_logs: OpenEventLogs, *, faces: int = 2) -> str:
    """Add a record to the audit log; returns its result id."""
    id, line = make_line(faces=faces)
    async with open_logs() as opened:
        await opened.audit.append([line])
    return id


def wrong(id: str, expected: str | int | None = "block", **more: str) -> FeedbackRequest:
    fields = {"pipeline": "moderation"} | more
    return FeedbackRequest(result_id=id, verdict="wrong", expected=expected, **fields)


def right(id: str) -> FeedbackRequest:
    return FeedbackRequest(result_id=id, pipeline="moderation", verdict="right")


def moderation_of(summary: FeedbackSummary) -> PipelineFeedback:
    return summary.pipelines["moderation"]


def test_feedback_is_counted_by_all_processes_and_after_a_restart(open_logs: OpenEventLogs) -> None:
    async def scenario() -> list[FeedbackSummary]:
        ids = [await append_record(open_logs) for _ in range(3)]
        async with open_aggregator(open_logs) as here, open_aggregator(open_logs) as there:
            await here.submit(right(ids[0]), UNRESTRICTED)
            await there.submit(wrong(ids[1]), UNRESTRICTED)
            await here.submit(right(ids[2]), UNRESTRICTED)
            both = [await here.summary(), await there.summary()]
        async with open_aggregator(open_logs) as later:
            return [*both, await later.summary()]

    summaries = asyncio.run(scenario())
    assert summaries[0] == summaries[1] == summaries[2]
    assert moderation_of(summaries[0]).right == 2
    assert moderation_of(summaries[0]).wrong == 1


def test_later_feedback_replaces_earlier_feedback_of_any_process(open_logs: OpenEventLogs) -> None:
    async def scenario() -> tuple[list[bool], FeedbackSummary, list[str], list[str], str]:
        id, other = await append_record(open_logs), await append_record(open_logs)
        async with open_aggregator(open_logs) as here, open_aggregator(open_logs) as there:
            replies = [
                await here.submit(wrong(id), UNRESTRICTED),
                await there.submit(wrong(id), UNRESTRICTED),
                await here.submit(wrong(other), UNRESTRICTED),
            ]
            disputed = await here.disputed(UNRESTRICTED, "", 10)
            replies.append(await there.submit(right(id), UNRESTRICTED))
            settled = await here.disputed(UNRESTRICTED, "", 10)
            return (
                [one.replaced for one in replies],
                await here.summary(),
                [one.result_id for one in disputed.data],
                [one.result_id for one in settled.data],
                other,
            )

    replaced, summary, disputed, settled, other = asyncio.run(scenario())
    assert replaced == [False, True, False, True]
    assert moderation_of(summary).right == 1
    assert moderation_of(summary).wrong == 1
    assert len(disputed) == 2
    assert len(set(disputed)) == 2
    assert settled == [other]


def test_a_result_without_findings_can_be_disputed(open_logs: OpenEventLogs) -> None:
    async def scenario() -> tuple[str, list[str]]:
        id = await append_record(open_logs, faces=0)
        async with open_aggregator(open_logs) as aggregator:
            await aggregator.submit(wrong(id), UNRESTRICTED)
            return id, [one.result_id for one in (await aggregator.disputed(UNRESTRICTED, "", 10)).data]

    id, disputed = asyncio.run(scenario())

    assert disputed == [id]


def test_only_a_dispute_has_the_record_and_the_words_of_people(open_logs: OpenEventLogs) -> None:
    async def scenario() -> tuple[list[bytes], list[bytes]]:
        id = await append_record(open_logs)
        async with open_aggregator(open_logs) as aggregator, open_logs() as opened:
            await aggregator.submit(wrong(id, "spam", comment="buy now"), UNRESTRICTED)
            page = await aggregator.disputed(UNRESTRICTED, "", 10)
            rest = await aggregator.disputed(UNRESTRICTED, page.next, 10)
            [case] = page.data
            assert case.result_id == id
            assert case.expected == "spam"
            assert case.comment == "buy now"
            assert case.said == {"weapon": 1}
            assert case.record.result_id == id
            assert case.record.operation == "analyze"
            assert rest.data == []
            return (await opened.feedback.read("", 10)).lines, (await opened.disputed.read("", 10)).lines

    counted, disputed = asyncio.run(scenario())
    assert b"buy now" in disputed[0]
    assert b"buy now" not in counted[0]
    assert b"spam" not in counted[0]


def test_metrics_have_the_figures_of_the_summary(open_logs: OpenEventLogs) -> None:
    registry = CollectorRegistry()

    async def scenario() -> None:
        ids = [await append_record(open_logs) for _ in range(4)]
        async with open_aggregator(open_logs, registry) as aggregator:
            for id in ids[:3]:
                await aggregator.submit(right(id), UNRESTRICTED)
            await aggregator.submit(wrong(ids[3], "sexual"), UNRESTRICTED)

    asyncio.run(scenario())

    def value(name: str, **labels: str) -> float | None:
        return registry.get_sample_value(f"kernelsight_feedback_{name}", {"pipeline": "moderation", **labels})

    assert value("total", verdict="right") == 3
    assert value("total", verdict="wrong") == 1
    assert value("precision", category="weapon") == 0.75
    assert value("recall", category="weapon") == 1
    assert value("support", category="weapon") == 3
    assert value("recall", category="sexual") == 0
    assert value("precision", category="sexual") is None


async def submit_for_unknown_result(aggregator: FeedbackAggregator, id: str) -> None:
    await aggregator.submit(right(result_id_at(0)), UNRESTRICTED)


async def submit_for_missing_pipeline(aggregator: FeedbackAggregator, id: str) -> None:
    await aggregator.submit(wrong(id, pipeline="document"), UNRESTRICTED)


async def submit_without_pipeline(aggregator: FeedbackAggregator, id: str) -> None:
    await aggregator.submit(FeedbackRequest(result_id=id, verdict="right"), UNRESTRICTED)


@pytest.mark.parametrize(
    ("submit", "error", "message"),
    [
        (submit_for_unknown_result, ResultUnknown, "no record"),
        (submit_for_missing_pipeline, RequestRejected, "no 'document'; it has: moderation, features, faces"),
        (submit_without_pipeline, RequestRejected, "which one"),
    ],
)
def test_feedback_that_fits_no_answer_is_refused(
    open_logs: OpenEventLogs,
    submit: Callable[[FeedbackAggregator, str], Awaitable[None]],
    error: type[Exception],
    message: str,
) -> None:
    async def scenario() -> None:
        async with open_aggregator(open_logs) as aggregator:
            await submit(aggregator, await append_record(open_logs))

    with pytest.raises(error, match=message):
        asyncio.run(scenario())
