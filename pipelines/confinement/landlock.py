"""Landlock: the process can open nothing outside of a few folders, and those for reading only.

https://docs.kernel.org/userspace-api/landlock.html
"""

import ctypes
import os
from collections.abc import Iterable
from pathlib import Path

from pipelines.confinement.libc import call_kernel, give_up_new_privileges

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446  # on every architecture
_VERSION_FLAG, _PATH_BENEATH = 1, 1
_READ_FILE, _READ_FOLDER = 1 << 2, 1 << 3
# Rights over files, connections and other processes that the versions of Landlock know, from the newest on.
_HANDLED = (
    (6, (1 << 16) - 1, 3, 3),
    (5, (1 << 16) - 1, 3, 0),
    (4, (1 << 15) - 1, 3, 0),
    (3, (1 << 15) - 1, 0, 0),
    (2, (1 << 14) - 1, 0, 0),
    (1, (1 << 13) - 1, 0, 0),
)


class _Ruleset(ctypes.Structure):
    _fields_ = (("files", ctypes.c_uint64), ("network", ctypes.c_uint64), ("scoped", ctypes.c_uint64))


class _PathBeneath(ctypes.Structure):
    _pack_ = 1
    _fields_ = (("allowed", ctypes.c_uint64), ("folder", ctypes.c_int32))


def hide_files(readable: Iterable[Path]) -> bool:
    """Confine this thread, and those it starts, for good; False where the kernel has no Landlock.

    Folders that do not exist are left out.
    """
    version = call_kernel(_CREATE_RULESET, None, 0, _VERSION_FLAG)
    if version < 1 or not give_up_new_privileges():
        return False
    _, *handled = next(row for row in _HANDLED if row[0] <= version)
    size = 24 if version >= 6 else 16 if version >= 4 else 8
    ruleset = call_kernel(_CREATE_RULESET, ctypes.byref(_Ruleset(*handled)), size, 0)
    if ruleset < 0:
        return False
    for folder in readable:
        if folder.is_dir():
            _allow_reading(ruleset, folder)
    is_confined = call_kernel(_RESTRICT_SELF, ruleset, 0) == 0
    os.close(ruleset)
    return is_confined


def _allow_reading(ruleset: int, folder: Path) -> None:
    descriptor = os.open(folder, os.O_PATH | os.O_CLOEXEC)
    rule = _PathBeneath(_READ_FILE | _READ_FOLDER, descriptor)
    call_kernel(_ADD_RULE, ruleset, _PATH_BENEATH, ctypes.byref(rule), 0)
    os.close(descriptor)
