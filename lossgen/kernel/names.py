"""Names of local variables: an author's own where there is one, never one twice."""

import keyword
from collections.abc import Collection, Iterable, Mapping, Sequence

from sympy import Expr

from lossgen.formula import Axis, SpecError
from lossgen.formula.symbols import Argument

from .functions import (
    exp_below,
    exp_nonpositive,
    exp_of_difference,
    log1p_unit,
    magnitude,
    multiple,
    reciprocal,
    reciprocal_or_zero,
)
from .math import library

#: What a shared part is called when its author gave it no name, by the function at its head.
SHORT = {
    exp_below: "e",
    exp_nonpositive: "e",
    exp_of_difference: "e",
    magnitude: "size",
    log1p_unit: "tail",
    reciprocal: "inverse",
    reciprocal_or_zero: "inverse",
    multiple: "unit",
}

#: What CUDA kernels ask of the device where items are single numbers. `lossgen.runtime.device` says what each one does.
ELEMENT = ("WIDTH", "cuda", "finish", "load", "store", "thread", "threads")

#: The same where items are rows.
ROW = (
    *(
        "LANES",
        "WIDTH",
        "bytes_of",
        "cuda",
        "finish",
        "group",
        "group_count",
        "group_max",
        "group_sum",
        "groups",
        "keep",
    ),
    *("kept_row", "load_kept", "load_row", "nearest", "rank_in_group", "row", "store_row"),
)

#: The same where items have recurrences.
LATTICE = (
    *("GROUPS", "LANES", "THREADS", "beyond", "bits_of_block", "block", "blocks", "finish", "floor", "group_count"),
    *("group_in_block", "group_max", "group_sum", "rank_in_block", "rank_in_group", "sync"),
)

#: The types of their arguments.
TYPES = (
    "Cells",
    "Factor",
    "Places",
    "Real",
    "Reals",
    "Room",
    "Rows",
    "Scales",
    "Size",
    "Sums",
    "Whole",
    "Wholes",
    "Wides",
)

DEVICE = frozenset({*ELEMENT, *ROW, *LATTICE, *TYPES})

#: Names that every kernel uses for itself, on any target.
RESERVED = frozenset(
    [
        "np",
        "njit",
        "math",
        "real",
        "integer",
        "KERNEL",
        "MATH",
        "add",
        "abs",
        "min",
        "range",
        "i",
        "j",
        "lane",
        "first",
        "last",
        "bounds",
        "start",
        "stop",
        "scale",
        "taken",
        "up",
        "fits",
        "shift",
        "item_scale",
        "values",
        "totals",
        "faults",
        "total",
        "part",
        "BLOCK",
        "TINY",
        "fault",
        "bad",
        "value",
        "result",
        "factor",
        "s",
        "skipped",
        "below",
        "is_largest",
        "share",
        "image",
        "zero",
        "one",
        "ignore_index",
        "item",
        "first_item",
        *DEVICE,
        "items",
        "left",
        "rank",
        "filling",
        "nan",
        "storage",
        "total_lost",
        "multiplier",
        "so_far",
        "cells",
        "cells_size",
        "places",
        "places_size",
        "member",
        "own_group",
        "wrong",
        "label_read",
        "at",
        "inside",
        "entry",
        "place",
        "before",
        "above",
    ]
) | {name for dtype in ("float32", "float64") for name in library(dtype).names}

#: The outputs that a kernel may have for an argument, by what stands before its name.
OUTPUTS = ("grad", "product", "diagonal")


def size_name(axis: Axis) -> str:
    """The local variable that holds the length of an axis as an integer."""
    return f"n_{axis.name}"


def axis_names(axis: Axis) -> set[str]:
    """The local variables that kernels have for an axis."""
    return {axis.name, size_name(axis), *(f"{part}_{axis.name}" for part in ("lead", "first", "room"))}


def full_size(axis: Axis) -> str:
    """The variable that holds the length of an axis in the arrays, whatever the items' own lengths are."""
    return f"size_{axis.name}"


def family(name: str) -> set[str]:
    """The names that a kernel makes from an argument's: its item, its row, its outputs, its direction."""
    arrays = [name, f"direction_{name}", *(f"{output}_{name}" for output in OUTPUTS)]
    return {a + suffix for a in arrays for suffix in ("", "_i", "_block", "_row", "_lane", "_across", "_kept")}


def across(argument: Argument) -> str:
    """The name of an argument's transposed copy."""
    return f"{argument.name}_across"


def free_names(names: Sequence[str], axes: Iterable[Axis], reserved: Collection[str] = RESERVED) -> dict[str, str]:
    """For each argument or hyperparameter the name it has in the kernels: its own, unless the kernels use that for something else."""
    taken = {*reserved} | {name for axis in axes for name in axis_names(axis)}
    chosen = {}
    for name in names:
        free = name
        while family(free) & taken:
            free += "_"
        taken |= family(free)
        chosen[name] = free
    return chosen


def check_axis_names(loss: str, axes: Sequence[Axis]) -> None:
    """Raises SpecError for an axis whose name the kernels use themselves, and for two axes of one name."""
    for axis in axes:
        if {axis.name, size_name(axis)} & RESERVED:
            raise SpecError(f"{loss}: axis {axis.name}: kernels use this name themselves; choose another, such as C")
        if any(axis.name == other.name for other in axes if other != axis):
            raise SpecError(f"{loss}: two axes are called {axis.name}, with different places; rename one")


class Names:
    """Hands out unused names."""

    def __init__(self, taken: Iterable[str], hints: Mapping[Expr, str], reserved: Collection[str] = RESERVED) -> None:
        self._taken = {*reserved, *taken}
        self._hints = dict(hints)

    def new(self, wanted: str) -> str:
        """The wanted name, with a number behind it if it is taken."""
        wanted = wanted if wanted.isidentifier() and not keyword.iskeyword(wanted) else "part"
        stem, name, count = wanted.removesuffix("_1"), wanted, 1
        while name in self._taken:
            count += 1
            name = f"{stem}_{count}"
        self._taken.add(name)
        return name

    def shared(self, part: Expr) -> str:
        """A name for a part of the formula that is computed once."""
        if part in self._hints:
            return self.new(self._hints[part])
        head = SHORT.get(part.func) or {"Add": "sum", "Mul": "product", "Pow": "power_of", "Piecewise": "choice"}.get(
            part.func.__name__, part.func.__name__.lower()
        )
        return self.new(f"{head}_1")
