"""The devices that models run on, and ONNX Runtime's names for them."""

from typing import Literal

Device = Literal["cpu", "cuda"]

PROVIDERS: dict[Device, str] = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider"}
