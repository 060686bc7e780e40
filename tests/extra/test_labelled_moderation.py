"""OpenNSFW against its reference run, and the built-in policy, on labelled photographs beside the checkout."""

import asyncio

import pytest

from pipelines.moderation.options import ModerationOptions
from pipelines.moderation.spec import MODERATION
from pipelines.moderation.types import Moderation
from service.components import open_components
from service.settings import load_settings
from service.telemetry.metrics import Metrics
from tests.extra.labelled import LABELLED, SHARED, labels, lines, needs_labelled

pytestmark = needs_labelled


@pytest.fixture(scope="module")
def moderated() -> dict[str, Moderation]:
    """Every labelled photograph with all signals of the built-in policy."""

    async def scenario() -> dict[str, Moderation]:
        found = {}
        async with open_components(load_settings(), Metrics(), only=("moderation",)) as components:
            for row in labels():
                data = (LABELLED / row["file"]).read_bytes()
                findings = await components.engine.run(data, {"moderation": ModerationOptions()})
                found[row["id"]] = findings.of(MODERATION)
        return found

    return asyncio.run(scenario())


def test_scores_are_those_of_the_reference_run(moderated: dict[str, Moderation]) -> None:
    reference = {row["id"]: row["nsfw"] for row in lines(SHARED / "vision" / "pred" / "nsfw.dev.jsonl")}

    apart = [abs(found.signals["nsfw"].score - reference[name]) for name, found in moderated.items()]

    assert len(apart) == len(reference)
    assert max(apart) <= 0.002


def test_of_safe_photographs_none_is_blocked_and_at_most_one_percent_is_reviewed(
    moderated: dict[str, Moderation],
) -> None:
    verdicts = [moderated[row["id"]].verdict for row in labels() if row["mod"] == "safe"]

    assert verdicts.count("block") == 0
    assert verdicts.count("review") <= len(verdicts) / 100
