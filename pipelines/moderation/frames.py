"""Judges what an upload shows after its first picture: frames of animations, pages of a TIFF.

first frame ─► verdict ─┬► the strictest verdict, with each frame's own
frames that differ ─────┘   and the signal `frames`: how different is what was not looked at
"""

from collections.abc import Mapping

from pipelines.image.decode import FrameSurvey
from pipelines.moderation.decision import combine_moderations, keep_strictest_rules
from pipelines.moderation.types import Evidence, FrameVerdict, Moderation, SignalResult

SIGNAL, UNSEEN, UNSEEN_PAGES = "frames", "unseen", "unseen_pages"


def describe_survey(survey: FrameSurvey, looked_at: int, total: int) -> SignalResult:
    """The result of the signal `frames`."""
    evidence = Evidence(what="frames", detail=f"looked at {looked_at} of {total}")
    return SignalResult.of({UNSEEN: survey.unseen}, [evidence], detector=SIGNAL, version="1")


def describe_pages(count: int, looked_at: int) -> SignalResult:
    """The result of the signal `frames` for a document: nobody knows how different its other pages are."""
    evidence = Evidence(what="pages", detail=f"looked at {looked_at} of {count}")
    return SignalResult.of({UNSEEN_PAGES: 1 - looked_at / count}, [evidence], detector=SIGNAL, version="1")


def combine_frames(found: Mapping[int, Moderation], frames_signal: Moderation) -> Moderation:
    """The strictest verdict over the frames by number, from 0, and what the policy says of frames not looked at."""
    whole = combine_moderations([*found.values(), frames_signal])
    verdicts = [_make_verdict(number, one) for number, one in sorted(found.items())]
    return whole.model_copy(update={"rules": keep_strictest_rules(whole.rules), "frames": verdicts})


def _make_verdict(number: int, found: Moderation) -> FrameVerdict:
    rules = list(dict.fromkeys(rule.rule for rule in found.rules))
    error = next((result.error for result in found.signals.values() if result.error is not None), None)
    return FrameVerdict(number=number + 1, verdict=found.verdict, severity=found.severity, rules=rules, error=error)
