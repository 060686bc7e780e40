"""The confined side: takes what it needs, locks itself in, and answers requests until the service goes away."""

import os
import resource
import signal
import socket
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from pipelines.confinement.channel import ChannelBroken, ChannelMessage, MessageChannel
from pipelines.confinement.landlock import hide_files
from pipelines.confinement.seccomp import refuse_system_calls

RequestHandler = Callable[[ChannelMessage], ChannelMessage]

_MAX_DESCRIPTORS = 64


def serve_requests(handle: RequestHandler, *, readable: Sequence[Path] = ()) -> None:
    """Confine this process, then answer requests. Arguments: descriptor of the channel, seconds, bytes of memory.

    Whatever `handle` needs must be imported by now; only files below `readable` can still be opened, and these only
    where the kernel has Landlock.
    """
    descriptor, seconds, memory = int(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3])
    channel = MessageChannel(socket.socket(fileno=descriptor))
    _limit_resources(memory)
    _silence()
    is_hidden = hide_files(readable)
    is_filtered = refuse_system_calls(may_read_files=is_hidden and bool(readable))
    channel.send(ChannelMessage({"landlock": is_hidden, "seccomp": is_filtered}))
    while True:
        try:
            request = channel.receive()
        except ChannelBroken:
            return
        signal.setitimer(signal.ITIMER_REAL, seconds)  # SIGALRM has no handler: it ends the process, even within C code
        reply = handle(request)
        signal.setitimer(signal.ITIMER_REAL, 0)
        channel.send(reply)
        del request, reply  # while waiting, keep nothing of what was sent


def _limit_resources(memory: int) -> None:
    for kind, most in (
        (resource.RLIMIT_AS, memory),
        (resource.RLIMIT_FSIZE, memory),  # counts for memory files, too
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, _MAX_DESCRIPTORS),
    ):
        resource.setrlimit(kind, (most, most))


def _silence() -> None:
    """Libraries print what files make them; tracebacks still appear, as a process that dies should say why."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the service, which shuts this process down
    sys.stderr = os.fdopen(os.dup(2), "w")
    nowhere = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nowhere, descriptor)
    os.close(nowhere)
