"""Recurrences: cells over ordered indices, each filled from cells before it, as in the lattices of alignments.

>>> @recurrence(t, s)
... def alpha(alpha):
...     return Piecewise((y(0, s), Eq(t, 0)), (y(t, s) * (alpha[t - 1, s] + alpha[t - 1, s - 1]), True))
>>> loss = -log(alpha[T.size - 1, S.size - 1])

The cells are filled in the order of the indices, the first one outermost. A cell outside the axes is `outside`, 0 unless
said otherwise; `alpha` may be read anywhere afterwards, at positions that are whole numbers: the last one, or every one in a
sum, `Sum(alpha[t - 1, s], t)`.
"""

from collections.abc import Callable, Mapping
from typing import Any

from sympy import Basic, Expr, Integer, Piecewise, Symbol, Tuple, false, sympify
from sympy.printing.latex import LatexPrinter

from .axes import Index
from .errors import SpecError
from .letters import set_name
from .symbols import is_whole


class Cell(Expr):
    """A cell of the recurrence whose formula it stands in: its name, and the positions."""

    is_commutative = True
    is_real = None
    is_extended_real = True

    def __new__(cls, name: Symbol, *positions: Expr) -> "Cell":
        return Expr.__new__(cls, name, *positions)

    @property
    def name(self) -> Symbol:
        return self.args[0]

    @property
    def positions(self) -> tuple[Expr, ...]:
        return self.args[1:]

    def _sympystr(self, printer) -> str:
        return f"{self.name}[{', '.join(map(printer.doprint, self.positions))}]"

    def _latex(self, printer: LatexPrinter, **_) -> str:
        return set_name(self.name.name, *map(printer.doprint, self.positions))

    def _pretty(self, printer):
        return printer._print(Symbol(str(self)))


class Lattice(Basic):
    """The filled cells: name, indices in the order in which cells are filled, the formula of a cell, what is outside."""

    def __new__(cls, name: Symbol, indices: Tuple, cell: Expr, outside: Expr) -> "Lattice":
        return Basic.__new__(cls, name, Tuple(*indices), cell, outside)

    @property
    def name(self) -> Symbol:
        return self.args[0]

    @property
    def indices(self) -> tuple[Index, ...]:
        return tuple(self.args[1])

    @property
    def cell(self) -> Expr:
        return self.args[2]

    @property
    def outside(self) -> Expr:
        return self.args[3]

    @property
    def free_symbols(self) -> set[Symbol]:
        return self.cell.free_symbols - {self.name, *self.indices}

    @property
    def bound_symbols(self) -> list[Symbol]:
        return list(self.indices)

    def _xreplace(self, rule):
        """Substitution leaves the cells' own indices alone."""
        if self in rule:
            return rule[self], True
        if not isinstance(rule, Mapping):  # one of SymPy's rewritings of any node
            return self, False
        cell, changed = self.cell._xreplace({old: new for old, new in rule.items() if old not in self.indices})
        return (Lattice(self.name, self.indices, cell, self.outside), True) if changed else (self, False)

    def __getitem__(self, positions: Any) -> "Filled":
        positions = tuple(map(sympify, positions if isinstance(positions, tuple) else (positions,)))
        check_positions(self.name, self.indices, positions)
        return Filled(self, *positions)

    # With __getitem__ alone Python would take a lattice for a sequence.
    __iter__ = None

    def _sympystr(self, printer) -> str:
        return str(self.name)


class Filled(Expr):
    """A cell of a lattice that has been filled."""

    is_commutative = True
    is_real = None
    is_extended_real = True

    def __new__(cls, lattice: Lattice, *positions: Expr) -> "Filled":
        return Expr.__new__(cls, lattice, *positions)

    @property
    def lattice(self) -> Lattice:
        return self.args[0]

    @property
    def positions(self) -> tuple[Expr, ...]:
        return self.args[1:]

    def _sympystr(self, printer) -> str:
        return f"{self.lattice.name}[{', '.join(map(printer.doprint, self.positions))}]"

    def _latex(self, printer: LatexPrinter, **_) -> str:
        return set_name(self.lattice.name.name, *map(printer.doprint, self.positions))

    def _pretty(self, printer):
        return printer._print(Symbol(str(self)))


class _Cells:
    """What the author's function is given: the cells by position."""

    def __init__(self, name: str, indices: tuple[Index, ...]) -> None:
        self._name, self._indices = Symbol(name, real=True), indices

    def __getitem__(self, positions: Any) -> Cell:
        positions = tuple(map(sympify, positions if isinstance(positions, tuple) else (positions,)))
        check_positions(self._name, self._indices, positions)
        return Cell(self._name, *positions)

    __iter__ = None


