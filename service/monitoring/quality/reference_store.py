"""References on disk, in a folder that services and the command line share.

FOLDER/<subject>.json    one each; services notice changed files within seconds
"""

from pathlib import Path

from pydantic import ValidationError

from models.atomic_write import write_atomically
from service.monitoring.errors import ReferenceInvalid, ReferencesNotWritable, ReferenceUnknown
from service.monitoring.quality.reference import Reference


class ReferenceStore:
    """Blocking; safe for several processes, because a file is replaced as a whole."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def names(self) -> list[str]:
        return sorted(path.stem for path in self.folder.glob("[!.]*.json"))

    def path(self, subject: str) -> Path:
        return self.folder / f"{subject}.json"

    def load(self, subject: str) -> Reference | None:
        """None where there is none; raises ReferenceInvalid."""
        path = self.path(subject)
        try:
            reference = Reference.model_validate_json(path.read_bytes())
        except FileNotFoundError:
            return None
        except OSError as cause:
            raise ReferenceInvalid(path, cause.strerror or str(cause)) from cause
        except ValidationError as cause:
            first = cause.errors()[0]
            raise ReferenceInvalid(path, f"{'.'.join(map(str, first['loc'])) or 'the file'}: {first['msg']}") from cause
        if reference.subject != subject:
            raise ReferenceInvalid(path, f"it belongs to {reference.subject!r}")
        return reference

    def save(self, reference: Reference) -> None:
        """Raises ReferencesNotWritable."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            write_atomically(self.path(reference.subject), reference.model_dump_json(indent=1))
        except OSError as cause:
            raise ReferencesNotWritable(self.folder, cause) from cause

    def remove(self, subject: str) -> None:
        """Raises ReferenceUnknown or ReferencesNotWritable."""
        try:
            self.path(subject).unlink()
        except FileNotFoundError:
            raise ReferenceUnknown(subject, self.names) from None
        except OSError as cause:
            raise ReferencesNotWritable(self.folder, cause) from cause
