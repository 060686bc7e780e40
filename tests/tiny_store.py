"""Stores that have all real models but some, which are left out or have tiny ones in their place."""

import json
from collections.abc import Collection
from pathlib import Path
from typing import Any

from models.manifest import Manifest
from models.registry import Catalog
from models.store.store import Store
from service.settings import load_settings
from tests.models.tiny_graphs import ignore_progress


def open_store_without(folder: Path, names: Collection[str]) -> dict[str, str]:
    """Settings of a service whose store, `folder`, has all models but the named ones."""
    folder.mkdir(exist_ok=True)
    for one in load_settings().models.store.expanduser().iterdir():
        if one.is_dir() and one.name not in (*names, ".locks"):
            (folder / one.name).symlink_to(one)
    return {"store": str(folder)}


def open_store_with(folder: Path, *tiny: Manifest) -> dict[str, str]:
    """Settings of a service whose store has `tiny` models in place of the real ones of these ids."""
    (catalog := folder / "catalog").mkdir(parents=True)
    settings = open_store_without(folder / "store", [one.id for one in tiny])
    for one in tiny:
        (catalog / f"{one.id}.toml").write_text(_to_toml(one))
    for one in tiny:
        Store(folder / "store").pull(Catalog.load(catalog).get(one.id), progress=ignore_progress)
    return settings | {"catalog": str(catalog)}


def _to_toml(manifest: Manifest) -> str:
    """One inline table a line: JSON's strings, numbers and arrays are TOML's."""
    facts = manifest.model_dump(mode="json", exclude_none=True, exclude_defaults=True)
    return "\n".join(f"{key} = {_inline(value)}" for key, value in facts.items())


def _inline(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key} = {_inline(one)}" for key, one in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_inline, value)) + "]"
    return json.dumps(value)
