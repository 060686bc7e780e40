"""Payloads by the hash of their content: stored once, and for as long as a job names them."""

import asyncio
import hashlib

from service.queue.errors import QueueUnavailable
from service.queue.scripts import Server

SMALL_BYTES = 2**18  # hashed where it stands: a thread would take longer


def blob_name(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


async def names_of(payloads: tuple[bytes, ...]) -> list[str]:
    return [
        blob_name(data) if len(data) < SMALL_BYTES else await asyncio.to_thread(blob_name, data) for data in payloads
    ]


async def read_blob(server: Server, name: str) -> bytes:
    """Raises QueueUnavailable, also for one that is not there: the server has lost it, or evicts."""
    async with server.connection.command() as client:
        data = await client.hget(server.key("blob", name), "data")
    if data is None:
        raise QueueUnavailable(f"the payload {name} is gone: the server must not evict (maxmemory-policy noeviction)")
    return bytes(data)