def recurrence(*indices: Index, outside: Any = 0) -> Callable[[Callable[[Any], Expr]], Lattice]:
    """Declares the formula of a cell: a function of the cells themselves, which are read by position.

    indices : the ordered indices, the outermost first; cells are filled in this order.
    outside : the value of a cell outside the axes: 0 for a sum over paths, oo for a minimum.

    Raises SpecError, naming the cell and the offset, where a cell is read before it is filled, where a position is
    neither an index with a shift nor bound by a sum, and where the first cell has no value of its own.
    """
    given = f"recurrence({', '.join(getattr(index, 'name', str(index)) for index in indices)})"
    if not indices or not all(isinstance(index, Index) for index in indices):
        raise SpecError(f"{given}: expected indices, as in t = T.index()")
    if len(set(indices)) < len(indices):
        raise SpecError(f"{given}: the same index twice, expected one for each position of a cell")
    outside = sympify(outside)
    if not isinstance(outside, Expr) or not outside.is_number or not outside.is_extended_real:
        raise SpecError(f"{given}: outside is {outside}, expected a number, or oo")

    def declare(function: Callable[[Any], Expr]) -> Lattice:
        cells = _Cells(function.__name__, indices)
        returned = function(cells)
        found = sympify(returned) if isinstance(returned, Basic | int | float) else None
        if not isinstance(found, Expr):
            what = "its cells" if returned is cells else type(returned).__name__
            raise SpecError(
                f"{function.__name__}: the recurrence returns {what}, expected an expression, as for one cell"
            )
        lattice = Lattice(Symbol(function.__name__, real=True), indices, found, outside)
        check_causal(lattice)
        check_start(lattice)
        return lattice

    return declare


def offsets(lattice: Lattice, cell: Cell) -> tuple[Expr, ...]:
    """How far each position lies from the recurrence's own index; what is bound by a sum stays as it is."""
    pairs = zip(cell.positions, lattice.indices, strict=True)
    return tuple(p if isinstance(p, Index) and p != i else p - i for p, i in pairs)


def check_positions(name: Symbol, indices: tuple[Index, ...], positions: tuple[Expr, ...]) -> None:
    """Raises SpecError for another number of positions than the recurrence has indices, or what is no whole number."""
    if len(positions) != len(indices):
        number = "1 position" if len(positions) == 1 else f"{len(positions)} positions"
        expected = ", ".join(index.axis.name for index in indices)
        raise SpecError(f"{name}{_shown(positions)}: {number}, expected {len(indices)}: {expected}")
    wrong = next((p for p in positions if not is_whole(p)), None)
    if wrong is not None:
        raise SpecError(f"{name}{_shown(positions)}: {wrong} is no whole number; expected an index, or one ± 1")


def check_causal(lattice: Lattice) -> None:
    """Raises SpecError unless every cell that is read has been filled before: its offsets begin with a negative one."""
    for cell in sorted(lattice.cell.atoms(Cell), key=str):
        check_offsets(lattice, cell)
        for offset, position in zip(offsets(lattice, cell), cell.positions, strict=True):
            if isinstance(position, Index) and offset == position:
                raise SpecError(
                    f"{cell}: the cell is not filled yet at every {position}; an outer index must be shifted back first"
                )
            if offset < 0:
                break
            if offset > 0:
                raise SpecError(
                    f"{cell}: offset {offset} of {position}: this cell is filled later; expected an earlier one"
                )
        else:
            raise SpecError(f"{cell}: offset 0: a cell is read to fill itself; expected an earlier one")


def check_offsets(lattice: Lattice, cell: Cell) -> None:
    """Raises SpecError unless each position is the recurrence's own index with a fixed shift, or one that a sum binds."""
    for offset, position, index in zip(offsets(lattice, cell), cell.positions, lattice.indices, strict=True):
        if offset.is_Integer:
            continue
        if not isinstance(position, Index) or position in lattice.indices:
            raise SpecError(
                f"{cell}: {position} lies at no fixed offset from {index}; expected {index} with a shift, as in "
                f"{index} - 1, or an index that a sum runs over"
            )
        if position.axis != index.axis:
            raise SpecError(
                f"{cell}: {position} runs over {position.axis.name}, expected an index over {index.axis.name}"
            )
        if cell.positions.count(position) > 1:
            raise SpecError(f"{cell}: {position} is at two positions; expected an index for each")


def check_start(lattice: Lattice) -> None:
    """Raises SpecError unless the first cell has a value that reads no other one."""
    if not lattice.cell.has(Cell):
        return
    at_start = {index: Integer(0) for index in lattice.indices}
    cell = lattice.cell
    if isinstance(cell, Piecewise):
        chosen = [value for value, condition in cell.args if condition.xreplace(at_start) is not false]
        cell = chosen[0]
    if cell.has(Cell):
        first = ", ".join("0" for _ in lattice.indices)
        read = min(cell.atoms(Cell), key=str)
        conditions = [f"Eq({index}, 0)" for index in lattice.indices]
        start = conditions[0] if len(conditions) == 1 else f"And({', '.join(conditions)})"
        raise SpecError(
            f"{lattice.name}[{first}]: no initial cell: it reads {read}, which is outside; "
            f"give it a value, as in Piecewise((…, {start}), (…, True))"
        )


def _shown(positions: tuple[Expr, ...]) -> str:
    return f"[{', '.join(map(str, positions))}]"
