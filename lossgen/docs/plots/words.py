"""What a picture shows, in a caption, and in words for readers who do not see it."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from lossgen.formula.letters import set_name
from lossgen.formula.recurrence import Cell, offsets
from lossgen.pages.blocks import Code, Formula, Plain, Runs

from .curves import Curve, Section
from .domains import LOG_SHARES
from .lattices import Picture
from .maps import Map
from .readings import Leaf
from .values import listed, shown


def caption_of_sections(sections: Sequence[Section]) -> Runs:
    """What the rows of panels are."""
    runs: list = [Plain("Value (left) and gradient (right)")]
    runs.append(Plain(" " if len(sections) == 1 else ". From top to bottom: "))
    for k, section in enumerate(sections):
        runs += [Plain("; ")] if k else []
        runs += [Plain("over "), _formula(section.leaf), *_for_values(section)]
    held = _held(sections)
    for k, (name, value) in enumerate(held.items()):
        runs += [Plain(", " if k else ". Fixed: "), Code(name), Plain(f" = {value}")]
    return (*runs, Plain("."))


def _formula(leaf: Leaf) -> Formula:
    return Formula(set_name(leaf.argument.name, *map(str, leaf.position)))


def _for_values(section: Section) -> Iterator[Plain | Code]:
    if len(section.curves) > 1:
        yield Plain(" for ")
        yield Code(section.curves[0].name)
        yield Plain(f" = {listed([c.value for c in section.curves])}")
    at = {n: shown(v) for n, v in section.fixed.items() if n != section.curves[0].name}
    for k, (name, value) in enumerate(at.items()):
        yield Plain(", " if k else " at ")
        yield Code(name)
        yield Plain(f" = {value}")
    if section.reading.note:
        name, value = section.reading.note
        yield Plain(" (")
        yield Code(name)
        yield Plain(f": {shown(value)})")


def _held(sections: Sequence[Section]) -> dict[str, str]:
    """The other predictions and entries, and weights that are not 1; a dot stands for what varies."""
    told = {s.leaf.argument.name for s in sections} | {c.name for s in sections for c in s.curves}
    told |= {name for section in sections for name in section.fixed}
    found: dict[str, str] = {}
    for section in sections:
        for a in section.reading.variant.arguments:
            value = np.asarray(section.reading.numbers[a.name])
            ordinary = a.role.kind == "weight" and np.all(value == 1)
            row = value.ndim > 0 and value.size > 1
            if a.role.kind in ("prediction", "weight", "target") and not ordinary and (a.name not in told or row):
                found.setdefault(a.name, shown(value, section.leaf.position if a.name in told else None))
    return found


def words_of_sections(sections: Sequence[Section]) -> str:
    """The course of each curve: its ends, its least value, and how far its gradient goes."""
    return " ".join(_words_of_section(section) for section in sections)


def _words_of_section(section: Section) -> str:
    leaf = section.leaf
    name = leaf.argument.name + "".join(f"[{p}]" for p in leaf.position)
    low, high = map(shown, section.range)
    courses = "; ".join(_course(curve, section.x) for curve in section.curves)
    return f"Two panels over {name} from {low} to {high}: the loss and its gradient. {courses[0].upper()}{courses[1:]}."


def _course(curve: Curve, x: np.ndarray) -> str:
    known = np.isfinite(curve.loss)
    loss, at = curve.loss[known], x[known]
    if not loss.size:
        return "the loss is infinite everywhere"
    least, most = int(loss.argmin()), int(loss.argmax())
    who = f"for {curve.name} = {shown(curve.value)} " if curve.name else ""
    start, end = _short(loss[0]), _short(loss[-1])
    course = f"{who}the loss goes from {start} to {end}"
    if np.ptp(loss) == 0:
        course = f"{who}the loss is {start} everywhere"
    elif loss[least] < min(loss[0], loss[-1]):
        course = f"{who}the loss falls from {start} to {_short(loss[least])} at {_near(at, least)} and rises to {end}"
    elif loss[most] > max(loss[0], loss[-1]):
        course = f"{who}the loss rises from {start} to {_short(loss[most])} at {_near(at, most)} and falls to {end}"
    slope = curve.slope[np.isfinite(curve.slope)]
    if not slope.size:
        return course
    if np.ptp(slope) == 0:
        return f"{course}, its gradient is {_short(slope[0])}"
    return f"{course}, its gradient lies between {_short(slope.min())} and {_short(slope.max())}"


def _short(number: float) -> str:
    return shown(float(f"{number:.2g}") if abs(number) > 0.005 else 0.0)


def _near(at: np.ndarray, point: int) -> str:
    """Where a point lies, no more exactly than points lie apart."""
    digits = -int(np.floor(np.log10(at[1] - at[0]))) - 1
    return shown(round(float(at[point]), digits) + 0.0)


def caption_of_maps(maps: Sequence[Map]) -> Runs:
    """What the colours, the lines and the arrows are."""
    first = maps[0]
    name = first.argument.name
    places = "the simplex of three classes" if first.kind == "simplex" else "two entries"
    runs: list = [Plain(f"Value (left) and length of the gradient (right) over {places} of "), Code(name)]
    if first.kind == "simplex" and first.argument.role.domain != "unit":
        runs.append(
            Plain(", whose exponential is " if first.argument.role.name == LOG_SHARES else ", whose softmax is ")
        )
        runs.append(Formula("p"))
    runs.append(Plain("; arrows point against the gradient"))
    for k, each in enumerate(maps):
        for number, (name, value) in enumerate(_held_of_map(each, k == 0).items()):
            runs += [Plain(", " if k or number else "; "), Code(name), Plain(f" = {value}")]
        runs.append(Plain(" below" if k else " above" if len(maps) > 1 else ""))
    return (*runs, Plain("."))


def _held_of_map(each: Map, first: bool) -> dict[str, str]:
    """Targets; for the first map also other rows, entries and weights that are not 1."""
    numbers, found = each.reading.numbers, {}
    for a in each.reading.variant.arguments:
        value = np.asarray(numbers[a.name])
        if a.role.kind in ("target", "label"):
            found[a.name] = shown(value)
        elif a == each.argument:
            if first and each.kind == "plane" and value.size > 2:
                found[a.name] = f"(·, ·, {', '.join(['0'] * (value.size - 2))})"
        elif first and not (a.role.kind == "weight" and np.all(value == 1)):
            found[a.name] = shown(value)
    if first and each.reading.variant.numbered:
        found["item"] = shown(numbers["item"])
    return found


def words_of_maps(maps: Sequence[Map]) -> str:
    """Where the loss is least and how far it goes."""
    return " ".join(_words_of_map(each) for each in maps)


def _words_of_map(each: Map) -> str:
    least, most = int(each.loss.argmin()), int(each.loss.argmax())
    where = "A triangle whose corners are the certainty of one class each" if each.kind == "simplex" else "A square"
    target = f" for {each.target[0]} = {shown(each.target[1])}" if each.target else ""
    return (
        f"{where}, coloured by the loss{target}, and again by the length of its gradient: the loss is least, "
        f"{_short(each.loss[least])}, at {_place(each, least)}, and largest, {_short(each.loss[most])}, at {_place(each, most)}; "
        f"the gradient is at most {_short(each.steepness.max())} long."
    )


def _place(each: Map, point: int) -> str:
    if each.kind == "plane":
        return f"({', '.join(map(_short, each.at[point]))})"
    return f"probabilities ({', '.join(map(_short, each.shares[point]))})"


def caption_of_lattice(picture: Picture) -> Runs:
    """What circles, arrows and colours are."""
    name = picture.lattice.name.name
    indices = ",".join(set_name(index.name) for index in picture.lattice.indices)
    cell = rf"{set_name(name)}_{{{indices}}}"
    derivative = rf"\partial \ell / \partial \log {cell}" if picture.paths else rf"\partial \ell / \partial {cell}"
    what = "which is the share of all paths that go through the cell" if picture.shares else "how much it counts"
    return (
        Plain("The cells "),
        Formula(cell),
        Plain(
            f" for {_sizes(picture)}: an arrow leads from each cell to those that read it; a cell's colour is the size of "
        ),
        Formula(derivative),
        Plain(f", {what}."),
    )


def words_of_lattice(picture: Picture) -> str:
    """The cells, what each reads, where the recurrence begins and which cells the loss reads."""
    lattice = picture.lattice
    reads = sorted({", ".join(map(_offset, offsets(lattice, cell))) for cell in lattice.cell.atoms(Cell)})
    words = [f"A lattice of cells {lattice.name} for {_sizes(picture)}, with {len(picture.arrows)} arrows."]
    if reads:
        words.append(
            f"Each cell reads those at the offsets {'; '.join(f'({r})' for r in reads)}, where there are some."
        )
    words.append(f"{_cells(picture.first)} read no other cell; the loss reads {_cells(picture.final)}.")
    if any(picture.rows):
        words.append(
            "From top to bottom the rows stand for: " + ", ".join(row or "no label" for row in picture.rows) + "."
        )
    return " ".join(words)


def _sizes(picture: Picture) -> str:
    pairs = [
        f"{size} positions of {index.name}" for index, size in zip(picture.lattice.indices, picture.sizes, strict=True)
    ]
    *first, last = pairs
    return f"{', '.join(first)} and {last}" if first else last


def _offset(offset: Any) -> str:
    return shown(int(offset)) if getattr(offset, "is_Integer", False) else f"any {offset}"


def _cells(positions: frozenset) -> str:
    return ", ".join(f"({', '.join(map(str, p))})" for p in sorted(positions)) or "none"
