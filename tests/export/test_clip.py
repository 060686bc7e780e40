"""CLIP: the same embeddings as open-clip's, and exports from an archive as OpenAI publishes it."""

from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from models.errors import ExportFailed, SourceFailed
from models.export import build_net, draw_token_ids, export_model
from models.manifest import MANIFESTS, Manifest, TextManifest
from models.nets import BUILDERS
from models.nets.clip import ClipImageNet
from models.registry import Catalog
from models.runtime.backends.onnxruntime import OnnxRuntimeSession
from models.store.store import Store
from tests.export.small_clip import (
    OUTPUTS,
    SIZE,
    small_patch_image_net,
    small_residual_image_net,
    small_text_net,
    write_archive,
)
from tests.models.file_server import serving_files
from tests.models.tiny_graphs import file_facts, ignore_progress

CATALOG = Catalog.load()
NAMES = {"clip-rn50": "RN50", "clip-rn50x4": "RN50x4", "clip-vit-b-32": "ViT-B-32"}
TEXT_CONFIG = {"context_length": 77, "vocab_size": 49_408, "width": 64, "heads": 1, "layers": 2}
RESIDUAL_CONFIG = {"image_size": SIZE, "layers": [1, 2, 1, 1], "width": 16, "patch_size": None}
PATCH_CONFIG = {"image_size": SIZE, "layers": 2, "width": 128, "patch_size": 32}


@pytest.fixture(scope="module")
def open_clip() -> Any:
    return pytest.importorskip("open_clip", reason="no open-clip-torch here: pip install 'kernelsight[parity]'")


def make_reference(open_clip: Any, vision: dict[str, Any]) -> nn.Module:
    """open-clip's module; random everywhere, as it starts with zeros and ones that would hide differences."""
    torch.manual_seed(0)
    reference: nn.Module = open_clip.CLIP(OUTPUTS, vision, TEXT_CONFIG, quick_gelu=True).eval()
    with torch.no_grad():
        for name, values in reference.state_dict().items():
            if name.endswith("running_var"):
                values.uniform_(0.5, 1.5)
            elif values.ndim == 1 and values.dtype.is_floating_point:
                values.add_(torch.randn_like(values), alpha=0.2)
    return reference


def published(reference: nn.Module) -> dict[str, Any]:
    return {name: values.numpy() for name, values in reference.state_dict().items()}


@pytest.mark.parametrize(
    ("build", "vision"),
    [(small_residual_image_net, RESIDUAL_CONFIG), (small_patch_image_net, PATCH_CONFIG)],
    ids=["residual", "patch"],
)
def test_image_embeddings_are_those_of_open_clip(
    open_clip: Any, build: Callable[[], ClipImageNet], vision: dict[str, Any]
) -> None:
    reference, net, images = make_reference(open_clip, vision), build().eval(), torch.randn(3, 3, SIZE, SIZE)
    net.load_published(published(reference))
    with torch.inference_mode():
        wanted, [found] = reference.encode_image(images), net(images)

    assert float((found - wanted).abs().max()) < 1e-4


def test_text_embeddings_are_those_of_open_clip(open_clip: Any) -> None:
    reference, net = make_reference(open_clip, PATCH_CONFIG), small_text_net().eval()
    net.load_published(published(reference))
    tokens = open_clip.tokenize(["a dog", "", "a text of more than 77 tokens " * 20])
    with torch.inference_mode():
        wanted, (found, _) = reference.encode_text(tokens), net(tokens)

    assert float((found - wanted).abs().max()) < 1e-4


def test_the_scale_is_the_learnt_one(open_clip: Any) -> None:
    reference, net = make_reference(open_clip, PATCH_CONFIG), small_text_net().eval()
    net.load_published(published(reference))
    with torch.inference_mode():
        _, scale = net(torch.zeros(2, 77, dtype=torch.int64))

    assert scale.tolist() == pytest.approx([reference.logit_scale.exp().item()] * 2)


