"""The derivation of a loss with recurrences: what is filled on the way up, and the reversed recurrence on the way down.

    u(p)  = f(p)                        what a cell needs that reads no other cell
    a(p)  = g(a(p + o), …, u(p + o))    the recurrence
    E     = e(a, x)                     the loss
    ā(p)  = ∂e/∂a(p) + Σ_o ∂g/∂a_o (p − o) · ā(p − o)      the adjoint: offsets negated, filled in the reverse order
    ū(p)  = Σ_o ∂g/∂u_o (p − o) · ā(p − o)
    x̄     = ∂e/∂x + Σ_p ū(p) · ∂f(p)/∂x + Σ_p ā(p) · ∂g(p)/∂x

For sums over paths in the log domain ∂g/∂a_o is e^(a_o + … − LSE(p)), a share in [0, 1]: the log-sum-exps of the cells are
kept on the way up.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from sympy import Add, Expr, Integer, Mul, Piecewise, oo

from lossgen.formula import Index, LogSumExp, SpecError, Sum, Variant
from lossgen.formula.infinities import is_finite
from lossgen.formula.nodes import Entry, Reduction
from lossgen.formula.paths import log_add_exp
from lossgen.formula.recurrence import Cell, Filled, Lattice
from lossgen.formula.symbols import Argument, argument_of

from .derivation import direction_of
from .differentiate import differentiate
from .locals import Local, locals_of
from .paths import in_log_domain
from .patterns import Pattern, patterns, slope
from .rewrite import Rewriter, Trace
from .rules import STABLE
from .sweeps import FACTOR, ZERO, Fill, Put, Step, Sweeps, Table, TableEntry, Write
from .tangent import Tangent

Stable = Callable[[Expr], Expr]


@dataclass
class LatticeSweeps:
    """The steps of one lattice: up (its locals and cells), and down (its adjoint, and what it adds to the outputs)."""

    table: Table
    cell: Expr
    locals: tuple[Local, ...]
    stable: Stable
    adjoint: Table = field(init=False)

    def __post_init__(self) -> None:
        self.adjoint = Table(f"adjoint_{self.table.name}", self.table.indices)

    @property
    def up(self) -> tuple[Fill, ...]:
        return (
            *(Fill(u.table, u.value) for u in self.locals),
            Fill(self.table, self.cell.xreplace(self.known), kept=self.kept),
        )

    @property
    def down(self) -> Fill:
        """The adjoint of every cell, from the cells that read it."""
        terms = [self._gathered(p, self._slope(self.cell, p)) for p in patterns(self.cell, self.table)]
        return Fill(self.adjoint, self.stable(Add(*terms)), reverse=True, add=True)

    def writes(self, argument: Argument) -> Iterable[Write | Fill]:
        """What the cells add to the gradient of an argument: through log-sum-exps over rows, and entry by entry."""
        yield from self._rows(argument)
        for local in self.locals:
            adjoint = self._local_adjoint(local)
            for p in patterns(local.opaque, argument):
                value = self.stable(times(slope(local.opaque, p, self.stable), adjoint))
                yield Write(argument, p.positions, local.revealed(value), (*self.table.indices, *p.over))
        for p in patterns(self.cell, argument):
            value = self.stable(times(self.adjoint[self.table.indices], self._slope(self.cell, p)))
            yield Write(argument, p.positions, value, (*self.table.indices, *p.over))

    def _rows(self, argument: Argument) -> Iterable[Write | Fill]:
        """Rows of the gradient: the adjoint of a reduction over the row, times the reduction's own slope."""
        adjoints: dict[Expr, Expr] = {}
        fills: list[Fill] = []
        for local in self.locals:
            for symbol, reduction in local.reductions.items():
                if any(argument_of(e) == argument for e in reduction.atoms(Entry)):
                    term = local.revealed(self._local_adjoint(local) * differentiate_by(local.opaque, symbol))
                    adjoints[reduction] = adjoints.get(reduction, ZERO) + term
        for reduction, adjoint in adjoints.items():
            for index in self.table.indices:
                adjoint = adjoint if index in reduction.free_symbols else Sum(adjoint, index)
            leading = tuple(index for index in self.table.indices if index in reduction.free_symbols)
            if leading and any(entry.table.outside is -oo for entry in adjoint.atoms(TableEntry)):
                # The shares in a table: rows may be computed with fewer digits than logarithms need, shares may not.
                shares = Table(f"row_adjoint_{self.table.name}_{len(fills) + 1}", leading)
                fills.append(Fill(shares, self.stable(adjoint)))
                yield fills[-1]
                adjoint = shares[leading]
            for p in patterns(reduction, argument):
                value = self.stable(adjoint * slope(reduction, p, self.stable))
                yield Write(argument, p.positions, value, (*leading, *p.over), whole=_is_everywhere(p, leading))

    def _local_adjoint(self, local: Local) -> Expr:
        found = patterns(self.cell, local.table)
        return self.stable(Add(*(self._gathered(p, self._slope(self.cell, p)) for p in found)))

    def _slope(self, expression: Expr, pattern: Pattern) -> Expr:
        return slope(expression, pattern, self.stable).xreplace(self.known)

    def _gathered(self, pattern: Pattern, derivative: Expr) -> Expr:
        """Σ over the cells q that read p of ∂g/∂a (q)·ā(q): the offsets negated, or summed over where a sum runs over them."""
        indices = self.table.indices
        there: dict[Expr, Expr] = {}
        free: list[Index] = []
        renamed: dict[Expr, Expr] = {}
        for index, position in zip(indices, pattern.positions, strict=True):
            if position in pattern.over:
                fresh = index.axis.index(f"{index.name}_then")
                there[index], renamed[position] = fresh, index
                free.append(fresh)
            else:
                there[index] = index - (position - index)
        term = times(self.adjoint[indices], derivative).xreplace(there | renamed)
        for index in free:
            term = Sum(term, index)
        return term

    @property
    def kept(self) -> tuple[tuple[Table, Expr], ...]:
        """The log-sum-exps that a cell is made of: what the adjoint divides by, so that it computes none again."""
        return tuple(
            (entry.table, node.func(*(arg.xreplace(self.known) for arg in node.args)))
            for node, entry in self.known.items()
        )

    @cached_property
    def known(self) -> dict[Expr, TableEntry]:
        """Where these are found once the cell is filled; one within another comes before it."""
        sums = [n for n in self.cell.atoms(log_add_exp, LogSumExp) if reads(n, self.table)]
        sums.sort(key=lambda node: (sum(node.has(other) for other in sums), str(node)))
        name, indices = f"sum_{self.table.name}", self.table.indices
        names = (name if n == 1 else f"{name}_{n}" for n in range(1, len(sums) + 1))
        return {node: Table(own, indices, -oo)[indices] for own, node in zip(names, sums, strict=True)}


