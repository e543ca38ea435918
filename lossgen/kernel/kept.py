"""Reductions over rows of an argument that several steps need: computed once for each row, and kept in tables."""

from collections import Counter

from sympy import Expr

from lossgen.derive.sweeps import Fill, Keep, Step, Sweeps, Table, TableEntry
from lossgen.formula import Index
from lossgen.formula.nodes import Max, Reduction

from .functions import RestOfExponentials


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
    keeps = tuple(
        Keep(tuple((Table(_name(node, nodes), over), node) for node in nodes), over) for over, nodes in groups.items()
    )
    return Sweeps((*keeps, *sweeps.before), sweeps.value, sweeps.after)


def kept_parts(steps: tuple[Step, ...]) -> dict[Expr, TableEntry]:
    """Where each reduction is kept."""
    return {node: table[table.indices] for step in steps if isinstance(step, Keep) for table, node in step.parts}


def _is_of_a_row(node: Reduction, order: list[Index]) -> bool:
    free = {symbol for symbol in node.free_symbols if isinstance(symbol, Index)}
    return bool(free) and free <= set(order) and not node.has(TableEntry) and not node.body.has(Reduction)


def _name(node: Reduction, nodes: list[Expr]) -> str:
    kind = {Max: "largest", RestOfExponentials: "others"}.get(type(node), "sum")
    alike = [other for other in nodes if type(other) is type(node)]
    return f"row_{kind}" if len(alike) == 1 else f"row_{kind}_{alike.index(node) + 1}"
