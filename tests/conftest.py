"""Shared fixtures: photographs, and a real service in a process of its own."""

import io
import os
from collections.abc import Callable, Iterator
from importlib.util import find_spec

import hypothesis
import pytest
import skimage.data
from PIL import Image

from tests.serving import Service, serving

# Export needs PyTorch, which serving does not: those tests run in the environment that has it.
collect_ignore = [] if find_spec("torch") else ["export"]

# What serves by default depends on what was measured on the machine; the reference is the same everywhere.
os.environ.setdefault("KERNELSIGHT_BACKEND", "onnxruntime")

# The same examples in every run, and no limit on their time: a busy machine must not fail a test.
hypothesis.settings.register_profile("suite", deadline=None, derandomize=True, database=None)
hypothesis.settings.load_profile("suite")

Jpeg = Callable[[str], bytes]


@pytest.fixture(scope="session")
def jpeg() -> Jpeg:
    """One of scikit-image's bundled photographs, as JPEG bytes."""

    def encode(name: str) -> bytes:
        stream = io.BytesIO()
        Image.fromarray(getattr(skimage.data, name)()).convert("RGB").save(stream, "JPEG", quality=92)
        return stream.getvalue()

    return encode


@pytest.fixture(scope="session")
def service() -> Iterator[Service]:
    """`kernelsight serve` on real models, with every setting at its default."""
    with serving() as running:
        yield running
