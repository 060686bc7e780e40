"""Measures where the processor time of `/v1/analyze` goes, for photographs of 500 pixels without text.

    python -m benchmarks.analyze_parts [--rounds 9]

Everything is on that is on by default. The parts that share work (the decoded picture, the encoder's pass) are measured
by adding one after the other to what the engine is asked, each as the median of its differences to the step before;
those that are functions are called alone; and HTTP with monitoring is what a service's process uses beyond all that.
The encoder's cache is off, because the same images are sent again and again. Linux only: a process's time is read from
/proc.
"""

import argparse
import io
import os
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from statistics import median

import numpy as np
import skimage.data
import uvloop
from numpy.typing import NDArray
from PIL import Image
from pydantic import BaseModel

from pipelines.captioning.kinds.head import KindHead, find_head
from pipelines.captioning.kinds.measures import measure_pixels
from pipelines.captioning.spec import FEATURES
from pipelines.findings import Findings
from pipelines.image.decode import ImageLimits, Picture
from pipelines.prompt import PromptContext, write_prompt
from pipelines.registry import PIPELINES
from service.components import Components, open_components
from service.operations.operation import OperationReply
from service.operations.schemas import AnalyzeReply
from service.settings import RuntimeSettings, Settings
from service.telemetry.metrics import Metrics
from tests.serving import Service, serving

PHOTOGRAPHS = ("cat", "coffee", "rocket")
LONGER_SIDE = 500  # pixels
# In the order of the engine: moderation is the gate. Each step's name is that of what it adds.
STEPS = ("moderation", "features", "objects", "faces", "text")
NAMES = {
    "moderation": "moderation's signals, one of which runs the encoder",
    "features": "classes, embedding and colours, from the same pass", "text": "look for text",
}  # fmt: skip
CALLS = 20  # of one function in a round, in each photograph
REQUESTS = 10  # of each photograph in a round, over HTTP
Milliseconds = float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=9)
    rounds = parser.parse_args().rounds
    images = [encode_photograph(name) for name in PHOTOGRAPHS]
    parts = uvloop.run(measure_parts(images, rounds))
    with serving(encoder_cache="0", log_level="WARNING") as service:
        total = measure_requests(service, images, rounds)
    print_table(parts | {"HTTP and monitoring": total - sum(parts.values())}, total)


def encode_photograph(name: str) -> bytes:
    """A JPEG of quality 90."""
    image = Image.fromarray(getattr(skimage.data, name)()).convert("RGB")
    image.thumbnail((LONGER_SIDE, LONGER_SIDE))
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=90)
    return stream.getvalue()


async def measure_parts(images: Sequence[bytes], rounds: int) -> dict[str, Milliseconds]:
    """Processor time of an image by part, in milliseconds: of this process, with all of its threads."""
    settings = Settings(runtime=RuntimeSettings(encoder_cache=0))
    async with open_components(settings, Metrics(), only=STEPS) as components:
        answers = [await components.engine.run(data, _choose_options(STEPS), gate=True) for data in images]
        parts = await _measure_steps(components, images, rounds)
        kind = _time_calls(await _list_kind_calls(components, images, answers), rounds)
        prompt = _time_calls([partial(_write_prompt, components, one) for one in answers], rounds)
        json = _time_calls([partial(_write_json, one) for one in answers], rounds)
    # The engine writes a prompt for whatever it is asked, so the last step has that of the whole answer.
    parts["features"] -= kind
    parts["text"] -= prompt
    return {NAMES.get(name, name): spent for name, spent in parts.items()} | {
        "kind": kind, "prompt": prompt, "JSON": json,
    }  # fmt: skip


async def _measure_steps(components: Components, images: Sequence[bytes], rounds: int) -> dict[str, Milliseconds]:
    """Decoding, and each pipeline beside those before it."""
    times: dict[str, list[Milliseconds]] = {name: [] for name in ("decoding", *STEPS)}
    for _ in range(rounds):
        before = 0.0
        for done, name in enumerate(times):
            whole = await _time_step(components, images, STEPS[:done])
            times[name].append(whole - before)
            before = whole
    return {name: median(found) for name, found in times.items()}


async def _time_step(components: Components, images: Sequence[bytes], names: Sequence[str]) -> Milliseconds:
    """Processor time of one image through the pipelines `names`; without any, of its decoding."""
    started = time.process_time()
    for data in images:
        if names:
            await components.engine.run(data, _choose_options(names), gate=True)
        else:
            await components.decoders.decode(data, limits=ImageLimits())
    return (time.process_time() - started) * 1e3 / len(images)


def _choose_options(names: Sequence[str]) -> dict[str, BaseModel]:
    return {name: PIPELINES[name].options() for name in names}


async def _list_kind_calls(
    components: Components, images: Sequence[bytes], answers: Sequence[Findings]
) -> list[Callable[[], object]]:
    """Calls that tell the kind of each image from its pixels and its embedding."""
    head = find_head(components.encoder.manifest)
    assert head is not None
    calls: list[Callable[[], object]] = []
    for data, answer in zip(images, answers, strict=True):
        picture = await components.decoders.decode(data, limits=ImageLimits())
        embedding = np.array(answer.of(FEATURES).embedding, np.float32)
        calls.append(partial(_tell_kind, head, picture, embedding))
    return calls


def _tell_kind(head: KindHead, picture: Picture, embedding: NDArray[np.float32]) -> None:
    head.classify(embedding, measure_pixels(picture.pixels))


def _write_prompt(components: Components, answer: Findings) -> None:
    pipelines = {name: components.engine.pipeline(name) for name in answer.results}
    write_prompt(PromptContext(answer.image, answer.results), pipelines)


def _write_json(answer: Findings) -> None:
    OperationReply.of(AnalyzeReply.of(answer))


def _time_calls(calls: Sequence[Callable[[], object]], rounds: int) -> Milliseconds:
    """Processor time of one of `calls`, in the median round."""
    found = []
    for _ in range(rounds):
        started = time.process_time()
        for call in calls:
            for _ in range(CALLS):
                call()
        found.append((time.process_time() - started) * 1e3 / len(calls) / CALLS)
    return median(found)


def measure_requests(service: Service, images: Sequence[bytes], rounds: int) -> Milliseconds:
    """Processor time of the service's process for a request, in the median round after the first."""
    found = []
    for _ in range(rounds + 1):
        started = _read_process_time(service.process.pid)
        for data in list(images) * REQUESTS:
            service.http.post("/v1/analyze", files={"file": data}).raise_for_status()
        found.append((_read_process_time(service.process.pid) - started) / len(images) / REQUESTS)
    return median(found[1:])


def _read_process_time(pid: int) -> Milliseconds:
    """User and system time of a process."""
    user, system = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) * 1e3 / os.sysconf("SC_CLK_TCK")


def print_table(parts: dict[str, Milliseconds], total: Milliseconds) -> None:
    print("| part | ms of one core |\n| --- | --- |")
    for name, spent in sorted(parts.items(), key=lambda part: -part[1]):
        print(f"| {name} | {spent:.1f} |")
    print(f"| all | {total:.1f} |")


if __name__ == "__main__":
    main()
