"""The pipeline: all signals at once over one picture, then one verdict by the policy of the moment."""

import asyncio
import base64
import io
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from PIL import Image, ImageFilter

from models.concurrency import gather_or_cancel
from models.errors import DeadlineExceeded, ExplanationUnavailable, KernelSightError, Overloaded
from pipelines.cpu_pool import CpuPool
from pipelines.errors import RequestRejected
from pipelines.explain.explainer import Explanation
from pipelines.image.decode import Picture
from pipelines.moderation.decision import combined, decide
from pipelines.moderation.options import ModerationOptions
from pipelines.moderation.policy import Policy
from pipelines.moderation.signals.signal import Explains, OfFile, Signal
from pipelines.moderation.types import VERDICTS, InputType, Moderation, PageVerdict, SignalResult
from pipelines.run_context import RunContext
from pipelines.types import ModelUsed

SIDE, BLUR = 160, 6.0  # pixels: shapes and colours are left, faces and bodies are not


def blurred(pixels: Image.Image) -> str:
    """A WebP of upright RGB `pixels`, at most 160 pixels wide and high, as data URL."""
    small = pixels.copy() if max(pixels.size) <= SIDE else pixels.resize(_fitting(*pixels.size), Image.Resampling.BOX)
    file = io.BytesIO()
    small.filter(ImageFilter.GaussianBlur(BLUR)).save(file, "WEBP", quality=60)
    return "data:image/webp;base64," + base64.b64encode(file.getvalue()).decode("ascii")


def _fitting(width: int, height: int) -> tuple[int, int]:
    scale = SIDE / max(width, height)
    return max(1, round(width * scale)), max(1, round(height * scale))


log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ModerationPipeline:
    """`policy` gives the policy that is in force now: it can change between two requests.

    Signals in `on_request` are too slow for every image, and run where they are named.
    """

    signals: tuple[Signal, ...]
    policy: Callable[[], Awaitable[Policy]]
    pool: CpuPool
    on_request: tuple[Signal, ...] = ()
    name: str = "moderation"

    def models(self, options: ModerationOptions) -> list[ModelUsed]:
        return list({used.id: used for signal in self._chosen(options) for used in signal.models}.values())

    def shorter_side(self, options: ModerationOptions) -> int | None:
        sides = [signal.shorter_side for signal in self._chosen(options)]
        return None if None in sides else max((side for side in sides if side is not None), default=0)

    async def run(self, picture: Picture, options: ModerationOptions, context: RunContext) -> Moderation:
        """Raises RequestRejected for an unknown signal or tenant, Overloaded and DeadlineExceeded.

        Whatever else a signal raises is its reading, and the policy's `on_error` decides.
        """
        chosen, policy = self._chosen(options), await self.policy()
        policy.rules_for(options.tenant)  # an unknown tenant is refused before anything is computed
        found = await gather_or_cancel(*(_read(signal, picture, context) for signal in chosen))
        readings = {signal.name: reading for signal, reading in zip(chosen, found, strict=True)}
        more: dict[str, Any] = {}
        if options.preview:
            more["preview"] = await self.pool.run(blurred, picture.pixels)
        if options.explain:
            more["explanations"] = await _explained(chosen, picture, context)
        return judged(policy, readings, options.tenant).model_copy(update=more)

    async def judge_text(self, text: str, options: ModerationOptions) -> Moderation:
        """The same rules over a text alone. Raises RequestRejected as `run` does."""
        policy = await self.policy()
        readings = {}
        if not options.signals or "text" in options.signals:
            readings["text"] = await self.pool.run(policy.text_signal.read_text, text)
        return judged(policy, readings, options.tenant, kind="text")

    def passes(self, result: Moderation) -> bool:
        """Whether other pipelines may see the image: see `Engine.run`."""
        return result.verdict != "block"

    def of_a_page(self, options: ModerationOptions) -> ModerationOptions | None:
        """Without what looks at the file, and with nothing to show."""
        names = tuple(signal.name for signal in self._chosen(options) if not isinstance(signal, OfFile))
        return ModerationOptions(signals=names, tenant=options.tenant) if names else None

    async def unseen(self, options: ModerationOptions, why: str) -> Moderation:
        """The verdict is the policy's `on_error`, as that of signals that fail."""
        failed = {signal.name: SignalResult.failed(why, detector=signal.name) for signal in self._chosen(options)}
        return judged(await self.policy(), failed, options.tenant)

    def over_pages(self, found: Mapping[int, Moderation]) -> Moderation:
        """The strictest verdict, each rule where it was strictest; preview and explanations are the first page's."""
        whole = combined(list(found.values()))
        strictest_last = sorted(whole.rules, key=lambda rule: (VERDICTS.index(rule.verdict), rule.score))
        rules = {(rule.rule, rule.signal): rule for rule in strictest_last}
        pages = [_of_page(number, one) for number, one in found.items()]
        return whole.model_copy(update={"rules": list(rules.values()), "pages": pages})

    def brief(self, result: Moderation) -> str:
        reasons = ", ".join(dict.fromkeys(one.category for one in result.rules if one.verdict == result.verdict))
        pages = [str(page.number) for page in result.pages or () if reasons and page.verdict == result.verdict]
        where = f", page {', '.join(pages)}" if pages else ""
        return f"Moderation: {result.verdict}{f' ({reasons}{where})' if reasons else ''}."

    def _chosen(self, options: ModerationOptions) -> Sequence[Signal]:
        known = {signal.name: signal for signal in (*self.signals, *self.on_request)}
        if unknown := [name for name in options.signals if name not in known]:
            raise RequestRejected(f"signals: no {', '.join(map(repr, unknown))} here; there are: {', '.join(known)}")
        return [known[name] for name in dict.fromkeys(options.signals)] or self.signals


