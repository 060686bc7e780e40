import shutil
import subprocess

import pytest

from tests.deploy.dockerfile import ROOT, stages
from tests.deploy.replay import is_sent

SERVING = stages()["serving"]


def test_the_linter_has_nothing_to_say() -> None:
    linter = shutil.which("hadolint")
    if linter is None:
        pytest.skip("hadolint is not installed: its licence keeps it out of our dependencies")

    found = subprocess.run([linter, "Dockerfile"], cwd=ROOT, capture_output=True, text=True, check=False)

    assert found.returncode == 0
    assert found.stdout + found.stderr == ""


def test_the_image_starts_from_python_and_not_from_the_stage_with_pytorch() -> None:
    assert [stage.base for stage in stages().values()] == ["${BASE}", "${BASE}"]


def test_the_process_is_no_root_and_gets_the_signals_itself() -> None:
    user = SERVING.last("USER").value
    command = [*SERVING.last("ENTRYPOINT").words, *SERVING.last("CMD").words]

    assert user == "10001:10001"
    assert command == ["kernelsight", "serve"]


def test_every_installation_keeps_to_the_tested_versions() -> None:
    commands = [part for stage in stages().values() for run in stage.all("RUN") for part in run.value.split(" && ")]
    installations = [part for part in commands if part.startswith("pip ")]
    kept = ("pip install --constraint constraints.txt ", "pip install --no-deps .")

    assert [part for part in installations if not part.startswith(kept)] == []


def test_pip_reads_its_configuration_from_a_secret_that_no_layer_keeps() -> None:
    runs = [run for stage in stages().values() for run in stage.all("RUN") if "pip install" in run.value]

    assert [run.value for run in runs if "type=secret,id=pip,target=/etc/pip.conf" not in run.flags["mount"]] == []


def test_only_what_is_copied_gets_into_a_build() -> None:
    copies = [one for stage in stages().values() for one in stage.all("COPY") if not one.flags]
    copied = {source for one in copies for source in one.value.split()[:-1]}

    assert {path.name for path in ROOT.iterdir() if is_sent(path.name)} == copied