def times(factor: Expr, node: Expr) -> Expr:
    """The product; of a select it is a select of products, so that a case that the outer indices decide stays apart."""
    if isinstance(node, Piecewise):
        return Piecewise(*((times(factor, value), condition) for value, condition in node.args))
    return factor * node


def _is_everywhere(pattern: Pattern, leading: tuple[Index, ...]) -> bool:
    """Whether every entry of the argument is one of the pattern's, and once only."""
    indices, axes = (*leading, *pattern.over), pattern.base.role.axes
    return set(pattern.positions) == set(indices) and tuple(p.axis for p in pattern.positions) == axes


def _first_whole(steps: Iterable[Write | Fill]) -> list[Write | Fill]:
    """The steps, those that say the whole of an output at the front; only one of these can be the first to be written."""
    found: list[Write | Fill] = []
    said: set[Argument] = set()
    for step in sorted(steps, key=lambda s: isinstance(s, Write) and not s.whole):
        again = isinstance(step, Write) and step.whole and step.argument in said
        found.append(replace(step, whole=False) if again else step)
        if isinstance(step, Write):
            said.add(step.argument)
    return found


def reads(node: Expr, table: Table) -> bool:
    """Whether an entry of the table occurs."""
    return any(entry.table == table for entry in node.atoms(TableEntry))


