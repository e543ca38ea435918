"""Reductions over rows of an argument that several steps need, and functions of them: computed once for each row, in tables."""

from collections import Counter
from collections.abc import Iterable, Iterator

from sympy import Dummy, Expr
from sympy.core.function import Function

from lossgen.derive.sweeps import Fill, Keep, Step, Sweeps, Table, TableEntry
from lossgen.formula import Index
from lossgen.formula.nodes import Max, Reduction

from .functions import RestOfExponentials, reciprocal, reciprocal_or_zero
from .share import is_costly

#: What tables are named by; other reductions are sums, functions have their own names.
KINDS = {Max: "largest", RestOfExponentials: "others"}


def with_kept_rows(sweeps: Sweeps) -> Sweeps:
    """The steps with one before them that keeps the rows' reductions, wherever more than one step needs them."""
    lattice = [index for step in sweeps.before if isinstance(step, Fill) for index in step.table.indices]
    order = list(dict.fromkeys(lattice))
    steps = (*sweeps.before, *sweeps.after)
    uses = Counter(r for step in steps for r in step.value.atoms(Reduction) if _is_of_a_row(r, order))
    wanted = {r for r, count in uses.items() if count > 1}
    wanted |= {Max(r.body, r.index) for r in wanted if isinstance(r, RestOfExponentials)}
    if not wanted:
        return sweeps
    groups: dict[tuple[Index, ...], list[Expr]] = {}
    for node in sorted(wanted, key=lambda r: (isinstance(r, RestOfExponentials), str(r))):
        groups.setdefault(tuple(index for index in order if index in node.free_symbols), []).append(node)
    keeps = tuple(Keep(_parts(nodes, over), over) for over, nodes in groups.items())
    return Sweeps((*keeps, *sweeps.before), sweeps.value, sweeps.after)


def with_kept_functions(sweeps: Sweeps) -> Sweeps:
    """The steps with functions of what is kept of a row kept, too: a loop over rows computes several at a time."""
    keeps = [step for step in sweeps.before if isinstance(step, Keep)]
    steps = [step for step in (*sweeps.before, *sweeps.after) if not isinstance(step, Keep)]
    found: list[Keep] = []
    for keep in keeps:
        functions = sorted(_outermost(_functions(steps, {node for _, node in keep.parts})), key=str)
        parts = _parts(functions, keep.over)
        found += [keep, *([Keep(parts, keep.over, functions=True)] if parts else [])]
    rest = (step for step in sweeps.before if not isinstance(step, Keep))
    return Sweeps((*found, *rest), sweeps.value, sweeps.after)


def _functions(steps: Iterable[Step], kept: set[Expr]) -> Iterator[Expr]:
    """The functions of nothing else."""
    known = {node: Dummy() for node in kept}
    for step in steps:
        for value in step.expressions:
            for node in value.atoms(Function) - kept:
                free = node.xreplace(known).free_symbols
                costly = is_costly(node) and not isinstance(node, reciprocal | reciprocal_or_zero)
                if costly and free and free <= set(known.values()):
                    yield node


def _outermost(nodes: Iterable[Expr]) -> set[Expr]:
    found = set(nodes)
    return {node for node in found if not any(node != other and other.has(node) for other in found)}


def _parts(nodes: list[Expr], over: tuple[Index, ...]) -> tuple[tuple[Table, Expr], ...]:
    """A table for each node, named by its kind, and numbered where there are several of a kind."""
    kinds = [KINDS.get(type(node), "sum" if isinstance(node, Reduction) else type(node).__name__) for node in nodes]
    places = [f"_{kinds[:n].count(kind) + 1}" if kinds.count(kind) > 1 else "" for n, kind in enumerate(kinds)]
    return tuple((Table(f"row_{kind}{n}", over), node) for kind, n, node in zip(kinds, places, nodes, strict=True))


def kept_parts(steps: tuple[Step, ...]) -> dict[Expr, TableEntry]:
    """Where each reduction is kept."""
    return {node: table[table.indices] for step in steps if isinstance(step, Keep) for table, node in step.parts}


def _is_of_a_row(node: Reduction, order: list[Index]) -> bool:
    free = {symbol for symbol in node.free_symbols if isinstance(symbol, Index)}
    return bool(free) and free <= set(order) and not node.has(TableEntry) and not node.body.has(Reduction)
