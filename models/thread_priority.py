"""Lets the operating system prefer other threads to those that can wait."""

import os
import sys
from contextlib import suppress
from threading import get_native_id

NICE = 5  # a third of the processor time of a thread of normal priority, where both want the same core


def lower_thread_priority() -> None:
    """For the calling thread alone, and for good: without privileges a thread cannot raise its priority again.

    Linux only; elsewhere priorities belong to processes, and this does nothing.
    """
    if sys.platform == "linux":
        with suppress(OSError):  # a sandbox may forbid it
            os.setpriority(os.PRIO_PROCESS, get_native_id(), NICE)
