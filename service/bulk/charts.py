"""Draws charts as inline SVG, so that the report fetches nothing."""

from collections.abc import Mapping, Sequence
from html import escape
from math import log10

from service.bulk.counters import RESULTS

WIDTH, BAR, GAP, NAMES = 1000, 22, 8, 190  # pixels


def draw_stacked_bars(bars: Mapping[str, Mapping[str, int]]) -> str:
    """A stacked bar for each name, with a segment per result; all to one scale."""
    largest = max((sum(parts.values()) for parts in bars.values()), default=0) or 1
    height, space = len(bars) * (BAR + GAP), WIDTH - NAMES - 70
    elements = []
    for number, (name, parts) in enumerate(bars.items()):
        top, left = number * (BAR + GAP), float(NAMES)
        elements.append(_text(NAMES - 8, top + 16, name, "end"))
        for result in RESULTS:
            if parts.get(result):
                bar_width = max(1.0, parts[result] / largest * space)
                elements.append(_rectangle(left, top, bar_width, BAR, result, f"{name}: {parts[result]:,} {result}"))
                left += bar_width
        elements.append(_text(left + 6, top + 16, f"{sum(parts.values()):,}", "start"))
    return _svg(height, elements, ", ".join(bars))


def draw_histogram(bins: Sequence[int], name: str) -> str:
    """Rows by score from 0 to 1, on a logarithmic scale: a single row among millions is visible."""
    width, height, foot = 300, 90, 16
    top_power = log10(max([*bins, 9]) + 1)
    bin_width = width / len(bins)
    elements = [f'<line class="axis" x1="0" y1="{height}" x2="{width}" y2="{height}"/>']
    for number, rows in enumerate(bins):
        if rows:
            bar_height = log10(rows + 1) / top_power * height
            label = f"{number / len(bins):.2f} to {(number + 1) / len(bins):.2f}: {rows:,}"
            elements.append(
                _rectangle(number * bin_width + 0.5, height - bar_height, bin_width - 1, bar_height, "score", label)
            )
    elements += [_text(x, height + 13, label, at) for x, label, at in _TICKS]
    return _svg(height + foot, elements, name, width)


_TICKS = ((0, "0", "start"), (150, ".5", "middle"), (300, "1", "end"))


def _rectangle(left: float, top: float, width: float, height: float, css_class: str, label: str) -> str:
    return (
        f'<rect class="{css_class}" x="{left:.1f}" y="{top:.1f}" width="{width:.1f}" height="{height:.1f}" rx="2">'
        f"<title>{escape(label)}</title></rect>"
    )


def _text(x: float, y: float, label: str, anchor: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(label)}</text>'


def _svg(height: float, elements: Sequence[str], label: str, width: int = WIDTH) -> str:
    head = f'<svg role="img" aria-label="{escape(label)}" viewBox="0 0 {width} {height:.0f}" width="{width}">'
    return head + "".join(elements) + "</svg>"
