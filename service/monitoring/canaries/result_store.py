"""The last result of each golden set, as a file each: a flip is also seen across a restart with other models."""

import logging
from pathlib import Path

from pydantic import ValidationError

from service.monitoring.canaries.results import CanaryResult

log = logging.getLogger(__name__)


class Memory:
    """Where nothing can be stored, flips are told within one process only."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def last(self, name: str) -> CanaryResult | None:
        try:
            return CanaryResult.model_validate_json(self._path(name).read_bytes())
        except (OSError, ValidationError):
            return None

    def keep(self, result: CanaryResult) -> None:
        path = self._path(result.set)
        new = path.with_suffix(".new")
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            new.write_text(result.model_dump_json(indent=2), "utf-8")
            new.replace(path)
        except OSError as error:
            log.warning("the answers of canaries cannot be kept in %s: %s", self._folder, error.strerror)

    def _path(self, name: str) -> Path:
        return self._folder / f"{name}.json"
