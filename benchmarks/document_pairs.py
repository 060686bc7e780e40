"""Measures key-value pairs on labelled receipts and invoices.

    python -m benchmarks.document_pairs FOLDER [FOLDER ...] [--misses]

FOLDER/gt.jsonl has a line for each page: {"file": "a.png", "source": "receipts", "fields": {"total": "12.40", "date":
"01/02/2024"}}; pages without fields are left out. Every page is read by OCR, as a request with `ocr=force`.

A field is found if a pair has its value, but for case, spaces, outer punctuation and, of amounts, the currency, and if
the pair's key names the field (`NAMES`); a date, a time or a telephone number may stand without a key. Printed is, by
source and by field, how many fields are found, and how many of the pairs that name a field have its value. All fields
count: `company` and `address`, which have no printed names on receipts, too.
"""

import argparse
import asyncio
import json
import unicodedata
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipelines.documents.options import DocumentsOptions
from pipelines.documents.spec import DOCUMENT
from pipelines.documents.types import KeyValuePair
from service.components import open_components
from service.settings import load_settings
from service.telemetry.metrics import Metrics

# Words of keys, by field; those of up to three letters must be words of their own.
NAMES: Mapping[str, tuple[str, ...]] = {
    "total": ("total", "amount", "sum", "due", "to pay", "totaal", "summe", "gesamt", "montant", "betrag", "ttc"),
    "subtotal": ("subtotal", "sub total", "net", "total"),
    "amount_untaxed": ("total", "subtotal", "net", "excl", "ht", "hors"),
    "tax": ("tax", "gst", "vat", "mwst", "tva", "btw", "hst", "sst", "pst"),
    "tips": ("tip", "gratuity", "service"),
    "date": ("date", "datum", "fecha", "data"),
    "time": ("time", "date", "heure", "zeit", "hora"),
    "tel": ("tel", "phone", "ph", "fax", "call"),
    "invoice_number": ("invoice", "facture", "factuur", "rechnung"),
    "order_id": ("order",),
    "vat": ("vat", "btw", "tva", "ust"),
    "company": ("company", "name", "seller", "sold by", "merchant", "shop", "store"),
    "address": ("address", "adres", "location"),
}
NAMELESS = {"date": "date", "time": "time", "tel": "telephone"}  # kinds of pairs without a key, by field
AMOUNTS = frozenset({"total", "subtotal", "amount_untaxed", "tax", "tips"})
SHORT = 3


@dataclass(slots=True)
class FieldCount:
    """`named` pairs name the field, of which `right` have its value."""

    fields: int = 0
    found: int = 0
    named: int = 0
    right: int = 0

    def add(self, named: int, right: int) -> None:
        self.fields += 1
        self.found += right > 0
        self.named += named
        self.right += right


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", type=Path, nargs="+")
    parser.add_argument("--misses", action="store_true", help="print the fields that were not found")
    options = parser.parse_args()
    counts: dict[tuple[str, str], FieldCount] = defaultdict(FieldCount)
    async with open_components(load_settings(), Metrics(), only=("document",)) as components:
        for path, page in list_pages(options.folders):
            findings = await components.engine.run(path.read_bytes(), {"document": DocumentsOptions(ocr="force")})
            pairs = findings.of(DOCUMENT).pages[0].pairs
            for name, value in page["fields"].items():
                named = [pair for pair in pairs if does_name(pair, name)]
                right = [pair for pair in named if simplify(pair.value, name) == simplify(value, name)]
                for key in (("all", "all"), ("all", name), (page["source"], "all"), (page["source"], name)):
                    counts[key].add(len(named), len(right))
                if options.misses and not right:
                    print(path.name, name, repr(value), [(pair.key, pair.value) for pair in named])
    report(counts)


def list_pages(folders: Sequence[Path]) -> Iterator[tuple[Path, Mapping[str, Any]]]:
    for folder in folders:
        for row in map(json.loads, (folder / "gt.jsonl").read_text().splitlines()):
            if row.get("fields"):
                yield folder / row["file"], row


def does_name(pair: KeyValuePair, field: str) -> bool:
    """Whether the pair says that it is this field."""
    if not pair.key:
        return pair.kind == NAMELESS.get(field, "")
    words = "".join(one if one.isalnum() else " " for one in pair.key.casefold()).split()
    return any(name in words if len(name) <= SHORT else name in " ".join(words) for name in NAMES[field])


def simplify(value: str, field: str) -> str:
    text = "".join(unicodedata.normalize("NFKC", value).casefold().split())
    if field in AMOUNTS:
        return "".join(one for one in text if one.isdigit() or one in ".,").strip(".,")
    return text.strip(".,:;")


def report(counts: Mapping[tuple[str, str], FieldCount]) -> None:
    print("source           field            fields  found         pairs that name it   right")
    for (source, name), count in sorted(counts.items()):
        found, right = count.found / count.fields, count.right / max(count.named, 1)
        print(f"{source:16} {name:16} {count.fields:6}  {count.found:4} ({found:.3f})  {count.named:18}   {right:.3f}")


if __name__ == "__main__":
    asyncio.run(main())
