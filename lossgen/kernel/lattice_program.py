"""The kernels of a loss with recurrences, before they are lowered: steps, inputs and outputs."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace

from sympy import Expr, Symbol, Tuple

from lossgen.derive.lattice import LatticeDerivation
from lossgen.derive.sweeps import Fill, Keep, Step, Sweeps, Table, Write
from lossgen.formula import Axis, Loss, Variant
from lossgen.formula.recurrence import Lattice
from lossgen.formula.symbols import Argument

from .class_rows import with_class_rows
from .kept import with_kept_functions, with_kept_rows
from .names import RESERVED, check_axis_names, family, size_name
from .path_numbers import with_path_numbers
from .program import curvatures, with_free_names
from .rounds import Clear, in_rounds, single_steps
from .scaled_paths import FollowedFill, with_scaled_rows
from .scatter import in_memory_order, without_meetings
from .single_rows import with_single_rows

#: Names that a kernel with recurrences uses for itself.
TAKEN = RESERVED - {"s", "j", "start"}


@dataclass(frozen=True)
class LatticeProgram:
    """A kernel of a loss with recurrences.

    prefix : what stands before an argument's name in the name of its output.
    wrt : the arguments that outputs belong to.
    scaled : the steps in plain numbers, for items that fit the range.
    """

    name: str
    summary: str
    variant: Variant
    sweeps: Sweeps
    scaled: Sweeps | None = None
    prefix: str = ""
    wrt: tuple[Argument, ...] = ()
    directions: Mapping[Argument, Argument] = field(default_factory=dict)
    hints: Mapping[Expr, str] = field(default_factory=dict)
    parameters: tuple[str, ...] = ()
    defaults: Mapping[str, float | int | None] = field(default_factory=dict)
    outputs: tuple[()] = ()

    @property
    def value(self) -> Expr:
        return self.sweeps.value

    @property
    def arrays(self) -> tuple[Argument, ...]:
        """Every array input."""
        return (*self.variant.arguments, *self.directions.values())

    @property
    def axes(self) -> tuple[Axis, ...]:
        """The axes of the arguments and of the cells."""
        cells = (index.axis for table in self.tables for index in table.indices)
        return tuple(dict.fromkeys((*self.variant.axes, *cells)))

    @property
    def sizes(self) -> tuple[Axis, ...]:
        """The axes whose full sizes the kernel is given."""
        return base_axes(self.variant)

    @property
    def tables(self) -> tuple[Table, ...]:
        """Every table that a step fills."""
        return tuple(dict.fromkeys(table for form in self._forms for table in tables_in(form)))

    @property
    def steps(self) -> tuple[Step | Clear, ...]:
        """Every step, in either form."""
        return tuple(step for form in self._forms for step in single_steps((*form.before, *form.after)))

    @property
    def _forms(self) -> tuple[Sweeps, ...]:
        return (self.sweeps,) if self.scaled is None else (self.sweeps, self.scaled)

    @property
    def derived(self) -> tuple[Axis, ...]:
        """The axes whose sizes follow from those of others."""
        found = {axis for axis in self.axes if axis.base is not None or axis.length is not None}
        return tuple(sorted(found, key=lambda axis: axis.name))

    def output(self, argument: Argument) -> str:
        """The name of the output for an argument."""
        return f"{self.prefix}_{argument.name}"

    def expressions(self) -> list[Expr]:
        return [self.value, *(step.value for step in self.steps)]


def tables_in(sweeps: Sweeps) -> tuple[Table, ...]:
    """Every table that a step fills."""
    found: dict[Table, None] = {}
    for step in single_steps((*sweeps.before, *sweeps.after)):
        if isinstance(step, Keep):
            found |= dict.fromkeys(table for table, _ in step.parts)
        elif not isinstance(step, Write | Clear):
            found |= dict.fromkeys(step.tables if isinstance(step, Fill) else (step.table,))
    return tuple(found)


def base_axes(variant: Variant) -> tuple[Axis, ...]:
    """The axes of the arguments that have a size of their own."""
    return tuple(axis for axis in variant.axes if axis.base is None)


def lattice_programs(
    loss: Loss, variant: Variant, lower: Callable[[Expr], Expr], sequential: bool = False
) -> tuple[LatticeProgram, ...]:
    """The kernels of a variant with recurrences, each expression brought into kernel functions by `lower`.

    `sequential`: one thread does an item. Value and gradient are computed in plain numbers, too, where there is such a form,
    factors of cells by classes, and steps row by row.
    """

    def prepared(wrt: tuple[Argument, ...], *forms: Sweeps | None) -> list[Sweeps]:
        own = [_lowered(form, lower) for form in forms if form is not None]
        return _row_by_row(own, wrt) if sequential else own

    defaults = {a.name: loss.default(a.name) for a in variant.arguments if a.role.layout != "length"}
    variant, renamed = with_free_names(variant, TAKEN)
    variant = _with_free_lattices(variant)
    check_axis_names(loss.name, _all_axes(variant))
    derivation = LatticeDerivation(loss.name, variant)
    common = {
        "variant": variant,
        "parameters": tuple(p.name for p in variant.parameters),
        "defaults": {renamed[name]: default for name, default in defaults.items()},
    }
    summary = "The loss of each item and its gradient."
    paths, wrt = with_path_numbers(derivation.evaluate()), variant.differentiable
    plain = with_scaled_rows(paths) if sequential else None
    sweeps, *scaled = prepared(wrt, paths, plain)
    forms = {"sweeps": sweeps, "scaled": next(iter(scaled), None)}
    found = [LatticeProgram("evaluate", summary, prefix="grad", wrt=wrt, **forms, **common)]
    summary = "The slope along a direction and the Hessian times the direction."
    for name, wrt in curvatures(variant):
        directions, products = derivation.products(wrt)
        output = {"prefix": "product", "wrt": wrt, "directions": directions}
        (sweeps,) = prepared(wrt, with_path_numbers(products))
        found.append(LatticeProgram(name, summary, sweeps=sweeps, **output, **common))
    numbers = (
        ("divisor", "What each item's loss is divided by before the mean.", variant.divisor),
        ("normalizer", "What each item counts in the denominator of the mean.", variant.normalizer),
    )
    for name, summary, value in numbers:
        if value != 1:
            found.append(LatticeProgram(name, summary, sweeps=Sweeps((), lower(value), ()), **common))
    return tuple(found)


def _row_by_row(forms: Iterable[Sweeps], outputs: tuple[Argument, ...]) -> list[Sweeps]:
    """The forms of an item's steps as one thread does them best: what rows share is computed once, and steps in rounds.

    What is kept of rows is kept for all forms; one that would keep something else is left out.
    """
    kept = [with_class_rows(with_kept_functions(form)) for form in forms]
    kept = [form for form in kept if _keeps(form) == _keeps(kept[0])]
    rounds = [Sweeps(in_rounds(own.before, ()), own.value, in_rounds(own.after, outputs)) for own in kept]
    return with_single_rows(rounds)


def _keeps(sweeps: Sweeps) -> list[Step]:
    return [step for step in sweeps.before if isinstance(step, Keep)]


def _with_free_lattices(variant: Variant) -> Variant:
    """The variant with other names for recurrences that are called as an argument, another one or a name of the kernels is."""
    taken = TAKEN.union(*(family(symbol.name) for symbol in (*variant.arguments, *variant.parameters)))
    taken |= {name for axis in _all_axes(variant) for name in (axis.name, size_name(axis))}
    lattices = sorted(variant.expression.atoms(Lattice), key=lambda lattice: (str(lattice.name), str(lattice.cell)))
    waiting, new = [str(lattice.name) for lattice in lattices], {}
    for lattice in lattices:
        name = waiting.pop(0)
        while family(name) & taken or any(_is_table_of(name, other) for other in (*taken, *waiting)):
            name += "_"
        taken |= family(name)
        if name != str(lattice.name):
            new[lattice] = Lattice(Symbol(name, real=True), Tuple(*lattice.indices), lattice.cell, lattice.outside)
    return replace(variant, expression=variant.expression.xreplace(new)) if new else variant


def _is_table_of(lattice: str, name: str) -> bool:
    """Whether a table of the recurrence may have this name: `sum_a`, `rate_adjoint_a`, `local_a_1_along` of `a`."""
    return re.fullmatch(rf"\w+_{lattice}(_\d+)?(_along)?|{lattice}(_\d+)?_along", name) is not None


def _all_axes(variant: Variant) -> tuple[Axis, ...]:
    """The axes of the arguments and of the recurrences."""
    cells = (index.axis for lattice in variant.expression.atoms(Lattice) for index in lattice.indices)
    return tuple(dict.fromkeys((*variant.axes, *cells)))


def _lowered(sweeps: Sweeps, lower: Callable[[Expr], Expr]) -> Sweeps:
    def step(given: Step) -> Step:
        if isinstance(given, FollowedFill):
            given = replace(given, then=(given.then[0], lower(given.then[1])))
        if isinstance(given, Fill):
            return replace(given, value=lower(given.value), kept=tuple((t, lower(part)) for t, part in given.kept))
        return replace(given, value=lower(given.value))

    after = tuple(step(in_memory_order(own)) for given in sweeps.after for own in without_meetings(given))
    return with_kept_rows(Sweeps(tuple(map(step, sweeps.before)), lower(sweeps.value), after))
