"""Draws the lattice of a recurrence: a circle for each cell, an arrow from each cell to those that read it."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Normalize
from matplotlib.lines import Line2D
from matplotlib.patches import Circle, FancyArrowPatch
from matplotlib.ticker import MaxNLocator

from .lattices import Picture, Position
from .style import BLUE, GREY, INK, PALE, SMALL, VERMILLION, WIDTH, Sheet, light_cividis, maths

LEFT, RIGHT, TOP, BELOW, LEGEND = 2.1, 1.9, 0.7, 0.15, 0.65
STEP, RADIUS = (1.85, 1.15), 0.3
#: A cell that counts less than this part of the most is left white.
NOTHING = 1e-3


def draw_lattice(picture: Picture) -> Sheet:
    """One picture, the first index to the right and the others downwards."""
    columns, rows = picture.sizes[0], int(np.prod(picture.sizes[1:]))
    across = min(STEP[0], (WIDTH - LEFT - RIGHT) / max(columns, 2))
    width, height = across * columns, STEP[1] * rows
    sheet = Sheet(TOP + height + BELOW + LEGEND)
    axes = sheet.axes(LEFT, TOP, width, height)
    axes.set(xlim=(-across / 2, width - across / 2), ylim=(height - STEP[1] / 2, -STEP[1] / 2))
    axes.set_axis_off()
    colours = _cells(axes, picture, across)
    for read, cell in picture.arrows:
        _arrow(axes, place(picture, read, across), place(picture, cell, across), _busy(picture, read, cell))
    _names(axes, picture, across)
    _bar(sheet, picture, colours, LEFT + width + 0.25, height)
    _legend(sheet, picture)
    return sheet


def place(picture: Picture, position: Position, across: float) -> np.ndarray:
    """The middle of a cell."""
    row = int(np.ravel_multi_index(position[1:], picture.sizes[1:])) if len(position) > 1 else 0
    return np.array([position[0] * across, row * STEP[1]])


def _busy(picture: Picture, read: Position, cell: Position) -> bool:
    """Whether the loss depends on both cells."""
    least = NOTHING * max(picture.weight.values())
    return picture.weight[read] > least and picture.weight[cell] > least


def _cells(axes: Axes, picture: Picture, across: float) -> Normalize:
    colours = Normalize(0, 1 if picture.shares else max(picture.weight.values()) or 1)
    shades = light_cividis().reversed()
    for position, weight in picture.weight.items():
        dead = position in picture.dead
        face = "white" if weight < NOTHING * colours.vmax else shades(colours(weight))
        axes.add_patch(
            Circle(
                place(picture, position, across),
                RADIUS,
                facecolor=face,
                edgecolor=PALE if dead else INK,
                linewidth=0.6,
                linestyle=(0, (2, 1.5)) if dead else "-",
                zorder=3,
            )
        )
        for chosen, colour, extra in ((picture.first, BLUE, 0.07), (picture.final, VERMILLION, 0.13)):
            if position in chosen:
                dashes = "-" if chosen is picture.first else (0, (3, 1.2))
                axes.add_patch(
                    Circle(
                        place(picture, position, across),
                        RADIUS + extra,
                        facecolor="none",
                        edgecolor=colour,
                        linewidth=1.3,
                        linestyle=dashes,
                        zorder=4,
                    )
                )
        if position in picture.wanted:
            axes.plot(*place(picture, position, across), marker="s", markersize=3.5, color=INK, zorder=5)
    return colours


def _arrow(axes: Axes, start: np.ndarray, end: np.ndarray, busy: bool) -> None:
    way = (end - start) / np.hypot(*(end - start))
    room = RADIUS + 0.16
    axes.add_patch(
        FancyArrowPatch(
            start + way * room,
            end - way * room,
            arrowstyle="-|>,head_length=3,head_width=1.5",
            shrinkA=0,
            shrinkB=0,
            linewidth=0.7 if busy else 0.5,
            color=INK if busy else GREY,
            zorder=2,
        )
    )


def _names(axes: Axes, picture: Picture, across: float) -> None:
    """The positions along both indices, with the labels that belong to them."""
    first, *others = picture.lattice.indices
    for k in range(picture.sizes[0]):
        axes.text(
            k * across, -STEP[1] / 2 - 0.12, f"{maths(first.name)} = {k}", ha="center", va="bottom", fontsize=SMALL
        )
    for row in range(int(np.prod(picture.sizes[1:])) if others else 0):
        at = np.unravel_index(row, picture.sizes[1:])
        words = ", ".join(f"{maths(i.name)} = {p}" for i, p in zip(others, at, strict=True))
        label = picture.rows[row] if picture.rows else ""
        axes.text(
            -across / 2 + 0.1, row * STEP[1], words, ha="right", va="center" if not label else "bottom", fontsize=SMALL
        )
        if label:
            axes.text(-across / 2 + 0.1, row * STEP[1] + 0.05, label, ha="right", va="top", fontsize=SMALL, color=GREY)


def _bar(sheet: Sheet, picture: Picture, colours: Normalize, left: float, height: float) -> None:
    tall = max(1.0, min(height, 4.5) - 0.5)
    axes = sheet.axes(left, TOP + (height - tall) / 2, 0.22, tall)
    steps = np.linspace(colours.vmin, colours.vmax, 41)
    axes.pcolormesh(
        [0, 1],
        steps,
        (steps[:-1, None] + steps[1:, None]) / 2,
        cmap=light_cividis().reversed(),
        norm=colours,
        edgecolors="face",
        linewidth=0.2,
    )
    axes.set(xticks=[])
    axes.yaxis.tick_right()
    axes.yaxis.set_major_locator(MaxNLocator(4 if tall > 2 else 2))
    axes.tick_params(labelsize=SMALL - 0.5, length=2)
    name = maths(picture.lattice.name.name)
    of = rf"$\log\,${name}" if picture.paths else name
    axes.set_title(rf"$|\partial\ell/\partial\,${of}$|$", fontsize=SMALL, loc="left", x=-0.8, pad=5)


def _legend(sheet: Sheet, picture: Picture) -> None:
    def ring(colour: str, label: str) -> Line2D:
        return Line2D(
            [],
            [],
            linestyle="none",
            marker="o",
            markersize=7,
            markerfacecolor="none",
            markeredgecolor=colour,
            markeredgewidth=1.3,
            label=label,
        )

    handles = [ring(BLUE, "reads no other cell"), ring(VERMILLION, "read by the loss")]
    if picture.dead:
        handles.append(ring(PALE, "on no path" if picture.paths else "never filled"))
    if picture.wanted:
        handles.append(
            Line2D([], [], linestyle="none", marker="s", markersize=3.5, color=INK, label="named by the labels")
        )
    sheet.figure.legend(
        handles=handles,
        loc="lower center",
        ncols=len(handles),
        frameon=False,
        fontsize=SMALL,
        borderpad=0.2,
        handletextpad=0.3,
    )
