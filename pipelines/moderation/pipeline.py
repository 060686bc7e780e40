"""The moderation pipeline: runs all signals at once on a picture, then decides by the policy in force."""

import asyncio
import base64
import io
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from PIL import Image, ImageFilter

from models.concurrency import gather_or_cancel
from models.errors import DeadlineExceeded, ExplanationUnavailable, KernelSightError, Overloaded
from pipelines.cpu_pool import CpuPool
from pipelines.errors import RequestRejected
from pipelines.explain.types import Explanation
from pipelines.fence import HIDES_INSTRUCTIONS
from pipelines.image.decode import Picture
from pipelines.image.frame_reader import FrameReader
from pipelines.instructions.scoring import LIKELY
from pipelines.moderation.backdrops import JudgedView, judge_over_backdrops
from pipelines.moderation.decision import combine_views, decide, summarise_part
from pipelines.moderation.frames import SIGNAL, FrameJudge, describe_pages
from pipelines.moderation.options import ModerationOptions
from pipelines.moderation.policy import Policy
from pipelines.moderation.signals.barcode_wording import describe_codes
from pipelines.moderation.signals.signal import (
    ExplainableSignal,
    FileSignal,
    ScreeningSignal,
    Signal,
    TextReadingSignal,
)
from pipelines.moderation.types import InputType, Moderation, PageVerdict, SignalResult
from pipelines.prompt import PromptContext
from pipelines.run_context import RunContext
from pipelines.types import ModelUsed

log = logging.getLogger(__name__)

PREVIEW_SIDE, PREVIEW_BLUR = 160, 6.0  # pixels: shapes and colours stay visible, faces and bodies do not


def render_preview(pixels: Image.Image) -> str:
    """A blurred WebP of upright RGB `pixels`, at most 160 pixels wide and high, as data URL."""
    is_small = max(pixels.size) <= PREVIEW_SIDE
    small = pixels.copy() if is_small else pixels.resize(_fit_size(*pixels.size), Image.Resampling.BOX)
    file = io.BytesIO()
    small.filter(ImageFilter.GaussianBlur(PREVIEW_BLUR)).save(file, "WEBP", quality=60)
    return "data:image/webp;base64," + base64.b64encode(file.getvalue()).decode("ascii")


def _fit_size(width: int, height: int) -> tuple[int, int]:
    scale = PREVIEW_SIDE / max(width, height)
    return max(1, round(width * scale)), max(1, round(height * scale))


@dataclass(frozen=True)
class ModerationPipeline:
    """`policy` gives the policy that is in force now: it can change between two requests.

    Signals in `on_request` are too slow for every image, and run only where a request names them. Without `frames`,
    an animation is judged by its first frame.
    """

    signals: tuple[Signal, ...]
    policy: Callable[[], Awaitable[Policy]]
    pool: CpuPool
    on_request: tuple[Signal, ...] = ()
    frames: FrameReader | None = None
    name: str = "moderation"

    def models(self, options: ModerationOptions) -> list[ModelUsed]:
        return list({used.id: used for signal in self._choose_signals(options) for used in signal.models}.values())

    def shorter_side(self, options: ModerationOptions) -> int | None:
        return _least_side(self._choose_signals(options))

    async def run(self, picture: Picture, options: ModerationOptions, context: RunContext) -> Moderation:
        """Raises RequestRejected for an unknown signal or tenant, Overloaded and DeadlineExceeded.

        Any other exception makes its signal fail, and the policy's `on_error` decides.
        """
        signals, policy = self._choose_signals(options), await self.policy()
        policy.rules_for(options.tenant)  # an unknown tenant is refused before anything is computed
        judge = partial(_judge, signals, policy, options.tenant)
        first = await judge(picture, context)
        of_file = {one.name: first.signals[one.name] for one in signals if isinstance(one, FileSignal)}
        if len(of_file) == len(signals):
            result, strictest = first, JudgedView(picture, context, first)
        else:
            result, strictest = await judge_over_backdrops(
                JudgedView(picture, context, first), partial(judge, known=of_file), self.pool, _least_side(signals)
            )
            if self.frames is not None and picture.survey is not None:
                pixel_signals = [one for one in signals if one.name not in of_file]
                frames = FrameJudge(
                    self.frames,
                    self.pool,
                    _least_side(signals),
                    [one for one in signals if isinstance(one, ScreeningSignal)],
                    judge_picture=partial(judge, known=of_file),
                    fail=lambda why: _fail_signals(pixel_signals, policy, options.tenant, why),
                    decide=lambda results: apply_policy(policy, results, options.tenant),
                )
                result, strictest = await frames.judge(JudgedView(picture, context, result), strictest, picture.survey)
        extras: dict[str, Any] = {}
        if options.preview:
            extras["preview"] = await self.pool.run(render_preview, strictest.picture.pixels)
        if options.explain:
            extras["explanations"] = await _explain_signals(signals, strictest.picture, strictest.context)
        return result.model_copy(update=extras)

    async def moderate_text(self, text: str, options: ModerationOptions) -> Moderation:
        """Apply the same rules to a text alone. Raises RequestRejected as `run` does."""
        policy = await self.policy()
        readers = (policy.text_signal, *(one for one in self.signals if isinstance(one, TextReadingSignal)))
        results = {
            one.name: await self.pool.run(one.read_text, text)
            for one in readers
            if not options.signals or one.name in options.signals
        }
        return apply_policy(policy, results, options.tenant, input_type="text")

    def passes(self, result: Moderation) -> bool:
        """Whether other pipelines may see the image: see `Engine.run`."""
        return result.verdict != "block"

    def options_for_page(self, options: ModerationOptions) -> ModerationOptions | None:
        """The signals that read pixels, without preview and explanations."""
        names = tuple(signal.name for signal in self._choose_signals(options) if not isinstance(signal, FileSignal))
        return ModerationOptions(signals=names, tenant=options.tenant) if names else None

    async def result_for_unseen_page(self, options: ModerationOptions, why: str) -> Moderation:
        """All signals count as failed, so the policy's `on_error` decides."""
        return _fail_signals(self._choose_signals(options), await self.policy(), options.tenant, why)

    async def merge_pages(self, options: ModerationOptions, found: Mapping[int, Moderation], count: int) -> Moderation:
        """The strictest verdict, each rule where it was strictest, and what the policy says of pages not looked at;
        preview and explanations are of the first page.
        """
        unseen = apply_policy(await self.policy(), {SIGNAL: describe_pages(count, len(found))}, options.tenant)
        verdicts = [PageVerdict(number=number, **summarise_part(one)) for number, one in found.items()]
        return combine_views([*found.values(), unseen], pages=verdicts)

    def describe(self, result: Moderation, context: PromptContext) -> str:
        """Verdicts are for the backend, not for a model that talks to a user; what codes and hidden text say is."""
        if result.verdict == "block":
            return "Moderation withheld this image."
        codes, instructions = result.signals.get("codes"), result.signals.get("instructions")
        hides = instructions is not None and instructions.scores.get("hidden", 0.0) >= LIKELY
        return "\n".join([*[HIDES_INSTRUCTIONS][: int(hides)], *describe_codes(codes.evidence if codes else ())])

    def _choose_signals(self, options: ModerationOptions) -> Sequence[Signal]:
        known = {signal.name: signal for signal in (*self.signals, *self.on_request)}
        if unknown := [name for name in options.signals if name not in known]:
            raise RequestRejected(f"signals: no {', '.join(map(repr, unknown))} here; there are: {', '.join(known)}")
        return [known[name] for name in dict.fromkeys(options.signals)] or self.signals


