"""A command loads its libraries only when it runs, and the table of commands agrees with the commands."""

import subprocess
import sys

import pytest
import typer.main

from service.cli import app
from service.cli.lazy_group import COMMANDS
from tests.serving import run

WEB = {"fastapi", "starlette"}
MODELS = {"cv2", "onnxruntime", "sklearn"}
HEAVY = WEB | MODELS | {"PIL", "httpx2", "numpy", "prometheus_client", "pydantic_settings", "redis", "scipy", "uvicorn"}


def find_loaded(code: str, libraries: set[str]) -> set[str]:
    """Those of `libraries` that a process has loaded after running `code`."""
    code = f"import sys\ntry:\n    {code}\nexcept SystemExit:\n    pass\nprint()\nprint(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return libraries & set(done.stdout.splitlines()[-1].split())


def call_main(*arguments: str) -> str:
    return f"sys.argv = {['kernelsight', *arguments]}; from service.cli import main; main()"


@pytest.mark.parametrize("arguments", [["--help"], ["featurs", "x"], ["features", "x.png", "--nope"]])
def test_help_and_mistakes_load_no_heavy_library(arguments: list[str]) -> None:
    assert find_loaded(call_main(*arguments), HEAVY) == set()


@pytest.mark.parametrize("module", sorted({entry.module for entry in COMMANDS.values()}))
def test_a_commands_options_load_no_heavy_library(module: str) -> None:
    assert find_loaded(f"import {module}", HEAVY | {"pydantic"}) == set()  # Typer itself loads it when it parses


def test_features_loads_nothing_of_web_queue_or_training() -> None:
    unused = WEB | {"fsspec", "httpx2", "pypdfium2", "redis", "scipy", "sklearn", "uvicorn"}

    assert find_loaded(call_main("features", "/missing.png"), unused | {"onnxruntime"}) == {"onnxruntime"}


def test_a_worker_loads_no_web_framework_and_no_model_library() -> None:
    assert find_loaded("import service.worker.worker, service.worker.job_services", WEB | MODELS) == set()


@pytest.mark.parametrize("name", COMMANDS)
def test_the_table_has_the_first_line_of_each_commands_help(name: str) -> None:
    command = typer.main.get_command(app).commands[name]  # type: ignore[attr-defined]

    assert command.help.splitlines()[0] == COMMANDS[name].help


def test_help_lists_every_command() -> None:
    shown = run("--help").stdout

    assert [name for name, entry in COMMANDS.items() if f" {name} " not in shown or entry.help[:20] not in shown] == []


def test_a_mistyped_command_is_corrected() -> None:
    done = run("featurs", "x.png")

    assert "Did you mean 'features'?" in done.stderr
    assert done.returncode == 2
