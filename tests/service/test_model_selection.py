"""Models are selected by preference, and the log says what is missing for better ones."""

from pathlib import Path

import pytest

from models.errors import KernelSightError, ModelMissing, ModelUnknown
from models.manifest import Manifest
from models.registry import Catalog
from models.store.store import Store
from service.model_selection import log_selections, select_models
from service.settings import ModelSettings, Settings, SettingsInvalid

CATALOG = Catalog.load()
OTHERS = (
    "efficientnet-lite0", "opennsfw", "picodet-cdla", "ppocr-v6-det-small", "ppocr-v6-rec-small", "ppocr-v2-cls",
)  # fmt: skip
MTCNN = {"mtcnn-pnet", "mtcnn-rnet", "mtcnn-onet"}


class Shelf(Store):
    """A store that has the graphs of the named models."""

    def __init__(self, *names: str) -> None:
        super().__init__(Path("/nowhere"))
        self.names = names

    def graph(self, manifest: Manifest) -> Path:
        if manifest.id not in self.names:
            raise ModelMissing(manifest.id, "it is not here", f"kernelsight models pull {manifest.id}")
        return Path(manifest.id)


def test_the_first_preference_is_selected_when_complete() -> None:
    choice = select_models(Settings(), CATALOG, Shelf(*OTHERS, "yunet", *MTCNN))["faces"]

    assert choice.name == "yunet"
    assert [one.id for one in choice.manifests] == ["yunet", "mtcnn-onet"]
    assert choice.passed_over == ()


def test_a_passed_over_preference_is_logged_with_its_reason(caplog: pytest.LogCaptureFixture) -> None:
    choice = select_models(Settings(), CATALOG, Shelf(*OTHERS, *MTCNN))["faces"]

    log_selections({"faces": choice})
    [better] = choice.passed_over
    assert choice.name == "mtcnn"
    assert better.name == "yunet"
    assert "kernelsight models pull yunet" in better.why
    assert "faces: mtcnn, because yunet is not available" in caplog.text


def test_an_operator_can_name_a_lower_preference() -> None:
    settings = Settings(models=ModelSettings(faces="mtcnn"))
    choice = select_models(settings, CATALOG, Shelf(*OTHERS, "yunet", *MTCNN))["faces"]

    assert choice.name == "mtcnn"
    assert choice.passed_over == ()
    assert "KERNELSIGHT_FACES" in choice.reason


@pytest.mark.parametrize(
    ("models", "error", "words"),
    [
        (ModelSettings(faces="yunet"), ModelMissing, "kernelsight models pull yunet"),
        (ModelSettings(faces="haar"), SettingsInvalid, "KERNELSIGHT_FACES: no 'haar'; there are: yunet, mtcnn"),
        (ModelSettings(encoder="resnet50"), ModelMissing, "kernelsight models pull resnet50"),
        (ModelSettings(encoder="nothing"), ModelUnknown, "nothing"),
    ],
    ids=["missing", "unknown", "encoder missing", "encoder unknown"],
)
def test_an_unknown_name_is_an_error(models: ModelSettings, error: type[KernelSightError], words: str) -> None:
    with pytest.raises(error, match=words):
        select_models(Settings(models=models), CATALOG, Shelf(*OTHERS, *MTCNN))


def test_without_models_the_error_names_the_smallest_preference() -> None:
    with pytest.raises(ModelMissing, match="kernelsight models pull mtcnn-pnet"):
        select_models(Settings(), CATALOG, Shelf(*OTHERS))


def test_a_task_that_is_optional_may_have_no_models(caplog: pytest.LogCaptureFixture) -> None:
    choice = select_models(Settings(), CATALOG, Shelf(*OTHERS, *MTCNN))["objects"]

    log_selections({"objects": choice})
    assert choice.is_absent
    assert choice.name == "none"
    assert "objects: not available, the service starts without" in caplog.text
    assert "kernelsight models pull yolox-nano" in caplog.text


def test_the_service_starts_without_a_second_opinion(caplog: pytest.LogCaptureFixture) -> None:
    choice = select_models(Settings(), CATALOG, Shelf(*OTHERS, *MTCNN))["moderation-classes"]

    log_selections({"moderation-classes": choice})
    assert choice.is_absent
    assert "moderation-classes: not available, the service starts without" in caplog.text
    assert "kernelsight models pull nsfwjs" in caplog.text


def test_both_detectors_together_find_objects() -> None:
    choice = select_models(Settings(), CATALOG, Shelf(*OTHERS, *MTCNN, "yolox-nano", "picodet-s"))["objects"]

    assert [one.id for one in choice.manifests] == ["yolox-nano", "picodet-s"]


def test_one_detector_alone_is_not_used() -> None:
    assert select_models(Settings(), CATALOG, Shelf(*OTHERS, *MTCNN, "yolox-nano"))["objects"].is_absent
