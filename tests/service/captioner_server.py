"""A stand-in for an OpenAI-compatible server with a vision model, and with the faults that such servers have."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar, Literal

Fault = Literal["none", "slow", "busy", "redirect", "endless", "no-json", "no-choices", "empty", "no-http"]


@dataclass
class CaptionerServer:
    """`url` is its base URL; `asked` holds path, headers and body of each call. `gate` ends what is slow."""

    url: str = ""
    caption: Any = "A cup of coffee on a table."
    fault: Fault = "none"
    asked: list[tuple[str, dict[str, str], dict[str, Any]]] = field(default_factory=list)
    gate: threading.Event = field(default_factory=threading.Event)


class Handler(BaseHTTPRequestHandler):
    server_of: ClassVar[CaptionerServer]

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        own = self.server_of
        own.asked.append((self.path, dict(self.headers.items()), body))
        if own.fault == "slow":
            own.gate.wait(30)
        if own.fault == "no-http":
            self.wfile.write(b"SSH-2.0-OpenSSH_9.9\r\n")
            return
        faulty: dict[str, tuple[int, bytes]] = {
            "busy": (503, f"busy; you sent {self.headers['Authorization']}".encode()),
            "redirect": (307, b""),
            "endless": (200, b" " * (2**20 + 1)),
            "no-json": (200, b"<html>hello</html>"),
            "no-choices": (200, b'{"choices": []}'),
            "empty": (200, _completion("  \n")),
        }
        self._reply(*faulty.get(own.fault, (200, _completion(own.caption))), Location=f"{own.url}/elsewhere")

    def _reply(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in ({"Content-Length": str(len(body))} | headers).items():
            self.send_header(name, value)
        self.end_headers()
        try:
            self.wfile.write(body)
        except OSError:  # the client has left
            return

    def log_message(self, format: str, *args: object) -> None:
        """Tests print nothing."""


def _completion(content: Any) -> bytes:
    message = {"role": "assistant", "content": content}
    return json.dumps({"object": "chat.completion", "choices": [{"index": 0, "message": message}]}).encode()


@contextmanager
def serving_captions() -> Iterator[CaptionerServer]:
    own = CaptionerServer()
    handler = type("HandlerOfOneServer", (Handler,), {"server_of": own})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as http:
        own.url = f"http://127.0.0.1:{http.server_port}/v1"
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield own
        finally:
            own.gate.set()
            http.shutdown()
            thread.join()
