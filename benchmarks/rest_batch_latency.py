"""Measures POST /v1/moderations on an idle service, and while the service answers a batch over REST.

python -m benchmarks.rest_batch_latency [--requests 150] [--lines 1200] [--pause .05]
"""

import argparse
import base64
import io
import json
import statistics
import time

import httpx2
import numpy as np
import skimage.data
from PIL import Image

from tests.serving import serving

NAMES = ("astronaut", "cat", "chelsea", "coffee", "rocket", "page")


def jpeg(name: str) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(getattr(skimage.data, name)()).convert("RGB").save(stream, "JPEG", quality=92)
    return stream.getvalue()


def time_requests(http: httpx2.Client, photos: list[bytes], requests: int, pause: float) -> list[float]:
    """Seconds of each request, one at a time with a pause between."""
    times = []
    for number in range(requests):
        started = time.perf_counter()
        http.post("/v1/moderations", files={"file": photos[number % len(photos)]}).raise_for_status()
        times.append(time.perf_counter() - started)
        time.sleep(pause)
    return times


def start_batch(http: httpx2.Client, photos: list[bytes], lines: int) -> str:
    """Its id."""
    urls = ["data:image/jpeg;base64," + base64.b64encode(photo).decode() for photo in photos]

    def make_line(number: int) -> str:
        part = {"type": "image_url", "image_url": {"url": urls[number % len(urls)]}}
        return json.dumps(
            {"custom_id": str(number), "method": "POST", "url": "/v1/moderations", "body": {"input": [part]}}
        )

    requests = "\n".join(map(make_line, range(lines))).encode()
    file_id = http.post("/v1/files", files={"file": ("in.jsonl", requests)}, data={"purpose": "batch"}).json()["id"]
    body = {"input_file_id": file_id, "endpoint": "/v1/moderations", "completion_window": "24h"}
    id: str = http.post("/v1/batches", json=body).json()["id"]
    return id


def p95(times: list[float]) -> float:
    return float(np.percentile(times, 95)) * 1000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=150)
    parser.add_argument("--lines", type=int, default=1200)
    parser.add_argument("--pause", type=float, default=0.05, help="seconds between two requests of a person")
    options = parser.parse_args()
    photos = [jpeg(name) for name in NAMES if hasattr(skimage.data, name)]
    with serving(encoder_cache="0") as service:  # or the same images would be answered from the cache
        http = service.http
        while http.get("/v1/dead-letters").status_code == 503:
            time.sleep(0.1)
        time_requests(http, photos, 20, 0)
        idle = time_requests(http, photos, options.requests, options.pause)
        image_ms = statistics.mean(time_requests(http, photos, 30, 0)) * 1000
        id = start_batch(http, photos, options.lines)
        while http.get(f"/v1/batches/{id}").json()["status"] == "validating":
            time.sleep(0.1)
        first, started = http.get(f"/v1/batches/{id}").json()["request_counts"]["completed"], time.perf_counter()
        beside = time_requests(http, photos, options.requests, options.pause)
        view, seconds = http.get(f"/v1/batches/{id}").json(), time.perf_counter() - started
        rate = (view["request_counts"]["completed"] - first) / seconds
        http.post(f"/v1/batches/{id}/cancel")
    print(f"idle         p50 {statistics.median(idle) * 1000:6.1f} ms   p95 {p95(idle):6.1f} ms")
    print(
        f"beside       p50 {statistics.median(beside) * 1000:6.1f} ms   p95 {p95(beside):6.1f} ms   ({view['status']})"
    )
    print(f"one image {image_ms:.1f} ms; allowed p95 {2 * p95(idle) + image_ms:.1f} ms; batch at {rate:.1f} images/s")


if __name__ == "__main__":
    main()
