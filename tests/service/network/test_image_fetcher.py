"""Images from URLs: fetched, rejected, or failed with a reason."""

import asyncio
import base64
import shutil
import ssl
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpcore2
import httpx2
import pytest

from pipelines.errors import TooManyBytes
from service.errors import UrlFetchFailed, UrlInputsOff, UrlRejected
from service.network.client import OutboundClient
from service.network.image_fetcher import ImageFetcher, open_fetcher
from service.network.ssrf_guard import CheckedNetworkBackend, resolve_host
from service.settings import UrlInputs
from tests.conftest import Jpeg
from tests.service.image_server import IMAGE, ImageServer, serving_images
from tests.serving import Service, serving

LIMIT = 10_000


@pytest.fixture
def server() -> Iterator[ImageServer]:
    with serving_images() as images:
        yield images


def fetch(url: str, inputs: UrlInputs = "any", **options: Any) -> bytes:
    async def once() -> bytes:
        async with open_fetcher(inputs, max_bytes=LIMIT, **options) as fetcher:
            return await fetcher.fetch(url)

    return asyncio.run(once())


async def resolve_to_loopback(host: str, port: int) -> Sequence[str]:
    return ["127.0.0.1"]


async def resolve_never(host: str, port: int) -> Sequence[str]:
    raise AssertionError(f"{host} was looked up")


def test_the_bytes_arrive_unchanged(server: ImageServer) -> None:
    assert fetch(f"{server.url}/image") == IMAGE


def test_the_server_receives_the_host_of_the_url(server: ImageServer) -> None:
    fetch(f"http://Images.Test:{server.port}/image/a%20b?size=1#part", resolve=resolve_to_loopback)

    assert server.asked == [("/image/a%20b?size=1", f"images.test:{server.port}", "127.0.0.1")]


@pytest.mark.parametrize("times", range(4))
def test_three_redirects_are_followed(server: ImageServer, times: int) -> None:
    path = f"redirects/{times - 1}" if times else "image"

    assert fetch(f"{server.url}/{path}") == IMAGE
    assert len(server.asked) == times + 1


@pytest.mark.parametrize("target", ["/image/Gemälde-猫.jpg", "/image/?größe=1&q=é", "/image/%C3%A9"])
def test_a_redirect_in_raw_utf8_leads_where_browsers_go(server: ImageServer, target: str) -> None:
    assert fetch(f"{server.url}/redirect-raw/{quote(target, safe='')}") == IMAGE

    assert server.asked[-1][0] == quote(target, safe="/?=&%")


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("status/404", "status 404"), ("status/500", "status 500"), ("status/204", "status 204"),
        ("redirects/3", "more than 3 times"), ("redirects/1000", "more than 3 times"), ("cut", "server failed"),
        ("compressed", "compressed"), ("nonsense", "server failed"),
    ],
)  # fmt: skip
def test_a_server_without_an_image_is_a_failure_with_a_reason(server: ImageServer, path: str, why: str) -> None:
    with pytest.raises(UrlFetchFailed, match=why):
        fetch(f"{server.url}/{path}")


@pytest.mark.parametrize("path", [f"announces/{LIMIT + 1}", "endless"])
def test_an_image_over_the_limit_is_refused_unread(server: ImageServer, path: str) -> None:
    with pytest.raises(TooManyBytes):
        fetch(f"{server.url}/{path}")


def test_a_slow_server_is_given_up(server: ImageServer) -> None:
    with pytest.raises(UrlFetchFailed, match=r"not there within 0\.2 s"):
        fetch(f"{server.url}/slow", seconds=0.2)


def test_an_unreachable_server_is_a_failure() -> None:
    with serving_images() as gone:
        url = gone.url

    with pytest.raises(UrlFetchFailed, match="server failed"):
        fetch(url)


def test_an_unknown_host_is_a_failure() -> None:
    async def unknown(host: str, port: int) -> Sequence[str]:
        raise OSError("Name or service not known")

    with pytest.raises(UrlFetchFailed, match=r"'images\.invalid' is not known"):
        fetch("http://images.invalid/", resolve=unknown)


