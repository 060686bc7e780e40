"""A look at a model finds damage where it is, and none where there is none."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
import skimage.data
from onnx import numpy_helper
from PIL import Image

from models.kernels.activation_probe import Microscope
from models.kernels.baseline import make_profile
from models.kernels.health import LayerHealth
from models.kernels.inspection import look, look_at
from models.manifest import Manifest
from models.registry import Catalog
from models.store.store import Store
from service.settings import load_settings
from tests.models.kernels.conv_graphs import KERNELS, Floats, first_kernels, net_manifest, write_net
from tests.models.tiny_graphs import store_with


@pytest.fixture
def manifest(tmp_path: Path) -> Manifest:
    return net_manifest(write_net(tmp_path / "published.onnx"))


@pytest.fixture
def store(tmp_path: Path, manifest: Manifest) -> Store:
    return store_with(tmp_path / "store", manifest)


def first(store: Store, manifest: Manifest) -> LayerHealth:
    return look(store, manifest).layers[0]


def test_a_model_that_is_as_it_was_has_no_drift_and_its_kernels_live(store: Store, manifest: Manifest) -> None:
    make_profile(store, manifest)
    health = look(store, manifest)

    assert [(one.name, one.drift, one.dead) for one in health.layers] == [("first", 0, []), ("second", 0, [])]


def zeroed(kernels: Floats) -> Floats:
    kernels[[1, 4]] = 0
    return kernels


def scaled(kernels: Floats) -> Floats:
    kernels[2] *= 3
    return kernels


def turned(kernels: Floats) -> Floats:
    return kernels[::-1].copy()


@pytest.mark.parametrize(("damage", "dead"), [(zeroed, [1, 4]), (scaled, []), (turned, [])])
def test_damaged_kernels_are_dead_or_have_moved(
    store: Store, manifest: Manifest, damage: Callable[[Floats], Floats], dead: list[int]
) -> None:
    make_profile(store, manifest)
    write_net(store.folder(manifest) / "model.onnx", damage(first_kernels()))
    found = first(store, manifest)

    assert found.drift is not None
    assert (found.dead, found.dead_share, found.drift > 0.2) == (dead, len(dead) / KERNELS, True)


def test_kernels_that_a_bias_holds_at_zero_or_at_the_limit_are_dead_and_the_limit_is_seen(
    store: Store, manifest: Manifest
) -> None:
    write_net(store.folder(manifest) / "model.onnx", biases=(-1000, 1000, 0, 0, 0, 0))
    found = first(store, manifest)

    assert (found.dead, found.high, found.low) == ([0, 1], 6, 0)
    assert found.saturated_share == pytest.approx(1 / KERNELS, abs=0.05)


def test_damage_never_becomes_the_norm(store: Store, manifest: Manifest) -> None:
    write_net(store.folder(manifest) / "model.onnx", zeroed(first_kernels()))
    found = first(store, manifest)

    assert (found.drift, found.dead, store.profile(manifest)) == (None, [1, 4], None)


def test_traffic_has_a_drift_of_its_own_that_tells_photographs_from_noise(store: Store, manifest: Manifest) -> None:
    microscope = Microscope.open(manifest, store.graph(manifest))
    noise = np.random.default_rng(4).integers(0, 256, (160, 160, 3), np.uint8)
    pictures = {name: Image.fromarray(one) for name, one in (("cat", skimage.data.cat()), ("noise", noise))}  # type: ignore[no-untyped-call]
    seen = {name: look(store, manifest, look_at(microscope, [one])).layers[0] for name, one in pictures.items()}
    photograph, other, alone = seen["cat"].traffic_drift, seen["noise"].traffic_drift, first(store, manifest)

    assert photograph is not None
    assert other is not None
    assert 0 < photograph < 1 < other
    assert (alone.traffic_drift, seen["noise"].drift) == (None, 0)


@pytest.mark.parametrize("name", ["efficientnet-lite0", "opennsfw"])
def test_a_layer_of_a_real_model_that_lost_its_weights_is_found(tmp_path: Path, name: str) -> None:
    manifest, installed = Catalog.load().get(name), Store(load_settings().store)
    store = Store(tmp_path)
    shutil.copytree(installed.folder(manifest), store.folder(manifest))
    make_profile(store, manifest)
    before = look(store, manifest)
    path = store.graph(manifest)
    model = onnx.load(str(path))
    [*convolutions] = [node for node in model.graph.node if node.op_type == "Conv"]
    lost = convolutions[4].input[1]
    [weights] = [one for one in model.graph.initializer if one.name == lost]
    weights.CopyFrom(numpy_helper.from_array(np.zeros_like(numpy_helper.to_array(weights)), lost))
    onnx.save(model, str(path))
    after = look(store, manifest)
    drifts = [one.drift for one in after.layers if one.drift is not None]

    assert {one.drift for one in before.layers} == {0}
    assert (drifts[:4], drifts[4] > 0.5, min(drifts[4:]) > 0) == ([0] * 4, True, True)
    assert (before.layers[4].dead_share < 0.2, after.layers[4].dead_share) == (True, 1)


def test_a_profile_of_another_graph_is_made_anew(store: Store, manifest: Manifest, tmp_path: Path) -> None:
    make_profile(store, manifest)
    other = net_manifest(write_net(tmp_path / "published.onnx", turned(first_kernels())))
    store.pull(other, force=True, progress=lambda *_: None)

    assert first(store, other).drift == 0
