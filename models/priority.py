"""The two priorities of work: interactive and batch."""

from typing import Literal, get_args

Priority = Literal["interactive", "batch"]

PRIORITIES: tuple[Priority, ...] = get_args(Priority)
