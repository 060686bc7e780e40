"""System calls that Python has no function for."""

import ctypes
from typing import Any

_PR_SET_NO_NEW_PRIVS = 38


def call_kernel(number: int, *arguments: Any) -> int:
    """The call's result, or -1; `arguments` are numbers, pointers made by ctypes, or None."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.syscall.restype = ctypes.c_long
    whole = (ctypes.c_long(one) if isinstance(one, int) else one for one in arguments)
    return int(libc.syscall(ctypes.c_long(number), *whole))


def give_up_new_privileges() -> bool:
    """The kernel wants this before a process may confine itself; False outside of Linux."""
    prctl = getattr(ctypes.CDLL(None, use_errno=True), "prctl", None)
    return prctl is not None and prctl(_PR_SET_NO_NEW_PRIVS, *map(ctypes.c_ulong, (1, 0, 0, 0))) == 0
