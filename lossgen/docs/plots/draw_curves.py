"""Draws sections: the value to the left, the gradient to the right, a row for each section."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from .curves import Section
from .readings import Leaf
from .style import LINES, PALE, WIDTH, Sheet, few_ticks, maths
from .values import shown

LEFT, GAP, PANEL = 1.25, 1.55, (6.15, 3.5)
#: Above a panel: its title, and the legend; below it: ticks and the name of the axis.
TITLE, LEGEND, BELOW = 0.62, 0.5, 1.05
#: A jump of a gradient is this part of what is shown, while the curve beside it changes by less than this part of the jump.
JUMP, BESIDE = 0.05, 0.2


def draw_sections(sections: Sequence[Section]) -> Sheet:
    """One picture with a row for each section."""
    heights = [TITLE + PANEL[1] + BELOW + (LEGEND if has_band(s) else 0) for s in sections]
    sheet, top = Sheet(sum(heights)), 0.0
    for section, height in zip(sections, heights, strict=True):
        _row(sheet, section, top)
        top += height
    return sheet


def _row(sheet: Sheet, section: Section, top: float) -> None:
    if len(section.curves) > 1:
        _legend(sheet, section, top)
    if section.reading.note:
        name, value = section.reading.note
        sheet.text(WIDTH - 0.2, top + 0.12, f"{maths(name)}: {shown(value)}", ha="right", va="top")
    top += LEGEND if has_band(section) else 0
    name = entry(section.leaf)
    panels = (
        (r"$\ell$", [c.loss for c in section.curves]),
        (rf"$\partial\ell\,/\,\partial${name}", [c.slope for c in section.curves]),
    )
    for k, ((title, curves), seen) in enumerate(zip(panels, section.bounds, strict=True)):
        axes = sheet.axes(LEFT + k * (PANEL[0] + GAP), top + TITLE, *PANEL)
        axes.set_title(title, pad=5)
        axes.set_xlabel(name, labelpad=2)
        _curves(axes, section.x, curves, seen)


def _curves(axes: Axes, x: np.ndarray, curves: Sequence[np.ndarray], seen: tuple[float, float]) -> None:
    axes.axhline(0, color=PALE, linewidth=0.8, zorder=0)
    for line, curve in zip(LINES, curves, strict=False):
        axes.plot(x, broken(curve, seen), **line)
    half = (x[1] - x[0]) / 2
    axes.set_xlim(x[0] - half, x[-1] + half)
    axes.set_ylim(seen)
    few_ticks(axes)


def has_band(section: Section) -> bool:
    """Whether there is something to say above the panels."""
    return len(section.curves) > 1 or section.reading.note is not None


def broken(curve: np.ndarray, seen: tuple[float, float]) -> np.ndarray:
    """The curve with a gap where it jumps, and without what lies far outside of what is seen."""
    height = seen[1] - seen[0]
    with np.errstate(invalid="ignore"):
        steps = np.abs(np.diff(curve))
        beside = np.fmax(np.r_[0, steps[:-1]], np.r_[steps[1:], 0])
    found = np.where(np.isfinite(curve), np.clip(curve, seen[0] - height, seen[1] + height), np.nan)
    found[:-1][(steps > JUMP * height) & (beside < BESIDE * steps)] = np.nan
    return found


def _legend(sheet: Sheet, section: Section, top: float) -> None:
    handles = [Line2D([], [], linestyle="none", label=f"{maths(section.curves[0].name)} =")]
    handles += [
        Line2D([], [], label=shown(curve.value), **line) for line, curve in zip(LINES, section.curves, strict=False)
    ]
    sheet.figure.legend(
        handles=handles,
        loc="upper left",
        bbox_to_anchor=(0.012, 1 - top / sheet.height),
        ncols=len(handles),
        frameon=False,
        borderpad=0.1,
        handlelength=2.4,
        columnspacing=1.6,
        handletextpad=0.5,
    )


def entry(leaf: Leaf) -> str:
    """The name of a number of an argument, as mathtext."""
    return maths(leaf.argument.name, *map(str, leaf.position))
