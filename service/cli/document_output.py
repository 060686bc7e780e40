"""Writes a document in the format that was asked for, and its pages with what was found drawn into them."""

import sys
from pathlib import Path
from typing import Literal

from pipelines.documents.outputs.formats import OUTPUT_FORMATS, FormatName, encode_document
from pipelines.documents.outputs.overlay import draw_page
from pipelines.documents.spec import DOCUMENT
from pipelines.findings import Findings
from service.cli.errors import OutputNotWritable
from service.cli.files import print_json, write_file
from service.cli.image_output import print_note
from service.operations.schemas import DocumentReply


def write_document(path: Path, findings: Findings, format: Literal["json"] | FormatName, out: Path | None) -> None:
    """To stdout, or as a file into the folder `out`. Pages that failed are lines on stderr.

    Raises OutputNotWritable.
    """
    document = findings.of(DOCUMENT)
    for page in document.pages:
        if page.error is not None:
            print(f"kernelsight: {path}: page {page.number}: {page.error}", file=sys.stderr)
    if out is None and format == "json":
        print_json(path, DocumentReply.of(findings))
        return
    if format == "json":
        data = DocumentReply.of(findings).model_dump_json(exclude_none=True).encode()
    else:
        data = encode_document(document, format)
    if out is None:
        sys.stdout.write(data.decode())
        return
    target = out / f"{path.stem}{'.json' if format == 'json' else OUTPUT_FORMATS[format].suffix}"
    write_file(target, data)
    print_note(f"{target}: {len(document.pages)} of {document.page_count} pages of {path}")


def write_overlays(path: Path, findings: Findings, out: Path) -> None:
    """A PNG for each page. Raises OutputNotWritable."""
    for page in findings.of(DOCUMENT).pages:
        if page.picture is None:
            continue
        target = out / f"{path.stem}-{page.number}.png"
        try:
            draw_page(page).save(target)
        except OSError as cause:
            raise OutputNotWritable(target, cause) from cause


def make_folder(folder: Path) -> None:
    """Raises OutputNotWritable."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as cause:
        raise OutputNotWritable(folder, cause) from cause
