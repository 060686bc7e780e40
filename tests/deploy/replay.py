"""Replays the Dockerfile's serving stage without a container engine: an empty environment, a folder as its root.

The copied files, pip's arguments, the variables and the commands are those of the Dockerfile. Creating the user and the
stage with PyTorch are left out: the model files come from the store that `make setup` has filled.
"""

import fnmatch
import os
import shutil
import subprocess
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from service.settings import load_settings
from tests.deploy.dockerfile import ROOT, Instruction, Stage, load_stages


@dataclass(frozen=True)
class ReplayedImage:
    """`root` stands for /, `python_home` for the environment that python:3.11-slim has in /usr/local."""

    stage: Stage
    root: Path
    python_home: Path
    variables: dict[str, str]
    folder: Path  # where commands run

    def path(self, inside: str) -> Path:
        return self.root / inside.lstrip("/")

    @property
    def packages(self) -> set[str]:
        listed = subprocess.run(
            [self.python_home / "bin/python", "-m", "pip", "list", "--format=freeze"],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        return {line.split("==")[0] for line in listed.stdout.splitlines()}

    def find_written(self) -> dict[Path, int]:
        """The modification times of all files that a read-only root would protect."""
        writable = (self.path("tmp"), *(self.path(one.value) for one in self.stage.find_all("VOLUME")))
        files = (path for top in (self.root, self.python_home) for path in top.rglob("*"))
        return {
            path: path.lstat().st_mtime_ns for path in files if not any(path.is_relative_to(one) for one in writable)
        }

    @contextmanager
    def start(self, *command: str, **settings: str) -> Iterator[subprocess.Popen[bytes]]:
        """Runs the entry point with this command, as process 1 of the container."""
        words = [*self.stage.find_last("ENTRYPOINT").words, *command]
        with subprocess.Popen(words, env=self._environment(settings), cwd=self.folder) as process:
            try:
                yield process
            finally:
                process.terminate()

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        words = [*self.stage.find_last("ENTRYPOINT").words, *command]
        return subprocess.run(
            words, env=self._environment({}), cwd=self.folder, capture_output=True, text=True, timeout=120, check=False
        )

    def is_healthy(self, **settings: str) -> bool:
        check = Instruction("CMD", {}, self.stage.find_last("HEALTHCHECK").value.removeprefix("CMD "))
        done = subprocess.run(check.words, env=self._environment(settings), capture_output=True, check=False)
        return done.returncode == 0

    def _environment(self, settings: dict[str, str]) -> dict[str, str]:
        """Has nothing of this process's environment but the path to programs."""
        path = f"{self.python_home / 'bin'}:{os.defpath}"
        return {"PATH": path, "TMPDIR": str(self.path("tmp")), "HOME": "/nonexistent"} | self.variables | settings


def replay_serving_stage(folder: Path) -> ReplayedImage:
    """Execute the serving stage in `folder`; pip takes a minute."""
    stage, root, home = load_stages()["serving"], folder / "root", folder / "home"
    (root / "tmp").mkdir(parents=True)
    venv.create(home, with_pip=True)
    variables: dict[str, str] = {}
    arguments: dict[str, str] = {}
    where = root
    for one in stage.instructions:
        if one.name == "WORKDIR":
            where = root / one.value.lstrip("/")
            where.mkdir(parents=True, exist_ok=True)
        elif one.name == "COPY":
            _copy(one, root, where)
        elif one.name == "ARG":
            name, _, value = one.value.partition("=")
            arguments[name] = value
        elif one.name == "ENV":
            variables |= {k: f"{root}{v}" if v.startswith("/") else v for k, v in one.pairs.items()}
        elif one.name == "RUN" and not one.value.startswith("groupadd"):
            _run(one.value, where, arguments | {"PATH": f"{home / 'bin'}:{os.defpath}"})
    return ReplayedImage(stage, root, home, variables, where)


def _run(command: str, where: Path, variables: dict[str, str]) -> None:
    """Uses this machine's pip configuration, as a build's secret would pass it."""
    assert command.startswith("pip install "), command
    done = subprocess.run(
        ["sh", "-c", command], cwd=where, env=os.environ | variables, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def _copy(one: Instruction, root: Path, where: Path) -> None:
    *sources, target = one.value.split()
    if one.flags.get("from") == ["models"]:
        (root / target.lstrip("/")).parent.mkdir(parents=True)
        (root / target.lstrip("/")).symlink_to(load_settings().models.store)
        return
    for source in sources:
        assert is_in_build_context(source), f".dockerignore keeps {source} from the build"
        if (ROOT / source).is_dir():
            shutil.copytree(ROOT / source, where / target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / source, where / target)


def is_in_build_context(source: str) -> bool:
    """Whether .dockerignore lets this file or folder of the root into a build: the last match decides."""
    is_included = True
    for line in (ROOT / ".dockerignore").read_text("utf-8").splitlines():
        if line and not line.startswith("#") and fnmatch.fnmatch(source, line.removeprefix("!")):
            is_included = line.startswith("!")
    return is_included
