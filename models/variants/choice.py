"""Chooses a model's variant: the fastest that is accurate on this machine, within what the operator wishes for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from models.errors import DeviceUnavailable
from models.variants.record import VariantCheck
from models.variants.variant import BFLOAT16, FLOAT32, REFERENCE, Backend, Precision, Variant

# Of a variant over the reference: less is within what measurements on a busy machine differ by.
MIN_SPEEDUP = 1.1
# Nets that accept many sizes keep code and memory for each: every further 100 MB of a session must bring 10 % more.
SPEEDUP_PER_MEGABYTE = 0.001


@dataclass(frozen=True, slots=True)
class VariantWish:
    """The operator's settings. `auto` leaves the choice to what was measured."""

    backend: Literal["auto"] | Backend = "auto"
    precision: Literal["auto"] | Precision = "auto"

    def select(self, available: Sequence[Variant]) -> tuple[Variant, ...]:
        """Those of `available` that may serve; float32 always may, for where a precision does not pass its gate.

        Raises DeviceUnavailable where what was asked for by name cannot run here.
        """
        backends = [one for one in available if self.backend in ("auto", one.backend)]
        if not backends:
            raise DeviceUnavailable(
                "backend 'openvino' was asked for, but it is for CPUs, and needs the 'openvino' extra; "
                "install it, or choose 'onnxruntime' or 'auto'"
            )
        if self.precision == "bfloat16" and BFLOAT16 not in backends:
            raise DeviceUnavailable(
                "precision 'bfloat16' was asked for, but only OpenVINO computes in it, on a processor that has "
                "instructions for it; choose 'float32' or 'auto'"
            )
        return tuple(one for one in backends if self.precision in ("auto", one.precision) or one.precision == "float32")

    def choose(self, available: Sequence[Variant], checks: Mapping[Variant, VariantCheck]) -> Variant:
        """`checks` are the gate's results on this machine; without one, float32 is served."""
        allowed = self.select(available)
        passed = [one for one in allowed if one == REFERENCE or (one in checks and checks[one].passed)]
        if self.precision == "bfloat16" and BFLOAT16 in passed:
            return BFLOAT16  # asked for by name: also where it is slower
        worth = [one for one in passed if one == REFERENCE or REFERENCE not in allowed or pays(checks[one])]
        return max(worth, key=lambda one: _speed(one, checks), default=FLOAT32)

    def to_check(self, available: Sequence[Variant]) -> tuple[Variant, ...]:
        """Those whose gate decides about the choice."""
        wanted = [one for one in self.select(available) if one != REFERENCE]
        return () if wanted == [FLOAT32] and self.backend == "openvino" else tuple(wanted)


ONLY_REFERENCE = VariantWish("onnxruntime", "float32")


def pays(check: VariantCheck) -> bool:
    """Whether a variant is so much faster than the reference that it is worth its memory."""
    more = max(0.0, check.megabytes - check.reference_megabytes)
    return check.speedup >= MIN_SPEEDUP + SPEEDUP_PER_MEGABYTE * more


def _speed(variant: Variant, checks: Mapping[Variant, VariantCheck]) -> float:
    return 1.0 if variant == REFERENCE else checks[variant].speedup
