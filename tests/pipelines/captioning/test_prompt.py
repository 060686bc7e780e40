"""The prompt's description of an image never claims more than the scores do."""

import asyncio
import re
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from models.labels import load_label_set
from models.registry import Catalog
from pipelines.captioning.encoder import ImageEncoder
from pipelines.captioning.options import FeaturesOptions
from pipelines.captioning.pipeline import CaptioningPipeline
from pipelines.cpu_pool import CpuPool
from pipelines.image.decode import ImageLimits, decode
from pipelines.run_context import RunContext
from pipelines.types import Colour, Features, GroupScore, Tag
from tests.pipelines.fakes import APPEARANCE, CLASSES, FEATURES, USED, FakeEncoder
from tests.pipelines.images import encode

LABELS = load_label_set("imagenet-1k")
PICTURE = decode(encode(Image.new("RGB", (8, 8), "teal"), "PNG"), limits=ImageLimits())


@pytest.fixture(scope="module")
def captioning() -> Iterator[CaptioningPipeline]:
    pool = CpuPool(threads=1)
    yield CaptioningPipeline(
        ImageEncoder(Catalog.load().get("efficientnet-lite0"), USED, LABELS, FakeEncoder(), pool), pool
    )
    pool.close()


def tag(index: int, score: float) -> Tag:
    label = LABELS.labels[index]
    return Tag(index=index, wnid=label.wnid, label=label.name, score=round(score, 6), group=label.group)


def make_result(scores: dict[int, float], groups: dict[str, float] | None = None) -> Features:
    tags = [tag(*one) for one in scores.items()]
    found = [GroupScore(group=name, score=score) for name, score in (groups or {}).items()]
    return FEATURES.model_copy(update={"tags": tags, "groups": found})


@pytest.mark.parametrize(
    ("score", "words"),
    [
        (1.0, "Probably shows: tench (1.00)."),
        (0.7, "Probably shows: tench (0.70)."),
        (0.69, "Possibly shows: tench (0.69)."),
        (0.3, "Possibly shows: tench (0.30)."),
        (0.29, "Nothing recognised with confidence; weak guesses: tench (0.29)."),
        (0.1, "Nothing recognised with confidence; weak guesses: tench (0.10)."),
        (0.09, "The classifier recognises no particular thing in it."),
    ],
)
def test_the_wording_goes_by_the_best_score(captioning: CaptioningPipeline, score: float, words: str) -> None:
    assert captioning.describe(make_result({0: score})).splitlines()[-1] == words


def test_tags_are_named_in_order_without_weak_ones(captioning: CaptioningPipeline) -> None:
    result = make_result({1: 0.5, 0: 0.2, 2: 0.05})

    assert captioning.describe(result).splitlines()[-1] == "Possibly shows: goldfish (0.50), tench (0.20)."


def test_the_prompt_says_nothing_of_tags_that_were_not_requested(captioning: CaptioningPipeline) -> None:
    assert "recognises no particular thing" not in captioning.describe(make_result({}))


def test_groups_are_named_only_when_they_are_possible(captioning: CaptioningPipeline) -> None:
    result = make_result({}, {"animal": 0.62, "food": 0.31, "vehicle": 0.07})

    assert captioning.describe(result).splitlines()[1] == "Kind of content, by classifier: animal (0.62), food (0.31)."


@settings(max_examples=150, deadline=None, derandomize=True, database=None)
@given(peaks=st.dictionaries(st.integers(0, 999), st.floats(3, 15), max_size=6))
def test_the_prompt_never_claims_more_than_the_scores(captioning: CaptioningPipeline, peaks: dict[int, float]) -> None:
    logits = np.zeros(CLASSES, np.float32)
    logits[list(peaks)] = list(peaks.values())
    pipeline = replace(captioning, encoder=replace(captioning.encoder, infer=FakeEncoder(logits)))
    result = asyncio.run(pipeline.run(PICTURE, FeaturesOptions(min_score=0), RunContext()))

    *_, line = captioning.describe(result).splitlines()

    top = result.tags[0].score if result.tags else 0.0
    shown = [tag for tag in result.tags if tag.score >= 0.1]
    assert line.startswith("Probably") == (top >= 0.7)
    assert line.startswith("Possibly") == (0.3 <= top < 0.7)
    assert re.findall(r"\((\d\.\d\d)\)", line) == [f"{tag.score:.2f}" for tag in shown]
    assert all(f"{tag.label} ({tag.score:.2f})" in line for tag in shown)


@pytest.mark.parametrize(
    ("update", "words"),
    [
        ({}, "Looks sharp, normally exposed."),
        ({"is_blurred": True}, "Looks blurred, normally exposed."),
        ({"exposure": "dark"}, "Looks sharp, dark."),
        ({"exposure": "bright"}, "Looks sharp, very bright."),
        ({"exposure": "flat"}, "Almost without contrast."),
    ],
)
def test_the_first_line_says_how_the_image_looks(
    captioning: CaptioningPipeline, update: dict[str, object], words: str
) -> None:
    result: Features = FEATURES.model_copy(update={"appearance": APPEARANCE.model_copy(update=update)})

    assert captioning.describe(result).splitlines()[0].startswith(words)


def test_colours_are_named_with_their_shares(captioning: CaptioningPipeline) -> None:
    colours = [Colour(name="red", hex="#cd1e23", share=0.613), Colour(name="dark blue", hex="#14235f", share=0.25)]
    result = FEATURES.model_copy(update={"appearance": APPEARANCE.model_copy(update={"colours": colours})})

    assert captioning.describe(result).splitlines()[0].endswith("Colours: red 61%, dark blue 25%.")
