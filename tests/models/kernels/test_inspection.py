"""An inspection finds damaged layers, and none in an undamaged model."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
import skimage.data
from onnx import numpy_helper
from PIL import Image

from models.kernels.activation_probe import ActivationProbe
from models.kernels.baseline import create_baseline
from models.kernels.health import LayerHealth
from models.kernels.inspection import inspect_kernels, measure_pictures
from models.manifest import Manifest
from models.registry import Catalog
from models.store.store import BASELINE_FILE, Store
from service.settings import load_settings
from tests.models.kernels.conv_graphs import KERNELS, Floats, first_kernels, net_manifest, write_net
from tests.models.tiny_graphs import fill_store


@pytest.fixture
def manifest(tmp_path: Path) -> Manifest:
    return net_manifest(write_net(tmp_path / "published.onnx"))


@pytest.fixture
def store(tmp_path: Path, manifest: Manifest) -> Store:
    return fill_store(tmp_path / "store", manifest)


def inspect_first_layer(store: Store, manifest: Manifest) -> LayerHealth:
    return inspect_kernels(store, manifest).layers[0]


def test_an_unchanged_model_has_no_drift_and_no_dead_kernels(store: Store, manifest: Manifest) -> None:
    create_baseline(store, manifest)
    health = inspect_kernels(store, manifest)

    assert [(one.name, one.drift, one.dead) for one in health.layers] == [("first", 0, []), ("second", 0, [])]


def zero_some(kernels: Floats) -> Floats:
    kernels[[1, 4]] = 0
    return kernels


def scale_one(kernels: Floats) -> Floats:
    kernels[2] *= 3
    return kernels


def reverse_order(kernels: Floats) -> Floats:
    return kernels[::-1].copy()


@pytest.mark.parametrize(("damage", "dead"), [(zero_some, [1, 4]), (scale_one, []), (reverse_order, [])])
def test_damaged_kernels_are_dead_or_have_moved(
    store: Store, manifest: Manifest, damage: Callable[[Floats], Floats], dead: list[int]
) -> None:
    create_baseline(store, manifest)
    write_net(store.folder(manifest) / "model.onnx", damage(first_kernels()))
    found = inspect_first_layer(store, manifest)

    assert found.drift is not None
    assert found.dead == dead
    assert found.dead_share == len(dead) / KERNELS
    assert found.drift > 0.2


def test_kernels_held_at_zero_or_at_the_ceiling_are_dead(store: Store, manifest: Manifest) -> None:
    write_net(store.folder(manifest) / "model.onnx", biases=(-1000, 1000, 0, 0, 0, 0))
    found = inspect_first_layer(store, manifest)

    assert found.dead == [0, 1]
    assert found.high == 6
    assert found.low == 0
    assert found.saturated_share == pytest.approx(1 / KERNELS, abs=0.05)


def test_damage_never_becomes_the_norm(store: Store, manifest: Manifest) -> None:
    write_net(store.folder(manifest) / "model.onnx", zero_some(first_kernels()))
    found = inspect_first_layer(store, manifest)

    assert found.drift is None
    assert found.dead == [1, 4]
    assert store.read_derived(manifest, BASELINE_FILE) == []


def test_traffic_drift_tells_photographs_from_noise(store: Store, manifest: Manifest) -> None:
    probe = ActivationProbe.open(manifest, store.graph(manifest))
    noise = np.random.default_rng(4).integers(0, 256, (160, 160, 3), np.uint8)
    pictures = {name: Image.fromarray(one) for name, one in (("cat", skimage.data.cat()), ("noise", noise))}  # type: ignore[no-untyped-call]
    healths = {
        name: inspect_kernels(store, manifest, measure_pictures(probe, [one])).layers[0]
        for name, one in pictures.items()
    }
    photograph, noise_drift = healths["cat"].traffic_drift, healths["noise"].traffic_drift

    assert photograph is not None
    assert noise_drift is not None
    assert 0 < photograph < 1 < noise_drift
    assert inspect_first_layer(store, manifest).traffic_drift is None
    assert healths["noise"].drift == 0


@pytest.mark.parametrize("name", ["efficientnet-lite0", "opennsfw"])
def test_a_real_models_layer_with_lost_weights_is_found(tmp_path: Path, name: str) -> None:
    manifest, installed = Catalog.load().get(name), Store(load_settings().models.store)
    store = Store(tmp_path)
    shutil.copytree(installed.folder(manifest), store.folder(manifest))
    create_baseline(store, manifest)
    before = inspect_kernels(store, manifest)
    path = store.graph(manifest)
    model = onnx.load(str(path))
    [*convolutions] = [node for node in model.graph.node if node.op_type == "Conv"]
    lost = convolutions[4].input[1]
    [weights] = [one for one in model.graph.initializer if one.name == lost]
    weights.CopyFrom(numpy_helper.from_array(np.zeros_like(numpy_helper.to_array(weights)), lost))
    onnx.save(model, str(path))
    after = inspect_kernels(store, manifest)
    drifts = [one.drift for one in after.layers if one.drift is not None]

    assert {one.drift for one in before.layers} == {0}
    assert drifts[:4] == [0] * 4
    assert drifts[4] > 0.5
    assert min(drifts[4:]) > 0
    assert before.layers[4].dead_share < 0.2
    assert after.layers[4].dead_share == 1


def test_a_baseline_of_another_graph_is_recreated(store: Store, manifest: Manifest, tmp_path: Path) -> None:
    create_baseline(store, manifest)
    other = net_manifest(write_net(tmp_path / "published.onnx", reverse_order(first_kernels())))
    store.pull(other, force=True, progress=lambda *_: None)

    assert inspect_first_layer(store, other).drift == 0
