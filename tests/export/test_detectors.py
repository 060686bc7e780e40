"""YOLOX and PicoDet: weights load in the published order and for RGB, boxes are decoded, and graphs equal the nets."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from onnx import TensorProto, helper, numpy_helper, save
from torch import nn

from models.export import ServedGraph, build_net, check_parity, load_photographs, write_onnx
from models.nets import BUILDERS
from models.nets.detection import cell_corners, join_grids
from models.nets.onnx_arrays import read_convolutions
from models.nets.picodet import PicoDetNet, PicoHead, ShuffleBlock
from models.nets.yolox import PyramidPooling, Stem, YoloxHead, YoloxNet
from models.registry import Catalog
from models.runtime.backends.onnxruntime import OnnxRuntimeSession

CATALOG = Catalog.load()
DETECTORS = ("yolox-nano", "picodet-s")
SHARED = Path(__file__).parents[2].parent / "shared" / "eval" / "weights"


def build_random_net(name: str) -> nn.Module:
    torch.manual_seed(0)
    return build_net(CATALOG.get(name), None).eval()


@pytest.mark.parametrize("name", DETECTORS)
def test_published_weights_load_in_order_and_for_rgb(name: str) -> None:
    net, arrays = build_random_net(name), random_arrays(name)
    assert isinstance(net, YoloxNet | PicoDetNet)

    net.load_published(arrays)

    first, *others = (one.numpy() for one in net.state_dict().values())
    colours = first.reshape(len(first), -1, 3, 3, 3)  # the squares' pixels, then colours
    assert np.array_equal(colours, arrays[0].reshape(colours.shape)[:, :, ::-1])
    assert all(np.array_equal(one, other) for one, other in zip(others, arrays[1:], strict=True))


@pytest.mark.parametrize("name", DETECTORS)
def test_a_wrong_number_of_arrays_is_refused(name: str) -> None:
    net = build_random_net(name)
    assert isinstance(net, YoloxNet | PicoDetNet)

    with pytest.raises(RuntimeError, match="arrays for"):
        net.load_published(random_arrays(name)[:-1])


def random_arrays(name: str) -> list[np.ndarray]:
    state = build_random_net(name).state_dict().values()
    return [np.random.default_rng(number).random(tuple(one.shape), np.float32) for number, one in enumerate(state)]


def test_constants_of_nodes_are_read_as_weights(tmp_path: Path) -> None:
    kernels, bias = np.ones((1, 1, 1, 1), np.float32), np.array([0.5], np.float32)
    nodes = [
        helper.make_node("Constant", [], ["b"], value=numpy_helper.from_array(bias)),
        helper.make_node("Conv", ["image", "w", "b"], ["out"]),
    ]
    image, out = (helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 1, 4, 4]) for name in ("image", "out"))
    graph = helper.make_graph(nodes, "one", [image], [out], [numpy_helper.from_array(kernels, "w")])
    save(helper.make_model(graph), tmp_path / "one.onnx")

    assert [one.tolist() for one in read_convolutions(tmp_path / "one.onnx")] == [kernels.tolist(), [0.5]]


def test_the_stem_equals_slices_and_a_convolution() -> None:
    torch.manual_seed(0)
    stem, images = Stem(8), torch.rand(2, 3, 32, 64)
    slices = [images[..., row::2, column::2] for column in (0, 1) for row in (0, 1)]
    published = F.silu(F.conv2d(torch.cat(slices, dim=1), stem.conv.weight, stem.conv.bias, padding=1))

    assert torch.allclose(stem(images), published, atol=1e-5)


def test_pooling_in_steps_equals_large_windows() -> None:
    torch.manual_seed(0)
    pooling, x = PyramidPooling(8), torch.rand(1, 8, 17, 13)
    entered = pooling.enter(x)
    windows = [F.max_pool2d(entered, side, stride=1, padding=side // 2) for side in (5, 9, 13)]

    assert torch.equal(pooling(x), pooling.leave(torch.cat([entered, *windows], dim=1)))


def test_a_yolox_box_is_a_centre_and_the_logarithms_of_its_sides() -> None:
    head = silence(YoloxHead(16, 16, is_separable=True))
    set_bias(head.box, [0.5, 0.25, np.log(2), np.log(4)])
    set_bias(head.objectness, [0.0])

    boxes, scores = head(torch.rand(1, 16, 2, 3), 8)

    # The cell in row 1 and column 2: its corner is (16, 8), the centre (20, 10), the sides 16 and 32.
    assert boxes[0, :, 5].tolist() == pytest.approx([12, -6, 28, 26])
    assert scores[0, :, 5] == pytest.approx(0.5 * 0.5)


def test_a_picodet_box_is_the_mean_distances_from_the_centre() -> None:
    head = silence(PicoHead())
    shares = np.full((4, 8), -50.0)
    shares[0, 0] = shares[1, 7] = shares[2, 2] = 0.0
    shares[3, 3] = shares[3, 4] = 0.0
    set_bias(head.outputs, [0.0] * 80 + shares.ravel().tolist())

    boxes, scores = head(torch.rand(1, 96, 2, 3), 16)

    # The middle of the cell in row 1 and column 2 is (40, 24); the distances are 0, 7, 2 and 3.5 strides.
    assert boxes[0, :, 5].tolist() == pytest.approx([40, 24 - 7 * 16, 40 + 2 * 16, 24 + 3.5 * 16])
    assert scores[0, :, 5] == pytest.approx(0.5)


def silence(module: nn.Module) -> nn.Module:
    for one in module.parameters():
        nn.init.zeros_(one)
    return module.requires_grad_(False)


def set_bias(conv: nn.Module, values: Sequence[float]) -> None:
    assert isinstance(conv, nn.Conv2d)
    assert conv.bias is not None
    conv.bias.copy_(torch.tensor(values))


def test_a_shuffle_block_interleaves_its_halves() -> None:
    block, x = ShuffleBlock(8, 4), torch.rand(1, 8, 3, 3)

    assert torch.equal(block(x)[:, 0::2], x[:, :4])


def test_boxes_are_shares_of_the_images_sides() -> None:
    boxes = torch.tensor([[8.0], [4.0], [32.0], [16.0]])[None]

    shares, scores = join_grids([(boxes, torch.rand(1, 80, 1))] * 2, torch.zeros(1, 3, 32, 64))

    assert shares.tolist() == [[[0.125, 0.125, 0.5, 0.5]] * 2]
    assert scores.shape == (1, 2, 80)


def test_cells_are_counted_row_by_row() -> None:
    assert cell_corners(torch.zeros(1, 4, 2, 3), 8).tolist() == [[0, 8, 16, 0, 8, 16], [0, 0, 0, 8, 8, 8]]


@pytest.mark.parametrize("name", DETECTORS)
def test_the_graph_equals_the_net_at_every_kind_of_size(name: str, tmp_path: Path) -> None:
    manifest = CATALOG.get(name)
    module = ServedGraph(build_random_net(name), manifest.input).eval()
    write_onnx(module, manifest, tmp_path / "graph.onnx")
    sizes = manifest.input.sizes[:: max(1, len(manifest.input.sizes) // 3)]

    parity = check_parity(module, manifest, tmp_path / "graph.onnx", (load_photographs(*size)[::9] for size in sizes))
    outputs = OnnxRuntimeSession(tmp_path / "graph.onnx", device="cpu").run({"image": load_photographs(*sizes[0])[:1]})

    assert parity.is_within_limit
    assert outputs["boxes"].shape[2] == 4
    assert outputs["scores"].shape[2] == 80


@pytest.mark.parametrize(("name", "parameters"), [("yolox_nano", 0.91), ("yolox_s", 8.97), ("yolox_m", 25.33)])
def test_yolox_has_its_published_number_of_parameters(name: str, parameters: float) -> None:
    """In millions. Batch normalisation, which adds a parameter for each channel, is folded here."""
    net = BUILDERS[name]()

    assert sum(one.numel() for one in net.parameters()) / 1e6 == pytest.approx(parameters, rel=0.01)


@pytest.mark.skipif(not SHARED.is_dir(), reason="no published weights beside this checkout")
@pytest.mark.parametrize(
    ("name", "file"), [("yolox-nano", "yolox_nano.onnx"), ("picodet-s", "picodet_s_416_coco.onnx")]
)
def test_the_net_equals_the_published_graph(name: str, file: str) -> None:
    """On random pixels, at the published size: class scores, and boxes decoded here by the published rules."""
    manifest, pixels = CATALOG.get(name), np.random.default_rng(0).integers(0, 256, (1, 416, 416, 3), np.uint8)
    net = build_net(manifest, SHARED / file).eval()
    with torch.inference_mode():
        boxes, scores = ServedGraph(net, manifest.input)(torch.from_numpy(pixels))

    normalised = (pixels[..., ::-1] - np.array(manifest.input.mean[::-1])) / np.array(manifest.input.std[::-1])
    session = OnnxRuntimeSession(SHARED / file, device="cpu")
    planes = np.ascontiguousarray(normalised.transpose(0, 3, 1, 2), np.float32)
    published = session.run({session.input_names[0]: planes})
    wanted_boxes, wanted_scores = decode_yolox(published) if name == "yolox-nano" else decode_picodet(published)

    assert np.abs(scores[0].numpy() - wanted_scores).max() < 1e-4
    assert np.abs(boxes[0].numpy() * 416 - wanted_boxes).max() < 0.05


def decode_yolox(outputs: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    [[rows]] = outputs.values()
    cells, strides = grid((8, 16, 32))
    centres, sides = (rows[:, :2] + cells) * strides, np.exp(rows[:, 2:4]) * strides
    return np.concatenate([centres - sides / 2, centres + sides / 2], axis=1), rows[:, 4:5] * rows[:, 5:]


def decode_picodet(outputs: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    parts = [one[0] for one in outputs.values()]
    cells, strides = grid((8, 16, 32, 64))
    weights = np.exp(np.concatenate(parts[4:]).reshape(-1, 4, 8))
    distances = (weights @ np.arange(8)) / weights.sum(axis=2) * strides
    centres = (cells + 0.5) * strides
    boxes = np.concatenate([centres - distances[:, :2], centres + distances[:, 2:]], axis=1)
    return boxes, np.concatenate(parts[:4])


def grid(strides: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
    sides = [-(-416 // stride) for stride in strides]
    cells = [np.indices((side, side))[::-1].reshape(2, -1).T for side in sides]
    return np.concatenate(cells), np.concatenate(
        [np.full((side * side, 1), stride) for side, stride in zip(sides, strides, strict=True)]
    )
