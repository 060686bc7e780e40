"""Signal "nsfw_classes": classes of pictures by a real session, what the policy makes of them, and its absence."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from models.errors import ModelMissing
from models.registry import Catalog
from models.store.store import Store
from pipelines.errors import RequestRejected
from pipelines.moderation.options import ModerationOptions
from pipelines.moderation.signals.nsfw_classes import CLASSES
from pipelines.moderation.spec import MODERATION
from pipelines.moderation.types import Moderation
from service.components import open_components
from service.settings import ModelSettings, Settings, load_settings
from service.telemetry.metrics import Metrics
from tests.pipelines.images import encode
from tests.tiny_nsfw_classes import open_tiny_nsfw_classes
from tests.tiny_store import open_store_without


def moderate(models: dict[str, str], *images: bytes, options: ModerationOptions | None = None) -> list[Moderation]:
    """Each image by the built-in policy, in a process that opens moderation alone."""

    async def scenario() -> list[Moderation]:
        settings = Settings(models=ModelSettings.model_validate(models))
        async with open_components(settings, Metrics(), only=("moderation",)) as components:
            tasks = {"moderation": options or ModerationOptions()}
            return [(await components.engine.run(image, tasks)).of(MODERATION) for image in images]

    return asyncio.run(scenario())


def colour(name: str, size: tuple[int, int] = (64, 48)) -> bytes:
    return encode(Image.new("RGB", size, name), "PNG")


@pytest.fixture(scope="module")
def by_colour(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Moderation]:
    names = ("black", "red", "lime", "blue")
    found = moderate(open_tiny_nsfw_classes(tmp_path_factory.mktemp("tiny")), *map(colour, names))
    return dict(zip(names, found, strict=True))


@pytest.mark.parametrize(
    ("name", "likely"), [("black", "neutral"), ("red", "porn"), ("lime", "drawing"), ("blue", "sexy")]
)
def test_the_likely_class_is_the_evidence(by_colour: dict[str, Moderation], name: str, likely: str) -> None:
    result = by_colour[name].signals["nsfw_classes"]

    assert [one.what for one in result.evidence] == [likely]
    assert result.scores[likely] > 0.9


def test_the_scores_of_the_classes_add_up_to_one(by_colour: dict[str, Moderation]) -> None:
    scores = by_colour["red"].signals["nsfw_classes"].scores

    assert tuple(scores) == CLASSES
    assert abs(sum(scores.values()) - 1) < 1e-5


def test_the_score_is_that_of_the_explicit_classes(by_colour: dict[str, Moderation]) -> None:
    result = by_colour["red"].signals["nsfw_classes"]

    assert abs(result.score - result.scores["porn"] - result.scores["hentai"]) < 2e-6


def test_drawings_and_sexy_pictures_are_not_explicit(by_colour: dict[str, Moderation]) -> None:
    assert max(by_colour[name].signals["nsfw_classes"].score for name in ("black", "lime", "blue")) < 0.01


def test_one_sure_model_asks_for_review_and_does_not_block(by_colour: dict[str, Moderation]) -> None:
    found = by_colour["red"]

    assert [(one.rule, one.verdict) for one in found.rules] == [("sexual-content-by-class", "review")]
    assert found.verdict == "review"


def test_the_second_opinion_leaves_the_first_ones_score_alone(by_colour: dict[str, Moderation], tmp_path: Path) -> None:
    [without] = moderate(open_store_without(tmp_path / "store", ["nsfwjs"]), colour("red"))

    assert by_colour["red"].signals["nsfw"] == without.signals["nsfw"]


def test_the_version_is_that_of_the_stored_graph(by_colour: dict[str, Moderation]) -> None:
    result = by_colour["red"].signals["nsfw_classes"]

    assert result.detector == "nsfwjs"
    assert result.version.startswith("1-")


@pytest.mark.parametrize("size", [(1, 1), (3, 900), (900, 3)])
def test_pictures_of_any_shape_are_seen_whole(tmp_path: Path, size: tuple[int, int]) -> None:
    [found] = moderate(open_tiny_nsfw_classes(tmp_path), colour("red", size))

    assert found.signals["nsfw_classes"].scores["porn"] > 0.9


def test_without_its_model_the_signal_is_absent(tmp_path: Path) -> None:
    [found] = moderate(open_store_without(tmp_path / "store", ["nsfwjs"]), colour("red"))

    assert "nsfw_classes" not in found.signals
    assert found.verdict == "allow"


def test_naming_an_absent_signal_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RequestRejected, match="no 'nsfw_classes' here"):
        moderate(
            open_store_without(tmp_path / "store", ["nsfwjs"]),
            colour("red"),
            options=ModerationOptions(signals=("nsfw_classes",)),
        )


def test_the_real_model_finds_photographs_of_things_neutral(jpeg: Callable[[str], bytes]) -> None:
    settings = load_settings()
    try:
        Store(settings.models.store.expanduser()).graph(Catalog.load().get("nsfwjs"))
    except ModelMissing as missing:
        pytest.skip(str(missing))

    found = moderate({"store": str(settings.models.store)}, *map(jpeg, ("coffee", "cat", "rocket")))

    assert {one.signals["nsfw_classes"].evidence[0].what for one in found} == {"neutral"}
