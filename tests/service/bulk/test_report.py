"""The report of a bulk run: what it counts, and that no text becomes markup."""

from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from service.bulk.errors import OutputInvalid
from service.bulk.report import render_report, write_report
from service.bulk.summary import MAX_SLOWEST, RunSummary
from tests.service.bulk.bulk_runs import make_image_folder, run_moderate

NASTY = '<script>alert("x")</script>&$title'


def row(number: int, **changes: Any) -> dict[str, Any]:
    return {
        "id": f"{number}.jpg", "source": f"{number}.jpg", "sha256": "00", "verdict": "allow", "severity": 0,
        "rules": [], "scores": {"nsfw.whole": number / 1000}, "categories": {}, "failed_signals": {}, "error": None,
        "policy": "default", "policy_version": "1", "policy_sha256": "ab" * 32,
        "models": [{"id": "opennsfw", "version": 1, "sha256": "cd" * 32}], "seconds": number / 100, **changes,
    }  # fmt: skip


def fired(number: int, verdict: str, severity: int) -> dict[str, Any]:
    rule = {
        "rule": f"{verdict}-rule", "category": "sexual", "signal": "nsfw.whole", "score": 0.9, "threshold": 0.8,
        "verdict": verdict, "severity": severity, "actions": [],
    }  # fmt: skip
    return row(number, verdict=verdict, severity=severity, rules=[rule, rule], scores={"nsfw.whole": 1.0})


def failed(number: int) -> dict[str, Any]:
    error = {"code": "image-corrupt", "detail": NASTY}
    return row(number, id=NASTY, verdict=None, severity=None, error=error, scores={})


@pytest.fixture
def summary() -> RunSummary:
    return RunSummary.from_rows([*map(row, range(100)), fired(100, "review", 3), fired(101, "block", 6), failed(102)])


def test_every_row_is_counted_once_by_its_verdict(summary: RunSummary) -> None:
    assert dict(summary.verdicts) == {"allow": 100, "review": 1, "block": 1, "failed": 1}


def test_an_image_counts_once_per_category(summary: RunSummary) -> None:
    assert summary.categories == {"sexual": {"review": 1, "block": 1}}


def test_scores_are_counted_in_bins_of_a_twentieth(summary: RunSummary) -> None:
    assert summary.scores["nsfw.whole"] == [50, 50, *[0] * 17, 2]


def test_the_slowest_and_the_most_severe_come_first(summary: RunSummary) -> None:
    assert [one["seconds"] for one in summary.slowest] == [number / 100 for number in range(102, 102 - MAX_SLOWEST, -1)]
    assert [one["verdict"] for one in summary.most_severe] == ["block", "review"]


def test_percentiles_are_right_within_their_bin_width(summary: RunSummary) -> None:
    assert summary.percentile(0.5) == pytest.approx(0.51, rel=0.13)


class PageParser(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.links: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.links += [value or "" for name, value in attrs if name in {"src", "href"}]

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_page_fetches_nothing_and_escapes_all_text(summary: RunSummary) -> None:
    page = PageParser()
    page.feed(render_report(NASTY, summary))

    assert "script" not in page.tags
    assert page.links == []
    assert page.text.count(NASTY) == 5


def test_an_empty_run_has_a_report() -> None:
    assert "0 images" in render_report("out.jsonl", RunSummary())


@pytest.mark.parametrize("name", ["out.jsonl", "out.parquet"])
def test_the_report_covers_all_rows_of_the_output(tmp_path: Path, name: str) -> None:
    folder, report = make_image_folder(tmp_path, 3), tmp_path / "report.html"
    first, *_ = folder.iterdir()
    run_moderate(first, "--output", tmp_path / name)

    run_moderate(folder, "--output", tmp_path / name, "--report", report)

    assert "3 images, policy default 3" in report.read_text()


def test_a_report_that_cannot_be_written_raises(tmp_path: Path) -> None:
    with pytest.raises(OutputInvalid, match="cannot write"):
        write_report(tmp_path / "missing" / "report.html", "out.jsonl", [row(1)])
