"""Feedback taken in, remembered over a restart, and shared by processes: in files and in a real server."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from prometheus_client import CollectorRegistry

from pipelines.errors import RequestRejected
from service.monitoring.audit.observer import Audit
from service.monitoring.errors import ResultUnknown
from service.monitoring.feedback.aggregator import Desk
from service.monitoring.feedback.labels import Known
from service.monitoring.feedback.types import FeedbackRequest, Summary
from tests.service.conftest import OpenJournals
from tests.service.monitoring.audit.records import id_at, line

KNOWN = Known({"weapon", "sexual"}, {"weapon", "animal"}, {})


async def known() -> Known:
    return KNOWN


@asynccontextmanager
async def a_desk(journals: OpenJournals, registry: CollectorRegistry | None = None) -> AsyncIterator[Desk]:
    """As one process has it."""
    registry = registry or CollectorRegistry()
    async with journals() as opened:
        yield Desk(Audit(opened.audit, registry), opened, known, registry, window=100, days=10)


async def recorded(journals: OpenJournals, *, faces: int = 2) -> str:
    """The id of a result that is in the audit log."""
    id, its = line(faces=faces)
    async with journals() as opened:
        await opened.audit.append([its])
    return id


def wrong(id: str, expected: str | int | None = "block", **more: str) -> FeedbackRequest:
    given = {"pipeline": "moderation"} | more
    return FeedbackRequest(result_id=id, verdict="wrong", expected=expected, **given)


def right(id: str) -> FeedbackRequest:
    return FeedbackRequest(result_id=id, pipeline="moderation", verdict="right")


def verdicts(summary: Summary) -> tuple[int, int]:
    found = summary.pipelines["moderation"]
    return found.right, found.wrong


def test_feedback_is_counted_by_all_processes_and_after_a_restart(journals: OpenJournals) -> None:
    async def scenario() -> list[Summary]:
        ids = [await recorded(journals) for _ in range(3)]
        async with a_desk(journals) as here, a_desk(journals) as there:
            await here.submit(right(ids[0]))
            await there.submit(wrong(ids[1]))
            await here.submit(right(ids[2]))
            both = [await here.summary(), await there.summary()]
        async with a_desk(journals) as later:
            return [*both, await later.summary()]

    summaries = asyncio.run(scenario())
    assert (summaries[0] == summaries[1] == summaries[2], verdicts(summaries[0])) == (True, (2, 1))


def test_a_second_word_on_a_result_replaces_the_first_whoever_took_it(journals: OpenJournals) -> None:
    async def scenario() -> tuple[list[bool], Summary, list[str], list[bool]]:
        id, other = await recorded(journals), await recorded(journals)
        async with a_desk(journals) as here, a_desk(journals) as there:
            replies = [await here.submit(wrong(id)), await there.submit(wrong(id)), await here.submit(wrong(other))]
            disputed = await here.disputed("", 10)
            replies.append(await there.submit(right(id)))
            settled = await here.disputed("", 10)
            return (
                [one.replaced for one in replies],
                await here.summary(),
                [one.result_id for one in disputed.data],
                [one.result_id == other for one in settled.data],
            )

    replaced, summary, disputed, settled = asyncio.run(scenario())
    assert (replaced, verdicts(summary)) == ([False, True, False, True], (1, 1))
    assert (len(disputed), len(set(disputed)), settled) == (2, 2, [True])


def test_a_result_that_found_nothing_can_be_disputed(journals: OpenJournals) -> None:
    async def scenario() -> tuple[str, list[str]]:
        id = await recorded(journals, faces=0)
        async with a_desk(journals) as desk:
            await desk.submit(wrong(id))
            return id, [one.result_id for one in (await desk.disputed("", 10)).data]

    id, disputed = asyncio.run(scenario())

    assert disputed == [id]


def test_a_dispute_has_what_was_expected_and_the_record_and_only_it_has_the_words(journals: OpenJournals) -> None:
    async def scenario() -> tuple[list[bytes], list[bytes]]:
        id = await recorded(journals)
        async with a_desk(journals) as desk, journals() as opened:
            await desk.submit(wrong(id, "spam", comment="buy now"))
            page = await desk.disputed("", 10)
            rest = await desk.disputed(page.next, 10)
            [case] = page.data
            assert (case.result_id, case.expected, case.comment, case.said) == (id, "spam", "buy now", {"weapon": 1})
            assert (case.record.result_id, case.record.operation, rest.data) == (id, "analyze", [])
            return (await opened.feedback.read("", 10)).lines, (await opened.disputed.read("", 10)).lines

    counted, disputed = asyncio.run(scenario())
    assert (b"buy now" in counted[0], b"spam" in counted[0], b"buy now" in disputed[0]) == (False, False, True)


def test_the_metrics_are_those_of_the_summary(journals: OpenJournals) -> None:
    registry = CollectorRegistry()

    async def scenario() -> None:
        ids = [await recorded(journals) for _ in range(4)]
        async with a_desk(journals, registry) as desk:
            for id in ids[:3]:
                await desk.submit(right(id))
            await desk.submit(wrong(ids[3], "sexual"))

    asyncio.run(scenario())

    def value(name: str, **labels: str) -> float | None:
        return registry.get_sample_value(f"kernelsight_feedback_{name}", {"pipeline": "moderation", **labels})

    assert (value("total", verdict="right"), value("total", verdict="wrong")) == (3, 1)
    assert (value("precision", category="weapon"), value("recall", category="weapon")) == (0.75, 1)
    assert (value("recall", category="sexual"), value("precision", category="sexual")) == (0, None)
    assert value("support", category="weapon") == 3


async def of_an_unknown_result(desk: Desk, id: str) -> None:
    await desk.submit(right(id_at(0)))


async def of_what_the_result_has_not(desk: Desk, id: str) -> None:
    await desk.submit(wrong(id, pipeline="document"))


async def of_one_of_several(desk: Desk, id: str) -> None:
    await desk.submit(FeedbackRequest(result_id=id, verdict="right"))


@pytest.mark.parametrize(
    ("given", "error", "why"),
    [
        (of_an_unknown_result, ResultUnknown, "no record"),
        (of_what_the_result_has_not, RequestRejected, "no 'document'; it has: moderation, features, faces"),
        (of_one_of_several, RequestRejected, "which one"),
    ],
)
def test_feedback_that_has_no_place_is_refused(
    journals: OpenJournals, given: Callable[[Desk, str], Awaitable[None]], error: type[Exception], why: str
) -> None:
    async def scenario() -> None:
        async with a_desk(journals) as desk:
            await given(desk, await recorded(journals))

    with pytest.raises(error, match=why):
        asyncio.run(scenario())
