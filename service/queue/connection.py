"""Connects to the queue's server by URL:

    redis://[user:password@]host:port/db        rediss:// is the same by TLS, unix:///path?db=0 by a socket
    redis+sentinel://host:port,host:port/master/db      the master that Sentinels name; rediss+sentinel:// by TLS
    redis+cluster://host:port,host:port         a cluster; rediss+cluster:// by TLS

Options of redis-py follow after `?`, as in `?ssl_ca_certs=/path`. Commands and blocking reads use separate pools of
bounded size; callers wait for a free connection instead of being refused.
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

from service.queue.errors import QueueServerFull, QueueUnavailable
from service.settings import SettingsInvalid

MAX_COMMAND_CONNECTIONS, MAX_BLOCKING_CONNECTIONS = 16, 4
BLOCK_SECONDS = 5.0
TIMEOUT_SECONDS = BLOCK_SECONDS + 5.0
POOL_TIMEOUT_SECONDS = 20.0  # for a free connection
PORT, SENTINEL_PORT = 6379, 26379

Client = Any  # Redis | RedisCluster, whose answers redis-py types as a union over all commands


class _SentinelPool(SentinelConnectionPool, BlockingConnectionPool):
    """The master's connections; callers wait while all are in use."""


class QueueConnection:
    """The connections of one process. `name` is the URL without its password, for messages."""

    def __init__(self, url: str) -> None:
        """Does not connect yet. Raises SettingsInvalid for a malformed URL."""
        scheme, _, rest = url.partition("://")
        self.name = f"{scheme}://{rest.partition('?')[0].rpartition('@')[2]}"
        try:
            self.commands = _open_client(url, MAX_COMMAND_CONNECTIONS)
            self.blocking = _open_client(url, MAX_BLOCKING_CONNECTIONS)
        except (ValueError, TypeError) as cause:
            raise SettingsInvalid(f"{self.name}: {cause}") from cause
        # The cluster client refuses callers where the other pools let them wait.
        self._slots = asyncio.Semaphore(MAX_COMMAND_CONNECTIONS)

    @asynccontextmanager
    async def command(self) -> AsyncIterator[Client]:
        """Raises QueueUnavailable for any failure of the server."""
        async with self._slots:
            with _translate_errors(self.name):
                yield self.commands

    @asynccontextmanager
    async def blocking_read(self) -> AsyncIterator[Client]:
        with _translate_errors(self.name):
            yield self.blocking

    async def close(self) -> None:
        for client in (self.commands, self.blocking):
            await client.aclose()
            pool = getattr(client, "connection_pool", None)
            if isinstance(pool, _SentinelPool):
                for sentinel in pool.sentinel_manager.sentinels:
                    await sentinel.aclose()


@contextmanager
def _translate_errors(name: str) -> Iterator[None]:
    try:
        yield
    except redis.ResponseError as error:
        if "maxmemory" in str(error):  # an OutOfMemoryError, unless a script of Redis 6 wraps it in a text of its own
            raise QueueServerFull("the queue's server has no memory left (maxmemory)") from error
        raise QueueUnavailable(f"{name}: {error}") from error
    except (redis.RedisError, OSError) as error:
        raise QueueUnavailable(f"{name}: {error}") from error


def _open_client(url: str, size: int) -> Client:
    scheme = urlsplit(url).scheme
    # The client retries while a server restarts or a master changes; every script may be sent twice.
    options: dict[str, Any] = {
        "socket_timeout": TIMEOUT_SECONDS,
        "socket_connect_timeout": 2.0,
        "health_check_interval": 15,
        "protocol": 2,
    }
    if scheme.endswith("+sentinel"):
        return _open_sentinel(url, size, options)
    if scheme.endswith("+cluster"):
        return _open_cluster(url, size, options)
    pool = BlockingConnectionPool.from_url(
        url, max_connections=size, timeout=POOL_TIMEOUT_SECONDS, retry=_retry(), **options
    )
    return Redis.from_pool(pool)


def _retry() -> Retry:
    return Retry(ExponentialWithJitterBackoff(base=0.05, cap=0.5), 3)


def _open_sentinel(url: str, size: int, options: dict[str, Any]) -> Client:
    addresses, path, url_options = _parse_hosts(url, SENTINEL_PORT)
    name, _, database = path.partition("/")
    if not name:
        raise ValueError("which master? As in: redis+sentinel://host:26379/mymaster/0")
    tls: dict[str, Any] = {"ssl": True} if url.startswith("rediss") else {}
    sentinels: Any = Sentinel(  # type: ignore[no-untyped-call]
        addresses, sentinel_kwargs={"socket_timeout": 2.0, "protocol": 2, "retry": Retry(NoBackoff(), 0), **tls}
    )
    return sentinels.master_for(
        name, connection_pool_class=_SentinelPool, db=int(database or 0), max_connections=size,
        timeout=POOL_TIMEOUT_SECONDS, retry=_retry(), **tls, **options, **url_options,
    )  # fmt: skip


def _open_cluster(url: str, size: int, options: dict[str, Any]) -> RedisCluster:
    addresses, _, url_options = _parse_hosts(url, PORT)
    nodes = [ClusterNode(host, port) for host, port in addresses]
    tls: dict[str, Any] = {"ssl": True} if url.startswith("rediss") else {}
    # One more than callers may use at once: the client itself reads the cluster's layout.
    return RedisCluster(startup_nodes=nodes, max_connections=size + 1, **tls, **options, **url_options)


def _parse_hosts(url: str, port: int) -> tuple[list[tuple[str, int]], str, dict[str, Any]]:
    """Addresses, path, and options (with user and password) of a URL with several hosts."""
    rest = url.partition("://")[2]
    location, _, query = rest.partition("?")
    authority, _, path = location.partition("/")
    credentials, _, hosts = authority.rpartition("@")
    addresses = [(host, int(number or port)) for host, _, number in (one.partition(":") for one in hosts.split(","))]
    url_options = dict(parse_url(f"redis://localhost/?{query}"))
    url_options.pop("host", None)
    user, _, password = credentials.partition(":")
    if credentials:
        url_options |= {"username": unquote(user) or None, "password": unquote(password) or None}
    return addresses, path, url_options
