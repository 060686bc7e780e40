"""Exports PyTorch modules to ONNX graphs, and proves that both give the same outputs.

Needs the `export` extra. The graph takes uint8 pixels and normalises them itself, so the host
hands over a quarter of the bytes and no caller can get the arithmetic wrong. A graph of texts takes token ids.
"""

import logging
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import reduce
from importlib.metadata import version
from math import gcd
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal, Protocol, runtime_checkable

import numpy as np
import skimage.data
import torch
from numpy.typing import NDArray
from PIL import Image
from pydantic import BaseModel, ConfigDict
from torch import Tensor, nn

from models.arrays import Array
from models.errors import DeviceUnavailable, ExportFailed, KernelsUnavailable
from models.kernels.baseline import create_baseline
from models.manifest import InputContract, Manifest, TextManifest, TokenContract
from models.nets import BUILDERS
from models.nets.joblib_arrays import read_arrays
from models.nets.onnx_arrays import read_convolutions
from models.nets.tfjs_arrays import read_tfjs_weights
from models.nets.torchscript_arrays import read_torchscript_tensors
from models.runtime.backends.onnxruntime import OnnxRuntimeSession
from models.store.store import Store

log = logging.getLogger(__name__)

OPSET = 20
MAX_DIFFERENCE = 1e-3
PHOTOGRAPHS = (
    "astronaut", "cat", "coffee", "rocket", "hubble_deep_field", "retina", "immunohistochemistry", "page", "coins",
)  # fmt: skip

# Readers of the published files. None of them executes code that a pickle names.
_READERS: dict[str, Callable[[Path], Any]] = {
    "torch": lambda path: torch.load(path, map_location="cpu", weights_only=True),
    "joblib-lz4": read_arrays,
    "onnx-weights": read_convolutions,
    "tfjs": read_tfjs_weights,
    "torchscript": read_torchscript_tensors,
}

EXPORTER_PACKAGES = ("torch", "torchvision", "onnx", "onnxscript", "onnxruntime")


class ParityMeasurement(BaseModel):
    """How far ONNX Runtime is from PyTorch on real photographs or drawn texts; differences are absolute, in float32."""

    model_config = ConfigDict(frozen=True)

    images: int
    device: str
    max_difference: dict[str, float]
    mean_difference: dict[str, float]
    top1_changes: int
    limit: float = MAX_DIFFERENCE

    @property
    def largest_difference(self) -> float:
        """The difference that the limit applies to: of the logits where there are any, else of every output."""
        return self.max_difference.get("logits", max(self.max_difference.values()))

    def merge_with(self, other: "ParityMeasurement") -> "ParityMeasurement":
        """Both measurements as one."""
        images = self.images + other.images
        worst, mean = dict(self.max_difference), dict(self.mean_difference)
        for name in worst:
            worst[name] = max(worst[name], other.max_difference[name])
            mean[name] = (mean[name] * self.images + other.mean_difference[name] * other.images) / images
        return self.model_copy(
            update={
                "images": images,
                "max_difference": worst,
                "mean_difference": mean,
                "top1_changes": self.top1_changes + other.top1_changes,
            }
        )

    @property
    def is_within_limit(self) -> bool:
        return self.largest_difference <= self.limit and self.top1_changes == 0


@runtime_checkable
class LoadsPublishedWeights(Protocol):
    """A net whose weights are not published as its own state dict."""

    def load_published(self, weights: Any) -> None: ...


class ServedGraph(nn.Module):
    """A net with the interface that is served: uint8 NHWC pixels in, float32 outputs."""

    def __init__(self, net: nn.Module, contract: InputContract) -> None:
        super().__init__()
        self.net = net
        self.reverses_colours = contract.colour == "BGR"
        self.normalises = any(contract.mean) or any(one != 1 for one in contract.std)
        self.register_buffer("mean", torch.tensor(contract.mean)[:, None, None])
        self.register_buffer("std", torch.tensor(contract.std)[:, None, None])

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        pixels = image.flip(-1) if self.reverses_colours else image  # callers hand over RGB
        # Planes first: broadcasting over an innermost axis of 3 took 1 ms of Lite0's 7, over planes a tenth.
        planes = pixels.permute(0, 3, 1, 2).to(torch.float32)
        return self.net((planes - self.mean) / self.std if self.normalises else planes)


