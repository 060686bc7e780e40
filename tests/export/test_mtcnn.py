"""MTCNN's three nets: the published weights load, export, and agree with an independent computation."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from PIL import Image
from skimage import data

from models.errors import ExportFailed
from models.export import ServedGraph, build_net, check_parity, load_photographs, write_onnx
from models.manifest import Manifest
from models.nets import BUILDERS
from models.nets.joblib_arrays import read_arrays
from models.nets.mtcnn import CascadeNet
from models.registry import Catalog
from models.runtime.backends.onnxruntime import OnnxRuntimeSession
from models.store.store import Store
from service.settings import Settings

Numbers = NDArray[np.floating[Any]]

PNET, RNET, ONET = (Catalog.load().get(f"mtcnn-{net}") for net in ("pnet", "rnet", "onet"))
FACE = (168, 63, 283, 178)  # a square around the astronaut's face: box 180-271, 63-178
LEFT_EYE, RIGHT_EYE = (204.5, 100.5), (247, 103.3)  # the astronaut's, in pixels of the photograph


@dataclass(frozen=True)
class ExportedNet:
    module: ServedGraph
    graph: Path
    weights: list[Numbers]

    def run(self, images: NDArray[np.uint8]) -> dict[str, Numbers]:
        return OnnxRuntimeSession(self.graph, device="cpu").run({"image": images})


ExportNet = Callable[[Manifest], ExportedNet]


@pytest.fixture(scope="module")
def exports(tmp_path_factory: pytest.TempPathFactory) -> ExportNet:
    """The nets with their real weights, from wherever `make setup` put them; each is exported once."""
    made: dict[str, ExportedNet] = {}

    def export(manifest: Manifest) -> ExportedNet:
        if manifest.id not in made:
            weights = Store(Settings().models.store).weights(manifest)
            module = ServedGraph(build_net(manifest, weights), manifest.input).eval()
            graph = tmp_path_factory.mktemp(manifest.id) / "model.onnx"
            write_onnx(module, manifest, graph)
            made[manifest.id] = ExportedNet(module, graph, read_arrays(weights))
        return made[manifest.id]

    return export


def photograph(name: str) -> Image.Image:
    return Image.fromarray(getattr(data, name)()).convert("RGB")


def face_crop(size: int) -> NDArray[np.uint8]:
    return np.asarray(photograph("astronaut").resize((size, size), Image.Resampling.BILINEAR, box=FACE))[None]


@pytest.mark.parametrize("manifest", [PNET, RNET, ONET], ids=lambda one: one.id)
def test_the_published_weights_export_with_parity_on_photographs(exports: ExportNet, manifest: Manifest) -> None:
    exported = exports(manifest)
    sets = [load_photographs(*size)[::3] for size in manifest.input.sizes[:12:6]]  # the large ones take long

    parity = check_parity(exported.module, manifest, exported.graph, sets)

    assert parity.largest_difference <= 1e-3


@pytest.mark.parametrize("size", [(12, 12), (16, 21), (64, 96), (97, 131), (300, 44)], ids=str)
def test_proposals_have_a_cell_for_every_other_pixel(size: tuple[int, int]) -> None:
    with torch.inference_mode():
        face, box = BUILDERS["mtcnn_pnet"]().eval()(torch.zeros(2, 3, *size))

    cells = tuple(ceil((side - 2) / 2) - 4 for side in size)
    assert tuple(face.shape) == (2, *cells)
    assert tuple(box.shape) == (2, *cells, 4)


@pytest.mark.parametrize("size", [(64, 96), (96, 64), (97, 131), (300, 44), (720, 1000)], ids=str)
def test_the_graph_of_proposals_takes_pictures_of_any_size(exports: ExportNet, size: tuple[int, int]) -> None:
    exported = exports(PNET)
    images = load_photographs(*size)[:2]
    with torch.inference_mode():
        wanted = [answer.numpy() for answer in exported.module(torch.from_numpy(images))]

    found = exported.run(images)

    cells = tuple(ceil((side - 2) / 2) - 4 for side in size)
    assert found["face"].shape == (2, *cells)
    assert found["box"].shape == (2, *cells, 4)
    assert max(np.abs(found[name] - one).max() for name, one in zip(("face", "box"), wanted, strict=True)) <= 1e-3


@pytest.mark.parametrize("manifest", [PNET, RNET, ONET], ids=lambda one: one.id)
def test_graph_outputs_have_the_shapes_of_the_manifest(exports: ExportNet, manifest: Manifest) -> None:
    answers = exports(manifest).run(load_photographs(*manifest.input.sizes[0])[:3])

    shapes = {name: answer.shape for name, answer in answers.items()}
    assert shapes.keys() == {output.name for output in manifest.outputs}
    for output in manifest.outputs:
        shape = shapes[output.name]
        named = tuple(
            have if isinstance(want, str) else want for want, have in zip(output.shape, shape[1:], strict=True)
        )
        assert shape == (3, *named)


@pytest.mark.parametrize("manifest", [PNET, RNET, ONET], ids=lambda one: one.id)
def test_weights_of_another_net_are_refused(manifest: Manifest) -> None:
    other = RNET if manifest is ONET else ONET

    with pytest.raises(ExportFailed, match="do not fit"):
        build_net(manifest, Store(Settings().models.store).weights(other))


@pytest.mark.parametrize("net", ["mtcnn_pnet", "mtcnn_rnet", "mtcnn_onet"])
@pytest.mark.parametrize("change", [-1, 1])
def test_a_wrong_number_of_arrays_is_refused(net: str, change: int) -> None:
    module = BUILDERS[net]()
    assert isinstance(module, CascadeNet)
    before = {name: value.clone() for name, value in module.state_dict().items()}
    arrays = [np.ones(1, np.float32)] * (len(before) + change)

    with pytest.raises(RuntimeError, match=f"{len(arrays)} arrays for {len(before)}"):
        module.load_published(arrays)
    assert all(torch.equal(value, before[name]) for name, value in module.state_dict().items())


def test_astronauts_face_is_found_by_all_three(exports: ExportNet) -> None:
    scores = [float(exports(one).run(face_crop(size))["face"].ravel()[0]) for one, size in ((RNET, 24), (ONET, 48))]
    proposal = exports(PNET).run(face_crop(16))["face"].max()

    assert min(*scores, proposal) > 0.95


def test_the_eyes_lie_where_the_photograph_has_them(exports: ExportNet) -> None:
    share = exports(ONET).run(face_crop(48))["landmarks"][0]

    points = np.array(FACE[:2]) + share * (FACE[2] - FACE[0])
    distances = np.linalg.norm(points[:2] - [LEFT_EYE, RIGHT_EYE], axis=1)
    assert distances.max() <= 6


def test_landmarks_lie_in_the_order_of_a_face(exports: ExportNet) -> None:
    left_eye, right_eye, nose, left_mouth, right_mouth = exports(ONET).run(face_crop(48))["landmarks"][0]

    assert max(left_eye[1], right_eye[1]) < nose[1] < min(left_mouth[1], right_mouth[1])
    assert left_mouth[0] < nose[0] < right_mouth[0]


# The nets in NumPy, as the paper and the publisher's Keras models describe them: one image (h, w, channels), float64.


def convolve(x: Numbers, weights: list[Numbers]) -> Numbers:
    kernel, bias = weights.pop(0), weights.pop(0)
    windows = sliding_window_view(x, kernel.shape[:2], axis=(0, 1))  # (H, W, in, h, w)
    return np.einsum("HWchw,hwco->HWo", windows, kernel, dtype=np.float64) + bias


def apply_prelu(x: Numbers, weights: list[Numbers]) -> Numbers:
    return np.where(x > 0, x, x * weights.pop(0).ravel())


def max_pool(x: Numbers, size: int, *, same: bool) -> Numbers:
    """Maxima of `size` x `size` windows every two cells; `same` counts those that reach over the far edges, too."""
    if same:
        over = [max((ceil(side / 2) - 1) * 2 + size - side, 0) for side in x.shape[:2]]
        x = np.pad(x, ((0, over[0]), (0, over[1]), (0, 0)), constant_values=-np.inf)
    return sliding_window_view(x, (size, size), axis=(0, 1))[::2, ::2].max(axis=(3, 4))


def apply_dense(x: Numbers, weights: list[Numbers]) -> Numbers:
    matrix, bias = weights.pop(0), weights.pop(0)
    return x @ matrix.astype(np.float64) + bias


def softmax(x: Numbers) -> Numbers:
    powers = np.exp(x - x.max(axis=-1, keepdims=True))
    return powers[..., 1] / powers.sum(axis=-1)


def run_in_numpy(net: str, image: NDArray[np.uint8], published: Sequence[Numbers]) -> dict[str, Numbers]:
    weights = list(published)
    pools: dict[str, list[tuple[int, bool] | None]] = {
        "pnet": [(2, True), None, None],
        "rnet": [(3, True), (3, False), None],
        "onet": [(3, True), (3, False), (2, False), None],
    }
    x: Numbers = (image.astype(np.float64) - 127.5) / 128
    for pool in pools[net]:
        x = apply_prelu(convolve(x, weights), weights)
        if pool:
            x = max_pool(x, pool[0], same=pool[1])
    if net == "pnet":
        box = convolve(x, weights)
        return {"box": box, "face": softmax(convolve(x, weights))}
    x = apply_prelu(apply_dense(x.swapaxes(0, 1).ravel(), weights), weights)
    answers = {"box": apply_dense(x, weights)}
    if net == "onet":
        answers["landmarks"] = apply_dense(x, weights).reshape(2, 5).T
    return answers | {"face": softmax(apply_dense(x, weights))}


@pytest.mark.parametrize("name", ["astronaut", "cat", "coffee"])
@pytest.mark.parametrize("manifest", [PNET, RNET, ONET], ids=lambda one: one.id)
def test_graphs_agree_with_the_described_nets(exports: ExportNet, manifest: Manifest, name: str) -> None:
    exported = exports(manifest)
    height, width = manifest.input.sizes[0]
    image = np.asarray(photograph(name).resize((width, height), Image.Resampling.BILINEAR, box=FACE))

    found = exported.run(image[None])

    wanted = run_in_numpy(manifest.id.removeprefix("mtcnn-"), image, exported.weights)
    assert {key: value.shape[1:] for key, value in found.items()} == {key: one.shape for key, one in wanted.items()}
    assert max(np.abs(found[key][0] - wanted[key]).max() for key in wanted) < 1e-4
