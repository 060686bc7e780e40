"""Activation statistics are the same whether pictures are measured together or one by one."""

import numpy as np

from models.kernels.activation_probe import KernelActivations


def test_merged_parts_equal_the_whole() -> None:
    values = np.random.default_rng(1).normal(3, 2, (5, 7, 4, 6)).astype(np.float32).clip(0, 6)
    whole, parts = KernelActivations.of(values, 6), [KernelActivations.of(one[None], 6) for one in values]
    merged = parts[0]
    for part in parts[1:]:
        merged = merged.merge_with(part)

    assert merged.values == whole.values
    for name in ("mean", "spread", "low", "high", "active", "at_ceiling", "deviation"):
        assert np.allclose(getattr(merged, name), getattr(whole, name), rtol=1e-5), name


def test_statistics_equal_those_of_numpy() -> None:
    values = np.array([[[[0, 1], [6, 6]], [[2, 2], [2, 2]]]], np.float32)
    found = KernelActivations.of(values, 6)

    assert found.mean.tolist() == [3.25, 2]
    assert found.high.tolist() == [6, 2]
    assert found.active.tolist() == [3, 4]
    assert found.at_ceiling.tolist() == [2, 0]
    assert found.deviation.tolist() == [float(np.std([0, 1, 6, 6])), 0]
    assert found.dead.tolist() == [False, True]
