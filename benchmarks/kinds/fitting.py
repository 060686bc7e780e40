"""Fits a head to examples, and finds out by leaving sorts of pictures out how far its scores may be believed."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from benchmarks.kinds.examples import SEED, Examples
from models.arrays import softmax
from pipelines.captioning.kinds.head import KindHead, Layers, prepare_embeddings
from pipelines.types import PICTURE_KINDS

BATCH = 128
RATE = 1e-3
SMOOTHING = 0.1  # of labels
FOLDS = 5


@dataclass(frozen=True)
class Recipe:
    """How one of the two networks is trained.

    `decay` is AdamW's (Loshchilov and Hutter, ICLR 2019). Each step does without a share `dropped` of the inputs, so
    that no few of them carry a kind. `members` networks from different starts are put side by side: their mean.
    """

    hidden: int
    members: int
    epochs: int
    dropped: float
    decay: float


OF_EMBEDDINGS = Recipe(hidden=20, members=3, epochs=60, dropped=0.4, decay=1.0)
OF_MEASURES = Recipe(hidden=60, members=3, epochs=120, dropped=0.2, decay=0.1)

Array = NDArray[np.float32]
NOTHING: Layers = (np.zeros((1, 1), np.float32),) * 4  # stands until it is trained


def fit_head(examples: Examples, encoder: str) -> KindHead:
    """A head at temperature 1 that states everything; the same examples give the same one."""
    head = KindHead(
        encoder=encoder,
        mean=examples.measures.mean(0),
        spread=examples.measures.std(0) + np.float32(1e-3),
        embedding_layers=_fit_members(OF_EMBEDDINGS, prepare_embeddings(examples.embeddings), examples.kinds),
        measure_layers=NOTHING,
        temperature=1.0,
        states_from=0.0,
    )
    measured = head.prepare_measures(examples.measures)
    return replace(head, measure_layers=_fit_members(OF_MEASURES, measured, examples.kinds))


def _fit_members(recipe: Recipe, inputs: Array, kinds: NDArray[np.int64]) -> Layers:
    parts = [_fit(recipe, inputs, kinds, np.random.default_rng((SEED, member))) for member in range(recipe.members)]
    hidden, hidden_bias, output, output_bias = ([part[place] for part in parts] for place in range(4))
    return (
        np.concatenate(hidden, 1),
        np.concatenate(hidden_bias),
        (np.concatenate(output) / recipe.members).astype(np.float32),
        np.mean(output_bias, axis=0, dtype=np.float32),
    )


def _fit(recipe: Recipe, inputs: Array, kinds: NDArray[np.int64], rng: np.random.Generator) -> Layers:
    """One hidden layer of ReLUs under cross-entropy with smoothed labels."""
    width, classes, size = inputs.shape[1], len(PICTURE_KINDS), recipe.hidden
    weights = [
        rng.normal(0, (2 / width) ** 0.5, (width, size)).astype(np.float32), np.zeros(size, np.float32),
        rng.normal(0, (1 / size) ** 0.5, (size, classes)).astype(np.float32), np.zeros(classes, np.float32),
    ]  # fmt: skip
    first, second = [np.zeros_like(one) for one in weights], [np.zeros_like(one) for one in weights]
    wanted = np.eye(classes, dtype=np.float32)[kinds] * (1 - SMOOTHING) + SMOOTHING / classes
    steps = recipe.epochs * -(-len(inputs) // BATCH)
    for step in range(1, steps + 1):
        rows = rng.integers(0, len(inputs), BATCH)
        keep = rng.random((BATCH, width), np.float32) >= recipe.dropped
        shown = (inputs[rows] * keep / (1 - recipe.dropped)).astype(np.float32)
        gradients = _differentiate(weights, shown, wanted[rows])
        rate = RATE * 0.5 * (1 + np.cos(np.pi * step / steps))
        for index, gradient in enumerate(gradients):
            first[index] = 0.9 * first[index] + 0.1 * gradient
            second[index] = 0.999 * second[index] + 0.001 * gradient**2
            move = first[index] / (1 - 0.9**step) / (np.sqrt(second[index] / (1 - 0.999**step)) + 1e-8)
            decay = recipe.decay * weights[index] if weights[index].ndim == 2 else 0
            weights[index] = (weights[index] - rate * (move + decay)).astype(np.float32)
    return weights[0], weights[1], weights[2], weights[3]


def _differentiate(weights: Sequence[Array], known: Array, wanted: Array) -> tuple[Array, Array, Array, Array]:
    """The loss's gradients by `weights`."""
    before = known @ weights[0] + weights[1]
    hidden = np.maximum(before, 0)
    wrong = (softmax(hidden @ weights[2] + weights[3]) - wanted) / np.float32(len(known))
    back = (wrong @ weights[2].T) * (before > 0)
    gradients = known.T @ back, back.sum(0), hidden.T @ wrong, wrong.sum(0)
    return tuple(one.astype(np.float32) for one in gradients)  # type: ignore[return-value]  # four


def predict_left_out(examples: Examples, encoder: str) -> Array:
    """(N, K) logits, each from a head that never saw a picture of the same sort.

    Sorts are dealt to folds kind by kind, so that each fold leaves some of each kind to learn from.
    """
    folds = np.zeros(len(examples.kinds), np.int64)
    for kind in range(len(PICTURE_KINDS)):
        for place, sort in enumerate(np.unique(examples.sorts[examples.kinds == kind])):
            folds[examples.sorts == sort] = (place + kind) % FOLDS
    logits = np.zeros((len(folds), len(PICTURE_KINDS)), np.float32)
    for fold in range(FOLDS):
        rest, left = folds != fold, folds == fold
        part = Examples(*(getattr(examples, name)[rest] for name in Examples.__dataclass_fields__))
        head = fit_head(part, encoder)
        logits[left] = head.compute_logits(examples.embeddings[left], examples.measures[left])
    return logits


def fit_temperature(logits: Array, kinds: NDArray[np.int64]) -> float:
    """The temperature at which probabilities are likeliest (Guo et al., ICML 2017), each kind weighing the same."""
    weights = 1 / np.bincount(kinds)[kinds]
    rows = np.arange(len(kinds))

    def measure_loss(temperature: float) -> float:
        return float(-(weights * np.log(softmax(logits, temperature=temperature)[rows, kinds] + 1e-9)).sum())

    temperatures: list[float] = np.geomspace(0.2, 10, 200).tolist()
    return min(temperatures, key=measure_loss)
