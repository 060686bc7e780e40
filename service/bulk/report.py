"""Writes the report of a bulk run: one HTML file that fetches nothing, with every text escaped."""

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from html import escape
from pathlib import Path
from string import Template

from service.bulk.charts import draw_histogram, draw_stacked_bars
from service.bulk.counters import RESULTS
from service.bulk.errors import OutputInvalid
from service.bulk.summary import MAX_FAILED, MAX_MOST_SEVERE, MAX_SLOWEST, RowDict, RunSummary

_PAGE = Path(__file__).with_name("report.html")

Column = tuple[str, Callable[[RowDict], str]]


def write_report(path: Path, output: str, rows: Iterable[RowDict]) -> None:
    """Raises OutputInvalid."""
    page = render_report(output, RunSummary.from_rows(rows))
    try:
        path.write_text(page, encoding="utf-8")
    except OSError as cause:
        raise OutputInvalid(f"cannot write {str(path)!r}: {cause.strerror or cause}") from cause


def render_report(output: str, summary: RunSummary) -> str:
    sections = (
        _render_header(summary),
        _render_categories(summary),
        _render_scores(summary),
        _render_durations(summary),
        _render_failures(summary),
    )
    title = escape(f"Moderation of {output}")
    return Template(_PAGE.read_text("utf-8")).substitute(title=title, body="\n".join(sections))


def _render_header(summary: RunSummary) -> str:
    boxes = "".join(
        f'<div class="{result}"><b>{images:,}</b>{result} {images / (summary.total or 1):.1%}</div>'
        for result, images in ((result, summary.verdicts[result]) for result in RESULTS)
    )
    made = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    under = f"policy {', '.join(summary.policies)}; models {', '.join(summary.models)}"
    return (
        f"<p>{summary.total:,} images, {escape(under)}. Made {made}.</p>"
        f'<div class="counts">{boxes}</div>{draw_stacked_bars({"all": summary.verdicts})}'
    )


def _render_categories(summary: RunSummary) -> str:
    if not summary.categories:
        return "<h2>Verdicts by category</h2><p>No rule fired.</p>"
    largest_first = sorted(summary.categories.items(), key=lambda one: -one[1].total())
    rules = [(rule, verdict, f"{rows:,}") for (rule, verdict), rows in summary.rules.most_common()]
    return (
        "<h2>Verdicts by category</h2><p>Images for which a rule of the category fired, by that rule's verdict.</p>"
        f"{draw_stacked_bars(dict(largest_first))}"
        f"<h2>Rules that fired</h2>{_table(('rule', 'verdict', 'images'), rules)}"
        f"<h2>The most severe</h2><p>At most {MAX_MOST_SEVERE}.</p>"
        + _rows_table(
            summary.most_severe, (_SOURCE, ("verdict", lambda row: row["verdict"]), _SEVERITY, ("rules", _format_rules))
        )
    )


def _render_scores(summary: RunSummary) -> str:
    figures = "".join(
        f"<figure><h3>{escape(name)}</h3>{draw_histogram(bins, name)}</figure>"
        for name, bins in sorted(summary.scores.items())
        if sum(bins[1:])
    )
    flat = [name for name, bins in sorted(summary.scores.items()) if not sum(bins[1:])]
    note = f"<p>Never over .05: {escape(', '.join(flat))}.</p>" if flat else ""
    return f'<h2>Scores</h2><p>Images by score, in powers of ten.</p><div class="grid">{figures}</div>{note}'


def _render_durations(summary: RunSummary) -> str:
    shares = ", ".join(f"p{round(share * 100)} {summary.percentile(share):.3g} s" for share in (0.5, 0.95, 0.99))
    return (
        f"<h2>Slowest</h2><p>For one image, of several at once: {shares}. At most {MAX_SLOWEST} are shown.</p>"
        + _rows_table(summary.slowest, (_SOURCE, ("seconds", lambda row: f"{row['seconds']:.2f}")))
    )


def _render_failures(summary: RunSummary) -> str:
    signals = "".join(
        f"<p>Signal {escape(name)} could not judge {rows:,} images.</p>"
        for name, rows in summary.failed_signals.most_common()
    )
    if not summary.errors:
        return f"<h2>Failed</h2><p>None.</p>{signals}"
    counts = [(code, f"{rows:,}") for code, rows in summary.errors.most_common()]
    columns: tuple[Column, ...] = (
        _SOURCE,
        ("code", lambda row: row["error"]["code"]),
        ("why", lambda row: row["error"]["detail"]),
    )
    return (
        f"<h2>Failed</h2>{signals}{_table(('code', 'images'), counts)}<p>The first {MAX_FAILED} at most.</p>"
        + _rows_table(summary.failed, columns)
    )


def _format_rules(row: RowDict) -> str:
    return ", ".join(f"{one['rule']} ({one['signal']} {one['score']:.3f})" for one in row["rules"])


_SOURCE: Column = ("image", lambda row: row["id"] if row["id"] == row["source"] else f"{row['id']}: {row['source']}")
_SEVERITY: Column = ("severity", lambda row: str(row["severity"]))


def _rows_table(rows: Sequence[RowDict], columns: Sequence[Column]) -> str:
    return _table([name for name, _ in columns], [[cell(row) for _, cell in columns] for row in rows])


def _table(names: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    head = "".join(_cell("th", name, name) for name in names)
    body = "".join(f"<tr>{''.join(map(_td, names, row))}</tr>" for row in rows)
    return f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def _td(name: str, text: str) -> str:
    return _cell("td", name, text)


def _cell(tag: str, name: str, text: str) -> str:
    return f"<{tag}{' class=number' if name in _NUMBERS else ''}>{escape(text)}</{tag}>"


_NUMBERS = ("images", "seconds", "severity")
