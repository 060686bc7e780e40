"""Decides whether a hyphen at a line's end belongs to the word: `cost-benefit` keeps it, `infor-mation` does not.

The document itself knows best: how does it write the word within a line? Otherwise a small list of English words that
form compounds decides, and the shape of what stands before the hyphen: numbers, single letters and addresses keep it.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from pipelines.documents.types import Document

SOFT_HYPHEN = "\u00ad"
HYPHENS = "-\u2010\u2011" + SOFT_HYPHEN

_OUTER = ".,;:!?()[]{}\"'“”‘’„»«*"
_SUSPENDED = frozenset("and or to und oder bzw sowie et ou y o e und/oder and/or".split())  # "Ein- und Ausgabe"
_NUMBERS = frozenset("one two three four five six seven eight nine ten twenty thirty forty fifty sixty seventy eighty "
                     "ninety hundred first second third".split())  # fmt: skip
_HEADS = _NUMBERS | frozenset(
    "air all anglo bench best big break broad built business by carbon case check child client climate close closed "
    "cold computer consumer cost cross cut cutting data day decision deep double dry early east eco employee "
    "end energy error evidence eye face fact far fast father feed fixed follow food four free front fuel full "
    "future gender good government half hand hard health heat heavy high higher home hot hour human ill in income "
    "industry interest job key labour labor land large last late law lead left life light line load long longer low "
    "lower machine main man market mass medium mid middle mile model month mother multi near new next noise non north "
    "off oil old on open out part pay peer per performance place point policy poor post power pre price problem profit "
    "project public purpose quality quick quasi random rate re read ready real record right risk role rule run sea "
    "self semi service set shape short side signal single site size slow small so socio soft solar solid sound south "
    "space start state step stand steady store strong student sub sun take target task tax teacher time top trade "
    "trial turn type ultra under up user value vice wage walk water web week weight well west white wide wind word "
    "work world year young".split()
)
_TAILS = _NUMBERS | frozenset(
    "access added age aged american art aware back balance based before being benefit born bound break british broken "
    "built by called capita case centred centered century chair chairman chancellor changing class committee compliant "
    "conscious controlled cost country created cut date day deep defined demand dependent depth design detail "
    "development digit dimensional directed distance down driven early earning earth edge effect effective efficiency "
    "efficient end error established european ever existing face fact fair farm fast fed fifth fifths financed fire "
    "first fit fixed floor flow focused follow for form founded fold free french frequency friendly fund funded gas "
    "general german generation governmental grade grained grown growing growth half hand handed heat height held high "
    "hoc home hour house hundred impact in income increasing independent informed intensive interest interested "
    "intervention invasive japan kind know known large last lasting law layer learning led legged length letter level "
    "life like line linear lived living local loop loss low made maker making man managed mannered market meaning "
    "means medium minded minute mission model month moving national negative net neutral new next normal north of off "
    "offs old on one open operation order ordered organised oriented out output over owned page paid pain paper part "
    "party pass people performance performing person phase piece place planned point points poor positive power "
    "powered president pressure prevention price principal process producing profit proof protein public purpose put "
    "quality quarter quarters range ranging rate rated reaching read reader ready related relevant reliant renewable "
    "rented report reported resistant resolution return rich rise risk room round run running russian scale season "
    "section selected selection sensitive sensing service set shaped shelf shift shot side sided sign similar size "
    "sized skilled small social solid sourced south space speaking specific speed spread stable stage standing star "
    "state step stick stop structured style sufficient suited supply support supported systematic takes taking tasking "
    "tax temperature term terms test tested the thinking third thirds through tide time times to top trained treated "
    "trend trip true type under understood up ups use user value variable versa volume wave way wearing week weight "
    "west wheel wide width will winning wire word words work worker world worn worth written year years zero".split()
)
_CLOSED = frozenset(  # what is written as one word although its parts are listed
    "income outcome input output update upset upload upright upside upon into onto within without undertake underway "
    "setup makeup payoff takeover overall website webpage workday workshop weekday weekend homework database timeline "
    "online offline outline inline baseline deadline lifetime daytime network workplace marketplace fireplace birthday "
    "today sunrise sunset landmark highway halfway runway highlight sideways outside inside offside upstate subset "
    "reset reuse return retake rework rewrite rewritten reopen rebuild report retest preset presume preterm subway "
    "standstill standing forward afterward bylaw byword byway breakup breakdown checkup cutoff handmade homemade hardback "
    "layout lineup leadtime meantime nighttime paperwork password peacetime percent photo sometime spacetime standby "
    "takeoff toward turnover underline underlying understood underwater waterproof whitespace windmill workout "
    "worldwide nationwide subtype submodel subprocess substate subsection subspace restate restart recover replace "
    "replaced reform repaid repay resize reread retold refund review resection reorder reordered international "
    "online offshore onset outset longhand shorthand lefthand blackout".split()
)


@dataclass(frozen=True, slots=True)
class WordForms:
    """How often a document writes each word within its lines, in small letters."""

    counts: Counter[str] = field(default_factory=Counter)

    @classmethod
    def of(cls, document: Document) -> "WordForms":
        lines = (line.text for page in document.pages for region in page.regions for line in region.lines)
        return cls.of_lines(lines)

    @classmethod
    def of_lines(cls, lines: Iterable[str]) -> "WordForms":
        counts: Counter[str] = Counter()
        for line in lines:
            words = line.split()
            begins_inside = 1 if words and words[0][:1].islower() else 0  # it may be the rest of a word
            ends_inside = 1 if words and words[-1][-1] in HYPHENS else 0
            counts.update(map(_bare, words[begins_inside : len(words) - ends_inside]))
        return cls(counts)


def join_at_hyphen(before: str, after: str, forms: WordForms) -> str:
    """Joins two parts of a text of which the first ends with a hyphen."""
    left, right = before.split(" ")[-1], after.split(" ")[0]
    stem, hyphen = left[:-1], left[-1]
    if hyphen == SOFT_HYPHEN:
        return before[:-1] + after
    if not any(map(str.isalnum, stem)) or not right[:1].isalnum():
        return f"{before} {after}"
    if _bare(right) in _SUSPENDED and right[:1].islower():
        return f"{before} {after}"
    return before + after if _keeps_hyphen(stem, right, forms) else before[:-1] + after


def _keeps_hyphen(stem: str, right: str, forms: WordForms) -> bool:
    is_address = "://" in stem or "@" in stem or stem.startswith("www.") or "/" in stem
    part = stem.rpartition("-")[2].lstrip(_OUTER)
    is_capital = len(part) > 1 and part.isupper() and right.strip(_OUTER).isupper()
    if is_address or len(part) < 2 or any(map(str.isdecimal, stem)) or not (right[0].islower() or is_capital):
        return True
    whole, rest = _bare(stem), _bare(right)
    with_hyphen, joined = forms.counts[f"{whole}-{rest}"], forms.counts[whole + rest]
    if with_hyphen != joined:
        return with_hyphen > joined
    head, tail = part.lower(), rest.split("-")[0].split("/")[0]
    return _is_compound(head, tail) or (head in ("the", "of", "to", "in", "and", "by", "on") and "-" in stem)


def _is_compound(head: str, tail: str) -> bool:
    if head + tail in _CLOSED:
        return False
    if head == "non":
        return len(tail) > 3 and not tail.startswith(("sens", "ethe", "chal"))
    if head == "self":
        return tail not in ("ish", "ishly", "ishness", "less", "lessly", "same")
    if head == "well":
        return len(tail) > 3 and tail not in ("ness", "ington", "come")
    return head in _HEADS and tail in _TAILS


def _bare(word: str) -> str:
    return word.strip(_OUTER).replace(SOFT_HYPHEN, "").replace("\u2010", "-").replace("\u2011", "-").lower()
