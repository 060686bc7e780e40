"""OpenNSFW against its reference run, and the built-in policy, on labelled photographs beside the checkout."""

import asyncio

import pytest

from pipelines.findings import Findings
from pipelines.moderation.options import ModerationOptions
from pipelines.moderation.spec import MODERATION
from pipelines.moderation.types import Moderation
from service.components import open_components
from service.settings import load_settings
from service.telemetry.metrics import Metrics
from tests.extra.labelled import LABELLED, SHARED, load_labels, needs_labelled, read_json_lines

pytestmark = needs_labelled


@pytest.fixture(scope="module")
def findings() -> dict[str, Findings]:
    """Every labelled photograph with all signals of the built-in policy."""

    async def scenario() -> dict[str, Findings]:
        found = {}
        async with open_components(load_settings(), Metrics(), only=("moderation",)) as components:
            for row in load_labels():
                data = (LABELLED / row["file"]).read_bytes()
                found[row["id"]] = await components.engine.run(data, {"moderation": ModerationOptions()})
        return found

    return asyncio.run(scenario())


@pytest.fixture(scope="module")
def moderated(findings: dict[str, Findings]) -> dict[str, Moderation]:
    return {name: found.of(MODERATION) for name, found in findings.items()}


def test_scores_equal_the_reference_run(findings: dict[str, Findings], moderated: dict[str, Moderation]) -> None:
    """Pictures with colours that had to be converted apart: the reference run left them as they were."""
    reference = {row["id"]: row["nsfw"] for row in read_json_lines(SHARED / "vision" / "pred" / "nsfw.dev.jsonl")}

    differences = {name: abs(found.signals["nsfw"].score - reference[name]) for name, found in moderated.items()}
    converted = {name for name, found in findings.items() if found.image.profile == "converted"}

    assert len(differences) == len(reference)
    assert {name for name, one in differences.items() if one > 0.002} <= converted
    assert len(converted) <= len(reference) / 20
    assert max(differences.values()) <= 0.05


def test_safe_photographs_are_not_blocked_and_rarely_reviewed(
    moderated: dict[str, Moderation],
) -> None:
    verdicts = [moderated[row["id"]].verdict for row in load_labels() if row["mod"] == "safe"]

    assert verdicts.count("block") == 0
    assert verdicts.count("review") <= len(verdicts) / 100


def test_people_at_events_are_allowed(moderated: dict[str, Moderation]) -> None:
    verdicts = {moderated[row["id"]].verdict for row in load_labels() if row["source"] == "wider416"}

    assert verdicts == {"allow"}