def _of_page(number: int, found: Moderation) -> PageVerdict:
    rules = list(dict.fromkeys(rule.rule for rule in found.rules))
    error = next((reading.error for reading in found.signals.values() if reading.error is not None), None)
    return PageVerdict(number=number, verdict=found.verdict, severity=found.severity, rules=rules, error=error)


def judged(
    policy: Policy, readings: Mapping[str, SignalResult], tenant: str | None, *, kind: InputType = "image"
) -> Moderation:
    """The verdict on `readings`, with all that is needed to reach it again."""
    decision = decide(policy, readings, tenant=tenant, kind=kind)
    return Moderation(
        verdict=decision.verdict,
        severity=decision.severity,
        rules=decision.rules,
        actions=decision.actions,
        signals=dict(readings),
        policy=policy.name,
        policy_version=policy.version,
        policy_sha256=policy.sha256,
        tenant=tenant,
        categories=decision.categories,
    )


async def _read(signal: Signal, picture: Picture, context: RunContext) -> SignalResult:
    started = asyncio.get_running_loop().time()
    try:
        return await signal.read(picture, context)
    except (Overloaded, DeadlineExceeded):
        raise  # the request may be sent again: nothing was judged
    except KernelSightError as error:
        log.warning("signal %s could not judge: %s", signal.name, error)
        return SignalResult.failed(str(error), detector=signal.name)
    except Exception:
        log.exception("bug in signal %s", signal.name)
        return SignalResult.failed("internal error; the log has the details", detector=signal.name)
    finally:
        context.add(signal.name, asyncio.get_running_loop().time() - started)


async def _explained(signals: Sequence[Signal], picture: Picture, context: RunContext) -> dict[str, Explanation]:
    """An explanation that cannot be had costs nobody the verdict."""
    found = {}
    for signal in signals:
        if isinstance(signal, Explains):
            try:
                found[signal.name] = await signal.explain(picture, context)
            except ExplanationUnavailable as error:
                log.info("signal %s explains nothing: %s", signal.name, error)
    return found
