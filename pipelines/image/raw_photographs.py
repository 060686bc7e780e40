"""Recognises raw photographs: the data of a camera's sensor, most of them in TIFFs whose first picture is a thumbnail.

Nothing here develops them, and a verdict on the thumbnail would look like one on the photograph. Most kinds have a mark
in their first bytes; a TIFF tells by its tags (DNG 1.7, section 4; TIFF/EP, ISO 12234-2).
"""

import io
import warnings
from collections.abc import Iterator

from PIL import TiffImagePlugin

# Where the mark is, the mark, and the name.
_MARKS: tuple[tuple[int, bytes, str], ...] = (
    (0, b"FUJIFILMCCD-RAW", "Fujifilm RAF"),
    (0, b"IIRO", "Olympus ORF"),
    (0, b"IIRS", "Olympus ORF"),
    (0, b"MMOR", "Olympus ORF"),
    (0, b"IIU\0", "Panasonic RW2 or Leica RWL"),
    (0, b"FOVb", "Sigma X3F"),
    (0, b"\0MRM", "Minolta MRW"),
    (4, b"ftypcrx ", "Canon CR3"),
    (6, b"HEAPCCDR", "Canon CRW"),
    (8, b"CR\x02", "Canon CR2"),
    (8, b"IIII", "Phase One IIQ"),
)
_MAKERS = (
    ("NIKON", "Nikon NEF"),
    ("SONY", "Sony ARW"),
    ("PENTAX", "Pentax PEF"),
    ("RICOH", "Pentax PEF"),
    ("SAMSUNG", "Samsung SRW"),
    ("CANON", "Canon TIF"),
    ("HASSELBLAD", "Hasselblad 3FR"),
    ("LEAF", "Leaf MOS"),
    ("MAMIYA", "Mamiya MEF"),
    ("KODAK", "Kodak DCR"),
    ("EPSON", "Epson ERF"),
)

_MAKE, _SUB_DIRECTORIES, _COMPRESSION, _PHOTOMETRIC, _DNG_VERSION = 271, 330, 259, 262, 50_706
_RAW_PHOTOMETRICS = (32_803, 34_892)  # colour filter array, linear raw
_RAW_COMPRESSIONS = (32_767, 32_770, 34_713, 65_000, 65_535)  # Sony's, Samsung's, Nikon's, Kodak's, Pentax's
_TIFF, _BIG_TIFF = (b"II*\0", b"MM\0*"), (b"II+\0", b"MM\0+")
_MAX_DIRECTORIES = 32

TiffDirectory = TiffImagePlugin.ImageFileDirectory_v2


def name_raw(data: bytes) -> str | None:
    """The name of the kind of raw photograph that this is; None for anything else, and for TIFFs that are damaged."""
    for start, mark, name in _MARKS:
        if data.startswith(mark, start):
            return name
    if not data.startswith((*_TIFF, *_BIG_TIFF)):
        return None
    try:
        with warnings.catch_warnings(action="ignore"):  # Pillow warns of tags that it cannot read
            return _name_by_tags(list(_iter_directories(data)))
    except Exception:  # a reader of damaged tags raises anything; what is wrong with the file is for the decoder to say
        return None


def _name_by_tags(directories: list[TiffDirectory]) -> str | None:
    if any(_DNG_VERSION in tags for tags in directories):
        return "Adobe DNG"
    if not any(_is_of_sensor(tags) for tags in directories):
        return None
    makers = [str(tags.get(_MAKE, "")).strip().upper() for tags in directories]
    return next((name for mark, name in _MAKERS for maker in makers if maker.startswith(mark)), "TIFF/EP")


def _is_of_sensor(tags: TiffDirectory) -> bool:
    return tags.get(_PHOTOMETRIC) in _RAW_PHOTOMETRICS or tags.get(_COMPRESSION) in _RAW_COMPRESSIONS


def _iter_directories(data: bytes) -> Iterator[TiffDirectory]:
    """All that follow each other or lie in each other, each once."""
    head, file = data[: 16 if data.startswith(_BIG_TIFF) else 8], io.BytesIO(data)
    waiting, seen = [TiffDirectory(head).next], set[int]()
    while waiting and len(seen) < _MAX_DIRECTORIES:
        at = waiting.pop()
        if at in seen or not 0 < at < len(data):
            continue
        seen.add(at)
        tags = TiffDirectory(head)
        file.seek(at)
        tags.load(file)
        yield tags
        inner = tags.get(_SUB_DIRECTORIES, ())
        waiting += [tags.next, *(inner if isinstance(inner, tuple) else (inner,))]
