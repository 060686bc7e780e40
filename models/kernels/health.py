"""A net's kernels layer by layer, in the few numbers that a person or a metric can use."""

from collections.abc import Sequence
from datetime import datetime
from typing import Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from models.kernels.activation_probe import Activations, Seen
from models.kernels.baseline import KernelProfile
from models.kernels.layers import Activation, Layer

_MOST_NAMED = 64


class LayerHealth(BaseModel):
    """One convolution layer. Shares are of its kernels, or of their activations where it says so."""

    model_config = ConfigDict(frozen=True)

    name: str
    activation: Activation
    kernels: int
    size: tuple[int, int] = Field(description="height and width of a kernel")
    low: float = Field(description="the smallest activation")
    high: float = Field(description="the largest activation")
    active_share: float = Field(description="of the activations, those above zero")
    saturated_share: float | None = Field(description="of the activations, those at ReLU6's limit; null without one")
    dead_share: float = Field(description="of the kernels, those that always say the same: mostly zero")
    dead: list[int] = Field(description="which those are, 64 at most")
    drift: float | None = Field(description="from the graph's profile, both on the drawn pictures: 0 without damage")
    traffic_drift: float | None = Field(description="of pictures from traffic, from the profile on the drawn ones")

    @classmethod
    def of(cls, layer: Layer, seen: Activations, drift: float | None, traffic_drift: float | None) -> Self:
        dead = np.flatnonzero(seen.dead)
        return cls(
            name=layer.name,
            activation=layer.activation,
            kernels=len(seen.mean),
            size=layer.size,
            low=float(seen.low.min()),
            high=float(seen.high.max()),
            active_share=float(seen.active.mean() / seen.values),
            saturated_share=None if layer.ceiling is None else float(seen.full.mean() / seen.values),
            dead_share=len(dead) / len(seen.mean),
            dead=dead[:_MOST_NAMED].tolist(),
            drift=drift,
            traffic_drift=traffic_drift,
        )


class KernelHealth(BaseModel):
    """One look at a model: at the drawn pictures, and at `traffic` pictures that came in."""

    model_config = ConfigDict(frozen=True)

    model: str
    version: int
    pictures: int
    traffic: int
    looked_at: datetime
    layers: list[LayerHealth]


def layer_healths(
    layers: Sequence[Layer], drawn: Seen, traffic: Seen | None, profile: KernelProfile | None
) -> list[LayerHealth]:
    """Ranges and shares are over all pictures: a kernel is dead when it is silent on every one."""
    healths = []
    for layer in layers:
        if layer.name not in drawn:
            continue
        seen, here, norm = drawn[layer.name], (traffic or {}).get(layer.name), None
        if profile is not None:
            norm = profile.layers.get(layer.name)
        healths.append(
            LayerHealth.of(
                layer,
                seen if here is None else seen.and_of(here),
                norm.drift(seen) if norm else None,
                norm.drift(here) if norm and here else None,
            )
        )
    return healths
