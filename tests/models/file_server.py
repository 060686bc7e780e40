"""A real HTTP server on this machine that can cut connections, ignore ranges, refuse, and count requests."""

import gzip
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar


@dataclass
class FileServer:
    """`asked` holds the path and the Range header of every request, in order."""

    url: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    statuses: dict[str, int] = field(default_factory=dict)
    cuts: list[int] = field(default_factory=list)  # bytes after which the next replies break off
    ignores_ranges: bool = False
    compresses: bool = False  # for those who accept it, as raw.githubusercontent.com does
    asked: list[tuple[str, str | None]] = field(default_factory=list)

    @property
    def ranges(self) -> list[str | None]:
        return [asked for _, asked in self.asked]


class Handler(BaseHTTPRequestHandler):
    server_of: ClassVar[FileServer]

    def do_GET(self) -> None:
        server, wanted = self.server_of, self.headers.get("Range")
        server.asked.append((self.path, wanted))
        content = server.files.get(self.path)
        if self.path in server.statuses or content is None:
            self._reply(server.statuses.get(self.path, 404), b"<html>an error page</html>")
            return
        if self._is_compressed:
            content = gzip.compress(content, mtime=0)
        start = 0 if wanted is None or server.ignores_ranges else int(re.findall(r"\d+", wanted)[0])
        if start >= len(content) > 0:
            self._reply(416, b"")
        else:
            self._reply(206 if start else 200, content[start:])

    @property
    def _is_compressed(self) -> bool:
        return self.server_of.compresses and "gzip" in self.headers.get("Accept-Encoding", "")

    def _reply(self, status: int, body: bytes) -> None:
        self.send_response(status)
        if status < 400 and self._is_compressed:
            self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if status < 400 and self.server_of.cuts:
            body = body[: self.server_of.cuts.pop(0)]
            self.close_connection = True
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Tests print nothing."""


@contextmanager
def serving_files() -> Iterator[FileServer]:
    files = FileServer()
    handler = type("HandlerOfOneServer", (Handler,), {"server_of": files})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as http:
        files.url = f"http://127.0.0.1:{http.server_port}"
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield files
        finally:
            http.shutdown()
            thread.join()
