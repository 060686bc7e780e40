import shutil
import subprocess

import pytest

from tests.deploy.dockerfile import ROOT, load_stages
from tests.deploy.replay import is_in_build_context

SERVING = load_stages()["serving"]


def test_the_linter_finds_nothing() -> None:
    linter = shutil.which("hadolint")
    if linter is None:
        pytest.skip("hadolint is not installed: its licence keeps it out of our dependencies")

    found = subprocess.run([linter, "Dockerfile"], cwd=ROOT, capture_output=True, text=True, check=False)

    assert found.returncode == 0
    assert found.stdout + found.stderr == ""


def test_the_image_is_not_based_on_the_stage_with_pytorch() -> None:
    assert [stage.base for stage in load_stages().values()] == ["${BASE}", "${BASE}"]


def test_the_process_is_not_root_and_receives_signals_itself() -> None:
    user = SERVING.find_last("USER").value
    command = [*SERVING.find_last("ENTRYPOINT").words, *SERVING.find_last("CMD").words]

    assert user == "10001:10001"
    assert command == ["kernelsight", "serve"]


def test_every_installation_uses_the_tested_versions() -> None:
    commands = [
        part for stage in load_stages().values() for run in stage.find_all("RUN") for part in run.value.split(" && ")
    ]
    installations = [part for part in commands if part.startswith("pip ")]
    pinned = ("pip install --constraint constraints.txt ", "pip install --require-hashes ", "pip install --no-deps ")

    assert [part for part in installations if not part.startswith(pinned)] == []


def test_the_image_has_only_packages_of_known_hashes() -> None:
    [dependencies, own_code] = [run.value for run in SERVING.find_all("RUN") if "pip install" in run.value]

    assert dependencies.startswith("pip install --require-hashes --only-binary :all: --requirement ")
    assert own_code == "pip install --no-deps --no-build-isolation ."


def test_pip_is_configured_by_a_secret_that_no_layer_keeps() -> None:
    runs = [run for stage in load_stages().values() for run in stage.find_all("RUN") if "pip install" in run.value]

    assert [run.value for run in runs if "type=secret,id=pip,target=/etc/pip.conf" not in run.flags["mount"]] == []


def test_the_build_context_is_what_the_dockerfile_copies() -> None:
    copies = [one for stage in load_stages().values() for one in stage.find_all("COPY") if not one.flags]
    copied = {source for one in copies for source in one.value.split()[:-1]}

    assert {path.name for path in ROOT.iterdir() if is_in_build_context(path.name)} == copied
