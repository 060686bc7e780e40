"""The variant that serves: the fastest that passed its gate, within what the operator wishes for."""

import pytest

from models.errors import DeviceUnavailable
from models.variants.choice import VariantWish
from models.variants.record import VariantCheck
from models.variants.variant import BFLOAT16, FLOAT32, REFERENCE, Variant

ALL = (REFERENCE, FLOAT32, BFLOAT16)


def check(variant: Variant, speedup: float, *misses: str, megabytes: float = 100) -> VariantCheck:
    return VariantCheck(
        backend=variant.backend, precision=variant.precision, misses=misses, figures={},
        milliseconds=10, reference_milliseconds=10 * speedup, megabytes=megabytes, reference_megabytes=100,
    )  # fmt: skip


def choose(wish: VariantWish, *checks: VariantCheck) -> Variant:
    return wish.choose(ALL, {one.variant: one for one in checks})


@pytest.mark.parametrize(
    ("float32", "bfloat16", "chosen"),
    [
        (check(FLOAT32, 1.5), check(BFLOAT16, 2), BFLOAT16),
        (check(FLOAT32, 1.5), check(BFLOAT16, 3, "same_text is .9"), FLOAT32),
        (check(FLOAT32, 0.9), check(BFLOAT16, 0.8), REFERENCE),
        (check(FLOAT32, 1.05), check(BFLOAT16, 1.08), REFERENCE),
        (check(FLOAT32, 1.5, "does not run"), check(BFLOAT16, 1.5, "does not run"), REFERENCE),
        (check(FLOAT32, 1.0), check(BFLOAT16, 1.4, megabytes=500), REFERENCE),
        (check(FLOAT32, 1.0), check(BFLOAT16, 1.6, megabytes=500), BFLOAT16),
        (check(FLOAT32, 1.3), check(BFLOAT16, 1.4, megabytes=500), FLOAT32),
    ],
    ids=["fastest", "inaccurate", "slower", "within noise", "broken", "heavy", "heavy and fast", "lighter"],
)
def test_auto_takes_the_fastest_that_passed(float32: VariantCheck, bfloat16: VariantCheck, chosen: Variant) -> None:
    assert choose(VariantWish(), float32, bfloat16) == chosen


@pytest.mark.parametrize(
    ("wish", "chosen"),
    [
        (VariantWish(), REFERENCE),
        (VariantWish("auto", "bfloat16"), REFERENCE),
        (VariantWish("onnxruntime"), REFERENCE),
        (VariantWish("openvino"), FLOAT32),
        (VariantWish("openvino", "float32"), FLOAT32),
        (VariantWish("openvino", "bfloat16"), FLOAT32),
    ],
)
def test_without_figures_float32_serves(wish: VariantWish, chosen: Variant) -> None:
    assert choose(wish) == chosen


@pytest.mark.parametrize(
    ("wish", "chosen"),
    [
        (VariantWish("onnxruntime"), REFERENCE),
        (VariantWish("auto", "float32"), FLOAT32),
        (VariantWish("openvino", "float32"), FLOAT32),
        (VariantWish("openvino"), BFLOAT16),
        (VariantWish("auto", "bfloat16"), BFLOAT16),
    ],
)
def test_a_wish_bounds_the_choice(wish: VariantWish, chosen: Variant) -> None:
    assert choose(wish, check(FLOAT32, 1.5), check(BFLOAT16, 2)) == chosen


def test_a_precision_that_was_asked_for_by_name_may_be_slower() -> None:
    assert choose(VariantWish("auto", "bfloat16"), check(FLOAT32, 1.5), check(BFLOAT16, 0.5)) == BFLOAT16


def test_a_precision_that_missed_its_gate_never_serves() -> None:
    assert choose(VariantWish("openvino", "bfloat16"), check(BFLOAT16, 2, "same_side is .9")) == FLOAT32


@pytest.mark.parametrize(
    ("wish", "available"),
    [
        (VariantWish("openvino"), (REFERENCE,)),
        (VariantWish("auto", "bfloat16"), (REFERENCE, FLOAT32)),
        (VariantWish("onnxruntime", "bfloat16"), ALL),
    ],
    ids=["no package", "no instructions", "another backend"],
)
def test_a_wish_that_cannot_be_met_is_refused(wish: VariantWish, available: tuple[Variant, ...]) -> None:
    with pytest.raises(DeviceUnavailable):
        wish.select(available)
