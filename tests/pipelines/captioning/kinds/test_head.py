"""The head: what it states, what it stores, and which encoder it answers for."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from models.registry import Catalog
from pipelines.captioning.kinds.head import HEAD, KindHead, find_head, prepare_embeddings, state_kind
from pipelines.types import PICTURE_KINDS

LIMIT = 200_000  # bytes
ENCODER = Catalog.load().get("efficientnet-lite0")
RNG = np.random.default_rng(0)
EMBEDDING, MEASURES = RNG.gamma(0.3, 1, 1280).astype(np.float32), KindHead.read().mean


def scores(**known: float) -> dict[str, float]:
    return dict.fromkeys(PICTURE_KINDS, 0.0) | known


def test_the_stored_head_is_small() -> None:
    assert HEAD.stat().st_size < LIMIT


def test_the_best_kind_is_stated_from_the_threshold_on() -> None:
    found = state_kind(scores(photo=0.6, map=0.4), 0.6)

    assert found.name == "photo"
    assert found.score == 0.6


def test_below_the_threshold_no_kind_is_stated() -> None:
    found = state_kind(scores(photo=0.59, map=0.41), 0.6)

    assert found.name is None
    assert found.score == 0.59


def test_scores_sum_to_one() -> None:
    found = KindHead.read().classify(EMBEDDING, MEASURES)

    assert sum(found.scores.values()) == pytest.approx(1, abs=1e-3)


def test_a_higher_temperature_makes_scores_less_extreme() -> None:
    head = KindHead.read()

    hotter = replace(head, temperature=3 * head.temperature).classify(EMBEDDING, MEASURES)

    assert hotter.score < head.classify(EMBEDDING, MEASURES).score


def test_the_length_of_an_embedding_does_not_matter() -> None:
    one, other = prepare_embeddings(EMBEDDING[None]), prepare_embeddings(7 * EMBEDDING[None])

    assert np.allclose(one, other, atol=1e-5)


def test_no_measure_counts_more_than_six_deviations() -> None:
    head = KindHead.read()

    assert head.prepare_measures(head.mean + 100 * head.spread).max() == 6


def test_an_embedding_of_nothing_gives_a_kind() -> None:
    assert np.isfinite(KindHead.read().classify(np.zeros(1280, np.float32), MEASURES).score)


def test_what_is_stored_is_read_again(tmp_path: Path) -> None:
    head = KindHead.read()
    head.write(tmp_path / "head.npz")

    again = KindHead.read(tmp_path / "head.npz")

    assert again.classify(EMBEDDING, MEASURES) == head.classify(EMBEDDING, MEASURES)


def test_the_head_knows_the_default_encoder() -> None:
    assert find_head(ENCODER) is not None


def test_another_encoder_has_no_head() -> None:
    other = ENCODER.model_copy(update={"file": ENCODER.file.model_copy(update={"sha256": "0" * 64})})

    assert find_head(other) is None
