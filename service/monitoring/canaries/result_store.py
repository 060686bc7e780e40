"""Stores the last result of each golden set on disk, so that flips are found across restarts with other models."""

import logging
from pathlib import Path

from pydantic import ValidationError

from models.atomic_write import write_atomically
from service.monitoring.canaries.results import CanaryResult

log = logging.getLogger(__name__)


class CanaryResultStore:
    """Where the folder cannot be written, flips are found within one process only."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def load(self, name: str) -> CanaryResult | None:
        try:
            return CanaryResult.model_validate_json(self._path(name).read_bytes())
        except (OSError, ValidationError):
            return None

    def save(self, result: CanaryResult) -> None:
        path = self._path(result.set)
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            write_atomically(path, result.model_dump_json(indent=2))
        except OSError as error:
            log.warning("canary results cannot be stored in %s: %s", self._folder, error.strerror)

    def _path(self, name: str) -> Path:
        return self._folder / f"{name}.json"
