"""Which addresses are public; connections go only to addresses that were checked."""

import asyncio
from collections.abc import Sequence
from ipaddress import ip_address

import httpcore2
import pytest

from service.errors import UrlFetchFailed, UrlRejected
from service.network.ssrf_guard import AddressCheck, CheckedNetworkBackend, accept_any_address, is_public, resolve_host
from tests.service.image_server import IMAGE, ImageServer, serving_images

PUBLIC = [
    "1.1.1.1", "8.8.8.8", "100.63.255.255", "100.128.0.0", "172.15.255.255", "172.32.0.0", "192.0.1.0",
    "223.255.255.255", "2606:4700::1111", "2001:4860:4860::8888", "2a00:1450:4001:800::200e", "::ffff:8.8.8.8",
    "64:ff9b::8.8.8.8",
]  # fmt: skip

NOT_PUBLIC = {
    "this host": "0.0.0.0",
    "this network": "0.1.2.3",
    "loopback": "127.0.0.1",
    "other loopback": "127.255.255.254",
    "private 10": "10.0.0.1",
    "private 172": "172.31.255.255",
    "private 192": "192.168.1.1",
    "carriers": "100.64.0.1",
    "Alibaba metadata": "100.100.100.200",
    "link-local": "169.254.1.1",
    "metadata": "169.254.169.254",
    "Oracle metadata": "192.0.0.192",
    "Azure metadata": "168.63.129.16",
    "benchmarks": "198.18.0.1",
    "documentation": "203.0.113.7",
    "6to4 relays": "192.88.99.1",
    "multicast": "224.0.0.1",
    "reserved": "240.0.0.1",
    "broadcast": "255.255.255.255",
    "v6 unspecified": "::",
    "v6 loopback": "::1",
    "v6 link-local": "fe80::1",
    "v6 link-local with zone": "fe80::1%lo",
    "v6 private": "fd00::1",
    "v6 AWS metadata": "fd00:ec2::254",
    "v6 site-local": "fec0::1",
    "v6 multicast": "ff02::1",
    "v6 documentation": "2001:db8::1",
    "v6 newer documentation": "3fff::1",
    "v6 discard": "100::1",
    "v6 outside global unicast": "4000::1",
    "mapped loopback": "::ffff:127.0.0.1",
    "mapped metadata": "::ffff:a9fe:a9fe",
    "compatible loopback": "::127.0.0.1",
    "NAT64 private": "64:ff9b::10.0.0.1",
    "NAT64 metadata": "64:ff9b::169.254.169.254",
    "NAT64 local": "64:ff9b:1::8.8.8.8",
    "6to4 of private": "2002:0a00:0001::1",
    "6to4 of public": "2002:0808:0808::1",
    "Teredo": "2001:0:4136:e378:8000:63bf:3fff:fdd2",
    "benchmarks v6": "2001:2::1",
    "ORCHID": "2001:20::1",
}


@pytest.mark.parametrize("address", PUBLIC)
def test_internet_hosts_are_public(address: str) -> None:
    assert is_public(ip_address(address))


@pytest.mark.parametrize("name", NOT_PUBLIC)
def test_special_purpose_addresses_are_not_public(name: str) -> None:
    assert not is_public(ip_address(NOT_PUBLIC[name]))


class FakeResolver:
    """Returns one answer after the other, for any name, and counts the calls."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self._answers, self.calls = list(answers), 0

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        self.calls += 1
        return self._answers.pop(0)


def get(server: ImageServer, is_allowed: AddressCheck, resolver: FakeResolver, *, times: int = 1) -> list[bytes]:
    async def fetch() -> list[bytes]:
        async with httpcore2.AsyncConnectionPool(network_backend=CheckedNetworkBackend(is_allowed, resolver)) as http:
            url = f"http://images.test:{server.port}/image"
            return [(await http.request("GET", url)).content for _ in range(times)]

    return asyncio.run(fetch())


def only_the_second_loopback(address: object) -> bool:
    return str(address) == "127.0.0.2"


def test_the_checked_address_is_the_one_connected_to() -> None:
    resolver = FakeResolver(["127.0.0.2"], ["127.0.0.1"])
    with serving_images(host="0.0.0.0") as server:
        images = get(server, only_the_second_loopback, resolver)

    assert images == [IMAGE]
    assert resolver.calls == 1
    assert server.asked == [("/image", f"images.test:{server.port}", "127.0.0.2")]


def test_a_name_that_resolves_differently_is_checked_again() -> None:
    resolver = FakeResolver(["127.0.0.2"], ["127.0.0.1"])
    with serving_images(host="0.0.0.0") as server, pytest.raises(UrlRejected, match=r"'images\.test'"):
        get(server, only_the_second_loopback, resolver, times=2)

    assert [address for *_, address in server.asked] == ["127.0.0.2"]


def test_one_forbidden_address_among_allowed_ones_rejects_the_name() -> None:
    with serving_images(host="0.0.0.0") as server, pytest.raises(UrlRejected):
        get(server, only_the_second_loopback, FakeResolver(["127.0.0.2", "127.0.0.1"]))

    assert server.asked == []


def test_the_next_address_is_tried_if_one_does_not_answer() -> None:
    with serving_images() as server:
        images = get(
            server, accept_any_address, FakeResolver(["127.0.0.3", "127.0.0.1"])
        )  # the server listens on the latter alone

    assert images == [IMAGE]


def test_a_name_without_addresses_is_a_failure() -> None:
    with serving_images() as server, pytest.raises(UrlFetchFailed, match="no address"):
        get(server, accept_any_address, FakeResolver([]))


def test_the_message_contains_no_inner_address() -> None:
    with serving_images() as server, pytest.raises(UrlRejected) as refused:
        get(server, is_public, FakeResolver(["10.11.12.13"]))

    assert "10.11.12.13" not in str(refused.value)


@pytest.mark.parametrize("form", ["127.0.0.1", "127.1", "2130706433", "0x7f000001", "0177.0.0.1", "0x7f.1"])
def test_every_numeric_form_resolves_to_its_address(form: str) -> None:
    assert asyncio.run(resolve_host(form, 80)) == ["127.0.0.1"]
