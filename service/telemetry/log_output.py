"""Write log lines to stderr without blocking: a stalled reader costs lines, never a request."""

import logging
import os
from select import PIPE_BUF, select

log = logging.getLogger(__name__)


class NonBlockingStreamHandler(logging.Handler):
    """Drops lines that would block: the event loop logs, too, and a full pipe would stop it for good."""

    def __init__(self, descriptor: int = 2) -> None:
        super().__init__()
        self._descriptor, self._lost = descriptor, 0

    def emit(self, record: logging.LogRecord) -> None:
        try:
            self._write(f"{self.format(record)}\n".encode("utf-8", "backslashreplace"))
        except Exception:
            self.handleError(record)

    def _write(self, line: bytes) -> None:
        for start in range(0, len(line), PIPE_BUF):  # POSIX writes up to PIPE_BUF bytes whole or not at all
            if not select([], [self._descriptor], [], 0)[1]:
                self._lost += 1
                return
            os.write(self._descriptor, line[start : start + PIPE_BUF])
        if self._lost:
            lost, self._lost = self._lost, 0
            log.warning("%d log lines were lost: stderr could not be written to", lost)
