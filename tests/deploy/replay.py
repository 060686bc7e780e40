"""Replays the Dockerfile's serving stage without a container engine: an empty environment, a folder as its root.

What is copied, what pip is asked for, the variables and the commands are the Dockerfile's own. Left out is what makes
the user, and the stage with PyTorch: the model files are those of the store that `make setup` has filled.
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
from tests.deploy.dockerfile import ROOT, Instruction, Stage, stages


@dataclass(frozen=True)
class Replayed:
    """`root` stands for /, `home` for the environment that python:3.11-slim has in /usr/local."""

    stage: Stage
    root: Path
    home: Path
    variables: dict[str, str]
    folder: Path  # where commands run

    def path(self, inside: str) -> Path:
        return self.root / inside.lstrip("/")

    @property
    def packages(self) -> set[str]:
        listed = subprocess.run(
            [self.home / "bin/python", "-m", "pip", "list", "--format=freeze"],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        return {line.split("==")[0] for line in listed.stdout.splitlines()}

    def written(self) -> dict[Path, int]:
        """When each file was written that a read-only root would not let be written."""
        free = (self.path("tmp"), *(self.path(one.value) for one in self.stage.all("VOLUME")))
        files = (path for top in (self.root, self.home) for path in top.rglob("*"))
        return {path: path.lstat().st_mtime_ns for path in files if not any(path.is_relative_to(one) for one in free)}

    @contextmanager
    def started(self, *command: str, **settings: str) -> Iterator[subprocess.Popen[bytes]]:
        """The entry point with this command, as process 1 of the container would be."""
        words = [*self.stage.last("ENTRYPOINT").words, *command]
        with subprocess.Popen(words, env=self._environment(settings), cwd=self.folder) as process:
            try:
                yield process
            finally:
                process.terminate()

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        words = [*self.stage.last("ENTRYPOINT").words, *command]
        return subprocess.run(
            words, env=self._environment({}), cwd=self.folder, capture_output=True, text=True, timeout=120, check=False
        )

    def is_healthy(self, **settings: str) -> bool:
        check = Instruction("CMD", {}, self.stage.last("HEALTHCHECK").value.removeprefix("CMD "))
        done = subprocess.run(check.words, env=self._environment(settings), capture_output=True, check=False)
        return done.returncode == 0

    def _environment(self, settings: dict[str, str]) -> dict[str, str]:
        """Nothing of this process's but where programs are."""
        path = f"{self.home / 'bin'}:{os.defpath}"
        return {"PATH": path, "TMPDIR": str(self.path("tmp")), "HOME": "/nonexistent"} | self.variables | settings


def replay(folder: Path) -> Replayed:
    """The serving stage, done in `folder`; takes pip a minute."""
    stage, root, home = stages()["serving"], folder / "root", folder / "home"
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
    return Replayed(stage, root, home, variables, where)


def _run(command: str, where: Path, variables: dict[str, str]) -> None:
    """What configures pip on this machine does so here, as a build's secret would."""
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
        assert is_sent(source), f".dockerignore keeps {source} from the build"
        if (ROOT / source).is_dir():
            shutil.copytree(ROOT / source, where / target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / source, where / target)


def is_sent(source: str) -> bool:
    """Whether .dockerignore lets this file or folder of the repository's root into a build: its last match decides."""
    sent = True
    for line in (ROOT / ".dockerignore").read_text("utf-8").splitlines():
        if line and not line.startswith("#") and fnmatch.fnmatch(source, line.removeprefix("!")):
            sent = line.startswith("!")
    return sent
