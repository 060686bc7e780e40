"""Manifests are validated when they are read."""

import tomllib
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from models.errors import ModelUnknown
from models.labels import load_label_set
from models.manifest import BUILT_IN_CATALOG, CatalogInvalid, DownloadSource, Manifest, ModelFile, WheelSource
from models.registry import Catalog

CATALOG = Catalog.load()
MANIFESTS = pytest.mark.parametrize("manifest", list(CATALOG), ids=lambda manifest: manifest.id)
ORIGINAL = (BUILT_IN_CATALOG / "opennsfw.toml").read_text("utf-8")


def test_every_catalog_file_is_a_manifest_of_that_name() -> None:
    files = {path.stem for path in BUILT_IN_CATALOG.glob("*.toml")} - {"tasks"}

    assert {manifest.id for manifest in CATALOG} == files


@MANIFESTS
def test_every_model_has_a_licence_and_its_source(manifest: Manifest) -> None:
    assert all(len(text.strip()) > 2 for text in (manifest.license, manifest.license_source))


@MANIFESTS
def test_every_download_is_over_https(manifest: Manifest) -> None:
    urls = [source.url for source in manifest.file.sources if isinstance(source, DownloadSource)]

    assert all(url.startswith("https://") for url in urls)


@MANIFESTS
def test_every_source_is_one_that_other_machines_have(manifest: Manifest) -> None:
    assert {source.kind for source in manifest.file.sources} <= {"wheel", "npm", "url", "torchvision"}


@MANIFESTS
def test_only_hashes_in_torchvision_file_names_are_prefixes(manifest: Manifest) -> None:
    names = [source.file_name for source in manifest.file.sources if source.kind == "torchvision"]
    is_prefix = bool(names) and all(f"-{manifest.file.sha256}." in name for name in names)

    assert len(manifest.file.sha256) == 64 or is_prefix


@MANIFESTS
def test_every_preferred_model_is_onnx_or_has_a_net(manifest: Manifest) -> None:
    preferred = [several[0].models for several in CATALOG.tasks.values()]
    is_preferred = any(manifest.id in models for models in preferred)

    assert not is_preferred or not manifest.needs_export or manifest.net is not None


@MANIFESTS
def test_every_label_set_has_a_label_for_each_logit(manifest: Manifest) -> None:
    counts = [output.shape[-1] for output in manifest.outputs if output.name in ("logits", "scores")]

    assert manifest.labels is None or counts == [len(load_label_set(manifest.labels).labels)]


def test_wheels_that_hold_several_models_are_pinned_alike() -> None:
    wheels = [one for manifest in CATALOG for one in manifest.file.sources if isinstance(one, WheelSource)]
    pins = {(one.requirement, one.wheel_sha256, one.wheel_bytes) for one in wheels}

    assert len({requirement for requirement, _, _ in pins}) == len(pins)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("version = 1", "vresion = 1"),
        ("version = 1", "version = 0"),
        ("version = 1", "version = 1\nsurprise = true"),
        ('task = "moderation"', 'task = "moderating"'),
        ('layout = "NHWC"', 'layout = "NHCW"'),
        ('dtype = "', 'dtype = "b'),
        ("sha256 = ", 'sha256 = "abc" #'),
        ("[file]", "[flie]"),
        ("[file]", "[file"),
        ('kind = "wheel"', 'kind = "weel"'),
    ],
)
def test_a_typo_is_an_error_that_names_the_file(tmp_path: Path, old: str, new: str) -> None:
    assert old in ORIGINAL
    (tmp_path / "opennsfw.toml").write_text(ORIGINAL.replace(old, new, 1), "utf-8")

    with pytest.raises(CatalogInvalid, match=r"opennsfw\.toml"):
        Catalog.load(tmp_path)


def test_a_manifest_whose_id_differs_from_its_file_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(ORIGINAL, "utf-8")

    with pytest.raises(CatalogInvalid, match=r"'mine\.toml' calls itself 'opennsfw'"):
        Catalog.load(tmp_path)


