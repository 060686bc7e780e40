"""The decoder's process with defects: CRASH in a file ends it, HANG stalls it, and LIE makes it reply nonsense.

After LIE comes JSON: `facts` that replace those of the true reply, and `shape` and `dtype` of its pixels.
"""

import json
import os
import time

import numpy as np

from pipelines.confinement.channel import ChannelMessage
from pipelines.confinement.child import serve_requests
from pipelines.image.decoder_process import handle_request

CRASH, HANG, LIE = b"a file that crashes", b"a file that hangs", b"a file that takes over"


def fail_or_handle(request: ChannelMessage) -> ChannelMessage:
    data = request.arrays["data"].tobytes()
    if CRASH in data:
        os.abort()
    while HANG in data:
        time.sleep(60)
    if LIE in data:
        lie = json.loads(data.partition(LIE)[2])
        reply = handle_request(request)
        pixels = reply.arrays["pixels"]
        if "shape" in lie:
            pixels = np.zeros(lie["shape"], lie.get("dtype", "u1"))
        return ChannelMessage({**reply.facts, **lie.get("facts", {})}, {"pixels": pixels})
    return handle_request(request)


if __name__ == "__main__":
    serve_requests(fail_or_handle)
