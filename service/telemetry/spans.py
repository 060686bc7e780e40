"""The types that spans are described with."""

from collections.abc import Mapping, Sequence
from typing import Literal

Kind = Literal["internal", "server", "client", "producer", "consumer"]

Attributes = Mapping[str, str | int | float | bool | Sequence[str]]

NO_ATTRIBUTES: Attributes = {}
