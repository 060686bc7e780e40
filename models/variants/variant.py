"""A variant of a model: the backend that runs its graph, and the precision that it computes in."""

from dataclasses import dataclass
from typing import Literal

from models.device import PROVIDERS, Device

Backend = Literal["onnxruntime", "openvino"]
Precision = Literal["float32", "bfloat16"]


@dataclass(frozen=True, slots=True)
class Variant:
    """`precision` is that of computing; a graph whose weights are stored in another one says so itself."""

    backend: Backend
    precision: Precision

    def __str__(self) -> str:
        return f"{self.backend} {self.precision}"

    def provider(self, device: Device) -> str:
        """As metrics and the list of models name what computes."""
        return PROVIDERS[device] if self.backend == "onnxruntime" else "OpenVINO CPU"


REFERENCE = Variant("onnxruntime", "float32")  # needs no gate: the others are compared with it
FLOAT32 = Variant("openvino", "float32")
BFLOAT16 = Variant("openvino", "bfloat16")
