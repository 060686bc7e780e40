"""Everything besides the image that decides a row; all rows of one output must share it."""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from importlib.metadata import version
from typing import Any

import orjson

from pipelines.findings import Findings
from pipelines.moderation.options import ModerationOptions
from pipelines.moderation.spec import MODERATION
from service.settings import Settings

_FORMAT = "1"  # of the rows


@dataclass(frozen=True)
class RunFingerprint:
    """`values` maps human-readable names to human-readable values."""

    values: Mapping[str, str]

    @classmethod
    def compute(cls, settings: Settings, options: ModerationOptions, findings: Findings) -> "RunFingerprint":
        """`findings` of any image will do: they name policy, models, signals and their versions.

        Hash and domain lists are compared by location, because their content grows by the day.
        """
        found = findings.of(MODERATION)
        assert found is not None
        lists = {
            "hashes to block": settings.moderation.block_hashes,
            "hashes to allow": settings.moderation.allow_hashes,
            "denied domains": settings.moderation.deny_domains,
            "allowed domains": settings.moderation.allow_domains,
        }
        turned = ", turned" if settings.moderation.known_dihedral else ""
        return cls(
            {
                "kernelsight": version("kernelsight"),
                "rows": _FORMAT,
                "policy": f"{found.policy} {found.policy_version} {found.policy_sha256[:12]}",
                "tenant": options.tenant or "",
                "models": ", ".join(f"{one.id} {one.version} {one.sha256[:12]}" for one in findings.models),
                "signals": ", ".join(
                    name if name == "known" else f"{name} {one.version}" for name, one in found.signals.items()
                ),
                "limits": f"{settings.limits.max_image_bytes} bytes, {settings.limits.max_image_pixels} pixels, "
                f"{settings.limits.max_header_pixels} pixels of a header, "
                f"{settings.limits.max_image_frames} frames, {settings.limits.max_document_bytes} bytes of a PDF",
                "distance of hashes": f"{settings.moderation.hash_distance}{turned}",
                **{name: _digest(location) for name, location in lists.items()},
            }
        )

    @classmethod
    def load(cls, data: bytes) -> "RunFingerprint":
        """Raises ValueError."""
        values = orjson.loads(data)
        if not isinstance(values, dict):
            raise ValueError("no JSON object")
        return cls({str(name): str(value) for name, value in values.items()})

    def dump(self) -> bytes:
        return orjson.dumps(self.values, option=orjson.OPT_INDENT_2)

    def differences(self, other: "RunFingerprint") -> list[str]:
        """Each value that `other` has changed, in a few words."""
        names = dict.fromkeys([*self.values, *other.values])
        return [
            f"{name} was {self.values.get(name, '')!r} and is {other.values.get(name, '')!r}"
            for name in names
            if self.values.get(name) != other.values.get(name)
        ]


def _digest(location: Any) -> str:
    """A hash of the location, because a URL may contain a password."""
    return "" if location is None else sha256(str(location).encode()).hexdigest()[:12]
