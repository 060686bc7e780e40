"""NSFWJS: the reader of TensorFlow.js weights, and the same probabilities as TensorFlow.js."""

import base64
import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import torch

from models.errors import ExportFailed, ModelMissing
from models.export import build_net, load_photographs
from models.nets.nsfwjs import CLASSES, NsfwjsNet
from models.nets.tfjs_arrays import InvalidTfjsModel, read_tfjs_weights
from models.registry import Catalog
from models.store.store import Store
from pipelines.moderation.signals.nsfw_classes import CLASSES as signal_classes
from service.settings import Settings

MANIFEST = Catalog.load().get("nsfwjs")
REFERENCE = Path(__file__).with_name("nsfwjs_reference.js")


def write_bundles(path: Path, tensors: str, data: bytes) -> Path:
    """A model and one shard, as TensorFlow.js models are bundled."""
    shard = base64.b64encode(data).decode()
    path.write_text(f'a.exports={{weightsManifest:[{{paths:["s"],weights:[{tensors}]}}]}}\nh.exports="{shard}"\n')
    return path


def tensor(name: str, shape: str, minimum: str, scale: str) -> str:
    return (
        f'{{name:"{name}",shape:[{shape}],dtype:"float32",quantization:{{min:{minimum},scale:{scale},dtype:"uint8"}}}}'
    )


def test_weights_are_dequantised_in_order(tmp_path: Path) -> None:
    tensors = ",".join([tensor("a/kernel", "2,2", "-.5", ".25"), tensor("b", "1", "1", "5e-1")])

    weights = read_tfjs_weights(write_bundles(tmp_path / "w.js", tensors, bytes([0, 1, 2, 4, 3])))

    assert weights["a/kernel"].tolist() == [[-0.5, -0.25], [0.0, 0.5]]
    assert weights["b"].tolist() == [2.5]


@pytest.mark.parametrize("data", [b"\0\0\0", b"\0" * 6], ids=["too short", "too long"])
def test_weights_that_do_not_fill_the_tensors_are_refused(tmp_path: Path, data: bytes) -> None:
    path = write_bundles(tmp_path / "w.js", tensor("a", "5", "0", "1"), data)

    with pytest.raises(InvalidTfjsModel):
        read_tfjs_weights(path)


def test_a_file_without_a_model_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "w.js"
    path.write_text("alert(1)")

    with pytest.raises(InvalidTfjsModel):
        read_tfjs_weights(path)


def test_weights_of_another_net_fail_the_export(tmp_path: Path) -> None:
    path = write_bundles(tmp_path / "w.js", tensor("Conv1/kernel", "1", "0", "1"), b"\0")

    with pytest.raises(ExportFailed, match="do not fit"):
        build_net(MANIFEST, path)


def test_the_net_has_the_published_number_of_parameters() -> None:
    assert sum(parameter.numel() for parameter in NsfwjsNet().parameters()) == 2_223_872 + 361_477  # MobileNetV2, dense


def find_published_weights() -> Path:
    try:
        return Store(Settings().models.store).weights(MANIFEST)
    except ModelMissing as missing:
        pytest.skip(str(missing))


def has_tensorflow_js() -> bool:
    node = shutil.which("node")
    command = [node or "", "-e", 'require.resolve("@tensorflow/tfjs")']
    return node is not None and not subprocess.run(command, capture_output=True, check=False).returncode


@pytest.mark.skipif(not has_tensorflow_js(), reason="no Node with @tensorflow/tfjs in NODE_PATH")
def test_probabilities_are_those_of_tensorflow_js(tmp_path: Path) -> None:
    published = find_published_weights()
    text = published.read_text()
    second = text.rindex("!function")  # where the shard's bundle begins
    (tmp_path / "model.js").write_text(text[:second])
    (tmp_path / "shard.js").write_text(text[second:])
    images = load_photographs(224, 224)[::3]
    (tmp_path / "pixels").write_bytes(images.tobytes())
    command = ["node", str(REFERENCE), *map(str, (tmp_path / "model.js", tmp_path / "shard.js", tmp_path / "pixels"))]

    answer = subprocess.run([*command, str(len(images))], capture_output=True, text=True, check=True)

    net = build_net(MANIFEST, published).eval()
    with torch.inference_mode():
        [logits] = net(torch.from_numpy(images).permute(0, 3, 1, 2) / 255)
    wanted = np.array(json.loads(answer.stdout.strip().splitlines()[-1]))
    assert np.abs(torch.softmax(logits, 1).numpy() - wanted).max() < 1e-4


def test_the_signal_names_the_classes_in_the_nets_order() -> None:
    assert signal_classes == CLASSES
