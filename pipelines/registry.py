"""The registry of pipelines: one line for each. Whatever lists pipelines derives from it."""

from collections.abc import Iterable
from typing import Any

from pipelines.captioning.spec import FEATURES
from pipelines.documents.spec import DOCUMENT
from pipelines.explain.spec import EXPLAIN
from pipelines.faces.spec import AVATAR, FACES
from pipelines.image.spec import SANITIZE
from pipelines.moderation.spec import MODERATION
from pipelines.objects.spec import OBJECTS
from pipelines.pipeline_spec import PipelineSpec
from pipelines.text.spec import TEXT

PIPELINES: dict[str, PipelineSpec[Any, Any]] = {
    spec.name: spec for spec in (MODERATION, FEATURES, OBJECTS, FACES, TEXT, AVATAR, EXPLAIN, SANITIZE, DOCUMENT)
}

SELECTABLE = tuple(name for name, spec in PIPELINES.items() if spec.is_selectable)
ANALYSES = tuple(name for name, spec in PIPELINES.items() if spec.is_analysis)
DEFAULT_ANALYSES = tuple(name for name, spec in PIPELINES.items() if spec.is_default)
MODEL_TASKS = tuple(dict.fromkeys(task for spec in PIPELINES.values() for task in spec.all_tasks))

# Tasks that no pipeline needs which must be there.
OPTIONAL_TASKS = frozenset(MODEL_TASKS) - {
    task for spec in PIPELINES.values() if not spec.may_be_absent for task in spec.tasks
}

_COMPANIONS = {name for spec in PIPELINES.values() for name in spec.companions}
_ALWAYS_SERVED = tuple(name for name in PIPELINES if name not in SELECTABLE and name not in _COMPANIONS)


def served_with(selected: Iterable[str]) -> tuple[str, ...]:
    """The `selected` pipelines, their companions, and those that are always served."""
    names = (one for name in selected for one in (name, *PIPELINES[name].companions, *_ALWAYS_SERVED))
    return tuple(dict.fromkeys(names))


def tasks_of(names: Iterable[str]) -> tuple[str, ...]:
    """The model tasks that these pipelines need, or use where their models are there."""
    return tuple(dict.fromkeys(task for name in names for task in PIPELINES[name].all_tasks))
