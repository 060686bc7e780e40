"""Charts and diagrams: by Matplotlib in many styles, or drawn plainly."""

import io
from collections.abc import Callable
from typing import Any

import matplotlib as mpl
import matplotlib.style
import numpy as np
from matplotlib.figure import Figure
from PIL import Image

from benchmarks.kinds.dice import Dice
from benchmarks.kinds.draw_bare_charts import draw_without_axes
from benchmarks.kinds.draw_plain_charts import draw_diagram, draw_plainly
from benchmarks.kinds.stock import Sorts, Stock

mpl.use("Agg")
_STYLES = [
    "default", "default", "ggplot", "bmh", "classic", "fivethirtyeight", "dark_background", "grayscale",
    "Solarize_Light2", "seaborn-v0_8", "seaborn-v0_8-whitegrid", "seaborn-v0_8-ticks", "seaborn-v0_8-white", "fast",
]  # fmt: skip
_MAPS = ["tab10", "Set2", "Pastel1", "Dark2", "viridis", "coolwarm", "Blues", "tab20", "Accent", "rainbow"]
Axes = Any  # Matplotlib's types are not in the environment that is linted


def draw_plots(stock: Stock, dice: Dice) -> Image.Image:
    """One to four plots."""
    with mpl.style.context(dice.pick(_STYLES)):
        cycle = mpl.colormaps[dice.pick(_MAPS)](np.linspace(0.05, 0.95, 6))
        mpl.rcParams["axes.prop_cycle"] = mpl.cycler(color=cycle)
        mpl.rcParams["font.family"] = dice.pick(["DejaVu Sans", "DejaVu Serif"])
        mpl.rcParams["font.size"] = dice.between(7, 15)
        rows, columns = dice.pick([(1, 1), (1, 1), (1, 1), (1, 1), (1, 2), (2, 2), (2, 1), (1, 3)])
        figure = Figure(figsize=(dice.between(4, 9), dice.between(3, 6)), layout="constrained")
        for place in range(rows * columns):
            plot = dice.pick(_PLOTS)
            axes = figure.add_subplot(rows, columns, place + 1, projection="polar" if plot is _plot_radar else None)
            plot(axes, dice)
            if plot not in (_plot_pie, _plot_radar):
                _dress(axes, dice)
        buffer = io.BytesIO()
        figure.savefig(buffer, format="png", dpi=dice.whole(60, 130))
    return Image.open(buffer).convert("RGB")


def _dress(axes: Axes, dice: Dice) -> None:
    if dice.chance(0.7):
        axes.set_title(dice.words(dice.whole(1, 5)).capitalize())
    if dice.chance(0.7):
        axes.set_xlabel(dice.words(2))
        axes.set_ylabel(dice.words(2))
    if dice.chance(0.4):
        axes.grid(visible=True, alpha=dice.between(0.2, 1), axis=dice.pick(["both", "y", "x"]))
    if dice.chance(0.3):
        axes.spines[["top", "right"]].set_visible(False)
    if dice.chance(0.5) and axes.get_legend_handles_labels()[0]:
        axes.legend(loc=dice.pick(["best", "upper right", "lower left"]), frameon=dice.chance(0.5))
    if dice.chance(0.12):
        axes.set_axis_off()


def _plot_lines(axes: Axes, dice: Dice) -> None:
    across = np.arange(dice.whole(5, 200))
    for _ in range(dice.whole(1, 5)):
        values = np.cumsum(dice.rng.normal(dice.between(-0.2, 0.4), 1, len(across)))
        if dice.chance(0.3):
            values = np.sin(across / dice.between(2, 20)) * dice.between(1, 9)
        style = dice.pick(["-", "-", "--", "o-", ":", "."])
        axes.plot(across, values, style, label=dice.words(1), linewidth=dice.between(0.8, 3))
        if dice.chance(0.2):
            axes.fill_between(across, values - 1, values + 1, alpha=0.3)


def _plot_bars(axes: Axes, dice: Dice) -> None:
    count, groups = dice.whole(3, 12), dice.whole(1, 3)
    names = [dice.words(1) for _ in range(count)]
    draw = axes.barh if dice.chance(0.35) else axes.bar
    if dice.chance(0.4):
        for group in range(groups):
            draw(
                np.arange(count) + group * 0.8 / groups,
                dice.rng.uniform(1, 100, count),
                0.75 / groups,
                label=names[group],
            )
        return
    bars = draw(np.arange(count), np.sort(dice.rng.uniform(1, 100, count)), dice.between(0.4, 0.95))
    if dice.chance(0.5):
        axes.bar_label(bars, fmt="%.0f")
    if draw == axes.bar:
        axes.set_xticks(range(count), names, rotation=dice.pick([0, 45, 90]))
    else:
        axes.set_yticks(range(count), names)


