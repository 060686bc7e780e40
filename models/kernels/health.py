"""Summarises a net's kernels layer by layer, in the few numbers that a person or a metric can use."""

from collections.abc import Sequence
from datetime import datetime
from typing import Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from models.kernels.activation_probe import KernelActivations, LayerActivations
from models.kernels.baseline import KernelBaseline
from models.kernels.layers import ActivationKind, ConvLayer

_MAX_DEAD_LISTED = 64


class LayerHealth(BaseModel):
    """One convolution layer."""

    model_config = ConfigDict(frozen=True)

    name: str
    activation: ActivationKind
    kernels: int
    size: tuple[int, int] = Field(description="height and width of a kernel")
    low: float = Field(description="the smallest activation")
    high: float = Field(description="the largest activation")
    active_share: float = Field(description="share of the activations that are above zero")
    saturated_share: float | None = Field(description="share of the activations at ReLU6's ceiling; null without one")
    dead_share: float = Field(description="share of the kernels whose activation is constant, mostly zero")
    dead: list[int] = Field(description="indices of the dead kernels, 64 at most")
    drift: float | None = Field(
        description="distance from the graph's baseline, both on the probe images: 0 without damage"
    )
    traffic_drift: float | None = Field(
        description="distance of pictures from traffic from the baseline on the probe images"
    )

    @classmethod
    def of(
        cls, layer: ConvLayer, activations: KernelActivations, drift: float | None, traffic_drift: float | None
    ) -> Self:
        dead = np.flatnonzero(activations.dead)
        return cls(
            name=layer.name,
            activation=layer.activation,
            kernels=len(activations.mean),
            size=layer.size,
            low=float(activations.low.min()),
            high=float(activations.high.max()),
            active_share=float(activations.active.mean() / activations.values),
            saturated_share=None
            if layer.ceiling is None
            else float(activations.at_ceiling.mean() / activations.values),
            dead_share=len(dead) / len(activations.mean),
            dead=dead[:_MAX_DEAD_LISTED].tolist(),
            drift=drift,
            traffic_drift=traffic_drift,
        )


class KernelHealth(BaseModel):
    """One inspection of a model, on the probe images and on `traffic` pictures from requests."""

    model_config = ConfigDict(frozen=True)

    model: str
    version: int
    pictures: int
    traffic: int
    looked_at: datetime
    layers: list[LayerHealth]


def assess_layers(
    layers: Sequence[ConvLayer],
    on_probe_images: LayerActivations,
    on_traffic: LayerActivations | None,
    baseline: KernelBaseline | None,
) -> list[LayerHealth]:
    """Ranges and shares are over all pictures: a kernel is dead when it is constant on every one."""
    healths = []
    for layer in layers:
        if layer.name not in on_probe_images:
            continue
        probed, traffic = on_probe_images[layer.name], (on_traffic or {}).get(layer.name)
        norm = baseline.layers.get(layer.name) if baseline is not None else None
        healths.append(
            LayerHealth.of(
                layer,
                probed if traffic is None else probed.merge_with(traffic),
                norm.drift(probed) if norm else None,
                norm.drift(traffic) if norm and traffic else None,
            )
        )
    return healths
