"""Which models do which task in this process, and why not better ones."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass

from models.errors import KernelSightError
from models.manifest import Manifest
from models.registry import Catalog, Preference
from models.store.store import Store
from service.settings import Settings, SettingsInvalid

log = logging.getLogger(__name__)

# What reading a document takes, one model each.
DOCUMENT_TASKS = ("layout", "text-detection", "text-recognition", "text-orientation")


@dataclass(frozen=True, slots=True)
class PassedOver:
    """A better way to do a task that is not possible here."""

    name: str
    why: str


@dataclass(frozen=True, slots=True)
class Choice:
    """`name` is the preference's in tasks.toml, `models` all that it takes."""

    task: str
    name: str
    models: tuple[Manifest, ...]
    reason: str
    passed_over: tuple[PassedOver, ...]


def choose_all(settings: Settings, catalog: Catalog, store: Store) -> dict[str, Choice]:
    """One choice for each task that a pipeline needs; raises ModelUnknown, SettingsInvalid or ModelMissing."""
    return {
        "encoder": _encoder(settings, catalog, store),
        "faces": _choose("faces", settings.faces, catalog, store),
        **{task: _choose(task, None, catalog, store) for task in ("moderation", *DOCUMENT_TASKS)},
    }


def announce(choices: Mapping[str, Choice]) -> None:
    """Say in the log what was chosen, and warn of what would have been better."""
    for choice in choices.values():
        for better in choice.passed_over:
            log.warning("%s: %s, because %s is not available: %s", choice.task, choice.name, better.name, better.why)
        log.info("%s: %s: %s", choice.task, choice.name, choice.reason)


def _encoder(settings: Settings, catalog: Catalog, store: Store) -> Choice:
    """Any encoder of the catalog can be named, also one that no task prefers."""
    if settings.encoder is None:
        return _choose("encoder", None, catalog, store)
    manifest = catalog.get(settings.encoder)
    store.graph(manifest)
    return Choice("encoder", manifest.id, (manifest,), "named by KERNELSIGHT_ENCODER", ())


def _choose(task: str, named: str | None, catalog: Catalog, store: Store) -> Choice:
    """The way that the operator named, or the first one whose models are all in the store."""
    preferences = catalog.tasks[task]
    if named is not None and named not in (known := [one.name for one in preferences]):
        raise SettingsInvalid(f"KERNELSIGHT_{task.upper()}: no {named!r}; there are: {', '.join(known)}")
    missing: list[tuple[Preference, KernelSightError]] = []
    for preference in preferences:
        if named is not None and preference.name != named:
            continue
        error = _why_not(preference, catalog, store)
        if error is None:
            reason = f"named by KERNELSIGHT_{task.upper()}" if named else preference.reason
            passed_over = tuple(PassedOver(one.name, str(why)) for one, why in missing)
            return Choice(task, preference.name, _manifests(preference, catalog), reason, passed_over)
        missing.append((preference, error))
    raise missing[-1][1]  # the one that asks for least


def _why_not(preference: Preference, catalog: Catalog, store: Store) -> KernelSightError | None:
    try:
        for manifest in _manifests(preference, catalog):
            store.graph(manifest)
    except KernelSightError as error:
        return error
    return None


def _manifests(preference: Preference, catalog: Catalog) -> tuple[Manifest, ...]:
    return tuple(catalog.get(name) for name in preference.models)
