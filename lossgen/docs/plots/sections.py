"""Which curves are worth drawing of a reading: over its predictions, for targets, hyperparameters and options."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from lossgen.formula.symbols import Argument, Hyperparameter

from .curves import APART, Curve, Section, curve, points
from .domains import COMPANIONS, SHARE_TARGETS, TARGETS, beside
from .evaluate import Scope, evaluate
from .readings import Leaf, Reading, leaves, log_share, reading_at

#: How far apart values of a hyperparameter lie, until curves can be told from each other.
FACTORS = (2, 10, 100, 1000)
CLEAR = 0.2
#: The range is wider by this, where a curve hardly bends within the usual one.
WIDER = 10.0
BENT = 0.6
#: The most curves that are told from each other at a glance.
MOST = 4


def sections(reading: Reading, known: set[str]) -> list[Section]:
    """The sections of a reading. `known` are the hyperparameters that have been drawn, to which those of this one are added."""
    reading = _wide_enough(reading)
    found = [section for leaf in _distinct(reading) for section in _over(reading, leaf)]
    for parameter in reading.variant.parameters:
        if parameter.name not in known and not parameter.role.integer:
            found += _strongest(list(_of_parameter(reading, parameter)), known, parameter.name)
    for name in reading.loss.options:
        if name not in known:
            found += _strongest(list(_of_option(reading, name)), known, name)
    for argument in reading.variant.arguments:
        if argument.role.kind == "weight" and argument.name not in known:
            found += _strongest(list(_of_weight(reading, argument)), known, argument.name)
    return [section for section in found if not _is_among(section, found)]


def repeats(section: Section, others: list[Section]) -> bool:
    """Whether the curves are those of another section but for constants: those of a reading that differs elsewhere."""
    return any(
        section.leaf.argument.name == other.leaf.argument.name
        and all(any(np.array_equal(c.slope, d.slope) for d in other.curves) for c in section.curves)
        for other in others
    )


def _is_among(section: Section, others: list[Section]) -> bool:
    """Whether a section's only curve is one of those of another section."""
    rest = [other for other in others if other is not section and other.leaf == section.leaf]
    return len(section.curves) == 1 and any(
        np.array_equal(section.curves[0].loss, c.loss) and np.array_equal(section.x, other.x)
        for other in rest
        for c in other.curves
    )


def _wide_enough(reading: Reading) -> Reading:
    """The reading, with a range in which its first curve bends."""
    leaf = next(leaves(reading))
    if leaf.argument.role.domain != "real":
        return reading
    slope = curve(reading, leaf, points(reading, leaf)).slope
    change, largest = np.ptp(slope), np.abs(slope).max()
    return reading_at(reading, WIDER) if 1e-9 * largest < change < BENT * largest else reading


def _distinct(reading: Reading) -> Iterator[Leaf]:
    """The leaves, of several embeddings the first alone."""
    rows = set()
    for leaf in leaves(reading):
        role = leaf.argument.role
        if role in rows:
            continue
        if role.axis and role.axis.place == "last":
            rows.add(role)
        yield leaf


def _over(reading: Reading, leaf: Leaf) -> Iterator[Section]:
    """Over a leaf: for several targets, or else for several numbers of another prediction."""
    x = points(reading, leaf)
    alone = Section(reading, leaf, x, (curve(reading, leaf, x),))
    families = [_family(reading, leaf, x, a) for a in reading.variant.arguments if a.role.kind in ("target", "label")]
    families += [
        _family(reading, leaf, x, a) for a in reading.variant.predictions if a != leaf.argument and not a.role.axes
    ]
    yield next((f for f in families if f.turns), alone)


def _family(reading: Reading, leaf: Leaf, x: np.ndarray, argument: Argument) -> Section:
    """The curves for several values of another argument, without those that fall together."""
    curves: list[Curve] = []
    for value in _values(reading, leaf, argument):
        beside = replace(reading, numbers=reading.numbers | {argument.name: _put(reading, argument, value, leaf)})
        new = curve(beside, leaf, x, argument.name, value)
        if not any(np.allclose(new.loss, c.loss) and np.allclose(new.slope, c.slope) for c in curves):
            curves.append(new)
    if len(curves) < 2:
        return Section(reading, leaf, x, (curve(reading, leaf, x),))
    return Section(reading, leaf, x, tuple(sorted(curves, key=lambda c: c.value)))


def _put(reading: Reading, argument: Argument, value: Any, leaf: Leaf) -> Any:
    """The argument with this value, in the entry of the leaf where it is a row."""
    role = argument.role
    if not role.axes or role.chooses:
        return value
    row = np.array(reading.numbers[argument.name])
    if role.listed:
        return np.roll(row, int(value == 0))
    row[leaf.position if len(leaf.position) == row.ndim else (0,) * row.ndim] = value
    return row


