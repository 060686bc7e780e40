"""How far a batch is."""

from service.bulk.counters import Tally
from service.cli.bulk import words


def test_what_is_done_is_counted_by_verdict() -> None:
    tally = Tally(skipped=5, total=20)
    tally.note(["allow", "allow", "block", None])

    assert (tally.done, words(tally).split(": ")[-1]) == (4, "allow 2, review 0, block 1, failed 1")


def test_nothing_is_promised_before_all_is_listed() -> None:
    tally = Tally()
    tally.begin()
    tally.note(["allow"])

    assert (tally.seconds_left, words(tally).startswith("1 of ?")) == (None, True)


def test_errors_of_earlier_runs_are_failures_of_the_output() -> None:
    assert (Tally().has_failures, Tally(failed_before=1).has_failures) == (False, True)
