"""PDFium's process with a defect: a PDF that ends with LIE and JSON makes it reply nonsense about that PDF.

The JSON has the `kind` of request, `facts` that replace those of the true reply, and arrays as [dtype, shape, fill].
"""

import json
import time
from typing import Any

import numpy as np

from pipelines.confinement.channel import ChannelMessage
from pipelines.confinement.child import serve_requests
from pipelines.documents.pdf.pdfium_process import PdfiumProcess

LIE, HANG = b"%a file that takes over ", b"%a file that hangs"


class LyingPdfium:
    def __init__(self) -> None:
        self._honest = PdfiumProcess()
        self._lies: dict[int, dict[str, Any]] = {}

    def handle_request(self, request: ChannelMessage) -> ChannelMessage:
        key, kind = request.facts["key"], request.facts["kind"]
        if kind == "open":
            data = request.arrays["data"].tobytes()
            while HANG in data:
                time.sleep(60)
            if LIE in data:
                self._lies[key] = json.loads(data.partition(LIE)[2])
        reply = self._honest.handle_request(request)
        lie = self._lies.get(key, {"kind": None})
        if lie["kind"] != kind:
            return reply
        arrays = {name: np.full(shape, fill, dtype) for name, (dtype, shape, fill) in lie.get("arrays", {}).items()}
        bools = {name: array.view(np.bool_) if name == "covered" else array for name, array in arrays.items()}
        return ChannelMessage({**reply.facts, **lie.get("facts", {})}, {**reply.arrays, **bools})


if __name__ == "__main__":
    serve_requests(LyingPdfium().handle_request)
