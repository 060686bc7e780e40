"""The use of a limit over the last minute, from two counts: those of the clock's present minute and of the one before.

The minute before counts by the share of it that lies within the last 60 seconds, as if its use had been even. So a
burst at the end of one minute is not followed by another at the start of the next, and nobody's requests are listed.
"""

from dataclasses import dataclass
from math import ceil

WINDOW_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class RateWindow:
    """`elapsed` seconds of the present minute have passed, from 0 to 60."""

    previous: int
    current: int
    elapsed: float

    @property
    def used(self) -> float:
        return self.previous * (1 - self.elapsed / WINDOW_SECONDS) + self.current

    def remaining(self, limit: int) -> int:
        return max(0, int(limit - self.used))

    def seconds_until_room(self, limit: int) -> int:
        """Whole seconds after which one more fits under `limit`; 0 if it does now."""
        if self.used + 1 <= limit:
            return 0
        target = limit - 1
        if self.current <= target:  # the minute before has to fade first
            wait = WINDOW_SECONDS * (1 - (target - self.current) / self.previous) - self.elapsed
        else:  # the present minute has to, once it is the one before
            wait = WINDOW_SECONDS - self.elapsed + WINDOW_SECONDS * (1 - target / self.current)
        return max(1, ceil(wait))
