"""Puts amounts beside what they belong to: a receipt's prices stand in a column of their own, far from the names."""

from collections.abc import Sequence

from pipelines.boxes import enclosing_box, is_on_same_line
from pipelines.documents.types import DocumentLine, Region

LONGEST_AMOUNT = 14  # characters: "RM 1,234.50 ZR"
MOST = 0.6  # share of a region's lines that are amounts
PARTNERS = 0.5  # share of its lines that have one beside them


def join_amounts(regions: Sequence[Region]) -> list[Region]:
    """The regions in their order, without those that are amounts: their lines follow the lines to the left of them.

    Lines of a region that are level with each other go from left to right.
    """
    joined = list(regions)
    for amounts in (region for region in regions if _is_amounts(region)):
        others = [region for region in joined if region is not amounts]
        best = max(others, key=lambda region: _count_partners(amounts, region), default=None)
        if best is not None and _count_partners(amounts, best) >= PARTNERS * len(amounts.lines):
            joined = [_merge(region, amounts) if region is best else region for region in others]
    return [region.model_copy(update={"lines": _order_rows(region.lines)}) for region in joined]


def _order_rows(lines: Sequence[DocumentLine]) -> list[DocumentLine]:
    """Lines side by side from left to right: which of them reaches higher is a matter of a pixel."""
    ordered: list[DocumentLine] = []
    for line in lines:
        at = len(ordered)
        while at and _is_beside(line, ordered[at - 1]):
            at -= 1
        ordered.insert(at, line)
    return ordered


def _is_amounts(region: Region) -> bool:
    count = sum(len(line.text) <= LONGEST_AMOUNT and any(map(str.isdigit, line.text)) for line in region.lines)
    return count >= MOST * len(region.lines)


def _count_partners(amounts: Region, region: Region) -> int:
    """How many of the amounts have a line of `region` to their left."""
    return sum(any(_is_beside(line, amount) for line in region.lines) for amount in amounts.lines)


def _is_beside(line: DocumentLine, amount: DocumentLine) -> bool:
    return line.box[2] <= amount.box[0] and is_on_same_line(line.box, amount.box)


def _merge(region: Region, amounts: Region) -> Region:
    """Each amount behind the line that it stands beside, or by its height between the others."""
    lines = list(region.lines)
    for amount in amounts.lines:
        beside = [at for at, line in enumerate(lines) if _is_beside(line, amount)]
        above = [at for at, line in enumerate(lines) if line.box[1] <= amount.box[1]]
        lines.insert(max(beside or above, default=-1) + 1, amount)
    return region.model_copy(update={"box": enclosing_box(line.box for line in lines), "lines": lines})
