"""How the queue's server is reached, by URL:

    redis://[user:password@]host:port/db        rediss:// is the same by TLS, unix:///path?db=0 by a socket
    redis+sentinel://host:port,host:port/master/db      the master that Sentinels name; rediss+sentinel:// by TLS
    redis+cluster://host:port,host:port         a cluster; rediss+cluster:// by TLS

Options of redis-py follow after `?`, as in `?ssl_ca_certs=/path`. Commands and reads that wait use connections of
their own, a bounded number of each: what waits for one waits here, and is never refused by the client.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any
from urllib.parse import unquote, urlsplit

import redis
from redis.asyncio import BlockingConnectionPool, Redis, RedisCluster
from redis.asyncio.cluster import ClusterNode
from redis.asyncio.connection import parse_url
from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import Sentinel, SentinelConnectionPool
from redis.backoff import ExponentialWithJitterBackoff, NoBackoff

from service.queue.errors import QueueUnavailable
from service.settings import SettingsInvalid

COMMANDS_AT_ONCE, WAITS_AT_ONCE = 16, 4
BLOCK_SECONDS = 5.0
TIMEOUT_SECONDS = BLOCK_SECONDS + 5.0
WAIT_SECONDS = 20.0  # for a free connection
PORT, SENTINEL_PORT = 6379, 26379

Client = Any  # Redis | RedisCluster: redis-py types what they answer as a union of all that any command may


class _SentinelPool(SentinelConnectionPool, BlockingConnectionPool):
    """The master's connections; who finds all of them in use waits."""


class Connection:
    """One process's way to the server. `name` is the URL without its password, for messages."""

    def __init__(self, url: str) -> None:
        """Raises SettingsInvalid for a URL that cannot be one. Nothing is connected yet."""
        scheme, _, rest = url.partition("://")
        self.name = f"{scheme}://{rest.partition('?')[0].rpartition('@')[2]}"
        try:
            self.commands = _client(url, COMMANDS_AT_ONCE)
            self.blocking = _client(url, WAITS_AT_ONCE)
        except (ValueError, TypeError) as cause:
            raise SettingsInvalid(f"{self.name}: {cause}") from cause
        # A cluster's client refuses where the pools of the others wait.
        self._at_once = asyncio.Semaphore(COMMANDS_AT_ONCE)

    @asynccontextmanager
    async def command(self) -> AsyncIterator[Client]:
        """Raises QueueUnavailable for whatever goes wrong with the server."""
        async with self._at_once:
            with _translated(self.name):
                yield self.commands

    @asynccontextmanager
    async def wait(self) -> AsyncIterator[Client]:
        with _translated(self.name):
            yield self.blocking

    async def close(self) -> None:
        for client in (self.commands, self.blocking):
            await client.aclose()
            pool = getattr(client, "connection_pool", None)
            if isinstance(pool, _SentinelPool):
                for sentinel in pool.sentinel_manager.sentinels:
                    await sentinel.aclose()


@contextmanager
def _translated(name: str) -> Iterator[None]:
    try:
        yield
    except (redis.RedisError, OSError) as error:
        raise QueueUnavailable(f"{name}: {error}") from error


def _client(url: str, most: int) -> Client:
    scheme = urlsplit(url).scheme
    # Retried by the client while a server restarts or a master changes; every script bears being sent twice.
    options: dict[str, Any] = {
        "socket_timeout": TIMEOUT_SECONDS,
        "socket_connect_timeout": 2.0,
        "health_check_interval": 15,
        "protocol": 2,
    }
    if scheme.endswith("+sentinel"):
        return _master(url, most, options)
    if scheme.endswith("+cluster"):
        return _cluster(url, most, options)
    pool = BlockingConnectionPool.from_url(url, max_connections=most, timeout=WAIT_SECONDS, retry=_retry(), **options)
    return Redis.from_pool(pool)


def _retry() -> Retry:
    return Retry(ExponentialWithJitterBackoff(base=0.05, cap=0.5), 3)


def _master(url: str, most: int, options: dict[str, Any]) -> Client:
    addresses, path, given = _parts(url, SENTINEL_PORT)
    name, _, database = path.partition("/")
    if not name:
        raise ValueError("which master? As in: redis+sentinel://host:26379/mymaster/0")
    secured: dict[str, Any] = {"ssl": True} if url.startswith("rediss") else {}
    sentinels: Any = Sentinel(  # type: ignore[no-untyped-call]
        addresses, sentinel_kwargs={"socket_timeout": 2.0, "protocol": 2, "retry": Retry(NoBackoff(), 0), **secured}
    )
    return sentinels.master_for(
        name, connection_pool_class=_SentinelPool, db=int(database or 0), max_connections=most, timeout=WAIT_SECONDS,
        retry=_retry(), **secured, **options, **given,
    )  # fmt: skip


def _cluster(url: str, most: int, options: dict[str, Any]) -> RedisCluster:
    addresses, _, given = _parts(url, PORT)
    nodes = [ClusterNode(host, port) for host, port in addresses]
    secured: dict[str, Any] = {"ssl": True} if url.startswith("rediss") else {}
    # One more than callers may use at once: the client asks for the cluster's layout meanwhile.
    return RedisCluster(startup_nodes=nodes, max_connections=most + 1, **secured, **options, **given)


def _parts(url: str, port: int) -> tuple[list[tuple[str, int]], str, dict[str, Any]]:
    """Addresses, path, and options with user and password, of a URL of several hosts."""
    rest = url.partition("://")[2]
    place, _, query = rest.partition("?")
    authority, _, path = place.partition("/")
    access, _, hosts = authority.rpartition("@")
    addresses = [(host, int(number or port)) for host, _, number in (one.partition(":") for one in hosts.split(","))]
    given = dict(parse_url(f"redis://localhost/?{query}"))
    given.pop("host", None)
    user, _, password = access.partition(":")
    if access:
        given |= {"username": unquote(user) or None, "password": unquote(password) or None}
    return addresses, path, given