def export_model(
    store: Store, manifest: Manifest, *, device: Literal["auto", "cpu", "cuda"] = "auto"
) -> ParityMeasurement:
    """Export a pulled model into the store.

    Raises ModelMissing or ModelCorrupt for the weights, ExportFailed when they do not fit the module
    or parity is missed (nothing is stored then), DeviceUnavailable without CUDA.
    """
    chosen = _torch_device(device)
    net = build_net(manifest, store.weights(manifest))
    with TemporaryDirectory(dir=store.folder(manifest)) as folder:
        graph = Path(folder) / "model.onnx"
        module = (net if isinstance(manifest, TextManifest) else ServedGraph(net, manifest.input)).eval().to(chosen)
        write_onnx(module, manifest, graph)
        parity = check_parity(module, manifest, graph, parity_sets(manifest))
        store.add_export(manifest, graph, parity.model_dump_json(indent=2), _exported_with(chosen))
    _create_baseline(store, manifest)
    return parity


def _create_baseline(store: Store, manifest: Manifest) -> None:
    """A net without convolutions has no baseline."""
    try:
        create_baseline(store, manifest)
    except KernelsUnavailable as reason:
        log.info("no baseline: %s", reason)


def build_net(manifest: Manifest, weights: Path | None) -> nn.Module:
    """The manifest's net with `weights` loaded, or with random ones; raises ExportFailed."""
    if manifest.net not in BUILDERS:
        raise ExportFailed(f"{manifest.id!r} names no net that models/nets can build: {manifest.net!r}")
    net = BUILDERS[manifest.net]()
    if weights is not None:
        try:
            published = _READERS[manifest.file.format](weights)
            net.load_published(published) if isinstance(net, LoadsPublishedWeights) else net.load_state_dict(published)
        except Exception as cause:  # torch raises RuntimeError, UnpicklingError and more for a file that does not fit
            raise ExportFailed(f"{manifest.id!r}: the weights do not fit its net: {cause}") from cause
    return net


def write_onnx(module: nn.Module, manifest: Manifest, graph: Path) -> None:
    """Write `graph` with the manifest's input and output names and a dynamic batch axis.

    Height and width are dynamic, too, when the manifest lists several sizes: a fully convolutional net.
    """
    dynamic = {0: torch.export.Dim("batch", min=1, max=1024)}
    if len(manifest.input.item_shapes) > 1:
        dynamic |= {1: _dynamic_side("height", manifest), 2: _dynamic_side("width", manifest)}
    # Two items: with one, the exporter may take the batch size for a constant.
    shape, dtype = manifest.input.item_shapes[0], getattr(torch, manifest.input.dtype)
    example = torch.zeros((2, *shape), dtype=dtype, device=next(module.parameters()).device)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter warns of its own internals
        torch.onnx.export(
            module,
            (example,),
            str(graph),
            input_names=[manifest.input.name],
            output_names=[output.name for output in manifest.outputs],
            dynamic_shapes=(dynamic,),
            opset_version=OPSET,
            dynamo=True,
            external_data=False,
            optimize=True,
            verbose=False,
        )


def _dynamic_side(name: str, manifest: Manifest) -> Any:
    """A dynamic side: of any length, or a multiple of 32 where all sides in the manifest are."""
    if gcd(*(side for size in manifest.input.sizes for side in size)) % 32 == 0:
        return 32 * torch.export.Dim(f"{name}_in_32", min=2, max=256)
    return torch.export.Dim(name, min=16, max=8192)


def check_parity(module: nn.Module, manifest: Manifest, graph: Path, sets: Iterable[Array]) -> ParityMeasurement:
    """Compare both on `sets` of images or texts, (N, *item shape) each; raises ExportFailed over the limit."""
    parity = reduce(ParityMeasurement.merge_with, (measure_parity(module, manifest, graph, images) for images in sets))
    if not parity.is_within_limit:
        raise ExportFailed(
            f"{manifest.id!r} differs from PyTorch by {parity.largest_difference:.2e} (limit {parity.limit:.0e}), "
            f"and in top-1 on {parity.top1_changes} of {parity.images} inputs"
        )
    return parity


