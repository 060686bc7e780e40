"""Counts open connections, in all and by address, and makes room for new ones while there is none left."""

import ipaddress
from collections import OrderedDict
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Protocol

_SPARE = 16  # a sixteenth of the places is left to connections without a request, so that newcomers can be answered


class Evictable(Protocol):
    """A connection as the table sees it; `address` is the client's, as `address_group` gives it."""

    address: str

    def give_way(self) -> None:
        """Close, for another connection needs the place. It has been removed from the table already."""


@dataclass
class _Places:
    """Connections that share a limit; those without a request stand in the order in which they were heard last."""

    requests: int = 0
    waiting: OrderedDict[Evictable, None] = field(default_factory=OrderedDict)

    @property
    def taken(self) -> int:
        return self.requests + len(self.waiting)


class ConnectionTable:
    """Who has a place. A connection is waiting until a request's headers are complete, and again after the answer.

    If all places are taken, a newcomer gets the place of the waiting connection that has been silent for longest, of
    the same address if it is that address's limit. So silent connections keep nobody out, and requests are never
    dropped for newcomers. `limit` may change at any time.
    """

    def __init__(self, limit: int, limit_per_address: int) -> None:
        self.limit, self._limit_per_address = limit, limit_per_address
        self._all = _Places()
        self._by_address: dict[str, _Places] = {}
        self._with_request: set[Evictable] = set()

    @property
    def open(self) -> int:
        return self._all.taken

    @property
    def with_request(self) -> int:
        return self._all.requests

    def admit(self, connection: Evictable) -> bool:
        """Give it a place, another's if need be. False: there is none, and it has to be closed."""
        own = self._by_address.get(connection.address) or _Places()
        is_admitted = self._make_room(own, self._limit_per_address) and self._make_room(self._all, self.limit)
        if is_admitted:
            own = self._by_address.setdefault(connection.address, _Places())
            own.waiting[connection] = self._all.waiting[connection] = None
        return is_admitted

    def note_activity(self, connection: Evictable) -> None:
        """It has been heard, and is now the last of those that would have to give way."""
        if connection in self._all.waiting:
            self._all.waiting.move_to_end(connection)
            self._by_address[connection.address].waiting.move_to_end(connection)

    def begin_request(self, connection: Evictable) -> bool:
        """False: too many requests are being received or answered, in all or of this address."""
        if connection not in self._all.waiting:
            return connection in self._with_request  # a further request on the connection, before the last was answered
        own = self._by_address[connection.address]
        if own.requests >= _most_requests(self._limit_per_address) or self.with_request >= _most_requests(self.limit):
            return False
        self._with_request.add(connection)
        for places in (own, self._all):
            del places.waiting[connection]
            places.requests += 1
        return True

    def end_request(self, connection: Evictable) -> None:
        if connection not in self._with_request:
            return
        self._with_request.discard(connection)
        for places in (self._by_address[connection.address], self._all):
            places.requests -= 1
            places.waiting[connection] = None

    def remove(self, connection: Evictable) -> None:
        """Free its place, if it has one."""
        self.end_request(connection)
        if connection not in self._all.waiting:
            return
        own = self._by_address[connection.address]
        del own.waiting[connection], self._all.waiting[connection]
        if not own.taken:
            del self._by_address[connection.address]

    def _make_room(self, places: _Places, limit: int) -> bool:
        while places.taken >= limit and places.waiting:
            oldest = next(iter(places.waiting))
            self.remove(oldest)
            oldest.give_way()
        return places.taken < limit


@lru_cache(maxsize=1024)  # a client sends many requests
def address_group(address: str) -> str:
    """The key by which connections of one client count: an IPv4 address, or the /64 of an IPv6 address."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address  # a Unix socket's, or none
    if parsed.version == 4:
        return address
    mapped = parsed.ipv4_mapped
    return str(mapped) if mapped is not None else str(ipaddress.ip_network((parsed.packed[:8] + bytes(8), 64)))


def _most_requests(limit: int) -> int:
    return limit - max(1, limit // _SPARE)
