"""Charts as SVG, in the page itself: nothing is fetched."""

from collections.abc import Mapping, Sequence
from html import escape
from math import log10

from service.bulk.counters import KINDS

WIDTH, BAR, GAP, NAMES = 1000, 22, 8, 190  # pixels


def stacked(bars: Mapping[str, Mapping[str, int]]) -> str:
    """A bar for each name, of parts by kind; all to one scale."""
    largest = max((sum(parts.values()) for parts in bars.values()), default=0) or 1
    height, space = len(bars) * (BAR + GAP), WIDTH - NAMES - 70
    drawn = []
    for number, (name, parts) in enumerate(bars.items()):
        top, left = number * (BAR + GAP), float(NAMES)
        drawn.append(_text(NAMES - 8, top + 16, name, "end"))
        for kind in KINDS:
            if parts.get(kind):
                wide = max(1.0, parts[kind] / largest * space)
                drawn.append(_rectangle(left, top, wide, BAR, kind, f"{name}: {parts[kind]:,} {kind}"))
                left += wide
        drawn.append(_text(left + 6, top + 16, f"{sum(parts.values()):,}", "start"))
    return _svg(height, drawn, ", ".join(bars))


def histogram(bins: Sequence[int], name: str) -> str:
    """Rows by score from 0 to 1, on a scale of powers of ten: a single row among millions is seen."""
    width, height, foot = 300, 90, 16
    top_power = log10(max([*bins, 9]) + 1)
    wide = width / len(bins)
    drawn = [f'<line class="axis" x1="0" y1="{height}" x2="{width}" y2="{height}"/>']
    for number, rows in enumerate(bins):
        if rows:
            tall = log10(rows + 1) / top_power * height
            says = f"{number / len(bins):.2f} to {(number + 1) / len(bins):.2f}: {rows:,}"
            drawn.append(_rectangle(number * wide + 0.5, height - tall, wide - 1, tall, "score", says))
    drawn += [_text(x, height + 13, says, at) for x, says, at in _TICKS]
    return _svg(height + foot, drawn, name, width)


_TICKS = ((0, "0", "start"), (150, ".5", "middle"), (300, "1", "end"))


def _rectangle(left: float, top: float, wide: float, tall: float, kind: str, says: str) -> str:
    return (
        f'<rect class="{kind}" x="{left:.1f}" y="{top:.1f}" width="{wide:.1f}" height="{tall:.1f}" rx="2">'
        f"<title>{escape(says)}</title></rect>"
    )


def _text(x: float, y: float, says: str, anchor: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(says)}</text>'


def _svg(height: float, drawn: Sequence[str], label: str, width: int = WIDTH) -> str:
    head = f'<svg role="img" aria-label="{escape(label)}" viewBox="0 0 {width} {height:.0f}" width="{width}">'
    return head + "".join(drawn) + "</svg>"
