"""Measures the signal "instructions" on drawn attacks and on harmless texts, through the engine as the routes use it.

    python benchmarks/instructions.py

Attacks in pictures are read by OCR, those in PDFs from the text layer. Harmless texts are moderated as texts, and those
in Western European languages also drawn and read by OCR. "held out" is the half that the rules were not written on.
Then all texts that can be drawn are analysed as pictures, as `/v1/analyze` does by default: "told" are those of which
the prompt says, in front of the quotation, that it addresses a model.
"""

import asyncio
from collections import Counter
from collections.abc import Iterable

import uvloop

from pipelines.captioning.options import FeaturesOptions
from pipelines.fence import ADDRESSES_MODEL
from pipelines.instructions.scoring import LIKELY
from pipelines.moderation.options import ModerationOptions
from pipelines.moderation.spec import MODERATION
from pipelines.moderation.types import SignalResult
from pipelines.text.options import TextOptions
from service.components import Components, open_components
from service.settings import load_settings
from service.telemetry.metrics import Metrics
from tests.pipelines.instructions.drawn_attacks import (
    CID_FONTS,
    Attack,
    disguise,
    draw,
    draw_image,
    read_attacks,
    read_harmless_texts,
)

ANALYSIS = {"moderation": ModerationOptions(), "features": FeaturesOptions(), "text": TextOptions()}
OPTIONS = ModerationOptions(signals=("instructions",))


async def main() -> None:
    async with open_components(
        load_settings(), Metrics(), only=("moderation", "features", "text", "document")
    ) as components:
        found = [(attack, await read_attack(components, attack)) for attack in read_attacks()]
        for part in ("tuning", "held-out"):
            own = [one for one in found if one[0].part == part]
            print(f"attacks, {part}: {count(own)}")
            for what in ("language", "hiding"):
                print(f"  by {what}: {', '.join(describe(own, what))}")
        for attack, result in found:
            if result.score < LIKELY:
                print(f"  missed: {attack.id} {attack.hiding} {result.score:.2f} {attack.text[:70]!r}")
        await measure_harmless(components)
        await measure_quotations(components)


async def read_attack(components: Components, attack: Attack) -> SignalResult:
    if not attack.is_file:
        return (await components.texts.moderate(disguise(attack), OPTIONS)).moderation.signals["instructions"]
    # Nobody has to ask for the text layer to be read.
    options = OPTIONS if attack.hiding.startswith("image") else ModerationOptions()
    findings = await components.engine.run(draw(attack), {"moderation": options})
    return findings.of(MODERATION).signals["instructions"]


async def measure_harmless(components: Components) -> None:
    alarms, drawn_alarms, texts = Counter[str](), Counter[str](), read_harmless_texts()
    for text in texts:
        judged = await components.texts.moderate(text.text, OPTIONS)
        label = text.kind if text.kind != "ordinary" else f"{text.part}, ordinary"
        alarms[label] += judged.moderation.signals["instructions"].score >= LIKELY
        if text.language not in CID_FONTS:
            findings = await components.engine.run(draw_image(text.text), {"moderation": OPTIONS})
            drawn_alarms[label] += findings.of(MODERATION).signals["instructions"].score >= LIKELY
    sizes = Counter(text.kind if text.kind != "ordinary" else f"{text.part}, ordinary" for text in texts)
    print("false alarms, as text:", ", ".join(f"{label} {alarms[label]}/{size}" for label, size in sizes.items()))
    print("false alarms, drawn and read by OCR:", dict(drawn_alarms))


async def measure_quotations(components: Components) -> None:
    told: dict[str, list[bool]] = {}
    for attack in read_attacks():
        if attack.language not in CID_FONTS:
            image = draw(attack) if attack.hiding.startswith("image") else draw_image(attack.text)
            is_told = await is_told_in_prompt(components, image)
            told.setdefault(f"attacks, {attack.part}", []).append(is_told)
            if not is_told:
                print(f"  not told: {attack.id} {attack.text[:70]!r}")
    for text in read_harmless_texts():
        if text.language not in CID_FONTS:
            told.setdefault(text.kind, []).append(await is_told_in_prompt(components, draw_image(text.text)))
    print("told in the prompt:", ", ".join(f"{name} {sum(facts)}/{len(facts)}" for name, facts in told.items()))


async def is_told_in_prompt(components: Components, image: bytes) -> bool:
    findings = await components.engine.run(image, ANALYSIS, gate=True)
    return ADDRESSES_MODEL in findings.prompt


def describe(found: Iterable[tuple[Attack, SignalResult]], what: str) -> Iterable[str]:
    groups: dict[str, list[tuple[Attack, SignalResult]]] = {}
    for attack, result in found:
        groups.setdefault(getattr(attack, what), []).append((attack, result))
    return (f"{name} {count(group)}" for name, group in groups.items())


def count(found: list[tuple[Attack, SignalResult]]) -> str:
    return f"{sum(result.score >= LIKELY for _, result in found)}/{len(found)}"


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main())
