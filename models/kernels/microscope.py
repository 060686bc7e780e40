"""A net with all its convolutions' activations as outputs: a session of its own, beside those that serve."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import reduce
from pathlib import Path
from typing import Self

from models.kernels.graph import Graph
from models.kernels.layers import Layer, layers_of
from models.kernels.statistics import Activations
from models.manifest import Manifest
from models.session import Array, Session

Seen = Mapping[str, Activations]  # by a layer's name


@dataclass(frozen=True, eq=False)
class Microscope:
    """Takes one thread, and as much memory as all activations of one item."""

    manifest: Manifest
    layers: tuple[Layer, ...]
    session: Session

    @classmethod
    def open(cls, manifest: Manifest, graph: Path) -> Self:
        """On the CPU, where the numbers are the same whatever serves; raises KernelsUnavailable or ModelCorrupt."""
        layers = tuple(layers_of(manifest.id, Graph.read(manifest.id, graph)))
        declared = {output.name for output in manifest.outputs}
        inner = dict.fromkeys(layer.seen for layer in layers if layer.seen not in declared)
        return cls(manifest, layers, Session(graph, device="cpu", inner=tuple(inner)))

    def look(self, item: Array) -> Seen:
        """At one item without batch axis, as `pictures.item` makes it.

        Layers behind a pooling over the whole picture are left out: of one number per kernel and picture nothing
        follows. Raises InferenceFailed.
        """
        answers = self.session.run({self.manifest.input.name: item[None]})
        maps = ((layer, answers[layer.seen]) for layer in self.layers)
        return {layer.name: Activations.of(one, layer.ceiling) for layer, one in maps if one[0, 0].size > 1}

    def maps(self, item: Array, layer: Layer) -> Array:
        """(kernels, height, width) activations of a layer; raises InferenceFailed."""
        maps: Array = self.session.run({self.manifest.input.name: item[None]})[layer.seen][0]
        return maps


def together(looks: Iterable[Seen]) -> Seen:
    """Several looks as one."""
    return reduce(lambda one, other: {name: one[name].and_of(other[name]) for name in one if name in other}, looks)
