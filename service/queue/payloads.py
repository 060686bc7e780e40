"""Payloads, named by the hash of their content: each is stored once, as long as a job names it."""

import asyncio
import hashlib

from service.queue.errors import QueueUnavailable
from service.queue.scripts import ScriptRunner

SMALL_BYTES = 2**18  # hashed on the event loop: handing it to a thread would take longer


def payload_name(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


async def payload_names(payloads: tuple[bytes, ...]) -> list[str]:
    return [
        payload_name(data) if len(data) < SMALL_BYTES else await asyncio.to_thread(payload_name, data)
        for data in payloads
    ]


async def read_payload(scripts: ScriptRunner, name: str) -> bytes:
    """Raises QueueUnavailable, also for a missing payload: the server has lost or evicted it."""
    async with scripts.connection.command() as client:
        data = await client.hget(scripts.key("blob", name), "data")
    if data is None:
        raise QueueUnavailable(f"the payload {name} is gone: the server must not evict (maxmemory-policy noeviction)")
    return bytes(data)
