"""The catalog: all manifests, and the models of each task in order of preference."""

import tomllib
from collections.abc import Callable, Container, Iterable, Iterator
from functools import cached_property
from pathlib import Path
from typing import Any, Self

from pydantic import Field, model_validator

from models.errors import ModelUnknown
from models.manifest import BUILT_IN_CATALOG, MANIFESTS, CatalogInvalid, Manifest, ManifestSection, ModelId


class TaskPreference(ManifestSection):
    """One way to do a task: all the models that it needs."""

    name: str = ""  # as operators write it in the settings; by default the id of the first model
    models: tuple[ModelId, ...] = Field(min_length=1)
    reason: str

    @model_validator(mode="before")
    @classmethod
    def _default_name(cls, data: Any) -> Any:
        if isinstance(data, dict) and isinstance(data.get("models"), list) and data["models"]:
            return {"name": data["models"][0]} | data
        return data


class Catalog:
    """All manifests, by id. Later folders override earlier ones, so a site can replace a model."""

    def __init__(self, manifests: Iterable[Manifest], tasks: dict[str, tuple[TaskPreference, ...]]) -> None:
        self._by_id = {manifest.id: manifest for manifest in manifests}
        self.tasks = tasks
        for preference in (one for several in tasks.values() for one in several):
            for model in preference.models:
                self.get(model)

    @classmethod
    def load(cls, *extra: Path) -> Self:
        manifests: dict[str, Manifest] = {}
        tasks: dict[str, tuple[TaskPreference, ...]] = {}
        for folder in (BUILT_IN_CATALOG, *extra):
            if not folder.is_dir():
                raise CatalogInvalid(f"catalog folder {str(folder)!r} does not exist")
            for path in sorted(folder.glob("*.toml")):
                if path.name == "tasks.toml":
                    tasks |= _read_tasks(path)
                else:
                    manifest = read_manifest(path)
                    if manifest.id != path.stem:
                        raise CatalogInvalid(f"manifest {path.name!r} calls itself {manifest.id!r}; the two must agree")
                    manifests[manifest.id] = manifest
        return cls(manifests.values(), tasks)

    def with_manifests(self, change: Callable[[Manifest], Manifest]) -> "Catalog":
        """The same tasks, with `change` applied to every manifest."""
        return Catalog(map(change, self._by_id.values()), self.tasks)

    def get(self, name: str) -> Manifest:
        if name not in self._by_id:
            raise ModelUnknown(name, sorted(self._by_id))
        return self._by_id[name]

    def __iter__(self) -> Iterator[Manifest]:
        return iter(sorted(self._by_id.values(), key=lambda manifest: (manifest.task, manifest.id)))

    def choose(self, task: str, available: Container[str]) -> TaskPreference | None:
        """The best way to do `task` with the models that are available; None when there is none."""
        return next((one for one in self.tasks[task] if all(name in available for name in one.models)), None)

    @cached_property
    def defaults(self) -> tuple[Manifest, ...]:
        """Every model that some task names: `kernelsight models pull` fetches these."""
        names = (name for several in self.tasks.values() for one in several for name in one.models)
        return tuple(self.get(name) for name in dict.fromkeys(names))


def read_manifest(path: Path) -> Manifest:
    """Raises CatalogInvalid, and OSError where it cannot be read."""
    try:
        return MANIFESTS.validate_python(tomllib.loads(path.read_text("utf-8")))
    except ValueError as cause:  # not UTF-8, not TOML, or not a manifest
        raise CatalogInvalid(f"manifest {path.name!r}: {cause}") from cause


def _read_tasks(path: Path) -> dict[str, tuple[TaskPreference, ...]]:
    try:
        tables = tomllib.loads(path.read_text("utf-8"))
        return {task: tuple(TaskPreference.model_validate(one) for one in several) for task, several in tables.items()}
    except (ValueError, TypeError) as cause:
        raise CatalogInvalid(f"{path.name!r}: {cause}") from cause
