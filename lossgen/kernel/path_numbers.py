"""Sums over paths in path numbers: what a recurrence keeps as logarithms, kept as exponents and mantissas in one number.

The derivation's tables of logarithms become tables of path numbers (lossgen/kernel/math/path_numbers.py), and so do those of
what multiplies a cell: log(e^u + e^v) is a sum, u + v a product and e^(u − v) a quotient, without an exponential or a
logarithm for each cell. A recurrence that sums over an index of its own (Σ_j a[t − 1, j]·w[j, k]) stays in logarithms: a row
of those is summed with one exponential for each term, which path numbers of w would need, too.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from sympy import Add, Expr, Piecewise, oo

from lossgen.derive.sweeps import Fill, Keep, Put, Step, Sweeps, Table, TableEntry, Write
from lossgen.formula.infinities import is_finite
from lossgen.formula.nodes import Entry, Reduction
from lossgen.formula.paths import log_add_exp, share

from .functions import is_path, log_of_path, no_path, path_of_log, path_product, path_share, path_sum
from .whole import is_whole_condition


def with_path_numbers(sweeps: Sweeps) -> Sweeps:
    """The steps with path numbers in the place of logarithms, where cells are sums over paths."""
    logarithms = frozenset(table for fill in sweeps.before if _sums_over_paths(fill) for table in fill.tables)
    if not logarithms:
        return sweeps
    reads = _Conversion(logarithms)
    reads.sweeps(sweeps)
    filled = {fill.table for fill in sweeps.before if isinstance(fill, Fill)}
    factors = ((reads.as_paths - reads.as_numbers) & filled) - logarithms
    return _Conversion(logarithms, frozenset(factors)).sweeps(sweeps)


def _sums_over_paths(step: Step) -> bool:
    """Whether a table of logarithms is filled, cell by cell from single cells."""
    if not isinstance(step, Fill) or step.table.outside is not -oo:
        return False
    reductions = (r for part in _values(step) for r in part.atoms(Reduction))
    return not any(entry.table in step.tables for r in reductions for entry in r.atoms(TableEntry))


def _values(step: Fill) -> Iterable[Expr]:
    return (step.value, *(part for _, part in step.kept))


@dataclass
class _Conversion:
    """Rewrites steps, and notes how tables are read.

    logarithms : the tables of logarithms that become tables of path numbers.
    factors : other such tables: those that are read as factors of cells alone, which a first pass finds.
    """

    logarithms: frozenset[Table]
    factors: frozenset[Table] = frozenset()
    as_paths: set[Table] = field(default_factory=set)
    as_numbers: set[Table] = field(default_factory=set)

    def sweeps(self, sweeps: Sweeps) -> Sweeps:
        before = tuple(own for step in sweeps.before for own in self._steps(step))
        after = tuple(own for step in sweeps.after for own in self._steps(step))
        return Sweeps(before, self._number(sweeps.value), after)

    def _steps(self, step: Step) -> Iterator[Step]:
        """The step; a table of factors is first filled with logarithms: gathering these and converting them are loops apart."""
        yield self._step(step)
        if isinstance(step, Fill) and step.table in self.factors:
            yield replace(step, value=path_of_log(step.table[step.table.indices]))

    def _step(self, step: Step) -> Step:
        match step:
            case Fill() if step.table in self.logarithms:
                kept = tuple((self._table(table), self._path(part)) for table, part in step.kept)
                return replace(step, table=self._table(step.table), value=self._path(step.value), kept=kept)
            case Fill():
                kept = tuple((table, self._number(part)) for table, part in step.kept)
                return replace(step, value=self._number(step.value), kept=kept)
            case Put() | Write():
                return replace(step, value=self._number(step.value))
            case Keep():
                return replace(step, parts=tuple((table, self._number(part)) for table, part in step.parts))

    def _table(self, table: Table) -> Table:
        """The table of path numbers; outside of one of logarithms of factors they are 1, whose number is 0, too."""
        return Table(table.name, table.indices, no_path()) if table in self.logarithms else table

    def _entry(self, entry: TableEntry) -> TableEntry:
        return TableEntry(self._table(entry.table), *entry.positions)

    def _path(self, node: Expr) -> Expr:
        """The path number of what the node is the logarithm of."""
        if node is -oo:
            return no_path()
        if isinstance(node, TableEntry):
            self.as_paths.add(node.table)
            return self._entry(node) if self._is_kept(node) else path_of_log(node)
        if isinstance(node, log_add_exp):
            return _summed([self._path(arg) for arg in node.args])
        if isinstance(node, Piecewise):
            return Piecewise(*((self._path(value), condition) for value, condition in node.args))
        if isinstance(node, Add) and any(map(self._has_path, node.args)):
            paths = [arg for arg in node.args if self._has_path(arg)]
            rest = Add(*(arg for arg in node.args if arg not in paths))
            factors = [*map(self._path, paths), *([self._path(rest)] if rest != 0 else ())]
            return _multiplied(sorted(factors, key=str))
        return path_of_log(self._number(node)) if node != 0 else node

    def _number(self, node: Expr) -> Expr:
        """The node as an ordinary number."""
        if isinstance(node, TableEntry):
            self.as_numbers.add(node.table)
            return log_of_path(self._entry(node)) if self._is_kept(node) else node
        if not node.args or isinstance(node, Entry) or is_whole_condition(node):
            return node
        if isinstance(node, share) and any(map(self._has_path, node.args)):
            return path_share(*map(self._path, node.args))
        if isinstance(node, is_finite) and self._has_path(node.args[0]):
            return is_path(self._path(node.args[0]))
        if isinstance(node, log_add_exp) and self._has_path(node):
            return log_of_path(self._path(node))
        return node.func(*(self._number(arg) if isinstance(arg, Expr) else self._inside(arg) for arg in node.args))

    def _inside(self, node):
        """What is no expression but may hold some: the pieces of a select and their conditions."""
        if not node.args:
            return node
        return node.func(*(self._number(a) if isinstance(a, Expr) else self._inside(a) for a in node.args))

    def _has_path(self, node: Expr) -> bool:
        """Whether the node is the logarithm of something that is kept as a path number."""
        if isinstance(node, TableEntry):
            return self._is_kept(node)
        if isinstance(node, Piecewise):
            return any(self._has_path(value) for value, _ in node.args)
        return isinstance(node, Add | log_add_exp) and any(map(self._has_path, node.args))

    def _is_kept(self, entry: TableEntry) -> bool:
        return entry.table in self.logarithms or entry.table in self.factors


def _summed(terms: list[Expr]) -> Expr:
    """The sum, three terms at a time."""
    return terms[0] if len(terms) == 1 else _summed([path_sum(*terms[:3]), *terms[3:]])


def _multiplied(factors: list[Expr]) -> Expr:
    first, *rest = factors
    return path_product(first, _multiplied(rest)) if rest else first
