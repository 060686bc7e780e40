"""What decides a row beside the image: rows of one output are all made under the same."""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from importlib.metadata import version
from typing import Any

import orjson

from pipelines.findings import Findings
from pipelines.moderation.options import ModerationOptions
from service.settings import Settings

_FORMAT = "1"  # of the rows


@dataclass(frozen=True)
class Conditions:
    """By name, as people read them."""

    values: Mapping[str, str]

    @classmethod
    def of(cls, settings: Settings, options: ModerationOptions, tried: Findings) -> "Conditions":
        """`tried` are the findings about any picture: they name policy, models, detectors and their versions.

        Lists of hashes and domains are compared by where they are, for their content grows by the day.
        """
        found = tried.moderation
        assert found is not None
        lists = {
            "hashes to block": settings.block_hashes,
            "hashes to allow": settings.allow_hashes,
            "denied domains": settings.deny_domains,
            "allowed domains": settings.allow_domains,
        }
        return cls(
            {
                "kernelsight": version("kernelsight"),
                "rows": _FORMAT,
                "policy": f"{found.policy} {found.policy_version} {found.policy_sha256[:12]}",
                "tenant": options.tenant or "",
                "models": ", ".join(f"{one.id} {one.version} {one.sha256[:12]}" for one in tried.models),
                "signals": ", ".join(
                    name if name == "known" else f"{name} {one.version}" for name, one in found.signals.items()
                ),
                "limits": f"{settings.max_image_bytes} bytes, {settings.max_image_pixels} pixels, "
                f"{settings.max_image_frames} frames, {settings.max_document_bytes} bytes of a PDF",
                "distance of hashes": f"{settings.hash_distance}{', turned' if settings.known_dihedral else ''}",
                **{name: _digest(place) for name, place in lists.items()},
            }
        )

    @classmethod
    def load(cls, data: bytes) -> "Conditions":
        """Raises ValueError."""
        values = orjson.loads(data)
        if not isinstance(values, dict):
            raise ValueError("no JSON object")
        return cls({str(name): str(value) for name, value in values.items()})

    def dump(self) -> bytes:
        return orjson.dumps(self.values, option=orjson.OPT_INDENT_2)

    def changes(self, other: "Conditions") -> list[str]:
        """What `other` has otherwise, each in a few words."""
        names = dict.fromkeys([*self.values, *other.values])
        return [
            f"{name} was {self.values.get(name, '')!r} and is {other.values.get(name, '')!r}"
            for name in names
            if self.values.get(name) != other.values.get(name)
        ]


def _digest(place: Any) -> str:
    """Where a list is, unreadably: a URL may have a password in it."""
    return "" if place is None else sha256(str(place).encode()).hexdigest()[:12]