def parity_sets(manifest: Manifest) -> Iterable[Array]:
    """The inputs that parity is measured on: photographs, or texts."""
    if isinstance(manifest, TextManifest):
        return [draw_token_ids(manifest.input)]
    return parity_image_sets(manifest.input.sizes)


def draw_token_ids(contract: TokenContract, *, count: int = 54, vocabulary: int = 49_408) -> NDArray[np.int64]:
    """(count, length) texts of every length: random tokens between those that begin and end a text, the last two ids.

    The same in each call.
    """
    rng, ids = np.random.default_rng(0), np.zeros((count, contract.length), np.int64)
    for row, length in zip(ids, np.linspace(2, contract.length, count, dtype=int), strict=True):
        row[:length] = rng.integers(0, vocabulary - 2, length)
        row[0], row[length - 1] = vocabulary - 2, vocabulary - 1
    return ids


def parity_image_sets(sizes: Sequence[tuple[int, int]]) -> Iterator[NDArray[np.uint8]]:
    """All photographs at the first size; where there are several, some at the middle size and at the last one."""
    yield load_photographs(*sizes[0])
    for index in sorted({len(sizes) // 2, len(sizes) - 1} - {0}):
        yield load_photographs(*sizes[index])[::7]


def load_photographs(height: int, width: int) -> NDArray[np.uint8]:
    """(N, height, width, 3) RGB: each photograph whole, mirrored, and its four quarters."""
    images = []
    for name in PHOTOGRAPHS:
        whole = Image.fromarray(getattr(skimage.data, name)()).convert("RGB")
        across, down = whole.width // 2, whole.height // 2
        corners = [(x, y, x + across, y + down) for x in (0, across) for y in (0, down)]
        views = [whole, whole.transpose(Image.Transpose.FLIP_LEFT_RIGHT), *(whole.crop(box) for box in corners)]
        images += [view.resize((width, height), Image.Resampling.BICUBIC) for view in views]
    return np.stack([np.asarray(image) for image in images])


def measure_parity(module: nn.Module, manifest: Manifest, graph: Path, images: Array) -> ParityMeasurement:
    """Run `images` (N, *item shape) through both, one by one and as a batch, and measure the differences."""
    device = next(module.parameters()).device
    with torch.inference_mode():
        batches = torch.from_numpy(images).split(8)
        parts = [[output.cpu().numpy() for output in module(batch.to(device))] for batch in batches]
    names = [output.name for output in manifest.outputs]
    wanted = {name: np.concatenate([part[index] for part in parts]) for index, name in enumerate(names)}
    session = OnnxRuntimeSession(graph, device="cpu")
    single = [session.run({manifest.input.name: image[None]}) for image in images]
    found = {name: np.concatenate([one[name] for one in single]) for name in names}
    batched = session.run({manifest.input.name: images[:8]})
    differences = {name: np.abs(found[name] - wanted[name]) for name in names}
    return ParityMeasurement(
        images=len(images),
        device=str(device),
        max_difference={
            name: max(float(differences[name].max()), float(np.abs(batched[name] - wanted[name][:8]).max()))
            for name in names
        },
        mean_difference={name: float(difference.mean()) for name, difference in differences.items()},
        top1_changes=_top1_changes(found, wanted),
    )


def _top1_changes(found: Mapping[str, NDArray[np.float32]], wanted: Mapping[str, NDArray[np.float32]]) -> int:
    if "logits" not in wanted:
        return 0
    return int((found["logits"].argmax(1) != wanted["logits"].argmax(1)).sum())


def _torch_device(wanted: Literal["auto", "cpu", "cuda"]) -> str:
    if wanted == "cuda" and not torch.cuda.is_available():
        raise DeviceUnavailable("device 'cuda' was asked for, but PyTorch finds no CUDA device here")
    return "cuda" if wanted != "cpu" and torch.cuda.is_available() else "cpu"


def _exported_with(device: str) -> dict[str, str]:
    return {name: version(name) for name in EXPORTER_PACKAGES} | {"device": device, "opset": str(OPSET)}
