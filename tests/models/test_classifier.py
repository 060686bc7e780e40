"""A classifier is read out of its graph, and accepted only if the graph computes what the manifest says."""

from pathlib import Path
from typing import Any

import pytest

from models.classifier import Classifier
from models.errors import ExplanationUnavailable
from models.manifest import Manifest
from models.registry import Catalog
from models.runtime.backends.onnxruntime import OnnxRuntimeSession
from models.store.store import Store
from service.settings import load_settings
from tests.models.tiny_graphs import CLASSIFIER, image, make_manifest, write_classifier_graph


def manifest_with_classifier(path: Path, **changes: Any) -> Manifest:
    return make_manifest(path, classifier=CLASSIFIER | changes)


@pytest.fixture
def graph(tmp_path: Path) -> Path:
    return write_classifier_graph(tmp_path / "model.onnx")


def test_mean_and_linear_layer_give_the_graphs_own_logits(graph: Path) -> None:
    manifest = manifest_with_classifier(graph)
    classifier = Classifier.load(manifest, graph)
    rows = OnnxRuntimeSession(graph, device="cpu", extra_outputs=manifest.undeclared_outputs).run(
        {"image": image(3)["image"][None]}
    )
    outputs = {name: values[0] for name, values in rows.items()}
    logits = classifier.weight @ classifier.grid(outputs).mean((0, 1)) + classifier.bias

    assert logits == pytest.approx(classifier.logits(outputs), abs=1e-4)


@pytest.mark.parametrize("name", ["efficientnet-lite0", "opennsfw"])
def test_the_built_in_classifiers_pass(name: str) -> None:
    manifest = Catalog.load().get(name)
    classifier = Classifier.load(manifest, Store(load_settings().models.store).graph(manifest))

    assert classifier.weight.shape == ((1000, 1280) if name == "efficientnet-lite0" else (2, 1024))


def test_two_layers_behind_the_mean_are_refused(tmp_path: Path) -> None:
    graph = write_classifier_graph(tmp_path / "model.onnx", layers=2)

    with pytest.raises(ExplanationUnavailable, match="there is more behind its grid"):
        Classifier.load(manifest_with_classifier(graph), graph)


WRONG = {
    "transposed": ({"weight_layout": "classes-first"}, "there is more behind its grid"),
    "other bias": ({"bias": "axes"}, "shape"),
    "other logits": ({"logits": "embedding"}, "there is more behind its grid"),
    "axes that are mixed up": ({"grid_layout": "NCHW"}, "shape"),
    "missing": ({"weight": "no such tensor"}, "no such tensor"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_manifest_that_is_wrong_about_its_graph_is_refused(graph: Path, name: str) -> None:
    changes, why = WRONG[name]

    with pytest.raises(ExplanationUnavailable, match=why):
        Classifier.load(manifest_with_classifier(graph, **changes), graph)


def test_a_model_without_a_classifier_is_refused(graph: Path) -> None:
    with pytest.raises(ExplanationUnavailable, match=r"no \[classifier\]"):
        Classifier.load(make_manifest(graph), graph)


def test_only_undeclared_tensors_are_added_to_the_outputs(graph: Path) -> None:
    assert manifest_with_classifier(graph).undeclared_outputs == ("cells", "scores")
    assert manifest_with_classifier(graph, logits="embedding").undeclared_outputs == ("cells",)
    assert make_manifest(graph).undeclared_outputs == ()
