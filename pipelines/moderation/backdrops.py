"""Judges a partly transparent picture over each backdrop on which people may see it; the strictest verdict counts.

White ink is invisible over white, dark ink over black, and what lies under transparent pixels over both.
"""

import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from pipelines.cpu_pool import CpuPool
from pipelines.image.backdrop import list_revealing, show_over
from pipelines.image.decode import Picture
from pipelines.image.picture_facts import Backdrop
from pipelines.moderation.decision import combine_moderations, keep_strictest_rules
from pipelines.moderation.types import VERDICTS, BackdropVerdict, Moderation
from pipelines.run_context import RunContext


@dataclass(frozen=True, slots=True)
class JudgedView:
    """A picture as it was judged, with the context whose shared work belongs to it."""

    picture: Picture
    context: RunContext
    moderation: Moderation


async def judge_over_backdrops(
    first: JudgedView, judge: Callable[[Picture, RunContext], Awaitable[Moderation]], pool: CpuPool
) -> tuple[Moderation, JudgedView]:
    """The verdict on all views of a picture, and the view with the strictest one; `first` is that over white.

    One view after the other, so that only one is in memory, and none after the first that is blocked. Raises what
    `judge` raises.
    """
    if first.picture.see_through is None:
        return first.moderation, first
    views: dict[Backdrop, JudgedView] = {"white": first}
    for backdrop in await pool.run(list_revealing, first.picture):
        if any(view.moderation.verdict == "block" for view in views.values()):
            break
        picture = await pool.run(_view_over, first.picture, backdrop)
        context = replace(first.context, shared={})
        moderation = await judge(picture, context)
        views[backdrop] = JudgedView(picture, context, moderation)
    return _combine(views), max(views.values(), key=rank_view)


def _view_over(picture: Picture, backdrop: Backdrop) -> Picture:
    """With a hash of its own: caches that are keyed by it must not take it for the picture over white."""
    assert picture.see_through is not None
    sha256 = hashlib.sha256(f"{picture.sha256}, over {backdrop}".encode()).hexdigest()
    return replace(picture, pixels=show_over(picture.see_through, backdrop), see_through=None, sha256=sha256)


def _combine(views: dict[Backdrop, JudgedView]) -> Moderation:
    if len(views) == 1:
        return views["white"].moderation
    whole = combine_moderations([view.moderation for view in views.values()])
    backdrops = [_make_verdict(backdrop, view.moderation) for backdrop, view in views.items()]
    return whole.model_copy(update={"rules": keep_strictest_rules(whole.rules), "backdrops": backdrops})


def _make_verdict(backdrop: Backdrop, found: Moderation) -> BackdropVerdict:
    rules = list(dict.fromkeys(rule.rule for rule in found.rules))
    error = next((result.error for result in found.signals.values() if result.error is not None), None)
    return BackdropVerdict(backdrop=backdrop, verdict=found.verdict, severity=found.severity, rules=rules, error=error)


def rank_view(view: JudgedView) -> tuple[int, int]:
    return VERDICTS.index(view.moderation.verdict), view.moderation.severity
