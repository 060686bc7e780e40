"""Names regions and lines, so that a model can cite a place and a program can find its box: `p1.r3`, `p1.r3.l2`."""

from collections.abc import Sequence

from pipelines.documents.struck_text import write_struck
from pipelines.documents.types import Region


def name_regions(page: int, regions: Sequence[Region]) -> list[Region]:
    """Regions in reading order, with ids that count from 1, and their text."""
    return [_name_region(f"p{page}.r{number}", region) for number, region in enumerate(regions, start=1)]


def _name_region(id: str, region: Region) -> Region:
    lines = [line.model_copy(update={"id": f"{id}.l{number}"}) for number, line in enumerate(region.lines, start=1)]
    return region.model_copy(
        update={"id": id, "text": "\n".join(write_struck(line.text, line.words) for line in lines), "lines": lines}
    )
