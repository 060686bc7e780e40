"""Reads a classifier's last step out of its graph: the mean over a grid's cells, and one linear layer.

    logits = weight · mean over cells of grid + bias
           = sum over cells of (weight · cell + bias) / number of cells

So each cell's contribution to a logit is exact: class activation mapping, B. Zhou and others,
"Learning Deep Features for Discriminative Localization" (2016). Nets with more than one layer behind the pooling
have no such contributions; loading checks for that on a picture of noise.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from models.arrays import Array
from models.errors import ExplanationUnavailable, KernelSightError
from models.manifest import ClassifierTensors, InputContract, Manifest
from models.runtime.backends.onnxruntime import OnnxRuntimeSession

TOLERANCE = 1e-3  # in units of a logit

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Classifier:
    """`weight` is (classes, channels), `bias` (classes,)."""

    tensors: ClassifierTensors
    weight: Floats
    bias: Floats

    @classmethod
    def load(cls, manifest: Manifest, graph: Path) -> Self:
        """Raises ExplanationUnavailable when the manifest names no classifier, or the graph does not compute it.

        Opens a session of its own on the CPU for a tenth of a second: as outputs of the serving sessions,
        the constants would be copied at every run.
        """
        if manifest.classifier is None:
            raise ExplanationUnavailable(manifest.id, "its manifest has no [classifier]")
        tensors = manifest.classifier
        try:
            session = OnnxRuntimeSession(
                graph, device="cpu", extra_outputs=(*manifest.undeclared_outputs, tensors.weight, tensors.bias)
            )
            outputs = session.run({manifest.input.name: _noise(manifest.input)[None]})
        except KernelSightError as cause:
            raise ExplanationUnavailable(manifest.id, str(cause)) from cause
        weight = outputs[tensors.weight]
        if tensors.weight_layout == "channels-first":
            weight = weight.T
        classifier = cls(tensors, np.ascontiguousarray(weight), outputs[tensors.bias])
        first = {name: outputs[name][0] for name in (tensors.grid, tensors.logits)}
        if problem := classifier._find_mismatch(first):
            raise ExplanationUnavailable(manifest.id, problem)
        return classifier

    def grid(self, outputs: Mapping[str, Array]) -> Floats:
        """The (height, width, channels) grid among one item's outputs."""
        grid: Floats = outputs[self.tensors.grid]
        return grid if self.tensors.grid_layout == "NHWC" else grid.transpose(1, 2, 0)

    def logits(self, outputs: Mapping[str, Array]) -> Floats:
        """The (classes,) logits among one item's outputs."""
        logits: Floats = outputs[self.tensors.logits]
        return logits

    def _find_mismatch(self, outputs: Mapping[str, Array]) -> str | None:
        grid, logits = self.grid(outputs), self.logits(outputs)
        if self.weight.shape != (len(logits), grid.shape[-1]) or self.bias.shape != logits.shape:
            return f"weights of shape {self.weight.shape} do not lead from a grid of {grid.shape} to {logits.shape}"
        error = float(np.abs(self.weight @ grid.mean((0, 1)) + self.bias - logits).max())
        if not error <= TOLERANCE:
            return f"its logits are off by {error:.2g} from mean and linear layer: there is more behind its grid"
        return None


def _noise(contract: InputContract) -> Array:
    """A picture whose grid cells all differ: with equal cells, mean and maximum pooling would give the same."""
    noise = np.random.default_rng(0).uniform(0, 255, contract.item_shapes[0])
    if contract.normalise == "host":
        noise = (noise - 127.5) / contract.std[0]
    return noise.astype(contract.dtype)
