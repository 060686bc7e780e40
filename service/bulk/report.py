"""The report of a batch: one HTML file that fetches nothing, and in which every text is escaped."""

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from html import escape
from pathlib import Path
from string import Template

from service.bulk.charts import histogram, stacked
from service.bulk.counters import KINDS
from service.bulk.errors import OutputInvalid
from service.bulk.summary import FAILED, SLOWEST, WORST, Row, Summary

_PAGE = Path(__file__).with_name("report.html")

Column = tuple[str, Callable[[Row], str]]


def write_report(path: Path, output: str, rows: Iterable[Row]) -> None:
    """Raises OutputInvalid."""
    page = report_of(output, Summary.of(rows))
    try:
        path.write_text(page, encoding="utf-8")
    except OSError as cause:
        raise OutputInvalid(f"cannot write {str(path)!r}: {cause.strerror or cause}") from cause


def report_of(output: str, summary: Summary) -> str:
    sections = (_head(summary), _by_category(summary), _scores(summary), _time(summary), _failures(summary))
    title = escape(f"Moderation of {output}")
    return Template(_PAGE.read_text("utf-8")).substitute(title=title, body="\n".join(sections))


def _head(summary: Summary) -> str:
    boxes = "".join(
        f'<div class="{kind}"><b>{images:,}</b>{kind} {images / (summary.total or 1):.1%}</div>'
        for kind, images in ((kind, summary.verdicts[kind]) for kind in KINDS)
    )
    made = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    under = f"policy {', '.join(summary.policies)}; models {', '.join(summary.models)}"
    return (
        f"<p>{summary.total:,} images, {escape(under)}. Made {made}.</p>"
        f'<div class="counts">{boxes}</div>{stacked({"all": summary.verdicts})}'
    )


def _by_category(summary: Summary) -> str:
    if not summary.categories:
        return "<h2>Verdicts by category</h2><p>No rule fired.</p>"
    largest_first = sorted(summary.categories.items(), key=lambda one: -one[1].total())
    rules = [(rule, verdict, f"{rows:,}") for (rule, verdict), rows in summary.rules.most_common()]
    return (
        "<h2>Verdicts by category</h2><p>Images for which a rule of the category fired, by that rule's verdict.</p>"
        f"{stacked(dict(largest_first))}<h2>Rules that fired</h2>{_table(('rule', 'verdict', 'images'), rules)}"
        f"<h2>The most severe</h2><p>At most {WORST}.</p>"
        + _rows_table(summary.worst, (_SOURCE, ("verdict", lambda row: row["verdict"]), _SEVERITY, ("rules", _rules)))
    )


def _scores(summary: Summary) -> str:
    drawn = "".join(
        f"<figure><h3>{escape(name)}</h3>{histogram(bins, name)}</figure>"
        for name, bins in sorted(summary.scores.items())
        if sum(bins[1:])
    )
    flat = [name for name, bins in sorted(summary.scores.items()) if not sum(bins[1:])]
    under = f"<p>Never over .05: {escape(', '.join(flat))}.</p>" if flat else ""
    return f'<h2>Scores</h2><p>Images by score, in powers of ten.</p><div class="grid">{drawn}</div>{under}'


def _time(summary: Summary) -> str:
    shares = ", ".join(f"p{round(share * 100)} {summary.percentile(share):.3g} s" for share in (0.5, 0.95, 0.99))
    return (
        f"<h2>Slowest</h2><p>For one image, of several at once: {shares}. At most {SLOWEST} are shown.</p>"
        + _rows_table(summary.slowest, (_SOURCE, ("seconds", lambda row: f"{row['seconds']:.2f}")))
    )


def _failures(summary: Summary) -> str:
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
        f"<h2>Failed</h2>{signals}{_table(('code', 'images'), counts)}<p>The first {FAILED} at most.</p>"
        + _rows_table(summary.failed, columns)
    )


def _rules(row: Row) -> str:
    return ", ".join(f"{one['rule']} ({one['signal']} {one['score']:.3f})" for one in row["rules"])


_SOURCE: Column = ("image", lambda row: row["id"] if row["id"] == row["source"] else f"{row['id']}: {row['source']}")
_SEVERITY: Column = ("severity", lambda row: str(row["severity"]))


def _rows_table(rows: Sequence[Row], columns: Sequence[Column]) -> str:
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