def apply_policy(
    policy: Policy, results: Mapping[str, SignalResult], tenant: str | None, *, input_type: InputType = "image"
) -> Moderation:
    """The verdict on `results`, with everything that it takes to reach it again."""
    decision = decide(policy, results, tenant=tenant, input_type=input_type)
    return Moderation(
        verdict=decision.verdict,
        severity=decision.severity,
        rules=decision.rules,
        actions=decision.actions,
        signals=dict(results),
        policy=policy.name,
        policy_version=policy.version,
        policy_sha256=policy.sha256,
        tenant=tenant,
        categories=decision.categories,
    )


def _fail_signals(signals: Sequence[Signal], policy: Policy, tenant: str | None, why: str) -> Moderation:
    failed = {signal.name: SignalResult.failed(why, detector=signal.name) for signal in signals}
    return apply_policy(policy, failed, tenant)


def _least_side(signals: Sequence[Signal]) -> int | None:
    """Pixels that a picture's shorter side needs for all of them; None for full resolution."""
    sides = [signal.shorter_side for signal in signals]
    return None if None in sides else max((side for side in sides if side is not None), default=0)


async def _judge(
    signals: Sequence[Signal],
    policy: Policy,
    tenant: str | None,
    picture: Picture,
    context: RunContext,
    known: Mapping[str, SignalResult] | None = None,
) -> Moderation:
    """The verdict on one view of a picture; `known` are results that hold for every view."""
    known = known or {}
    found = await gather_or_cancel(
        *(_read_signal(signal, picture, context) for signal in signals if signal.name not in known)
    )
    fresh = iter(found)
    results = {signal.name: known.get(signal.name) or next(fresh) for signal in signals}
    return apply_policy(policy, results, tenant)


async def _read_signal(signal: Signal, picture: Picture, context: RunContext) -> SignalResult:
    started = asyncio.get_running_loop().time()
    try:
        return await signal.read(picture, context)
    except (Overloaded, DeadlineExceeded):
        raise  # the client may send the request again: nothing was decided
    except KernelSightError as error:
        log.warning("signal %s could not judge: %s", signal.name, error)
        return SignalResult.failed(str(error), detector=signal.name)
    except Exception:
        log.exception("bug in signal %s", signal.name)
        return SignalResult.failed("internal error; the log has the details", detector=signal.name)
    finally:
        context.add_stage(signal.name, asyncio.get_running_loop().time() - started)


async def _explain_signals(signals: Sequence[Signal], picture: Picture, context: RunContext) -> dict[str, Explanation]:
    """An explanation that is not available does not cost the verdict."""
    found = {}
    for signal in signals:
        if isinstance(signal, ExplainableSignal):
            try:
                found[signal.name] = await signal.explain(picture, context)
            except ExplanationUnavailable as error:
                log.info("signal %s explains nothing: %s", signal.name, error)
    return found