def test_proxies_of_the_environment_are_not_used(server: ImageServer, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")

    assert fetch(f"{server.url}/image") == IMAGE


NO_URLS = [
    "", "cat.jpg", "/etc/passwd", "//images.test/cat.jpg", "file:///etc/passwd", "ftp://images.test/cat.jpg",
    "gopher://images.test/", "http://", "http:///cat.jpg", "http://images.test:99999/", "http://[::1/", "http://①②⑦.⓪.⓪.①/",
    "http://user:secret@images.test/", "http://user@images.test/", "http://images.test\r\nHost:other/",
]  # fmt: skip


@pytest.mark.parametrize("url", NO_URLS)
@pytest.mark.parametrize("inputs", ["public", "any"])
def test_an_invalid_url_is_rejected_before_its_host_is_resolved(url: str, inputs: UrlInputs) -> None:
    with pytest.raises(UrlRejected):
        fetch(url, inputs, resolve=resolve_never)


@pytest.mark.parametrize(
    "target",
    ["file:///etc/passwd", "ftp://127.0.0.1/", "http://user:secret@127.0.0.1/", "http://[::1/", "data:,x"],
)
def test_redirects_are_checked_by_the_same_rules(server: ImageServer, target: str) -> None:
    with pytest.raises(UrlRejected):
        fetch(f"{server.url}/redirect/{quote(target, safe='')}")


def test_a_redirect_to_a_forbidden_address_is_rejected() -> None:
    async def once(url: str) -> bytes:
        network = CheckedNetworkBackend(lambda address: str(address) == "127.0.0.2", resolve_host)
        async with httpcore2.AsyncConnectionPool(network_backend=network) as http:
            client = OutboundClient("any", network, http)

            async def open_client() -> OutboundClient:
                return client

            return await ImageFetcher("any", LIMIT, 10, open_client).fetch(url)

    with serving_images(host="0.0.0.0") as server:
        url = f"http://127.0.0.2:{server.port}/redirect/" + quote(f"http://127.0.0.1:{server.port}/image", safe="")
        with pytest.raises(UrlRejected, match=r"'127\.0\.0\.1'"):
            asyncio.run(once(url))


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "localhost", "127.1", "2130706433", "017700000001", "0x7f.0.0.1", "0", "10.0.0.1",
     "192.168.0.1", "169.254.169.254", "[::1]", "[::]", "[::ffff:127.0.0.1]", "[fd00:ec2::254]", "[64:ff9b::a00:1]",
     "[2002:7f00:1::]"],
)  # fmt: skip
def test_public_rejects_every_form_of_an_inner_address(host: str) -> None:
    with pytest.raises(UrlRejected, match="not on the public internet"):
        fetch(f"http://{host}/image", "public")


@pytest.mark.parametrize(
    "addresses",
    [["127.0.0.1"], ["10.1.2.3"], ["::1"], ["fe80::1%lo"], ["::ffff:169.254.169.254"], ["8.8.8.8", "192.168.0.1"]],
    ids=str,
)
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_public_rejects_names_of_inner_addresses(scheme: str, addresses: list[str]) -> None:
    async def resolve(host: str, port: int) -> Sequence[str]:
        return addresses

    with pytest.raises(UrlRejected, match="not on the public internet"):
        fetch(f"{scheme}://images.test/", "public", resolve=resolve)


@pytest.mark.parametrize("port", [0, 22, 8080, 6379, 99999])
def test_public_allows_only_the_ports_of_the_web(port: int) -> None:
    with pytest.raises(UrlRejected, match=f"port {port}"):
        fetch(f"http://images.test:{port}/", "public", resolve=resolve_never)


def test_off_rejects_every_url() -> None:
    with pytest.raises(UrlInputsOff):
        fetch("http://images.test/", "off", resolve=resolve_never)


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """Key and self-signed certificate of images.test."""
    path = tmp_path / "images.test.pem"
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-noenc", "-keyout", str(path)]
    name = ["-subj", "/CN=images.test", "-addext", "subjectAltName=DNS:images.test", "-days", "2"]
    done = subprocess.run(["openssl", "req", "-x509", *key, *name], check=True, capture_output=True, text=True)
    path.write_text(path.read_text() + done.stdout)
    return path


@pytest.fixture
def tls_server(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ImageServer]:
    """Its certificate is the only one that is trusted."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with serving_images(tls=context) as images:
        yield images


needs_openssl = pytest.mark.skipif(shutil.which("openssl") is None, reason="makes a certificate with openssl")


@needs_openssl
def test_tls_is_verified_against_the_name_not_the_address(tls_server: ImageServer) -> None:
    assert fetch(f"https://images.test:{tls_server.port}/image", resolve=resolve_to_loopback) == IMAGE


@needs_openssl
@pytest.mark.parametrize("host", ["other.test", "127.0.0.1"])
def test_a_certificate_of_another_name_is_a_failure(tls_server: ImageServer, host: str) -> None:
    with pytest.raises(UrlFetchFailed, match="certificate"):
        fetch(f"https://{host}:{tls_server.port}/image", resolve=resolve_to_loopback)


@pytest.fixture(scope="module")
def open_service() -> Iterator[Service]:
    with serving(url_inputs="any", pipelines="moderation,features,faces") as running:
        yield running


def status_and_code(reply: httpx2.Response) -> tuple[int, str]:
    return reply.status_code, reply.json()["type"].rpartition(":")[2]


@pytest.mark.parametrize("route", ["features", "faces", "analyze", "explain"])
def test_every_route_takes_a_url_for_an_image(
    open_service: Service, server: ImageServer, jpeg: Jpeg, route: str
) -> None:
    server.image = jpeg("coffee")
    by_url = open_service.http.post(f"/v1/{route}", json={"image": {"url": f"{server.url}/image"}}).json()
    by_bytes = open_service.http.post(
        f"/v1/{route}", json={"image": {"data": base64.b64encode(jpeg("coffee")).decode()}}
    ).json()

    assert by_url["image"] == by_bytes["image"]


def test_failures_with_urls_have_their_own_problem_types(open_service: Service, server: ImageServer) -> None:
    def post(url: str) -> tuple[int, str]:
        return status_and_code(open_service.http.post("/v1/features", json={"image": {"url": url}}))

    assert post(f"{server.url}/status/404") == (424, "url-fetch-failed")
    assert post("file:///etc/passwd") == (422, "url-rejected")
    assert post(f"{server.url}/image") == (422, "image-truncated")


def test_urls_can_be_switched_off() -> None:
    with serving(url_inputs="off", pipelines="features") as closed:
        reply = closed.http.post("/v1/features", json={"image": {"url": "http://images.test/"}})

    assert status_and_code(reply) == (403, "url-inputs-off")
