"""Accuracy of face detection on labelled photographs beside the checkout."""

import asyncio
import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from models.registry import Catalog
from models.store.store import Store
from pipelines.faces.options import FacesOptions
from pipelines.faces.spec import FACES
from service.components import Components, open_components
from service.settings import ModelSettings, Settings
from service.telemetry.metrics import Metrics
from tests.extra.labelled import LABELLED, SHARED, load_labels, needs_labelled

pytestmark = needs_labelled


@pytest.fixture(scope="module")
def scorer() -> Any:
    spec = importlib.util.spec_from_file_location("score_vision", SHARED / "vision" / "score_vision.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def copy_store_with_all_detectors(folder: Path) -> Path:
    """A copy of the store, with YuNet from the mirror beside the labelled photographs."""
    shutil.copytree(Settings().models.store.expanduser(), folder)
    yunet = Catalog.load().get("yunet")
    Store(folder, mirror=str(SHARED / "weights")).pull(yunet, progress=lambda what, done, total: None)
    environment = os.environ | {"KERNELSIGHT_STORE": str(folder)}
    subprocess.run([sys.executable, "-m", "service", "models", "export"], check=True, env=environment)
    return folder


async def predict_faces(components: Components, rows: list[dict[str, Any]]) -> dict[str, Any]:
    async def predict(row: dict[str, Any]) -> dict[str, Any]:
        findings = await components.engine.run((LABELLED / row["file"]).read_bytes(), {"faces": FacesOptions()})
        found = [
            {"box": face.box, "score": face.score, "lm": [point for _, point in face.landmarks]}
            for face in findings.of(FACES).faces
        ]
        return {"id": row["id"], "faces": found}

    answers = []
    for first in range(0, len(rows), 8):
        answers += await asyncio.gather(*(predict(row) for row in rows[first : first + 8]))
    return {answer["id"]: answer for answer in answers}


# The accuracy of each detector when it was built, less a margin for other libraries and machines.
@pytest.mark.parametrize(
    ("detector", "min_ap", "max_false_faces", "max_landmark_error"),
    [("yunet", 0.78, 0.03, 0.09), ("mtcnn", 0.50, 0.06, 0.09)],
)
def test_accuracy_on_labelled_photographs_holds(
    tmp_path: Path, scorer: Any, detector: str, min_ap: float, max_false_faces: float, max_landmark_error: float
) -> None:
    rows = [row for row in load_labels() if row["faces"] is not None or row["nonface"] is not None]

    async def scenario() -> dict[str, Any]:
        settings = Settings(
            models=ModelSettings(faces=detector, store=copy_store_with_all_detectors(tmp_path / "store"))
        )
        async with open_components(settings, Metrics(), only=("faces",)) as components:
            return await predict_faces(components, rows)

    score = scorer.faces({row["id"]: row for row in rows}, asyncio.run(scenario()), 0.6, 0.5)

    assert score["ap"] >= min_ap
    assert score["fp_object"]["fp_per_image"] <= max_false_faces
    assert score["landmarks"]["nme"] <= max_landmark_error
