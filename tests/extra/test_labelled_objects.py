"""Accuracy of object detection and of statements on labelled photographs beside the checkout."""

import asyncio
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from models.registry import Catalog
from models.store.store import Store
from pipelines.objects.options import ObjectsOptions
from pipelines.objects.spec import OBJECTS
from service.components import open_components
from service.settings import ModelSettings, Settings
from service.telemetry.metrics import Metrics
from tests.extra.labelled import SHARED, read_json_lines

LABELLED = SHARED / "objects" / "dev"

pytestmark = pytest.mark.skipif(not LABELLED.is_dir(), reason="no labelled photographs beside this checkout")


@pytest.fixture(scope="module")
def score(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("objects")
    settings = Settings(models=ModelSettings(store=copy_store_with_detectors(folder / "store")))
    (folder / "found.jsonl").write_text("\n".join(asyncio.run(predict_objects(settings))))
    return score_predictions(folder / "found.jsonl")


def copy_store_with_detectors(folder: Path) -> Path:
    """A copy of the store, with the detectors from the mirror beside the labelled photographs."""
    shutil.copytree(Settings().models.store.expanduser(), folder)
    store = Store(folder, mirror=str(SHARED / "weights"))
    for name in ("yolox-nano", "picodet-s"):
        store.pull(Catalog.load().get(name), progress=lambda what, done, total: None)
    environment = os.environ | {"KERNELSIGHT_STORE": str(folder)}
    subprocess.run([sys.executable, "-m", "service", "models", "export"], check=True, env=environment)
    return folder


async def predict_objects(settings: Settings) -> list[str]:
    lines = []
    async with open_components(settings, Metrics(), only=("objects",)) as components:
        for row in read_json_lines(LABELLED / "gt.jsonl"):
            data = (LABELLED / row["file"]).read_bytes()
            found = (await components.engine.run(data, {"objects": ObjectsOptions(min_score=0.05)})).of(OBJECTS)
            objects = [one.model_dump(include={"label", "box", "score"}) for one in found.objects]
            lines.append(json.dumps({"id": row["id"], "objects": objects, "claims": found.counts}))
    return lines


def score_predictions(found: Path) -> dict[str, Any]:
    scorer = SHARED / "objects" / "score_objects.py"
    command = [sys.executable, str(scorer), str(LABELLED / "gt.jsonl"), str(found)]
    scores: dict[str, Any] = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    return scores


# The figures when this was built, less a margin for other libraries and machines.
def test_objects_are_found(score: dict[str, Any]) -> None:
    assert score["mAP50"] >= 0.58


def test_statements_are_true_and_many(score: dict[str, Any]) -> None:
    assert score["claim_precision"] >= 0.95
    assert score["claim_recall"] >= 0.62
    assert score["claim_recall_large"] >= 0.74


def test_people_are_told(score: dict[str, Any]) -> None:
    assert score["person"]["precision"] >= 0.98
    assert score["person"]["recall"] >= 0.95


def test_numbers_are_right(score: dict[str, Any]) -> None:
    assert score["count_exact"] >= 0.68