def _values(reading: Reading, leaf: Leaf, argument: Argument) -> tuple[Any, ...]:
    """Values of another argument worth a curve each."""
    role = argument.role
    if role.chooses:
        return (0, 1)
    if role.label == "probabilities" or role.integer:
        return ()
    if role.kind == "prediction":
        return COMPANIONS.get(role.domain, ())
    if role.domain == "not-nan" and _moves_along(reading, leaf, argument):
        return ()
    if log_share(reading.variant):
        return (
            tuple(s * reading.scale for s in SHARE_TARGETS["real"])
            if role.domain == "not-nan"
            else SHARE_TARGETS["share"]
        )
    if role.domain == "not-nan" and leaf.argument.role.domain != "real":
        return COMPANIONS["real"]
    return TARGETS.get(role.domain, ())


def _moves_along(reading: Reading, leaf: Leaf, argument: Argument) -> bool:
    """Whether only the difference of the leaf and the target counts, so that another target shifts the curve."""
    if leaf.argument.role.axes or argument.role.axes:
        return False
    x, names = points(reading, leaf), (leaf.argument.name, argument.name)
    here, there = (
        evaluate(
            reading.variant.expression,
            Scope(reading.numbers | {names[0]: x + shift, names[1]: reading.numbers[names[1]] + shift}),
        )
        for shift in (0.0, 0.75)
    )
    return np.allclose(here, there)


def _of_parameter(reading: Reading, parameter: Hyperparameter) -> Iterator[Section]:
    """The curves for values of a hyperparameter around its default."""
    default = reading.numbers[parameter.name]
    for hit, leaf in _situations(reading):
        x = points(hit, leaf)
        for factor in FACTORS:
            values = beside(parameter.role, default, factor)
            curves = [
                curve(replace(hit, numbers=hit.numbers | {parameter.name: v}), leaf, x, parameter.name, v)
                for v in values
            ]
            section = Section(hit, leaf, x, tuple(curves[:MOST]), _fixed(hit))
            yield section
            if section.spread > CLEAR:
                break


def _of_option(reading: Reading, name: str) -> Iterator[Section]:
    """The curves for each value of an option that leaves the roles as they are."""
    option = reading.loss.options[name]
    siblings = [(value, reading.sibling(name, value)) for value in option.choices]
    for hit, leaf in _situations(reading):
        x, curves = points(hit, leaf), []
        for value, variant in siblings:
            if variant is not None:
                under = hit.with_variant(variant)
                curves.append(curve(under, leaf, x, name, under.numbers[name] if value is None else value))
        yield Section(hit, leaf, x, tuple(curves[:MOST]), _fixed(hit))


def _of_weight(reading: Reading, argument: Argument) -> Iterator[Section]:
    """The curves for several weights, where a weight is more than a factor of the whole."""
    if argument.role.axes:
        return
    for hit, leaf in _situations(reading, halves=True):
        x = points(hit, leaf)
        curves = [
            curve(replace(hit, numbers=hit.numbers | {argument.name: w}), leaf, x, argument.name, w)
            for w in (0.5, 1.0, 2.0)
        ]
        if not np.allclose(curves[2].loss, 2 * curves[1].loss):
            yield Section(hit, leaf, x, tuple(curves), _fixed(hit))


def _situations(reading: Reading, halves: bool = False) -> Iterator[tuple[Reading, Leaf]]:
    """Every leaf under the values of the first target; `halves`: those between two labels first."""
    targets = [a for a in reading.variant.arguments if a.role.kind in ("target", "label")]
    for leaf in _distinct(reading):
        values = _values(reading, leaf, targets[0]) if targets else ()
        if not values or targets[0].role.domain != "not-nan" or log_share(reading.variant):
            yield reading, leaf
        for value in sorted(values, key=lambda v: v != 0.5) if halves else values:
            numbers = reading.numbers | {targets[0].name: _put(reading, targets[0], value, leaf)}
            yield replace(reading, numbers=numbers), leaf


def _fixed(reading: Reading) -> dict[str, Any]:
    """The targets at which the other curves are drawn, for the words below the picture."""
    return {
        a.name: reading.numbers[a.name]
        for a in reading.variant.arguments
        if (a.role.kind in ("target", "label") and not a.role.axes) or a.role.chooses
    }


def _strongest(found: list[Section], known: set[str], name: str) -> list[Section]:
    """The section in which the curves lie farthest apart, if they can be told from each other: by their gradients at best."""
    found = [section for section in found if section.spread > APART]
    found = [section for section in found if section.turns] or found
    if not found:
        return []
    known.add(name)
    return [next(s for s in found if s.spread > 0.6 * max(f.spread for f in found))]
