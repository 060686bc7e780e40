"""The backends that tests run on, each in float32."""

from importlib.util import find_spec

import pytest

from models.variants.variant import FLOAT32, REFERENCE

needs_openvino = pytest.mark.skipif(find_spec("openvino") is None, reason="the extra openvino is not installed")

BACKENDS = [
    pytest.param(REFERENCE, id="onnxruntime"),
    pytest.param(FLOAT32, id="openvino", marks=needs_openvino),
]
