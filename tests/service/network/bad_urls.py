"""URLs that must not be fetched, by what refuses them."""

from ipaddress import ip_address

from tests.service.network.test_ssrf_guard import NOT_PUBLIC

# Loopback, private, link-local and metadata addresses in the forms that resolvers read.
_FORMS = [
    "127.1", "127.0.1", "2130706433", "0x7f000001", "0x7f.1", "0x7f.0.0.1", "0177.0.0.1", "017700000001", "0", "0x0",
    "3232235777", "0xc0a80101", "0300.0250.1.1", "10.1", "0xa.0.0.1", "2852039166", "0xa9fea9fe", "0251.0376.0251.0376",
    "localhost", "LOCALHOST", "LocalHost", "[::ffff:7f00:1]", "[0:0:0:0:0:ffff:127.0.0.1]", "[0:0:0:0:0:0:0:1]",
    "[::ffff:10.1.2.3]", "[64:ff9b::7f00:1]", "[64:ff9b::c0a8:101]", "[2002:7f00:1::]", "[2002:c0a8:101::1]",
    "[::ffff:0:127.0.0.1]",
]  # fmt: skip


def _host(address: str) -> str:
    found = ip_address(address)
    return f"[{address.replace('%', '%25')}]" if found.version == 6 else address


INNER_ADDRESSES = [f"http://{host}/latest/meta-data/" for host in [*map(_host, NOT_PUBLIC.values()), *_FORMS]]

# Refused before any name is looked up.
FORBIDDEN_URLS = [
    "http://user:secret@images.test/", "http://user@127.0.0.1/", "https://images.test@127.0.0.1/",
    "http://127.0.0.1@images.test/", "http://images.test:22/", "http://images.test:6379/", "https://images.test:8443/",
    "http://127.0.0.1:8000/", "http://[::1]:8000/", "http://images.test:0/", "http://images.test:99999/", "http://",
    "http:///etc/passwd", "http://[::1/", "http://images.test\r\nHost: inner/", "ftp://127.0.0.1/", "file:///etc/passwd",
    "gopher://127.0.0.1:6379/_INFO", "dict://127.0.0.1:6379/info", "ldap://127.0.0.1/", "jar:http://127.0.0.1!/",
    "unix:///run/docker.sock", "//127.0.0.1/", "/etc/passwd", "http:127.0.0.1",
]  # fmt: skip

BAD_URLS = [*INNER_ADDRESSES, *FORBIDDEN_URLS]
