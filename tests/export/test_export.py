"""Export: PyTorch and ONNX Runtime give the same outputs, or nothing is stored."""

import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from models.classifier import Classifier
from models.errors import DeviceUnavailable, ExportFailed, ModelMissing
from models.export import (
    ParityMeasurement,
    ServedGraph,
    build_net,
    check_parity,
    export_model,
    load_photographs,
    write_onnx,
)
from models.manifest import Manifest
from models.registry import Catalog
from models.runtime.backends.onnxruntime import OnnxRuntimeSession
from models.store.sources import hash_file
from models.store.store import Store
from service.settings import Settings

LITE0 = Catalog.load().get("efficientnet-lite0")
TORCHVISION = [one for one in Catalog.load() if one.file.sources[0].kind == "torchvision"]


def ignore_progress(step: str, done: int, total: int | None) -> None:
    """A progress callback that does nothing."""


def with_local_file(manifest: Manifest, path: Path) -> Manifest:
    """`manifest` with a local file as its only source."""
    source = {"kind": "file", "path": str(path)}
    file = {"format": "torch", "sha256": hash_file(path), "sources": [source]}
    return Manifest.model_validate(manifest.model_dump() | {"file": file})


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


@pytest.fixture(scope="module")
def lite0() -> Manifest:
    """EfficientNet-Lite0 with the real weights, from wherever `make setup` put them."""
    return with_local_file(LITE0, Store(Settings().models.store).weights(LITE0))


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory, lite0: Manifest) -> Store:
    store = Store(tmp_path_factory.mktemp("store"))
    store.pull(lite0, progress=ignore_progress)
    export_model(store, lite0, device="cpu")
    return store


def test_lite0_exports_with_parity_on_photographs(exported: Store, lite0: Manifest) -> None:
    parity = ParityMeasurement.model_validate_json((exported.folder(lite0) / "parity.json").read_text())

    assert parity.max_difference["logits"] <= 1e-3
    assert parity.top1_changes == 0
    assert exported.state(lite0) == "ready"


def test_an_exported_model_is_traceable(exported: Store, lite0: Manifest) -> None:
    record = exported.record(lite0)

    assert record is not None
    assert record.exported_with.keys() >= {"torch", "onnx", "onnxscript", "onnxruntime", "device", "opset"}
    assert record.files.keys() == {"weights.pth", "model.onnx", "parity.json"}
    assert exported.verify(lite0) == []


@pytest.mark.parametrize("manifest", TORCHVISION, ids=lambda one: one.id)
def test_torchvision_architectures_export_with_parity_on_random_weights(tmp_path: Path, manifest: Manifest) -> None:
    torch.manual_seed(0)
    module = ServedGraph(build_net(manifest, None), manifest.input).eval()

    write_onnx(module, manifest, tmp_path / "model.onnx")
    parity = check_parity(module, manifest, tmp_path / "model.onnx", [load_photographs(*manifest.input.sizes[0])[::9]])

    assert parity.largest_difference <= 1e-3


def test_lite0s_classifier_is_found_in_a_fresh_export(exported: Store, lite0: Manifest) -> None:
    classifier = Classifier.load(lite0, exported.graph(lite0))

    assert classifier.weight.shape == (1000, 1280)
    assert classifier.bias.shape == (1000,)


@pytest.mark.parametrize("manifest", [one for one in TORCHVISION if one.classifier], ids=lambda one: one.id)
def test_torchvisions_classifiers_are_where_their_manifests_say(tmp_path: Path, manifest: Manifest) -> None:
    torch.manual_seed(0)
    net = build_net(manifest, None)
    for name, parameter in net.named_parameters():
        if name.endswith("bias"):  # random nets have zeros there, which the exporter keeps once for all layers
            torch.nn.init.normal_(parameter, std=0.02)

    write_onnx(ServedGraph(net, manifest.input).eval(), manifest, tmp_path / "model.onnx")

    assert Classifier.load(manifest, tmp_path / "model.onnx").weight.shape == (1000, manifest.outputs[0].shape[0])


def test_the_graph_takes_any_number_of_uint8_images(exported: Store, lite0: Manifest) -> None:
    session = OnnxRuntimeSession(exported.graph(lite0), device="cpu")

    shapes = [session.run({"image": np.zeros((n, 224, 224, 3), np.uint8)})["logits"].shape for n in (1, 3, 17)]

    assert shapes == [(1, 1000), (3, 1000), (17, 1000)]


def test_a_graph_that_differs_fails_the_export(exported: Store, lite0: Manifest) -> None:
    damaged = build_net(lite0, exported.weights(lite0))
    with torch.no_grad():
        next(damaged.parameters())[0, 0, 0, 0] += 0.1
    right = ServedGraph(damaged, lite0.input).eval()
    graph = exported.graph(lite0)

    with pytest.raises(ExportFailed, match="differs from PyTorch"):
        check_parity(right, lite0, graph, [load_photographs(224, 224)[:8]])


def test_weights_of_another_net_are_refused(store: Store, tmp_path: Path) -> None:
    torch.save(torch.nn.Linear(2, 2).state_dict(), tmp_path / "other.pth")
    manifest = with_local_file(LITE0, tmp_path / "other.pth")
    store.pull(manifest, progress=ignore_progress)

    with pytest.raises(ExportFailed, match="do not fit"):
        export_model(store, manifest, device="cpu")


class MaliciousPickle:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return Path.touch, (Path("/tmp/kernelsight-was-here"),)  # type: ignore[return-value]


def test_a_pickle_with_code_is_refused_and_not_executed(store: Store, tmp_path: Path) -> None:
    trace = Path("/tmp/kernelsight-was-here")
    trace.unlink(missing_ok=True)
    (tmp_path / "evil.pth").write_bytes(pickle.dumps(MaliciousPickle()))
    manifest = with_local_file(LITE0, tmp_path / "evil.pth")
    store.pull(manifest, progress=ignore_progress)

    with pytest.raises(ExportFailed):
        export_model(store, manifest, device="cpu")

    assert not trace.exists()


def test_without_weights_the_export_names_the_pull_command(store: Store) -> None:
    with pytest.raises(ModelMissing, match="kernelsight models pull efficientnet-lite0"):
        export_model(store, LITE0, device="cpu")


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has CUDA, so asking for it is no error")
def test_asking_for_cuda_where_there_is_none_is_an_error(store: Store, lite0: Manifest) -> None:
    store.pull(lite0, progress=ignore_progress)

    with pytest.raises(DeviceUnavailable):
        export_model(store, lite0, device="cuda")


def test_parity_is_judged_on_real_photographs() -> None:
    images = load_photographs(64, 48)

    assert images.shape[1:] == (64, 48, 3)
    assert str(images.dtype) == "uint8"
    assert len({image.tobytes() for image in images}) == len(images)


def test_serving_does_not_import_torch_even_where_it_is_installed() -> None:
    heavy = "{'torch', 'torchvision', 'onnx'}"
    code = f"import sys, service.http.app, service.cli; print(sorted({heavy} & sys.modules.keys()))"

    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "[]"
