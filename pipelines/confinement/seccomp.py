"""A seccomp filter of our own: after it the kernel refuses all system calls but those that computing needs.

It is classic BPF, which Linux takes from any process that gives up new privileges (seccomp(2)). libseccomp would
compile the same, but is not on every machine, and its Python bindings are not maintained.
"""

import ctypes
import os
import platform
import struct
from collections.abc import Mapping
from dataclasses import dataclass

from pipelines.confinement.libc import call_kernel, give_up_new_privileges

_SECCOMP = {"x86_64": 317, "aarch64": 277}  # the number of seccomp(2) itself
_NONE = 0xFFFFFFFF  # a call that the architecture does not have
_AUDIT_ARCH = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}

# Allowed whatever their arguments: numbers on x86_64 and on aarch64. Descriptors that are open stay usable; none of
# these opens a file by its name, a socket or a process. See syscalls(2) and the tables in Linux's sources.
_COMPUTING: dict[str, tuple[int, int]] = {
    "read": (0, 63), "write": (1, 64), "readv": (19, 65), "writev": (20, 66), "pread64": (17, 67), "pwrite64": (18, 68),
    "lseek": (8, 62), "close": (3, 57), "fstat": (5, 80), "newfstatat": (262, 79), "statx": (332, 291),
    "fcntl": (72, 25), "ftruncate": (77, 46), "memfd_create": (319, 279), "sendmsg": (46, 211), "recvmsg": (47, 212),
    "poll": (7, _NONE), "ppoll": (271, 73), "mmap": (9, 222), "munmap": (11, 215), "mremap": (25, 216),
    "mprotect": (10, 226), "madvise": (28, 233), "brk": (12, 214), "membarrier": (324, 283),
    "rt_sigaction": (13, 134), "rt_sigprocmask": (14, 135), "rt_sigreturn": (15, 139), "sigaltstack": (131, 132),
    "setitimer": (38, 103), "futex": (202, 98), "set_robust_list": (273, 99), "rseq": (334, 293),
    "restart_syscall": (219, 128), "sched_yield": (24, 124), "sched_getaffinity": (204, 123), "getcpu": (309, 168),
    "getpid": (39, 172), "gettid": (186, 178), "getrusage": (98, 165), "sysinfo": (99, 179), "getrandom": (318, 278),
    "gettimeofday": (96, 169), "clock_gettime": (228, 113), "clock_getres": (229, 114), "clock_nanosleep": (230, 115),
    "nanosleep": (35, 101), "exit": (60, 93), "exit_group": (231, 94),
}  # fmt: skip
_CLONE, _CLONE3, _TGKILL, _OPENAT, _GETDENTS = (56, 220), (435, 435), (234, 131), (257, 56), (217, 61)
_CLONE_THREAD = 0x10000
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND

# Classic BPF (linux/filter.h), over struct seccomp_data: number, architecture, instruction pointer, arguments.
_LOAD, _AND, _IF_EQUAL, _RETURN = 0x20, 0x54, 0x15, 0x06
_NUMBER_AT, _ARCHITECTURE_AT, _ARGUMENTS_AT = 0, 4, 16
_ALLOW, _KILL, _ERRNO = 0x7FFF0000, 0x80000000, 0x00050000
_EPERM, _ENOSYS = 1, 38
_SET_MODE_FILTER, _ALL_THREADS = 1, 1


@dataclass(frozen=True, slots=True)
class SyscallRule:
    """Allows a system call if `argument & mask == value`; arguments are compared by their lower 32 bits."""

    numbers: tuple[int, int]
    argument: int
    mask: int
    value: int


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_char_p))


def refuse_system_calls(*, may_read_files: bool) -> bool:
    """Confine this process for good; False where the kernel or the architecture offers no such filter.

    `may_read_files` leaves opening files for reading to other guards. A refused call fails with EPERM, as if the
    process had no right to it.
    """
    machine = platform.machine()
    if machine not in _SECCOMP or not give_up_new_privileges():
        return False
    code = _assemble(machine, _conditional_rules(may_read_files=may_read_files), _plain_numbers(may_read_files))
    program = _Program(len(code) // 8, code)
    return call_kernel(_SECCOMP[machine], _SET_MODE_FILTER, _ALL_THREADS, ctypes.byref(program)) == 0


def _plain_numbers(may_read_files: bool) -> Mapping[str, tuple[int, int]]:
    return {**_COMPUTING, "getdents64": _GETDENTS} if may_read_files else _COMPUTING


def _conditional_rules(*, may_read_files: bool) -> list[SyscallRule]:
    rules = [
        SyscallRule(_CLONE, 0, _CLONE_THREAD, _CLONE_THREAD),  # threads, but no processes
        SyscallRule(_TGKILL, 0, 0xFFFFFFFF, os.getpid()),  # for abort()
    ]
    return [*rules, SyscallRule(_OPENAT, 2, _WRITING, 0)] if may_read_files else rules


def _assemble(machine: str, rules: list[SyscallRule], plain: Mapping[str, tuple[int, int]]) -> bytes:
    which = 0 if machine == "x86_64" else 1
    code = [
        _instruction(_LOAD, _ARCHITECTURE_AT),
        _instruction(_IF_EQUAL, _AUDIT_ARCH[machine], skip_if_equal=1),
        _instruction(_RETURN, _KILL),
        _instruction(_LOAD, _NUMBER_AT),
    ]
    for numbers in plain.values():
        code += [_instruction(_IF_EQUAL, numbers[which], skip_otherwise=1), _instruction(_RETURN, _ALLOW)]
    # clone3 hides its flags behind a pointer: told that there is none, the C library takes clone.
    code += [_instruction(_IF_EQUAL, _CLONE3[which], skip_otherwise=1), _instruction(_RETURN, _ERRNO | _ENOSYS)]
    for rule in rules:
        code += [
            _instruction(_IF_EQUAL, rule.numbers[which], skip_otherwise=5),
            _instruction(_LOAD, _ARGUMENTS_AT + 8 * rule.argument),
            _instruction(_AND, rule.mask),
            _instruction(_IF_EQUAL, rule.value, skip_otherwise=1),
            _instruction(_RETURN, _ALLOW),
            _instruction(_RETURN, _ERRNO | _EPERM),
        ]
    return b"".join([*code, _instruction(_RETURN, _ERRNO | _EPERM)])


def _instruction(code: int, operand: int, *, skip_if_equal: int = 0, skip_otherwise: int = 0) -> bytes:
    return struct.pack("=HBBI", code, skip_if_equal, skip_otherwise, operand)
