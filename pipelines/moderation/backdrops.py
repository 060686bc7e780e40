"""Judges a partly transparent picture over each backdrop on which people may see it; the strictest verdict counts.

White ink is invisible over white, dark ink over black, and what lies under transparent pixels over both.
"""

import hashlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace

from pipelines.cpu_pool import CpuPool
from pipelines.image.backdrop import list_revealing, show_over
from pipelines.image.decode import Picture
from pipelines.image.decode_cost import count_view_bytes
from pipelines.image.jpeg import choose_scale_of
from pipelines.image.picture_facts import Backdrop
from pipelines.moderation.decision import combine_views, summarise_part
from pipelines.moderation.types import VERDICTS, BackdropVerdict, Moderation
from pipelines.run_context import RunContext


@dataclass(frozen=True, slots=True)
class JudgedView:
    """A picture as it was judged, with the context whose shared work belongs to it."""

    picture: Picture
    context: RunContext
    moderation: Moderation


async def judge_over_backdrops(
    first: JudgedView,
    judge: Callable[[Picture, RunContext], Awaitable[Moderation]],
    pool: CpuPool,
    shorter_side: int | None,
) -> tuple[Moderation, JudgedView]:
    """The verdict on all views of a picture, and the view with the strictest one; `first` is that over white.

    One view after the other, so that no more than two are in memory, and none after the first that is blocked.
    Their shorter side has at least `shorter_side` pixels where it had, and all where that is None. Raises what `judge`
    raises.
    """
    if first.picture.see_through is None:
        return first.moderation, first
    found: dict[Backdrop, Moderation] = {"white": first.moderation}
    strictest = first
    for backdrop in await pool.run(list_revealing, first.picture):
        if any(one.verdict == "block" for one in found.values()):
            break
        async with first.context.admitted.charge_further(count_view_bytes(first.picture)):
            picture = await pool.run(_view_over, first.picture, backdrop, shorter_side)
            context = replace(first.context, shared={})
            view = JudgedView(picture, context, await judge(picture, context))
        found[backdrop] = view.moderation
        strictest = max(strictest, view, key=rank_view)
        del picture, context, view  # or it would be in memory while the next one is rendered
    return _combine(found), strictest


def _view_over(picture: Picture, backdrop: Backdrop, shorter_side: int | None) -> Picture:
    """With a hash of its own: caches that are keyed by it must not take it for the picture over white."""
    layered = picture.see_through
    assert layered is not None
    scale = choose_scale_of(layered.size, shorter_side)
    sha256 = hashlib.sha256(f"{picture.sha256}, over {backdrop}".encode()).hexdigest()
    return replace(picture, pixels=show_over(layered, backdrop, scale), see_through=None, sha256=sha256)


def _combine(found: Mapping[Backdrop, Moderation]) -> Moderation:
    if len(found) == 1:
        return found["white"]
    verdicts = [BackdropVerdict(backdrop=backdrop, **summarise_part(one)) for backdrop, one in found.items()]
    return combine_views(list(found.values()), backdrops=verdicts)


def rank_view(view: JudgedView) -> tuple[int, int]:
    return VERDICTS.index(view.moderation.verdict), view.moderation.severity
