"""Numbers about activations are the same whether pictures are seen at once or one after the other."""

import numpy as np

from models.kernels.activation_probe import Activations


def test_parts_together_are_the_whole() -> None:
    seen = np.random.default_rng(1).normal(3, 2, (5, 7, 4, 6)).astype(np.float32).clip(0, 6)
    whole, parts = Activations.of(seen, 6), [Activations.of(one[None], 6) for one in seen]
    joined = parts[0]
    for part in parts[1:]:
        joined = joined.and_of(part)

    assert joined.values == whole.values
    for name in ("mean", "spread", "low", "high", "active", "full", "deviation"):
        assert np.allclose(getattr(joined, name), getattr(whole, name), rtol=1e-5), name


def test_they_are_what_numpy_says() -> None:
    seen = np.array([[[[0, 1], [6, 6]], [[2, 2], [2, 2]]]], np.float32)
    found = Activations.of(seen, 6)

    assert (found.mean.tolist(), found.high.tolist(), found.active.tolist(), found.full.tolist()) == (
        [3.25, 2], [6, 2], [3, 4], [2, 0],
    )  # fmt: skip
    assert found.deviation.tolist() == [float(np.std([0, 1, 6, 6])), 0]
    assert found.dead.tolist() == [False, True]
