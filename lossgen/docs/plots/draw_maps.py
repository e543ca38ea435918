"""Draws maps: the value with contours to the left, the steepness and the way down to the right."""

from collections.abc import Sequence

import numpy as np
from matplotlib import patheffects
from matplotlib.axes import Axes
from matplotlib.text import Text
from matplotlib.ticker import MaxNLocator
from matplotlib.tri import Triangulation, TriContourSet

from .maps import CORNERS, EDGE, PLACES, SIDE, Map, shares_at
from .style import INK, SMALL, STEPS, VERMILLION, Sheet, few_ticks, light_cividis, maths
from .values import shown

LEFT, GAP, PANEL, TITLE = 1.0, 1.9, (5.3, 4.9), 0.75
#: Below a panel: the name of the axis, where there is one.
BELOW = {"plane": 1.05, "simplex": 0.2}
BAR = (0.25, 0.22)
LEVELS = 9
#: Labels of contours lie at least so many centimetres apart.
ROOM = 0.6
#: Colours reach this far: so much of the area is below, and so much more is still shown.
COVERED, ENOUGH = 0.85, 1.15
ARROWS = 11
CLOSE = 1e-6
HALO = [patheffects.withStroke(linewidth=1.6, foreground="white")]


def draw_maps(maps: Sequence[Map]) -> Sheet:
    """One picture with a row for each map."""
    height = TITLE + PANEL[1] + BELOW[maps[0].kind]
    sheet = Sheet(height * len(maps))
    for row, each in enumerate(maps):
        top = row * height + TITLE
        for k, numbers in enumerate((each.loss, each.steepness)):
            left = LEFT + k * (PANEL[0] + GAP)
            axes = sheet.axes(left, top, *PANEL, aspect="equal", anchor="C")
            axes.set_title(_title(each, k), pad=5)
            if not _is_level(numbers):
                filled = _fill(axes, each, numbers, lines=k == 0)
                bar = sheet.axes(left + PANEL[0] + BAR[0], top + 0.3, BAR[1], PANEL[1] - 0.6)
                _bar(sheet, filled, bar)
            _frame(axes, each)
            if k == 1:
                _arrows(axes, each)
            _marks(axes, each, named=k == 0)
    return sheet


def _title(each: Map, k: int) -> str:
    what = r"$\ell$" if k == 0 else rf"$\|\partial\ell\,/\,\partial${maths(each.argument.name)}$\|$"
    if k == 1 and _is_level(each.steepness):
        return f"{what} = {shown(each.steepness[0])}"
    if each.target is None or k == 1:
        return what
    return f"{what}   ({maths(each.target[0])} = {shown(each.target[1])})"


def _fill(axes: Axes, each: Map, numbers: np.ndarray, lines: bool) -> TriContourSet:
    """Filled contours; with `lines` those between them, and labels on some. Arrows need the place themselves."""
    low, high = numbers.min(), min(numbers.max(), usual(numbers))
    triangles = Triangulation(*each.at.T, each.triangles)
    levels = MaxNLocator(LEVELS, steps=STEPS).tick_values(low, high)
    extend = "max" if numbers.max() >= levels[-1] else "neither"
    filled = axes.tricontourf(triangles, numbers, levels=levels, cmap=light_cividis(), extend=extend)
    filled.set_edgecolor("face")
    filled.set_linewidth(0.3)
    if lines:
        inner = levels[1:] if extend == "max" else levels[1:-1]
        drawn = axes.tricontour(triangles, numbers, levels=inner, colors=INK, linewidths=0.4)
        labels = axes.clabel(drawn, inner, inline=False, fontsize=SMALL - 0.5, fmt=shown)
        _thin_out(labels, each)
    return filled