def differentiate_by(expression: Expr, symbol: TableEntry) -> Expr:
    """The derivative with respect to one node that stands for a part of the formula."""
    return differentiate(expression, lambda leaf: Integer(1) if leaf == symbol else ZERO)


def lattices(expression: Expr, stable: Stable, name: str) -> tuple[Expr, list[LatticeSweeps]]:
    """The formula with tables in the place of its lattices, and the steps of each."""
    found: dict[Lattice, LatticeSweeps] = {}
    for lattice in sorted({f.lattice for f in expression.atoms(Filled)}, key=lambda la: str(la.name)):
        if lattice.cell.has(Filled):
            raise SpecError(f"{name}: {lattice.name}: a recurrence that reads another one is not supported; join them")
        table = Table(str(lattice.name), lattice.indices, lattice.outside)
        cell = stable(lattice.cell.replace(Cell, lambda _, *positions, table=table: table[positions]))
        cell, own = locals_of(cell, table)
        found[lattice] = LatticeSweeps(table, cell, own, stable)
    replaced = expression.replace(Filled, lambda lattice, *positions: found[lattice].table[positions])
    return replaced, list(found.values())


def gradient_sweeps(value: Expr, parts: Sequence[LatticeSweeps], wrt: Sequence[Argument], stable: Stable) -> Sweeps:
    """All steps for the value and the gradient with respect to the arguments."""
    after: list[Step] = []
    for part in parts:
        for p in patterns(value, part.table):
            after.append(Put(part.adjoint, p.positions, stable(FACTOR * slope(value, p, stable)), p.over))
        after.append(part.down)
    writes = [w for part in parts for argument in wrt for w in part.writes(argument) if w.value != 0]
    after += _first_whole(writes)
    reached = Mul(*(is_finite(entry) for entry in sorted(_ends(value), key=str)))
    for argument in wrt:
        for p in patterns(value, argument):
            written = stable(Mul(FACTOR, reached, slope(value, p, stable)))
            if written != 0:
                after.append(Write(argument, p.positions, written, p.over))
    return Sweeps(tuple(step for part in parts for step in part.up), value, tuple(after))


def _ends(value: Expr) -> set[Expr]:
    """The sums over all paths, kept as logarithms: where one of them is −∞ there is no path, and nothing moves the loss.

    A sum is a cell that all paths end in, or one of several such cells, of which some may be −∞.
    """
    over = {node.index for node in value.atoms(Reduction)}

    def found(node: Expr) -> set[Expr]:
        if isinstance(node, TableEntry):
            return {node} if node.table.outside is -oo and not node.free_symbols & over else set()
        inside = set().union(*map(found, node.args))
        return {node} if inside and isinstance(node, log_add_exp) else inside

    return found(value)


@dataclass
class LatticeDerivation:
    """Everything that is derived from a variant with recurrences, as steps.

    Raises SpecError, naming the loss, where a derivative does not exist.
    """

    name: str
    variant: Variant
    trace: Trace = field(default_factory=Trace)

    def __post_init__(self) -> None:
        self._stable = Rewriter(STABLE, self.trace)
        expression = self._stable(in_log_domain(self.variant.expression))
        self.value, self.lattices = lattices(expression, self._stable, self.name)

    def evaluate(self) -> Sweeps:
        """The value, and the gradient for every differentiable argument."""
        return gradient_sweeps(self.value, self.lattices, self.variant.differentiable, self._stable)

    def products(self, wrt: Sequence[Argument]) -> tuple[Mapping[Argument, Argument], Sweeps]:
        """Directions for these arguments; the slope along them, and the Hessian's products with them."""
        directions = {a: direction_of(a) for a in wrt}
        gradient = gradient_sweeps(self.value, self.lattices, wrt, self._stable)
        return directions, Tangent(directions, self._stable)(gradient)
