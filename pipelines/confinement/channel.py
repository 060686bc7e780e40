"""Messages between the service and a confined process: a little JSON, and arrays in shared memory.

Neither side unpickles anything, and neither trusts the other: sizes and types are checked, and shared memory is sealed
against shrinking, which would end whoever reads it. Memory is kept for the next message, because a fresh page costs
more than what is copied into it.
"""

import errno
import fcntl
import json
import mmap
import os
import socket
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

MAX_FACTS = 64 * 1024  # bytes of JSON
KEPT_BYTES = 64 * 2**20  # more is given back after a message
_TYPES = frozenset(("|u1", "|i1", "|b1", "<u4", "<f4"))
_MAX_DIMENSIONS = 4
_ALIGNMENT, _GRANULE = 64, 2**20
_EXHAUSTED = (errno.EMFILE, errno.ENFILE, errno.ENOMEM)
_F_ADD_SEALS, _F_GET_SEALS, _F_SEAL_SEAL, _F_SEAL_SHRINK = 1033, 1034, 1, 2  # linux/fcntl.h

Layout = dict[str, tuple[np.dtype[Any], list[int]]]


class ChannelBroken(Exception):
    """The other side closed the channel, or sent what is no message."""


class OutOfResources(Exception):
    """This process has no file descriptors or memory left for the message."""


@dataclass(frozen=True, slots=True)
class ChannelMessage:
    """`facts` are what JSON can say. `arrays` that were received are overwritten by the next message."""

    facts: Mapping[str, Any]
    arrays: Mapping[str, NDArray[Any]] = field(default_factory=dict)


class MessageChannel:
    """One end. All methods raise ChannelBroken, OutOfResources, or TimeoutError after `seconds` of `limit_time`."""

    def __init__(self, end: socket.socket) -> None:
        """`end` is of a pair of sequential packet sockets."""
        self._socket = end
        self._outgoing: mmap.mmap | None = None
        self._incoming: mmap.mmap | None = None

    def limit_time(self, seconds: float) -> None:
        self._socket.settimeout(seconds)

    def close(self) -> None:
        self._socket.close()
        self._outgoing = self._incoming = None

    def send(self, message: ChannelMessage) -> None:
        layout = {name: (array.dtype, list(array.shape)) for name, array in message.arrays.items()}
        size, descriptor = _measure(layout), None
        if size and (self._outgoing is None or len(self._outgoing) < size):
            self._outgoing, descriptor = _share_memory(size)
        for name, view in _view(self._outgoing, layout).items():
            if view.size:
                view[...] = message.arrays[name]
        described = {name: [dtype.str, shape] for name, (dtype, shape) in layout.items()}
        self._send(json.dumps({"facts": message.facts, "arrays": described}).encode(), descriptor)
        if self._outgoing is not None and len(self._outgoing) > KEPT_BYTES:
            self._outgoing = None

    def _send(self, text: bytes, descriptor: int | None) -> None:
        # Written out, because `send_fds` and `recv_fds` ignore flags before Python 3.13.
        rights = [] if descriptor is None else [(socket.SOL_SOCKET, socket.SCM_RIGHTS, struct.pack("i", descriptor))]
        try:
            self._socket.sendmsg([text], rights)
        except TimeoutError:
            raise
        except OSError as cause:
            raise ChannelBroken(str(cause)) from cause
        finally:
            if descriptor is not None:
                os.close(descriptor)

    def receive(self) -> ChannelMessage:
        try:
            text, ancillary, flags, _ = self._socket.recvmsg(MAX_FACTS, socket.CMSG_SPACE(4), socket.MSG_CMSG_CLOEXEC)
        except TimeoutError:
            raise
        except OSError as cause:
            raise ChannelBroken(str(cause)) from cause
        descriptors = _received_descriptors(ancillary)
        try:
            if flags & socket.MSG_CTRUNC and not descriptors:
                raise OutOfResources("no file descriptor is left for a decoder's memory")
            if not text or flags & (socket.MSG_TRUNC | socket.MSG_CTRUNC):
                raise ChannelBroken("too long" if text else "closed")
            return self._parse(text, descriptors)
        except (ValueError, KeyError, TypeError, AttributeError, OSError, RecursionError) as cause:
            if isinstance(cause, OSError) and cause.errno in _EXHAUSTED:
                raise OutOfResources(str(cause)) from cause
            raise ChannelBroken(f"no message: {cause}") from cause
        finally:
            for descriptor in descriptors:
                os.close(descriptor)

    def _parse(self, text: bytes, descriptors: list[int]) -> ChannelMessage:
        message = json.loads(text)
        layout = {name: _parse_layout(*entry) for name, entry in message["arrays"].items()}
        if descriptors:
            self._incoming = _map_memory(descriptors[0])
        arrays = _view(self._incoming, layout)
        if self._incoming is not None and len(self._incoming) > KEPT_BYTES:
            self._incoming = None  # the arrays hold it
        return ChannelMessage(dict(message["facts"]), arrays)


def _received_descriptors(ancillary: list[tuple[int, int, bytes]]) -> list[int]:
    return [
        descriptor
        for level, kind, data in ancillary
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS)
        for (descriptor,) in struct.iter_unpack("i", data[: len(data) // 4 * 4])
    ]


def _share_memory(size: int) -> tuple[mmap.mmap, int]:
    """Memory of at least `size` bytes, and the descriptor that makes it another process's as well."""
    descriptor = None
    try:
        descriptor = os.memfd_create("arrays", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        os.ftruncate(descriptor, -(-size // _GRANULE) * _GRANULE)
        fcntl.fcntl(descriptor, _F_ADD_SEALS, _F_SEAL_SEAL | _F_SEAL_SHRINK)
        return mmap.mmap(descriptor, 0), descriptor
    except OSError as cause:
        if descriptor is not None:
            os.close(descriptor)
        raise OutOfResources(str(cause)) from cause


def _map_memory(descriptor: int) -> mmap.mmap:
    if not fcntl.fcntl(descriptor, _F_GET_SEALS) & _F_SEAL_SHRINK:
        raise ValueError("shared memory that may shrink")
    return mmap.mmap(descriptor, 0, prot=mmap.PROT_READ)


def _measure(layout: Layout) -> int:
    return sum(_align(dtype.itemsize * prod(shape)) for dtype, shape in layout.values())


def _view(memory: mmap.mmap | None, layout: Layout) -> dict[str, NDArray[Any]]:
    """The arrays one behind the other. Raises ValueError where the memory does not hold them."""
    arrays, offset = {}, 0
    for name, (dtype, shape) in layout.items():
        count = prod(shape)
        buffer = b"" if memory is None or not count else memory
        arrays[name] = np.frombuffer(buffer, dtype, count, offset if count else 0).reshape(shape)
        offset += _align(dtype.itemsize * count)
    return arrays


def _parse_layout(dtype: str, shape: list[int]) -> tuple[np.dtype[Any], list[int]]:
    if dtype not in _TYPES or len(shape) > _MAX_DIMENSIONS:
        raise ValueError(f"an array of {dtype!r} with {len(shape)} dimensions")
    if not all(isinstance(side, int) and 0 <= side < 2**32 for side in shape):
        raise ValueError(f"an array of shape {shape}")
    return np.dtype(dtype), shape


def _align(size: int) -> int:
    return -(-size // _ALIGNMENT) * _ALIGNMENT
