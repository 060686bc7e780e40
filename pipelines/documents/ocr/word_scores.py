"""The score of a word: the probability that all of its characters are as printed, by a logistic regression.

It looks at the word's worst character, and at what may be missing beside one. `python -m benchmarks.word_scores` fits
the weights on labelled pages, and shows how well scores and outcomes agree on sources that a fit did not see.
"""

from collections.abc import Sequence
from dataclasses import astuple, dataclass
from math import exp, log

from pipelines.documents.ocr.ctc import Character

LIKELIEST = 0.999  # probability beyond which characters are equally sure


@dataclass(frozen=True, slots=True)
class WordEvidence:
    """`peak` and `line` are log-odds: of the word's least sure character, and of its line's characters on average.

    `rival` is the highest probability of a further character beside one of the word's, `unread` the width of ink
    without a character, in line heights and at most 1.
    """

    peak: float
    rival: float
    line: float
    unread: float

    @classmethod
    def of(cls, characters: Sequence[Character], line_score: float, unread: float) -> "WordEvidence":
        peak, rival = min(one.peak for one in characters), max(one.rival for one in characters)
        return cls(_log_odds(peak), rival, _log_odds(line_score), min(unread, 1.0))


# That of unread ink is fitted with pages in Vietnamese, whose missing letters hardly occur elsewhere.
BIAS = -0.76
WEIGHTS = WordEvidence(peak=0.59, rival=-8.8, line=0.26, unread=-12.2)


def score_word(evidence: WordEvidence) -> float:
    """0-1."""
    odds = BIAS + sum(weight * value for weight, value in zip(astuple(WEIGHTS), astuple(evidence), strict=True))
    return 1 / (1 + exp(-odds))


def _log_odds(probability: float) -> float:
    share = min(max(probability, 1 - LIKELIEST), LIKELIEST)
    return log(share / (1 - share))
