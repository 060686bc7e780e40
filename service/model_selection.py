"""Selects the models of each task in this process, and states why better ones, or any, are not available."""

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from models.errors import KernelSightError
from models.manifest import Manifest
from models.registry import Catalog, TaskPreference
from models.store.store import Store
from pipelines.registry import MODEL_TASKS, OPTIONAL_TASKS, PIPELINES, tasks_of
from pipelines.resources import TaskModels
from service.settings import Settings, SettingsInvalid

log = logging.getLogger(__name__)

ABSENT = "none"  # the name of a selection without models
CLIP_TASK = "clip"  # of two models that no pipeline needs


@dataclass(frozen=True, slots=True)
class PassedOverPreference:
    """A preferred way to do a task that is not available here."""

    name: str
    why: str


@dataclass(frozen=True, slots=True)
class ModelSelection(TaskModels):
    """The models selected for `task`, why, and the better preferences that were passed over.

    Of a task that the service can do without, there may be no models; then `reason` says why.
    """

    task: str
    reason: str
    passed_over: tuple[PassedOverPreference, ...]

    @property
    def is_absent(self) -> bool:
        return not self.manifests


@dataclass(frozen=True)
class ServingPlan:
    """The pipelines that are served, by `names`, and the `tasks` whose models they need or may use.

    `selections` has all tasks, `absent` those without models. `reasons` says why a pipeline that was wanted is not
    served.
    """

    names: tuple[str, ...]
    tasks: tuple[str, ...]
    selections: Mapping[str, ModelSelection]
    absent: dict[str, ModelSelection]
    reasons: dict[str, str]

    @property
    def chosen(self) -> dict[str, ModelSelection]:
        """The selections whose models are opened."""
        return {task: self.selections[task] for task in self.tasks}

    def including(self, task: str) -> "ServingPlan":
        """Also with the models of `task`, if there are any."""
        if task in self.tasks or self.selections[task].is_absent:
            return self
        return replace(self, tasks=(*self.tasks, task))


def plan_serving(wanted: Iterable[str], settings: Settings, catalog: Catalog, store: Store) -> ServingPlan:
    """Raises what `select_models` and `select_clip` raise."""
    wanted, selections = tuple(wanted), select_models(settings, catalog, store)
    absent = {task: selections[task] for task in tasks_of(wanted) if selections[task].is_absent}
    reasons = {name: absent[task].reason for name in wanted for task in PIPELINES[name].tasks if task in absent}
    names = tuple(name for name in wanted if name not in reasons)
    tasks = tuple(task for task in tasks_of(names) if task not in absent)
    if "features" in names and (clip := select_clip(settings, catalog, store)) is not None:
        selections[CLIP_TASK] = clip
        tasks += (CLIP_TASK,)
    return ServingPlan(names, tasks, selections, absent, reasons)


def select_models(settings: Settings, catalog: Catalog, store: Store) -> dict[str, ModelSelection]:
    """One selection for each task that a pipeline needs.

    Raises ModelUnknown or SettingsInvalid, and ModelMissing for a task that the service cannot do without.
    """
    return {task: _select(task, settings, catalog, store) for task in catalog.tasks if task in MODEL_TASKS}


def select_clip(settings: Settings, catalog: Catalog, store: Store) -> ModelSelection | None:
    """CLIP's image tower that the operator named, and its text tower; None where CLIP is not asked for.

    Raises ModelUnknown, ModelMissing, ModelCorrupt or SettingsInvalid.
    """
    name = settings.models.clip
    if name is None:
        if settings.models.clip_labels is not None:
            raise SettingsInvalid("KERNELSIGHT_CLIP_LABELS: tags from labels need a model, see KERNELSIGHT_CLIP")
        return None
    images = catalog.get(name)
    if images.task != "clip-image" or images.text_tower is None:
        known = [one.id for one in catalog if one.task == "clip-image"]
        raise SettingsInvalid(f"KERNELSIGHT_CLIP: {name!r} is no image tower of CLIP; there are: {', '.join(known)}")
    towers = images, catalog.get(images.text_tower)
    for tower in towers:
        store.graph(tower)
    return ModelSelection(name, towers, CLIP_TASK, "named by KERNELSIGHT_CLIP", ())


def log_selections(selections: Mapping[str, ModelSelection]) -> None:
    """Log what was selected, and warn of better preferences that are not available."""
    for choice in selections.values():
        if choice.is_absent:
            log.warning("%s: not available, the service starts without: %s", choice.task, choice.reason)
            continue
        for better in choice.passed_over:
            log.warning("%s: %s, because %s is not available: %s", choice.task, choice.name, better.name, better.why)
        log.info("%s: %s: %s", choice.task, choice.name, choice.reason)


def _select(task: str, settings: Settings, catalog: Catalog, store: Store) -> ModelSelection:
    if task == "encoder" and settings.models.encoder is not None:
        return _select_encoder(settings.models.encoder, catalog, store)
    return _select_preference(task, settings.models.faces if task == "faces" else None, catalog, store)


def _select_encoder(name: str, catalog: Catalog, store: Store) -> ModelSelection:
    """Any encoder of the catalog can be named, also one that no task prefers."""
    manifest = catalog.get(name)
    store.graph(manifest)
    return ModelSelection(manifest.id, (manifest,), "encoder", "named by KERNELSIGHT_ENCODER", ())


def _select_preference(task: str, named: str | None, catalog: Catalog, store: Store) -> ModelSelection:
    """The preference that the operator named, or the first one whose models are all in the store."""
    preferences = catalog.tasks[task]
    if named is not None and named not in (known := [one.name for one in preferences]):
        raise SettingsInvalid(f"KERNELSIGHT_{task.upper()}: no {named!r}; there are: {', '.join(known)}")
    missing: list[tuple[TaskPreference, KernelSightError]] = []
    for preference in preferences:
        if named is not None and preference.name != named:
            continue
        error = _why_not(preference, catalog, store)
        if error is None:
            reason = f"named by KERNELSIGHT_{task.upper()}" if named else preference.reason
            passed_over = tuple(PassedOverPreference(one.name, str(why)) for one, why in missing)
            return ModelSelection(preference.name, _manifests(preference, catalog), task, reason, passed_over)
        missing.append((preference, error))
    if task in OPTIONAL_TASKS and named is None:
        passed_over = tuple(PassedOverPreference(one.name, str(why)) for one, why in missing)
        return ModelSelection(ABSENT, (), task, passed_over[-1].why, passed_over)
    raise missing[-1][1]  # of the preference that needs least


def _why_not(preference: TaskPreference, catalog: Catalog, store: Store) -> KernelSightError | None:
    try:
        for manifest in _manifests(preference, catalog):
            store.graph(manifest)
    except KernelSightError as error:
        return error
    return None


def _manifests(preference: TaskPreference, catalog: Catalog) -> tuple[Manifest, ...]:
    return tuple(catalog.get(name) for name in preference.models)
