"""A local web server with images, and with the faults that web servers have."""

import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar
from urllib.parse import unquote

IMAGE = b"\xff\xd8\xff and so on: what it is shows later"


@dataclass
class ImageServer:
    """`image` is what /image gives; `asked` holds path, Host header and own address of every GET.

    `posted` holds headers and body of every POST.

    `gate` ends what is slow.
    """

    url: str = ""
    port: int = 0
    image: bytes = IMAGE
    asked: list[tuple[str, str, str]] = field(default_factory=list)
    posted: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    gate: threading.Event = field(default_factory=threading.Event)


class Handler(BaseHTTPRequestHandler):
    server_of: ClassVar[ImageServer]

    def do_GET(self) -> None:
        own, _ = self.connection.getsockname()
        self.server_of.asked.append((self.path, self.headers["Host"], own))
        action, _, rest = self.path.removeprefix("/").partition("/")
        answers: dict[str, Callable[[str], None]] = {
            "image": lambda rest: self._reply(200, self.server_of.image),
            "status": lambda rest: self._reply(int(rest), b"<html>sorry</html>"),
            "redirect": lambda rest: self._reply(302, b"", Location=unquote(rest)),
            "redirect-raw": lambda rest: self._reply(302, b"", Location=unquote(rest).encode().decode("latin-1")),
            "redirects": self._redirect_again,
            "announces": lambda rest: self._reply(200, b"", **{"Content-Length": rest}),
            "endless": self._endless,
            "slow": self._slow,
            "cut": lambda rest: self._reply(200, IMAGE, **{"Content-Length": "1000"}),
            "compressed": lambda rest: self._reply(200, IMAGE, **{"Content-Encoding": "gzip"}),
            "nonsense": self._speak_otherwise,
        }  # fmt: skip
        answers[action](rest)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self._reply(204, b"")
        self.server_of.posted.append((dict(self.headers.items()), body))

    def _redirect_again(self, left: str) -> None:
        target = f"/redirects/{int(left) - 1}" if left != "0" else "/image"
        self._reply(307, b"", Location=target)

    def _endless(self, rest: str) -> None:
        self.send_response(200)
        self.end_headers()
        while not self.server_of.gate.is_set():
            try:
                self.wfile.write(bytes(1000))
            except OSError:
                return

    def _speak_otherwise(self, rest: str) -> None:
        self.wfile.write(b"SSH-2.0-OpenSSH_9.9\r\n")

    def _slow(self, rest: str) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"\xff")
        self.server_of.gate.wait(30)

    def _reply(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in ({"Content-Length": str(len(body))} | headers).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Tests print nothing."""


@contextmanager
def serving_images(*, host: str = "127.0.0.1", tls: ssl.SSLContext | None = None) -> Iterator[ImageServer]:
    images = ImageServer()
    handler = type("HandlerOfOneServer", (Handler,), {"server_of": images})
    with ThreadingHTTPServer((host, 0), handler) as http:
        if tls is not None:
            http.socket = tls.wrap_socket(http.socket, server_side=True)
        images.port = http.server_port
        images.url = f"http://{host}:{http.server_port}"
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield images
        finally:
            images.gate.set()
            http.shutdown()
            thread.join()
