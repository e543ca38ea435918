"""The readings of a loss that get pictures of their own, and a typical item for each."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from lossgen.formula import Loss, Role, Variant
from lossgen.formula.axes import Axis
from lossgen.formula.options import Value
from lossgen.formula.symbols import Argument

from .domains import CENTRE, LOG_SHARES, ROWS, SHARES, WEIGHTS, typical

Numbers = dict[str, Any]


@dataclass(frozen=True)
class Leaf:
    """One number of an argument: the argument itself, or its entry at a position."""

    argument: Argument
    position: tuple[int, ...] = ()


@dataclass
class Reading:
    """One variant at the defaults of its hyperparameters, with a typical item.

    others : the variants with the same roles, which differ from this one in the values of options.
    numbers : by name, the sizes of the axes, hyperparameters and arguments.
    scale : how much wider ranges are than usual.
    note : what tells this reading from the others of the loss: an option or an argument, and its value or the name of its role.
    """

    loss: Loss
    variant: Variant
    others: tuple[Variant, ...]
    numbers: Numbers = field(default_factory=dict)
    scale: float = 1.0
    note: tuple[str, Any] | None = None

    def with_variant(self, variant: Variant) -> "Reading":
        """The same item under another formula; its own hyperparameters at their defaults."""
        own = {p.name: self.loss.typical(p) for p in variant.parameters}
        return replace(self, variant=variant, numbers=self.numbers | own)

    def sibling(self, name: str, value: Value | None) -> Variant | None:
        """The variant that differs in the value of one option."""
        wanted = {**self.variant.options, name: value}
        return next((v for v in self.others if v.options == wanted), None)


def readings(loss: Loss) -> list[Reading]:
    """A reading for each batch and each choice of roles, its options at their defaults or as near to them as there is one."""
    found = []
    for variants in loss.parts.values() or (loss.variants,):
        groups: dict[tuple, list[Variant]] = {}
        for variant in sorted(variants, key=lambda v: _distance(loss, v)):
            groups.setdefault(tuple((a.name, a.role) for a in variant.arguments), []).append(variant)
        firsts = [members[0] for members in groups.values()]
        for members in groups.values():
            found.append(_reading(loss, members[0], tuple(members), note=_note(members[0], firsts)))
    return found


def _note(variant: Variant, others: Sequence[Variant]) -> tuple[str, Any] | None:
    """The first option, or argument with a named role, that is not the same in all readings."""
    for name, value in variant.options.items():
        if any(other.options[name] != value for other in others):
            return name, value
    for k, a in enumerate(variant.arguments):
        if a.role.label and any(other.arguments[k].role != a.role for other in others):
            return a.name, a.role.label
    return None


def _distance(loss: Loss, variant: Variant) -> int:
    """How many options differ from their defaults."""
    off = 0
    for name, option in loss.options.items():
        default = loss.default(name)
        off += variant.options[name] != (default if option.accepts(default) else None)
    return off


def reading_at(reading: Reading, scale: float) -> Reading:
    """The same reading with wider ranges."""
    return _reading(reading.loss, reading.variant, reading.others, scale, reading.note)


def _reading(
    loss: Loss,
    variant: Variant,
    others: tuple[Variant, ...],
    scale: float = 1.0,
    note: tuple[str, Any] | None = None,
) -> Reading:
    sizes = {axis.name: _size(axis, variant) for axis in variant.axes if axis.base is None}
    sizes |= {axis.name: sizes[axis.base.name] + axis.longer for axis in variant.axes if axis.base}
    numbers: Numbers = {**sizes, "item": max(sizes.values(), default=1) - 1 if variant.numbered else 0}
    numbers |= {p.name: loss.typical(p) for p in variant.parameters}
    predicted = [a for a in variant.predictions if a.role.axes]
    for a in variant.arguments:
        rank = predicted.index(a) if a in predicted else 0
        numbers[a.name] = _typical(a, variant, sizes, rank, loss.default(a.name))
        if log_share(variant) and not a.role.axes and a.role.domain in ("real", "not-nan") and a.role.kind != "weight":
            numbers[a.name] = CENTRE * scale
    return Reading(loss, variant, others, numbers, scale, note)


def _size(axis: Axis, variant: Variant) -> int:
    """Three classes, and one more for the item's own; two entries of an embedding."""
    aimed = any(
        a.role.kind in ("target", "label") and axis in (*a.role.axes, a.role.points_to) for a in variant.arguments
    )
    return (3 if aimed else 2) + variant.numbered


def _typical(argument: Argument, variant: Variant, sizes: Mapping[str, int], rank: int, default: Any) -> Any:
    role = argument.role
    shape = tuple(sizes[axis.name] for axis in role.axes)
    if role.layout == "length":
        return sizes[role.axis.name]
    if role.chooses:
        return 0
    if role.layout == "sequence":
        return np.arange(np.prod(shape)).reshape(shape) % sizes[role.points_to.name]
    if not shape:
        return float(default) if default is not None else typical(role)
    if role.kind == "weight":
        return np.full(shape, float(default)) if default is not None else np.resize(WEIGHTS, shape)
    return np.resize(_row(role, variant, rank, shape[-1]), shape).astype(float)


def _row(role: Role, variant: Variant, rank: int, size: int) -> Sequence[float]:
    """A typical row: of targets one that has a first entry to hit; of embeddings a point for each."""
    if role.listed:
        return [1] + [0] * (size - 1)
    if role.label == "probabilities":
        return np.array(SHARES[:size]) / sum(SHARES[:size])
    if role.kind == "prediction" and is_distribution(variant):
        even = {"unit": 1 / size, "real": np.log(1 / size) if role.name == "LogProbability" else 0}
        return [even.get(role.domain, 1.0)] * size
    if role.kind == "target" and role.domain not in ROWS:
        return [typical(role)] * size
    if role.kind == "prediction" and role.axis and role.axis.place == "last" and role.domain == "real":
        return ROWS["embedding"][rank % len(ROWS["embedding"])]
    return ROWS.get(f"{role.kind} {role.domain}", ROWS.get(role.domain, [typical(role)]))


def is_distribution(variant: Variant) -> bool:
    """Whether rows of predictions are held against a class, or shares of classes, over the same axis."""
    return class_axis(variant) is not None


def class_axis(variant: Variant) -> Axis | None:
    """The axis of classes: that of a row of predictions, and of a target that says which class or classes are right."""
    for a in variant.predictions:
        axis = a.role.axis
        if (
            axis is not None
            and not a.role.same
            and not a.role.grid
            and any(_names_classes(t, axis) for t in variant.arguments)
        ):
            return axis
    return None


def _names_classes(argument: Argument, axis: Axis) -> bool:
    role = argument.role
    return role.axis == axis and (role.chooses or role.listed or role.label == "probabilities")


def log_share(variant: Variant) -> bool:
    """Whether the predictions are logarithms of probabilities: real numbers beside them are, too."""
    return any(a.role.name == LOG_SHARES for a in variant.predictions)


def leaves(reading: Reading) -> Iterator[Leaf]:
    """The first number of each prediction."""
    for a in reading.variant.predictions:
        yield Leaf(a, (0,) * len(a.role.axes))
