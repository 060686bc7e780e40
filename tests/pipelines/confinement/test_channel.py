"""Messages of a process that was taken over must not harm the service."""

import json
import os
import socket
import struct
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from pipelines.confinement.channel import ChannelBroken, ChannelMessage, MessageChannel


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, MessageChannel]]:
    """The raw end of a hostile process, and the service's channel."""
    hostile, own = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    channel = MessageChannel(own)
    yield hostile, channel
    hostile.close()
    channel.close()


def count_descriptors() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def describe(dtype: str, shape: list[object]) -> bytes:
    return json.dumps({"facts": {}, "arrays": {"pixels": [dtype, shape]}}).encode()


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"\xff",
        b"[]",
        b"[" * 60_000,
        b'{"facts": 3, "arrays": {}}',
        b'{"facts": {}}',
        describe("|O", [1]),
        describe("|u1", [-1]),
        describe("|u1", [2**70]),
        describe("|u1", ["9"]),
        describe("|u1", [1] * 9),
        describe("|u1", [8]),  # without any memory
    ],
    ids=lambda text: text[:40].decode(errors="replace"),
)
def test_nonsense_is_no_message(ends: tuple[socket.socket, MessageChannel], text: bytes) -> None:
    hostile, channel = ends
    hostile.sendmsg([text]) if text else hostile.close()

    with pytest.raises(ChannelBroken):
        channel.receive()


def test_memory_that_may_shrink_is_refused(ends: tuple[socket.socket, MessageChannel]) -> None:
    hostile, channel = ends
    memory = os.memfd_create("unsealed")
    os.ftruncate(memory, 4096)
    hostile.sendmsg([describe("|u1", [8])], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, struct.pack("i", memory))])
    os.close(memory)

    with pytest.raises(ChannelBroken, match="may shrink"):
        channel.receive()


def test_arrays_beyond_the_memory_are_refused(ends: tuple[socket.socket, MessageChannel]) -> None:
    hostile, channel = ends
    sender = MessageChannel(hostile)
    sender.send(ChannelMessage({}, {"pixels": np.zeros(8, np.uint8)}))
    channel.receive()
    hostile.sendmsg([describe("|u1", [2**21])])

    with pytest.raises(ChannelBroken):
        channel.receive()


def test_descriptors_do_not_pile_up(ends: tuple[socket.socket, MessageChannel]) -> None:
    hostile, channel = ends
    sender, before = MessageChannel(hostile), count_descriptors()
    for _ in range(100):
        sender.send(ChannelMessage({}, {"pixels": np.zeros(8, np.uint8)}))
        channel.receive()

    assert count_descriptors() <= before + 4
