"""Finds a net's convolution layers, and for each the tensor that holds its activations.

    Conv ─► BatchNormalization? ─► Add bias? ─► Relu | Clip | PRelu | LeakyRelu | x · gate(x) | nothing

Where a convolution's output has several consumers, or is added to another one, the output itself is taken: the
non-linearity that follows belongs to the sum. A depthwise 1 x 1 "convolution" is a scale, not a kernel, and is left
out.
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Literal

from models.errors import KernelsUnavailable, LayerUnknown
from models.onnx_graph import OnnxConstant, OnnxGraph, OnnxNode

# clipped: 0 to a ceiling, as ReLU6. gated: x times a gate of x, as Swish, hard Swish and GELU. linear: none.
ActivationKind = Literal["relu", "clipped", "leaky", "gated", "linear"]

_CONVOLUTIONS = ("Conv", "ConvTranspose")
_GATES = ("Add", "Mul", "Div", "Clip", "Sigmoid", "HardSigmoid", "Erf", "Tanh", "Softplus", "Identity")
_MAX_GATE_STEPS = 6
_MAX_NAME_LENGTH = 48


@dataclass(frozen=True, slots=True)
class ConvLayer:
    """`activation_tensor` names the tensor of its activations, (N, kernels, height, width)."""

    name: str
    kernel: OnnxConstant  # (kernels, planes of the input, height, width); the first two change places if `transposed`
    transposed: bool
    activation: ActivationKind
    ceiling: float | None
    activation_tensor: str

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of a kernel."""
        return self.kernel.shape[2], self.kernel.shape[3]


def find_conv_layers(model: str, graph: OnnxGraph) -> list[ConvLayer]:
    """In the graph's order; raises KernelsUnavailable when there are none."""
    nodes = [node for node in graph.nodes if _has_kernels(node, graph)]
    if not nodes:
        raise KernelsUnavailable(model, "it has no convolution layers whose kernels are in its graph")
    names = _unique_names([graph.origins[node.inputs[1]] for node in nodes])
    return [_layer(name, node, graph) for name, node in zip(names, nodes, strict=True)]


def find_layer(model: str, layers: Sequence[ConvLayer], name: str | None) -> ConvLayer:
    """The first layer where none is named; raises LayerUnknown."""
    found = next((layer for layer in layers if name in (None, layer.name)), None)
    if found is None:
        raise LayerUnknown(model, name or "", [layer.name for layer in layers])
    return found


def _has_kernels(node: OnnxNode, graph: OnnxGraph) -> bool:
    constant = graph.constant(node.inputs[1]) if node.kind in _CONVOLUTIONS else None
    return constant is not None and len(constant.shape) == 4 and constant.shape[1:] != (1, 1, 1)


def _layer(name: str, node: OnnxNode, graph: OnnxGraph) -> ConvLayer:
    before = _skip_affine(node.outputs[0], graph)
    activation, ceiling, tensor = _find_activation(before, graph)
    kernel = graph.constant(node.inputs[1])
    assert kernel is not None  # by `_has_kernels`
    return ConvLayer(name, kernel, node.kind == "ConvTranspose", activation, ceiling, tensor)


def _skip_affine(tensor: str, graph: OnnxGraph) -> str:
    """The tensor behind normalisation, bias and renaming nodes, which only shift and scale channels."""
    while len(consumers := graph.consumers.get(tensor, [])) == 1:
        [node] = consumers
        is_shift_or_scale = node.kind in ("Add", "Mul") and any(name in graph.origins for name in node.inputs)
        if node.kind not in ("BatchNormalization", "Identity") and not is_shift_or_scale:
            break
        tensor = node.outputs[0]
    return tensor


def _find_activation(tensor: str, graph: OnnxGraph) -> tuple[ActivationKind, float | None, str]:
    consumers = graph.consumers.get(tensor, [])
    if len(consumers) == 1:
        [node] = consumers
        after = node.outputs[0]
        if node.kind == "Relu":
            return "relu", None, after
        if node.kind in ("PRelu", "LeakyRelu"):
            return "leaky", None, after
        if node.kind in ("HardSwish", "Swish", "Gelu"):
            return "gated", None, after
        if node.kind == "Clip" and _clip_bound(node, 1, "min", graph) == 0:
            ceiling = _clip_bound(node, 2, "max", graph)
            return ("relu", None, after) if ceiling is None else ("clipped", ceiling, after)
    product = next((node for node in consumers if node.kind == "Mul" and _is_gated(node, tensor, graph)), None)
    return ("gated", None, product.outputs[0]) if product else ("linear", None, tensor)


def _is_gated(product: OnnxNode, tensor: str, graph: OnnxGraph) -> bool:
    """Whether the other factor comes from `tensor` alone, pixel by pixel."""
    reached = {tensor}
    for _ in range(_MAX_GATE_STEPS):
        reached |= {
            node.outputs[0]
            for name in reached
            for node in graph.consumers.get(name, [])
            if node.kind in _GATES and all(one in reached or one in graph.origins for one in node.inputs if one)
        } - {product.outputs[0]}
    return all(name in reached for name in product.inputs)


def _clip_bound(clip: OnnxNode, position: int, attribute: str, graph: OnnxGraph) -> float | None:
    """A bound of a Clip, which is an input since opset 11 and was an attribute before; None where there is none."""
    if len(clip.inputs) > position and clip.inputs[position]:
        constant = graph.constant(clip.inputs[position])
        return float(constant.values().item()) if constant is not None and constant.dtype else None
    value = clip.attributes.get(attribute)
    return float(value) if isinstance(value, int | float) and isfinite(value) and abs(value) < 1e30 else None


def _unique_names(weights: Sequence[str]) -> list[str]:
    """Short names that tell layers apart, made from the names of their weights; metrics use them as labels."""
    short = [_short_name(name) or f"conv_{index}" for index, name in enumerate(weights)]
    times: Mapping[str, int] = Counter(short)
    return [name if times[name] == 1 else f"{name}#{index}" for index, name in enumerate(short)]


def _short_name(name: str) -> str:
    """Empty for a name without letters, such as a number."""
    name = re.sub(r"(/BiasAdd)?_weights_fused_bn$|[._](weights?|kernel|w_\d+)$|^net\.", "", name)
    name = re.sub(r"[^\w.-]+", "_", name).replace("._", ".").strip("_.")[-_MAX_NAME_LENGTH:]
    return name if re.search(r"[A-Za-z]", name) else ""
