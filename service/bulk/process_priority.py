"""Lowers the priority of this process, so that a bulk run does not slow down a service on the same machine."""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Literal

Politeness = Literal["idle", "low", "none"]

_TASKS = Path("/proc/self/task")


def lower_priority(politeness: Politeness) -> None:
    """Applies to all threads of this process, and to those that they start from now on.

    idle: Linux' SCHED_IDLE, which any other runnable thread preempts at once; elsewhere the same as low.
    low: nice 19, which leaves the run a few percent of a busy machine. Within a container only its own processes count.
    """
    for thread in _threads() if politeness != "none" else ():
        with suppress(OSError):  # a thread that has just ended, or a sandbox that forbids it
            os.setpriority(os.PRIO_PROCESS, thread, 19)
            if politeness == "idle" and hasattr(os, "SCHED_IDLE"):
                os.sched_setscheduler(thread, os.SCHED_IDLE, os.sched_param(0))


def _threads() -> Iterator[int]:
    """On Linux each thread has its own priority; elsewhere 0 means the whole process."""
    return map(int, (task.name for task in _TASKS.iterdir())) if _TASKS.is_dir() else iter((0,))
