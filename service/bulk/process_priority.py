"""How a batch makes room for people: its threads compute when nobody else on the machine wants to."""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Literal

Politeness = Literal["idle", "low", "none"]

_TASKS = Path("/proc/self/task")


def make_way(politeness: Politeness) -> None:
    """For all threads of this process, and those that they start from now on.

    idle: Linux' SCHED_IDLE, which whatever else wants to run displaces at once; where there is none, as low.
    low: nice 19, which leaves a batch a few percent of a busy machine. Within a container only its own processes count.
    """
    for thread in _threads() if politeness != "none" else ():
        with suppress(OSError):  # a thread that has just ended, or a sandbox that forbids it
            os.setpriority(os.PRIO_PROCESS, thread, 19)
            if politeness == "idle" and hasattr(os, "SCHED_IDLE"):
                os.sched_setscheduler(thread, os.SCHED_IDLE, os.sched_param(0))


def _threads() -> Iterator[int]:
    """On Linux priorities are those of threads; elsewhere 0 is the whole process."""
    return map(int, (task.name for task in _TASKS.iterdir())) if _TASKS.is_dir() else iter((0,))
