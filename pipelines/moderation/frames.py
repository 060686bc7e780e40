"""Judges what an upload shows after its first picture: frames of animations, pages of a TIFF.

all frames ─► quick look-ups: known images, codes ─► suspects ─┐
first frame ─► verdict ─────────────────────────┐              ▼
                                                │      frames to judge ─► verdicts ─┬► the strictest verdict,
                                                └───────────────────────────────────┘  with each frame's own
frames not judged ─► the signal `frames`;  not looked through ─► the policy's `on_error`
"""

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from models.errors import DeadlineExceeded, KernelSightError, Overloaded
from pipelines.cpu_pool import CpuPool
from pipelines.errors import ImageRejected
from pipelines.image.decode import FrameSurvey, Picture
from pipelines.image.decode_cost import PICTURE_BYTES
from pipelines.image.frame_choice import FrameChoice, choose_frames, split_into_squares
from pipelines.image.frame_reader import FrameReader
from pipelines.moderation.backdrops import JudgedView, judge_over_backdrops, rank_view
from pipelines.moderation.decision import combine_views, summarise_part
from pipelines.moderation.signals.signal import ScreeningSignal
from pipelines.moderation.types import Evidence, FrameVerdict, Moderation, SignalResult
from pipelines.run_context import RunContext

log = logging.getLogger(__name__)

SIGNAL = "frames"
UNSEEN, HIDDEN, UNSEEN_FRAMES, UNSEEN_PAGES = "unseen", "hidden", "unseen_frames", "unseen_pages"
SCORES = (UNSEEN, HIDDEN, UNSEEN_FRAMES, UNSEEN_PAGES)


@dataclass(frozen=True)
class FrameJudge:
    """`judge_picture` gives the verdict on a picture, `fail` that on one of which nothing is known, and `decide` what
    the policy says of results that are not a frame's. `screens` are the signals that look at all frames.
    """

    reader: FrameReader
    pool: CpuPool
    shorter_side: int | None
    screens: Sequence[ScreeningSignal]
    judge_picture: Callable[[Picture, RunContext], Awaitable[Moderation]]
    fail: Callable[[str], Moderation]
    decide: Callable[[Mapping[str, SignalResult]], Moderation]

    async def judge(
        self, first: JudgedView, strictest: JudgedView, survey: FrameSurvey
    ) -> tuple[Moderation, JudgedView]:
        """As `judge_over_backdrops`, over frames: one after the other, and none after the first that is blocked."""
        picture, found = first.picture, {first.picture.frame: first.moderation}
        results, blocked = dict[str, SignalResult](), first.moderation.verdict == "block"
        choice = FrameChoice()
        if not blocked:
            choice, results = await self._choose(survey, picture.frame)
        async with first.context.admitted.charge_further(picture.width * picture.height * PICTURE_BYTES):
            for number in choice.chosen:
                found[number], view = await self._judge_frame(first, survey, number)
                strictest = max(strictest, view or strictest, key=rank_view)
                if blocked := found[number].verdict == "block":
                    break
        count, unread = len(found), None if blocked else self.reader.describe_unread(survey, picture.frames)
        if blocked:
            results[SIGNAL] = describe_block(next(reversed(found)), count, picture.frames)
        elif unread is None:
            results[SIGNAL] = describe_choice(choice, count, picture.frames)
        else:
            results[SIGNAL] = describe_failure(unread, count, picture.frames)
            found[len(survey.views) if survey.views else 1] = self.fail(unread)
        return self._combine(picture, survey, found, results), strictest

    async def _choose(self, survey: FrameSurvey, first: int) -> tuple[FrameChoice, dict[str, SignalResult]]:
        """Frames in which a quick look finds something come first; also the results of signals that failed at that."""
        views, failed, suspects = survey.views, dict[str, SignalResult](), list[int]()
        if views is None:
            return survey.choice, failed
        for signal in self.screens:
            try:
                suspects += await signal.screen(views, first)
            except (Overloaded, DeadlineExceeded):
                raise  # as for a signal's reading: nothing was decided
            except Exception as error:
                log.exception("signal %s could not look at all frames", signal.name)
                why = str(error) if isinstance(error, KernelSightError) else "internal error; the log has the details"
                failed[signal.name] = SignalResult.failed(why, detector=signal.name)
        if set(suspects) <= {first, *survey.choice.chosen}:
            return survey.choice, failed
        others = tuple(dict.fromkeys(number for number in suspects if number != first))
        squares = await self.pool.run(split_into_squares, views.thumbnails)
        most = self.reader.most - 1
        return await self.pool.run(choose_frames, views, squares, first, most=most, suspects=others), failed

    async def _judge_frame(
        self, first: JudgedView, survey: FrameSurvey, number: int
    ) -> tuple[Moderation, JudgedView | None]:
        """The verdict, and the strictest view; none where the frame cannot be decoded."""
        try:
            frame = await self.reader.read(first.picture, survey, number, self.shorter_side)
        except ImageRejected as error:
            return self.fail(str(error)), None
        own = replace(first.context, shared={})
        view = JudgedView(frame, own, await self.judge_picture(frame, own))
        return await judge_over_backdrops(view, self.judge_picture, self.pool, self.shorter_side)

    def _combine(
        self, picture: Picture, survey: FrameSurvey, found: Mapping[int, Moderation], results: dict[str, SignalResult]
    ) -> Moderation:
        """The strictest verdict over the frames by number, from 0, and what the policy says of further results."""
        verdicts = [_make_verdict(number, one, picture, survey) for number, one in sorted(found.items())]
        return combine_views([*found.values(), self.decide(results)], frames=verdicts)


def describe_choice(choice: FrameChoice, looked_at: int, total: int) -> SignalResult:
    """The signal `frames` where all were looked through."""
    scores = {UNSEEN: choice.unseen, HIDDEN: choice.hidden, UNSEEN_FRAMES: choice.unseen_frames}
    return _describe(scores, looked_at, total, f"looked at {looked_at} of {total}")


def describe_block(blocked: int, looked_at: int, total: int) -> SignalResult:
    """The signal `frames` where frame `blocked`, from 0, ended the search: nothing is known of those that follow."""
    return _describe(
        {},
        looked_at,
        total,
        f"looked at {looked_at} of {total}: frame {blocked + 1} is blocked, and none was judged after it",
    )


def describe_failure(why: str, looked_at: int, total: int) -> SignalResult:
    """The signal `frames` where some could not be looked through."""
    failed = SignalResult.failed(why, detector=SIGNAL)
    return failed.model_copy(update={"looked_at": looked_at, "total": total})


def describe_pages(count: int, looked_at: int) -> SignalResult:
    """The result of the signal `frames` for a document: nobody knows how different its other pages are."""
    return _describe(
        {UNSEEN_PAGES: 1 - looked_at / count}, looked_at, count, f"looked at {looked_at} of {count}", "pages"
    )


def _describe(scores: dict[str, float], looked_at: int, total: int, detail: str, what: str = "frames") -> SignalResult:
    result = SignalResult.of(scores, [Evidence(what=what, detail=detail)], detector=SIGNAL, version="2")
    return result.model_copy(update={"looked_at": looked_at, "total": total})


def _make_verdict(number: int, found: Moderation, picture: Picture, survey: FrameSurvey) -> FrameVerdict:
    return FrameVerdict(
        number=number + 1,
        page=number + 1 if picture.format == "TIFF" else None,
        seconds=survey.views.find_start(number) if survey.views else None,
        **summarise_part(found),
    )
