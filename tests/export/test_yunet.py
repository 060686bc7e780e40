"""YuNet: the published weights are read, the fused heads equal the separate ones, and the graph equals the net."""

from pathlib import Path

import numpy as np
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper, save

from models.export import ServedGraph, build_net, check_parity, load_photographs, write_onnx
from models.nets.onnx_arrays import read_convolutions
from models.nets.yunet import YuNetNet
from models.registry import Catalog
from models.runtime.backends.onnxruntime import OnnxRuntimeSession

YUNET = Catalog.load().get("yunet")


def build_random_net() -> YuNetNet:
    torch.manual_seed(0)
    net = build_net(YUNET, None).eval()
    assert isinstance(net, YuNetNet)
    return net


def test_convolutions_are_read_in_the_order_of_their_nodes(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    arrays = {
        name: rng.random(shape, np.float32) for name, shape in (("b", 2), ("v", (1, 2, 1, 1)), ("w", (2, 3, 3, 3)))
    }
    nodes = [
        helper.make_node("Conv", ["image", "w", "b"], ["x"]),
        helper.make_node("Relu", ["x"], ["y"]),
        helper.make_node("Conv", ["y", "v"], ["out"]),
    ]
    taken, given = (
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, channels, None, None])]
        for name, channels in (("image", 3), ("out", 1))
    )
    constants = [numpy_helper.from_array(array, name) for name, array in arrays.items()]
    save(helper.make_model(helper.make_graph(nodes, "two", taken, given, constants)), tmp_path / "two.onnx")

    found = read_convolutions(tmp_path / "two.onnx")

    assert [array.tolist() for array in found] == [arrays[name].tolist() for name in "wbv"]


def test_published_weights_load_in_order_and_for_rgb() -> None:
    state = build_random_net().state_dict()
    arrays = [
        np.random.default_rng(number).random(tuple(one.shape), np.float32) for number, one in enumerate(state.values())
    ]
    loaded = build_random_net()

    loaded.load_published(arrays)

    taken = [one.numpy() for one in loaded.state_dict().values()]
    assert np.array_equal(taken[0], arrays[0][:, ::-1])
    assert all(np.array_equal(one, other) for one, other in zip(taken[1:], arrays[1:], strict=True))


@pytest.mark.parametrize("change", [-1, 1])
def test_a_wrong_number_of_arrays_is_refused(change: int) -> None:
    count = len(build_random_net().state_dict())

    with pytest.raises(RuntimeError, match=f"{count + change} arrays for {count}"):
        build_random_net().load_published([np.ones(1, np.float32)] * (count + change))


def test_fused_heads_equal_the_separate_heads() -> None:
    module, x = build_random_net(), torch.rand(2, 64, 4, 6)
    with torch.inference_mode():
        fused = module._heads(1, x)
        classes, boxes, objects, landmarks = (one.grids[1](module.shared[1](x)).flatten(2) for one in module.heads)

    assert torch.allclose(fused, torch.cat([classes, objects, boxes, landmarks], dim=1), atol=1e-6)


@pytest.mark.parametrize(("cls", "obj", "score"), [(0.64, 0.999999, 0.8), (0.25, 0.25, 0.25), (0.01, 0.81, 0.09)])
def test_the_score_is_the_geometric_mean_of_class_and_objectness(cls: float, obj: float, score: float) -> None:
    module = build_random_net()
    with torch.inference_mode():
        for heads, share in ((module.heads[0], cls), (module.heads[2], obj)):
            for grid in heads.grids:
                grid.within.weight.zero_()
                grid.within.bias.fill_(np.log(share / (1 - share)))
        scores, _ = module(torch.zeros(1, 3, 64, 64))

    assert scores.numpy() == pytest.approx(score, abs=1e-5)


def test_the_graph_has_parity_on_photographs_of_several_sizes(tmp_path: Path) -> None:
    module = ServedGraph(build_random_net(), YUNET.input).eval()
    write_onnx(module, YUNET, tmp_path / "model.onnx")

    sets = [load_photographs(*size)[::5] for size in ((64, 64), (96, 160), (320, 224))]

    assert check_parity(module, YUNET, tmp_path / "model.onnx", sets).largest_difference <= 1e-3


@pytest.mark.parametrize("size", [(64, 64), (96, 160)], ids=str)
def test_each_cell_of_three_strides_has_a_score_and_offsets(tmp_path: Path, size: tuple[int, int]) -> None:
    write_onnx(ServedGraph(build_random_net(), YUNET.input).eval(), YUNET, tmp_path / "model.onnx")

    answers = OnnxRuntimeSession(tmp_path / "model.onnx", device="cpu").run({"image": load_photographs(*size)[:2]})

    cells = sum((size[0] // stride) * (size[1] // stride) for stride in (8, 16, 32))
    assert {name: one.shape for name, one in answers.items()} == {"scores": (2, cells), "offsets": (2, 14, cells)}
