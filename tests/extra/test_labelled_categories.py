"""Custom categories that are trained on 20 labelled photographs of each kind separate the kinds."""

import asyncio
from collections.abc import Iterator
from itertools import combinations
from statistics import mean, median

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from pipelines.moderation.categories.custom_categories import EMBEDDING_OPTIONS, get_embedding
from pipelines.moderation.categories.training import MIN_IMAGES, fit_head
from pipelines.types import ModelUsed
from service.components import open_components
from service.settings import Settings
from service.telemetry.metrics import Metrics
from tests.extra.labelled import LABELLED, load_labels, needs_labelled

pytestmark = needs_labelled

Vectors = NDArray[np.float64]

# Superclasses of ImageNet, joined so that each kind has enough photographs to train on 20 and test on others.
KINDS = {
    "dogs": {"dog_wolf"},
    "other animals": {
        "bird", "invertebrate", "reptile_amphibian", "mammal_other", "fish", "ungulate", "primate", "fox_cat",
        "marsupial_monotreme", "marine_mammal",
    },
    "vehicles and buildings": {"vehicle", "building"},
    "things": {"electronics", "tool", "container", "music", "sport", "furniture"},
    "food and clothing": {"food_produce", "clothing", "plant_fungi"},
}  # fmt: skip
TRAINED_ON, DRAWS = 20, 5


@pytest.fixture(scope="module")
def embeddings() -> tuple[ModelUsed, dict[str, Vectors]]:
    """The encoder, and the embeddings (N, C) of each superclass's photographs."""

    async def scenario() -> tuple[ModelUsed, dict[str, Vectors]]:
        rows = [row for row in load_labels() if row["superclass"]]
        found: dict[str, list[Vectors]] = {}
        async with open_components(Settings(), Metrics(), only=("features",)) as components:
            for row in rows:
                findings = await components.engine.run(
                    (LABELLED / row["file"]).read_bytes(), {"features": EMBEDDING_OPTIONS}
                )
                found.setdefault(row["superclass"], []).append(get_embedding(findings))
            return components.categories.encoder, {name: np.array(vectors) for name, vectors in found.items()}

    return asyncio.run(scenario())


def measure_aucs(positives: Vectors, negatives: Vectors, encoder: ModelUsed, train: tuple[int, int]) -> Iterator[float]:
    """ROC AUC on the photographs that were not trained on, for several random choices of the training set."""
    for seed in range(DRAWS):
        random = np.random.default_rng(seed)
        yes, no = random.permutation(positives), random.permutation(negatives)
        head = fit_head("kind", yes[: train[0]], no[: train[1]], encoder)
        others = np.concatenate([yes[train[0] :], no[train[1] :]])
        truth = np.repeat([1, 0], [len(yes) - train[0], len(no) - train[1]])
        yield float(roc_auc_score(truth, [head.score(one) for one in others]))


def test_twenty_images_of_each_kind_train_a_category(embeddings: tuple[ModelUsed, dict[str, Vectors]]) -> None:
    encoder, found = embeddings
    kinds = {name: np.concatenate([found[one] for one in sorted(of) if one in found]) for name, of in KINDS.items()}
    aucs = {
        (one, other): list(measure_aucs(kinds[one], kinds[other], encoder, (TRAINED_ON, TRAINED_ON)))
        for one, other in combinations(kinds, 2)
    }
    for pair, values in aucs.items():
        print(f"{' / '.join(pair)}: {mean(values):.3f} ({min(values):.3f} to {max(values):.3f})")

    dogs = [value for pair, values in aucs.items() if "dogs" in pair for value in values]
    everything = [value for values in aucs.values() for value in values]
    assert median(dogs) >= 0.95
    assert median(everything) >= 0.92


def test_pairs_of_single_superclasses_are_separated(embeddings: tuple[ModelUsed, dict[str, Vectors]]) -> None:
    """Half of each superclass to train on, which is fewer than 20 for all but dogs."""
    encoder, found = embeddings
    large = {name: vectors for name, vectors in found.items() if len(vectors) >= MIN_IMAGES + 4}
    aucs = {}
    for one, other in combinations(sorted(large), 2):
        train = tuple(min(TRAINED_ON, len(large[name]) - 4) for name in (one, other))
        aucs[one, other] = list(measure_aucs(large[one], large[other], encoder, train))  # type: ignore[arg-type]
        print(f"{one} {train[0]} / {other} {train[1]}: {mean(aucs[one, other]):.3f}")

    assert median(value for values in aucs.values() for value in values) >= 0.95