@pytest.mark.parametrize("id", NAMES)
def test_nets_take_the_tensors_of_the_published_architectures(open_clip: Any, id: str) -> None:
    config = open_clip.get_model_config(f"{NAMES[id]}-quickgelu")
    image, text = CATALOG.get(id), CATALOG.get(f"{id}-text")
    with torch.device("meta"):
        wanted = open_clip.CLIP(**config).state_dict()
        nets = [BUILDERS[one.net or ""]() for one in (image, text)]

    found = {name: values.shape for net in nets for name, values in net.state_dict().items()}
    assert found == {name: values.shape for name, values in wanted.items() if name != "attn_mask"}
    assert image.input.sizes == ((config["vision_cfg"]["image_size"],) * 2,)
    assert image.outputs[0].shape == text.outputs[0].shape == (config["embed_dim"],)


@pytest.mark.parametrize("id", NAMES)
def test_both_towers_come_from_one_file(id: str) -> None:
    image, text = CATALOG.get(id), CATALOG.get(f"{id}-text")

    assert image.text_tower == text.id
    assert image.file == text.file
    [source] = image.file.sources
    assert source.kind == "url"
    assert image.file.sha256 in source.url  # its publisher's promise


def small_manifests(content: bytes, url: str, vocabulary: Path) -> tuple[Manifest, Manifest]:
    """An image and a text tower whose archive is at `url`."""
    file = file_facts(content, {"kind": "url", "url": url}, format="torchscript")
    image, text = CATALOG.get("clip-rn50").model_dump(), CATALOG.get("clip-rn50-text").model_dump()
    outputs = [one | {"shape": (OUTPUTS,) if one["name"] == "embedding" else ()} for one in text["outputs"]]
    words = file_facts(vocabulary.read_bytes(), {"kind": "file", "path": vocabulary}, format="clip-bpe")
    image |= {
        "file": file,
        "net": "small_image",
        "outputs": outputs[:1],
        "input": image["input"] | {"sizes": [[64, 64]]},
    }
    text |= {"file": file, "net": "small_text", "outputs": outputs, "vocabulary": words}
    return MANIFESTS.validate_python(image), MANIFESTS.validate_python(text)


def test_towers_are_exported_from_a_downloaded_archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(BUILDERS, "small_image", small_residual_image_net)
    monkeypatch.setitem(BUILDERS, "small_text", small_text_net)
    tensors = write_archive(tmp_path / "clip.pt")
    vocabulary = tmp_path / "words.gz"
    vocabulary.write_bytes(b"words")
    content = (tmp_path / "clip.pt").read_bytes()
    store = Store(tmp_path / "store")
    with serving_files() as server:
        server.files["/clip.pt"] = content
        server.cuts.append(len(content) // 2)
        image, text = small_manifests(content, f"{server.url}/clip.pt", vocabulary)
        with pytest.raises(SourceFailed):
            store.pull(image, progress=ignore_progress)
        store.pull(image, progress=ignore_progress)
        asked = len(server.asked)
        store.pull(text, progress=ignore_progress)

        assert len(server.asked) == asked  # the second tower takes the first one's archive

    parities = [export_model(store, one, device="cpu") for one in (image, text)]

    assert [one.is_within_limit for one in parities] == [True, True]
    tokens = draw_token_ids(text.input)  # type: ignore[arg-type]
    found = OnnxRuntimeSession(store.graph(text), device="cpu").run({"tokens": tokens})
    net = small_text_net().eval()
    net.load_published(tensors)
    with torch.inference_mode():
        wanted, _ = net(torch.from_numpy(tokens))
    assert abs(found["embedding"] - wanted.numpy()).max() < 1e-3
    assert isinstance(text, TextManifest)
    assert sha256((store.folder(text) / text.vocabulary.name).read_bytes()).hexdigest() == text.vocabulary.sha256


def test_weights_of_another_net_fail_the_export(tmp_path: Path) -> None:
    write_archive(tmp_path / "clip.pt")

    with pytest.raises(ExportFailed, match="do not fit"):
        build_net(CATALOG.get("clip-vit-b-32"), tmp_path / "clip.pt")


def test_parity_texts_have_every_length_up_to_the_longest() -> None:
    text = CATALOG.get("clip-rn50-text")
    assert isinstance(text, TextManifest)

    ids = draw_token_ids(text.input)

    lengths = (ids != 0).sum(1)
    assert ids.shape == (54, 77)
    assert (lengths[0], lengths[-1]) == (2, 77)
    assert set(ids.argmax(1)) == set(lengths - 1)