def _thin_out(labels: Sequence[Text], each: Map) -> None:
    """Hides labels near others, near a mark or at the rim, where they could not be read."""
    low, high = each.at.min(0), each.at.max(0)
    room = ROOM * (high - low).max() / PANEL[0]
    taken = [place for _, place in each.marks]
    for label in labels:
        label.set_path_effects(HALO)
        place = np.array(label.get_position())
        near = any(np.hypot(*(place - other)) < room for other in taken)
        sides = np.minimum(place - low, high - place).min()
        rim = sides if each.kind == "plane" else np.sort(shares_at(place[None])[0])[1]
        at_rim = rim < room / 3
        label.set_visible(not (near or at_rim))
        taken += [] if near or at_rim else [place]


def _is_level(numbers: np.ndarray) -> bool:
    """Whether the numbers are all the same."""
    return bool(np.ptp(numbers) <= CLOSE * np.abs(numbers).max())


def usual(numbers: np.ndarray) -> float:
    """What all but a few of the numbers above the least one lie below, and a little more."""
    low, whole = numbers.min(), np.ptp(numbers)
    return low + ENOUGH * float(np.quantile(numbers[numbers > low + CLOSE * whole] - low, COVERED))


def _bar(sheet: Sheet, filled: TriContourSet, axes: Axes) -> None:
    bar = sheet.figure.colorbar(filled, cax=axes)
    bar.outline.set_linewidth(0.4)
    bar.solids.set_edgecolor("face")
    bar.set_ticks(filled.levels[:: 1 if len(filled.levels) < 8 else 2])
    bar.ax.tick_params(labelsize=SMALL - 0.5, length=2)


def _frame(axes: Axes, each: Map) -> None:
    if each.kind == "plane":
        low, high = each.at.min(0), each.at.max(0)
        axes.set(xlim=(low[0], high[0]), ylim=(low[1], high[1]))
        axes.set_xlabel(maths(each.argument.name, "0"), labelpad=2)
        axes.set_ylabel(maths(each.argument.name, "1"), labelpad=1)
        few_ticks(axes)
        return
    axes.set_axis_off()
    axes.set(xlim=(-0.12, 1.12), ylim=(-0.14, 0.96))
    axes.plot(*CORNERS[[0, 1, 2, 0]].T, color=INK, linewidth=0.7)
    for k, corner in enumerate(CORNERS):
        above = k == 0
        place = corner + np.array([0, 0.03 if above else -0.03])
        axes.text(*place, f"{maths('p', str(k))} = 1", ha="center", va="bottom" if above else "top", fontsize=SMALL)


def _arrows(axes: Axes, each: Map) -> None:
    """Where a step against the gradient leads; of one length, since the colour tells how steep it is."""
    chosen = _spaced(each)
    at, way = each.at[chosen], each.descent[chosen]
    length = np.sqrt((way**2).sum(1, keepdims=True))
    moves = length[:, 0] > 1e-4 * np.nanmax(length)
    unit = way[moves] / length[moves]
    axes.quiver(
        *at[moves].T,
        *unit.T,
        pivot="middle",
        color=INK,
        scale=ARROWS * 1.9,
        width=0.0065,
        headwidth=4.2,
        headlength=4.5,
        headaxislength=4,
    )


def _spaced(each: Map) -> np.ndarray:
    """The points that arrows are drawn at."""
    if each.kind == "plane":
        picked = np.arange(SIDE)[3 :: SIDE // ARROWS]
        return (picked[:, None] * SIDE + picked).ravel()
    places, every = np.array(PLACES), EDGE // ARROWS
    inside = (places % every == every // 2).all(1) & (places.sum(1) < EDGE - 1)
    return np.flatnonzero(inside)


def _marks(axes: Axes, each: Map, named: bool) -> None:
    """What is held fixed: a dot, with its name where there is place."""
    for name, place in each.marks:
        axes.plot(*place, marker="o", markersize=4.5, color=VERMILLION, markeredgecolor="white", markeredgewidth=0.7)
        if not named:
            continue
        axes.annotate(
            maths(name),
            place,
            xytext=(0, 5),
            textcoords="offset points",
            ha="center",
            fontsize=SMALL,
            color=VERMILLION,
            path_effects=HALO,
        )