def test_a_catalog_folder_that_does_not_exist_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(CatalogInvalid, match="does not exist"):
        Catalog.load(tmp_path / "typo")


def test_later_folders_override_models_and_tasks_one_by_one(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    for number, folder in enumerate((first, second), 2):
        folder.mkdir()
        (folder / "opennsfw.toml").write_text(ORIGINAL.replace("version = 1", f"version = {number}", 1), "utf-8")
    (second / "tasks.toml").write_text('[[encoder]]\nmodels = ["resnet50"]\nreason = "a site\'s own"\n', "utf-8")
    catalog = Catalog.load(first, second)

    assert catalog.get("opennsfw").version == 3
    assert [one.models for one in catalog.tasks["encoder"]] == [("resnet50",)]
    assert catalog.tasks["moderation"] == CATALOG.tasks["moderation"]


@pytest.mark.parametrize("text", ["[[encoder", '[[encoder]]\nmodels = []\nreason = ""', "[[encoder]]\nmodles = []"])
def test_a_typo_in_the_tasks_names_the_file(tmp_path: Path, text: str) -> None:
    (tmp_path / "tasks.toml").write_text(text, "utf-8")

    with pytest.raises(CatalogInvalid, match=r"tasks\.toml"):
        Catalog.load(tmp_path)


def test_a_task_with_an_unknown_model_lists_the_known_ones(tmp_path: Path) -> None:
    (tmp_path / "tasks.toml").write_text('[[encoder]]\nmodels = ["resnet5"]\nreason = ""', "utf-8")

    with pytest.raises(ModelUnknown, match=r"'resnet5'.*resnet50"):
        Catalog.load(tmp_path)


@pytest.mark.parametrize(
    ("available", "chosen"),
    [
        ({"yunet", "mtcnn-pnet", "mtcnn-rnet", "mtcnn-onet"}, ("yunet", "mtcnn-onet")),
        ({"mtcnn-pnet", "mtcnn-rnet", "mtcnn-onet"}, ("mtcnn-pnet", "mtcnn-rnet", "mtcnn-onet")),
        ({"mtcnn-pnet", "mtcnn-rnet"}, None),
        (set(), None),
    ],
    ids=["all", "second", "part of the second", "none"],
)
def test_the_first_way_whose_models_are_all_there_is_chosen(
    available: set[str], chosen: tuple[str, ...] | None
) -> None:
    choice = CATALOG.choose("faces", available)

    assert (choice.models if choice else None) == chosen


def test_the_defaults_are_the_models_that_tasks_name_each_once() -> None:
    named = [model for several in CATALOG.tasks.values() for one in several for model in one.models]
    defaults = [manifest.id for manifest in CATALOG.defaults]

    assert set(defaults) == set(named)
    assert len(defaults) == len(set(named))


@pytest.mark.parametrize(
    "changes",
    [
        {"sha256": "0" * 63},
        {"sha256": "0" * 7},
        {"sha256": "G" * 64},
        {"sources": []},
        {"bytes": 0},
        {"sources": [{"kind": "url", "url": "ftp://example.org/model.onnx"}]},
        {"sources": [{"kind": "wheel", "requirement": "tiny>=1", "wheel_sha256": "0" * 64, "wheel_bytes": 1}]},
    ],
    ids=str,
)
def test_a_file_that_is_not_pinned_is_refused(changes: dict[str, Any]) -> None:
    facts = {"format": "onnx", "sha256": "0" * 64, "sources": [{"kind": "url", "url": "https://example.org/m.onnx"}]}

    with pytest.raises(ValidationError):
        ModelFile.model_validate(facts | changes)


@pytest.mark.parametrize(("layout", "shape"), [("NHWC", (32, 64, 3)), ("NCHW", (3, 32, 64))])
def test_item_shapes_follow_the_layout(layout: str, shape: tuple[int, ...]) -> None:
    facts = tomllib.loads(ORIGINAL)
    facts["input"] |= {"layout": layout, "sizes": [[32, 64]]}

    assert Manifest.model_validate(facts).input.item_shapes == (shape,)
