"""The protocol of sessions: one loaded graph, whichever backend runs it."""

from collections.abc import Mapping
from typing import Protocol

from models.arrays import Array


class Session(Protocol):
    """`run` may be called from one thread at a time; `stop` from any."""

    def run(self, feeds: Mapping[str, Array]) -> dict[str, Array]:
        """All outputs by name, as arrays that belong to the caller; raises InferenceFailed.

        Feeds and outputs have a leading axis of rows. A row's output does not depend on the rows beside it.
        """
        ...

    def stop(self) -> None:
        """Make a run that hangs raise in its own thread. The session cannot be used afterwards."""
        ...
