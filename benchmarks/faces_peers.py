"""Compares face detection with other libraries: same images, one core, in one run.

    python benchmarks/faces_peers.py IMAGES [--yunet FILE] [--rounds 3] [--most 60]

IMAGES is a folder. Each peer takes part when it is installed in this environment: opencv-python-headless
(FaceDetectorYN, for which --yunet names an ONNX file with a fixed input size), facenet-pytorch, and mtcnn.
Measured is the way from decoded pixels to boxes and landmarks; KernelSight measures quality and pose as well. All take
turns image by image, so that a machine whose speed drifts favours nobody. Libraries that prepare themselves for every
new image size are slower at first sight of a picture, and a service sees every picture for the first time.
"""

import argparse
import asyncio
import importlib.util
import os
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from statistics import mean, median
from time import perf_counter
from typing import Any

import numpy as np
import uvloop
from numpy.typing import NDArray

from pipelines.faces.options import FacesOptions
from pipelines.faces.pipeline import FacesPipeline
from pipelines.image.decode import ImageLimits, Picture, decode
from pipelines.run_context import RunContext
from service.components import open_components
from service.settings import ModelSettings, Settings
from service.telemetry.metrics import Metrics

LONGER_SIDE = 640  # OpenCV's users shrink larger images to this

Contender = Callable[[Picture], Awaitable[object]]


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("images", type=Path)
    parser.add_argument("--yunet", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--most", type=int, default=60)
    options = parser.parse_args()
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})  # one core, for every library's own threads as well
    files = sorted(path for path in options.images.rglob("*") if path.suffix.lower() in {".jpg", ".jpeg", ".png"})
    files = files[:: max(1, len(files) // options.most)][: options.most]
    pictures = [decode(path.read_bytes(), limits=ImageLimits()) for path in files]
    async with AsyncExitStack() as stack:
        contenders = {
            "yunet, thorough": await open_kernelsight("yunet", FacesOptions(), stack),
            "yunet, fast": await open_kernelsight("yunet", FacesOptions(effort="fast"), stack),
            "mtcnn, thorough": await open_kernelsight("mtcnn", FacesOptions(), stack),
            "mtcnn, fast": await open_kernelsight("mtcnn", FacesOptions(effort="fast"), stack),
            **open_peers(options.yunet),
        }
        times = [await measure_in_turn(contenders, picture, options.rounds) for picture in pictures]
    print(f"{len(pictures)} images of {mean(p.width * p.height for p in pictures) / 1e6:.2f} megapixels on average")
    for name in contenders:
        first, again = zip(*(row[name] for row in times), strict=True)
        print(
            f"{name:24s} mean {mean(again) * 1e3:7.1f} ms   median {median(again) * 1e3:7.1f} ms   "
            f"at first sight: mean {mean(first) * 1e3:7.1f} ms   median {median(first) * 1e3:7.1f} ms"
        )


async def measure_in_turn(
    contenders: dict[str, Contender], picture: Picture, rounds: int
) -> dict[str, tuple[float, float]]:
    """Each one's time for one picture in seconds: at first sight, and the median of `rounds` further ones."""
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(rounds + 1):
        for name, run in contenders.items():
            started = perf_counter()
            await run(picture)
            seconds[name].append(perf_counter() - started)
    return {name: (own[0], median(own[1:])) for name, own in seconds.items()}


async def open_kernelsight(name: str, options: FacesOptions, stack: AsyncExitStack) -> Contender:
    settings = Settings(models=ModelSettings(faces=name))
    components = await stack.enter_async_context(open_components(settings, Metrics(), only=("faces",)))
    pipeline = components.engine.pipeline("faces")
    assert isinstance(pipeline, FacesPipeline)
    return lambda picture: pipeline.run(picture, options, RunContext())


def open_peers(yunet: Path | None) -> dict[str, Contender]:
    found: dict[str, Contender] = {}
    if yunet is not None and importlib.util.find_spec("cv2"):
        found["OpenCV FaceDetectorYN"] = open_opencv(yunet)
    if importlib.util.find_spec("facenet_pytorch"):
        found["facenet-pytorch"] = open_facenet()
    if importlib.util.find_spec("mtcnn"):
        found["mtcnn (TensorFlow)"] = open_tensorflow_mtcnn()
    return found


def open_opencv(yunet: Path) -> Contender:
    cv2: Any = __import__("cv2")
    cv2.setNumThreads(1)
    detector = cv2.FaceDetectorYN.create(str(yunet), "", (640, 640), 0.6)

    async def run(picture: Picture) -> object:
        pixels: NDArray[np.uint8] = np.asarray(picture.pixels)[:, :, ::-1]
        scale = min(1.0, LONGER_SIDE / max(picture.width, picture.height))
        if scale < 1:
            pixels = cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        detector.setInputSize((pixels.shape[1], pixels.shape[0]))
        return detector.detect(np.ascontiguousarray(pixels))

    return run


def open_facenet() -> Contender:
    __import__("torch").set_num_threads(1)
    detector: Any = __import__("facenet_pytorch").MTCNN(keep_all=True, device="cpu")

    async def run(picture: Picture) -> object:
        return detector.detect(picture.pixels, landmarks=True)

    return run


def open_tensorflow_mtcnn() -> Contender:
    tf: Any = __import__("tensorflow")
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    detector: Any = __import__("mtcnn").MTCNN(device="CPU:0")

    async def run(picture: Picture) -> object:
        return detector.detect_faces(np.asarray(picture.pixels))

    return run


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:  # as the service does
        runner.run(main())
