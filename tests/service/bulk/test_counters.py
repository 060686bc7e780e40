"""Counters of a bulk run."""

from service.bulk.counters import ProgressCounters
from service.cli.bulk import describe_progress


def test_rows_are_counted_by_verdict() -> None:
    counters = ProgressCounters(skipped=5, total=20)
    counters.record(["allow", "allow", "block", None])

    assert counters.done == 4
    assert describe_progress(counters).split(": ")[-1] == "allow 2, review 0, block 1, failed 1"


def test_no_time_left_is_given_before_all_is_listed() -> None:
    counters = ProgressCounters()
    counters.start()
    counters.record(["allow"])

    assert counters.seconds_left is None
    assert describe_progress(counters).startswith("1 of ?")


def test_errors_of_earlier_runs_count_as_failures() -> None:
    assert not ProgressCounters().has_failures
    assert ProgressCounters(failed_before=1).has_failures
