"""Differences that change decisions miss the gate; rounding does not."""

from collections.abc import Callable

import numpy as np
import pytest

from models.arrays import Array
from models.manifest import Manifest
from models.registry import Catalog
from models.variants.agreement import LIMITS, find_misses, measure_agreement

Outputs = dict[str, Array]
CATALOG = Catalog.load()
RANDOM = np.random.default_rng(0)


def encoder(number: int) -> Outputs:
    logits = RANDOM.normal(size=1000).astype(np.float32)
    logits[number] += 9
    return {"logits": logits, "embedding": RANDOM.uniform(0, 1, 1280).astype(np.float32)}


def vectors(number: int) -> Outputs:
    vector = np.zeros(64, np.float32)
    vector[number] = 1
    return {"embedding": vector}


def moderation(number: int) -> Outputs:
    score = np.float32(0.05 + 0.9 * number / 20)
    return {"outputs": np.array([1 - score, score], np.float32)}


def recognition(number: int) -> Outputs:
    steps = np.zeros((6, 50), np.float32)
    steps[np.arange(6), [1, 1, 0, number, 0, 2]] = 0.9
    return {"fetch_name_0": steps}


def detection(number: int) -> Outputs:
    page = np.zeros((1, 32, 32), np.float32)
    page[0, 4 : 8 + number % 8, 4:20] = 0.8
    return {"fetch_name_0": page}


def faces(number: int) -> Outputs:
    scores = np.zeros(84, np.float32)
    scores[number : number + 3] = 0.7
    return {"scores": scores, "offsets": RANDOM.normal(size=(14, 84)).astype(np.float32)}


def objects(number: int) -> Outputs:
    scores = np.zeros((100, 80), np.float32)
    scores[number, number] = 0.6
    return {"scores": scores, "boxes": np.tile(np.array([0.1, 0.1, 0.5, 0.6], np.float32), (100, 1))}


def layout(number: int) -> Outputs:
    names = [output.name for output in CATALOG.get("picodet-cdla").outputs]
    scores = {name: np.zeros((20, 10), np.float32) for name in names[:4]}
    scores[names[0]][number, 1] = 0.8
    return {**scores, **{name: RANDOM.normal(size=(20, 32)).astype(np.float32) for name in names[4:]}}


MODELS: list[tuple[str, Callable[[int], Outputs], str]] = [
    ("efficientnet-lite0", encoder, "logits"),
    ("clip-rn50", vectors, "embedding"),
    ("opennsfw", moderation, "outputs"),
    ("ppocr-v6-rec-small", recognition, "fetch_name_0"),
    ("ppocr-v6-det-small", detection, "fetch_name_0"),
    ("yunet", faces, "scores"),
    ("yolox-nano", objects, "scores"),
    ("picodet-cdla", layout, "transpose_0.tmp_0"),
]
IDS = [model for model, _, _ in MODELS]


def rounded(outputs: Outputs) -> Outputs:
    """With the upper bits of float32 that bfloat16 keeps, and seven more."""
    return {name: (one.view(np.uint32) & 0xFFFFFE00).view(np.float32) for name, one in outputs.items()}


def misses(manifest: Manifest, pairs: list[tuple[Outputs, Outputs]]) -> tuple[str, ...]:
    return find_misses(measure_agreement(manifest, pairs))


@pytest.mark.parametrize(("model", "make", "deciding"), MODELS, ids=IDS)
def test_rounding_passes(model: str, make: Callable[[int], Outputs], deciding: str) -> None:
    outputs = [make(number) for number in range(20)]

    assert misses(CATALOG.get(model), [(one, rounded(one)) for one in outputs]) == ()


@pytest.mark.parametrize(("model", "make", "deciding"), MODELS, ids=IDS)
def test_other_decisions_miss(model: str, make: Callable[[int], Outputs], deciding: str) -> None:
    outputs = [make(number) for number in range(20)]
    moved = [{**one, deciding: np.roll(one[deciding], 1, -1)} for one in outputs]

    assert misses(CATALOG.get(model), list(zip(outputs, moved, strict=True)))


@pytest.mark.parametrize(("model", "make", "deciding"), MODELS, ids=IDS)
def test_numbers_that_are_not_finite_miss(model: str, make: Callable[[int], Outputs], deciding: str) -> None:
    outputs = [make(number) for number in range(20)]
    broken = [{**one, deciding: one[deciding] * np.float32("nan")} for one in outputs]

    assert misses(CATALOG.get(model), list(zip(outputs, broken, strict=True)))


@pytest.mark.parametrize(
    ("model", "empty"),
    [
        ("yunet", {"scores": np.zeros(84, np.float32), "offsets": np.zeros((14, 84), np.float32)}),
        ("ppocr-v6-det-small", {"fetch_name_0": np.zeros((1, 8, 8), np.float32)}),
    ],
)
def test_where_nothing_is_found_nothing_is_proven(model: str, empty: Outputs) -> None:
    assert misses(CATALOG.get(model), [(empty, empty)] * 5)


def test_a_guess_of_the_encoder_may_turn_out_otherwise() -> None:
    guess = encoder(0)
    guess["logits"][:] = 0
    guess["logits"][:2] = 0.01, 0.0
    other = {**guess, "logits": np.roll(guess["logits"], 1)}
    pairs = [(one, one) for one in map(encoder, range(19))] + [(guess, other)]

    assert misses(CATALOG.get("efficientnet-lite0"), pairs) == ()


def test_safe_pictures_tell_how_far_scores_would_move_at_a_cut() -> None:
    safe = {"outputs": np.array([0.999, 0.001], np.float32)}
    safer = {"outputs": np.array([0.9995, 0.0005], np.float32)}
    figures = measure_agreement(CATALOG.get("opennsfw"), [(safe, safer)])

    assert figures["same_side"] == 1
    assert figures["largest_cut_delta"] == pytest.approx(0.166, abs=0.001)
    assert LIMITS["largest_cut_delta"] < 0.166
