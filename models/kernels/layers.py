"""A net's convolution layers, and for each the tensor in which its activation can be seen.

    Conv ─► BatchNormalization? ─► Add bias? ─► Relu | Clip | PRelu | LeakyRelu | x · gate(x) | nothing

A convolution whose output goes more than one way, or into a sum with another one, is seen as it comes: what bends
it afterwards bends the sum. A depthwise 1 x 1 "convolution" is a scale, not a kernel, and is left out.
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Literal

from models.errors import KernelsUnavailable, LayerUnknown
from models.onnx_graph import Constant, Graph, Node

# clipped: 0 to a ceiling, as ReLU6. gated: x times a gate of x, as Swish, hard Swish and GELU. linear: as it comes.
Activation = Literal["relu", "clipped", "leaky", "gated", "linear"]

_CONVOLUTIONS = ("Conv", "ConvTranspose")
_GATES = ("Add", "Mul", "Div", "Clip", "Sigmoid", "HardSigmoid", "Erf", "Tanh", "Softplus", "Identity")
_GATE_STEPS = 6
_LONGEST_NAME = 48


@dataclass(frozen=True, slots=True)
class Layer:
    """`seen` names the tensor of its activations, (N, kernels, height, width)."""

    name: str
    kernel: Constant  # (kernels, planes of the input, height, width); the first two change places if `transposed`
    transposed: bool
    activation: Activation
    ceiling: float | None
    seen: str

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of a kernel."""
        return self.kernel.shape[2], self.kernel.shape[3]


def layers_of(model: str, graph: Graph) -> list[Layer]:
    """In the graph's order; raises KernelsUnavailable when there are none."""
    nodes = [node for node in graph.nodes if _has_kernels(node, graph)]
    if not nodes:
        raise KernelsUnavailable(model, "it has no convolution layers whose kernels are in its graph")
    names = _names([graph.origins[node.inputs[1]] for node in nodes])
    return [_layer(name, node, graph) for name, node in zip(names, nodes, strict=True)]


def layer_named(model: str, layers: Sequence[Layer], name: str | None) -> Layer:
    """The first layer where none is named; raises LayerUnknown."""
    found = next((layer for layer in layers if name in (None, layer.name)), None)
    if found is None:
        raise LayerUnknown(model, name or "", [layer.name for layer in layers])
    return found


def _has_kernels(node: Node, graph: Graph) -> bool:
    constant = graph.constant(node.inputs[1]) if node.kind in _CONVOLUTIONS else None
    return constant is not None and len(constant.shape) == 4 and constant.shape[1:] != (1, 1, 1)


def _layer(name: str, node: Node, graph: Graph) -> Layer:
    before = _before_activation(node.outputs[0], graph)
    activation, ceiling, seen = _activation(before, graph)
    kernel = graph.constant(node.inputs[1])
    assert kernel is not None  # by `_has_kernels`
    return Layer(name, kernel, node.kind == "ConvTranspose", activation, ceiling, seen)


def _before_activation(tensor: str, graph: Graph) -> str:
    """Past what only moves and scales channels: normalisation, a bias, and nodes that rename."""
    while len(takers := graph.takers.get(tensor, [])) == 1:
        [node] = takers
        moves = node.kind in ("Add", "Mul") and any(name in graph.origins for name in node.inputs)
        if node.kind not in ("BatchNormalization", "Identity") and not moves:
            break
        tensor = node.outputs[0]
    return tensor


def _activation(tensor: str, graph: Graph) -> tuple[Activation, float | None, str]:
    takers = graph.takers.get(tensor, [])
    if len(takers) == 1:
        [node] = takers
        after = node.outputs[0]
        if node.kind == "Relu":
            return "relu", None, after
        if node.kind in ("PRelu", "LeakyRelu"):
            return "leaky", None, after
        if node.kind in ("HardSwish", "Swish", "Gelu"):
            return "gated", None, after
        if node.kind == "Clip" and _bound(node, 1, "min", graph) == 0:
            ceiling = _bound(node, 2, "max", graph)
            return ("relu", None, after) if ceiling is None else ("clipped", ceiling, after)
    product = next((node for node in takers if node.kind == "Mul" and _gated(node, tensor, graph)), None)
    return ("gated", None, product.outputs[0]) if product else ("linear", None, tensor)


def _gated(product: Node, tensor: str, graph: Graph) -> bool:
    """Whether the other factor comes from `tensor` alone, pixel by pixel."""
    reached = {tensor}
    for _ in range(_GATE_STEPS):
        reached |= {
            node.outputs[0]
            for name in reached
            for node in graph.takers.get(name, [])
            if node.kind in _GATES and all(one in reached or one in graph.origins for one in node.inputs if one)
        } - {product.outputs[0]}
    return all(name in reached for name in product.inputs)


def _bound(clip: Node, place: int, attribute: str, graph: Graph) -> float | None:
    """A bound of a Clip, which is an input since opset 11 and was an attribute before; None where there is none."""
    if len(clip.inputs) > place and clip.inputs[place]:
        constant = graph.constant(clip.inputs[place])
        return float(constant.values().item()) if constant is not None and constant.dtype else None
    value = clip.attributes.get(attribute)
    return float(value) if isinstance(value, int | float) and isfinite(value) and abs(value) < 1e30 else None


def _names(weights: Sequence[str]) -> list[str]:
    """Short names that tell layers apart, from those of their weights: labels of metrics."""
    short = [_short(name) or f"conv_{index}" for index, name in enumerate(weights)]
    times: Mapping[str, int] = Counter(short)
    return [name if times[name] == 1 else f"{name}#{index}" for index, name in enumerate(short)]


def _short(name: str) -> str:
    """Empty for a name that says nothing, such as a number."""
    name = re.sub(r"(/BiasAdd)?_weights_fused_bn$|[._](weights?|kernel|w_\d+)$|^net\.", "", name)
    name = re.sub(r"[^\w.-]+", "_", name).replace("._", ".").strip("_.")[-_LONGEST_NAME:]
    return name if re.search(r"[A-Za-z]", name) else ""
