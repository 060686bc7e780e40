"""Things that detectors find, in the signal "objects": for policies that look at them, in one pass with "objects"."""

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from PIL import Image

from models.labels import load_label_set
from pipelines.findings import Findings
from pipelines.moderation.options import ModerationOptions
from pipelines.moderation.policy_file import load_policy
from pipelines.moderation.signals.detected_things import map_labels
from pipelines.moderation.signals.objects import looks_for_things, read_detected
from pipelines.moderation.spec import MODERATION
from pipelines.objects.options import ObjectsOptions
from pipelines.objects.spec import OBJECTS
from service.components import open_components
from service.settings import ModelSettings, ModerationSettings, Settings
from service.telemetry.metrics import Metrics
from tests.pipelines.images import encode
from tests.tiny_detectors import make_detector_manifest, open_store_without_detectors, write_detector
from tests.tiny_store import open_store_with

KNIFE, TABLE = 43, 60
PLACE = (0.25, 0.5, 0.5, 0.75)
WHITE = encode(Image.new("RGB", (200, 100), "white"), "PNG")
Scene = Sequence[tuple[Sequence[float], Mapping[int, float]]]

RULES = """
name: knives
version: 1
rules:
  knife: {signal: objects.knife, category: weapon, review: 0.5, unless: [objects.kitchen]}
"""


def open_scene(folder: Path, scene: Scene) -> dict[str, str]:
    """A store whose detectors find `scene` in each white picture."""
    folder.mkdir()
    names = ("yolox-nano", "picodet-s")
    return open_store_with(
        folder, *(make_detector_manifest(write_detector(folder / f"{one}.onnx", scene), id=one) for one in names)
    )


def analyse(models: dict[str, str], policy: Path | None, *, beside: bool = False) -> Findings:
    """The white picture, moderated first; `beside` finds objects as well."""

    async def scenario() -> Findings:
        settings = Settings(models=ModelSettings.model_validate(models), moderation=ModerationSettings(policy=policy))
        names = ("moderation", "objects") if beside else ("moderation",)
        tasks = {"moderation": ModerationOptions(signals=("objects",)), "objects": ObjectsOptions()}
        async with open_components(settings, Metrics(), only=names) as components:
            return await components.engine.run(WHITE, {name: tasks[name] for name in names}, gate=True)

    return asyncio.run(scenario())


@pytest.fixture
def policy(tmp_path: Path) -> Path:
    path = tmp_path / "knives.yaml"
    path.write_text(RULES)
    return path


def test_a_knife_alone_is_for_review_with_its_box(tmp_path: Path, policy: Path) -> None:
    found = analyse(open_scene(tmp_path / "models", [(PLACE, {KNIFE: 0.9})]), policy).of(MODERATION)

    [evidence] = [one for one in found.signals["objects"].evidence if one.detail == "knife"]
    assert found.verdict == "review"
    assert evidence.what == "knife"
    assert evidence.box == (50.0, 50.0, 100.0, 75.0)


def test_a_knife_on_a_table_is_cutlery(tmp_path: Path, policy: Path) -> None:
    scene = [(PLACE, {KNIFE: 0.9}), ((0.0, 0.1, 1.0, 1.0), {TABLE: 0.9})]

    found = analyse(open_scene(tmp_path / "models", scene), policy).of(MODERATION)

    assert found.signals["objects"].scores["knife"] > 0.8
    assert found.verdict == "allow"


def test_detections_leave_the_signals_own_score_alone(tmp_path: Path, policy: Path) -> None:
    models = open_scene(tmp_path / "models", [(PLACE, {KNIFE: 0.9})])

    scores = [analyse(models, one).of(MODERATION).signals["objects"].score for one in (policy, None)]

    assert scores[0] == scores[1]


def test_the_built_in_policy_needs_no_detection(tmp_path: Path) -> None:
    findings = analyse(open_scene(tmp_path / "models", [(PLACE, {KNIFE: 0.9})]), None)

    assert "knife" not in findings.of(MODERATION).signals["objects"].scores
    assert [one.id for one in findings.models] == ["efficientnet-lite0"]


def test_moderation_and_objects_share_one_detection(tmp_path: Path, policy: Path) -> None:
    findings = analyse(open_scene(tmp_path / "models", [(PLACE, {KNIFE: 0.9})]), policy, beside=True)

    assert findings.of(OBJECTS).counts == {"knife": 1}
    assert "moderation.fuse" in findings.timings
    assert "objects.fuse" not in findings.timings


def test_without_detectors_such_a_rule_passes_nothing(tmp_path: Path, policy: Path) -> None:
    found = analyse(open_store_without_detectors(tmp_path / "store"), policy).of(MODERATION)

    assert [(one.rule, one.signal) for one in found.rules] == [("on_error", "objects.knife")]
    assert found.verdict == "review"


def test_a_tenants_rule_asks_for_detections_too(tmp_path: Path) -> None:
    path = tmp_path / "policy.yaml"
    path.write_text(
        "name: a\nversion: 1\nrules:\n  nudity: {signal: nsfw, category: sexual, review: 0.5}\n"
        "tenants:\n  shop: {rules: {knife: {signal: objects.knife, category: weapon, review: 0.5}}}\n"
    )

    assert looks_for_things(load_policy(path))


def test_the_detectors_have_all_labels_of_the_mapping() -> None:
    classes = map_labels(read_detected(), load_label_set("coco"))

    assert classes["knife"].tolist() == [KNIFE]
    assert TABLE in classes["kitchen"]


def test_a_label_that_detectors_lack_is_an_error() -> None:
    with pytest.raises(ValueError, match="ray gun"):
        map_labels({"weapon": ("ray gun",)}, load_label_set("coco"))