def _plot_points(axes: Axes, dice: Dice) -> None:
    for _ in range(dice.whole(1, 4)):
        count = dice.whole(10, 400)
        points = dice.rng.normal(dice.between(-3, 3), dice.between(0.3, 2), (2, count))
        size = dice.rng.uniform(5, 200, count) if dice.chance(0.3) else dice.between(4, 60)
        axes.scatter(*points, s=size, alpha=dice.between(0.3, 1), marker=dice.pick("ox^s."), label=dice.words(1))


def _plot_pie(axes: Axes, dice: Dice) -> None:
    count = dice.whole(2, 8)
    width = {"width": dice.between(0.3, 0.6)} if dice.chance(0.4) else {}
    labels = [dice.words(1) for _ in range(count)] if dice.chance(0.8) else None
    autopct = "%1.0f%%" if dice.chance(0.6) else None
    axes.pie(
        dice.rng.uniform(1, 10, count), labels=labels, autopct=autopct, wedgeprops=width, startangle=dice.whole(0, 90)
    )


def _plot_histogram(axes: Axes, dice: Dice) -> None:
    for _ in range(dice.whole(1, 2)):
        axes.hist(dice.rng.gamma(dice.between(1, 9), 2, 500), bins=dice.whole(8, 50), alpha=0.7, label=dice.words(1))


def _plot_heat(axes: Axes, dice: Dice) -> None:
    rows, columns = dice.whole(3, 14), dice.whole(3, 14)
    values = dice.rng.uniform(0, 1, (rows, columns))
    shown = axes.imshow(
        values, cmap=dice.pick(["viridis", "Blues", "coolwarm", "magma", "YlOrRd", "Greys"]), aspect="auto"
    )
    if dice.chance(0.6):
        axes.figure.colorbar(shown, ax=axes)
    if dice.chance(0.5) and rows * columns < 100:
        for row, column in np.ndindex(rows, columns):
            axes.text(column, row, f"{values[row, column]:.1f}", ha="center", va="center", fontsize=6)


def _plot_boxes(axes: Axes, dice: Dice) -> None:
    samples = [dice.rng.normal(dice.between(0, 9), dice.between(0.5, 3), 80) for _ in range(dice.whole(2, 7))]
    if dice.chance(0.5):
        axes.boxplot(samples, patch_artist=dice.chance(0.5))
    else:
        axes.violinplot(samples, showmedians=True)


def _plot_area(axes: Axes, dice: Dice) -> None:
    across = np.arange(dice.whole(6, 40))
    layers = dice.rng.uniform(1, 5, (dice.whole(2, 5), len(across)))
    axes.stackplot(across, layers, labels=[dice.words(1) for _ in layers], alpha=dice.between(0.5, 1))


def _plot_contours(axes: Axes, dice: Dice) -> None:
    x, y = np.meshgrid(np.linspace(-3, 3, 60), np.linspace(-3, 3, 60))
    height = np.sin(x * dice.between(0.5, 2)) * np.cos(y * dice.between(0.5, 2)) + dice.between(-0.2, 0.2) * x
    draw = dice.pick([axes.contour, axes.contourf])
    draw(x, y, height, levels=dice.whole(5, 14), cmap=dice.pick(["viridis", "RdBu", "plasma"]))


def _plot_steps(axes: Axes, dice: Dice) -> None:
    count = dice.whole(5, 30)
    axes.stem(np.arange(count), dice.rng.normal(0, 3, count)) if dice.chance(0.5) else axes.step(
        np.arange(count), np.cumsum(dice.rng.normal(0, 1, count))
    )
    axes.errorbar(
        np.arange(count), dice.rng.normal(0, 2, count), yerr=dice.rng.uniform(0.2, 1, count), fmt="o", capsize=3
    )


def _plot_radar(axes: Axes, dice: Dice) -> None:
    count = dice.whole(4, 9)
    angles = np.linspace(0, 2 * np.pi, count + 1)
    for _ in range(dice.whole(1, 3)):
        values = dice.rng.uniform(1, 5, count)
        axes.fill(angles, [*values, values[0]], alpha=0.35)


_PLOTS: list[Callable[[Axes, Dice], None]] = [
    _plot_lines, _plot_lines, _plot_lines, _plot_bars, _plot_bars, _plot_bars, _plot_points, _plot_points, _plot_pie,
    _plot_pie, _plot_histogram, _plot_heat, _plot_boxes, _plot_area, _plot_contours, _plot_steps, _plot_radar,
]  # fmt: skip


SORTS: Sorts = {
    "plots": (5, draw_plots),
    "plain": (5, draw_plainly),
    "without axes": (4, draw_without_axes),
    "diagrams": (2, draw_diagram),
}
