"""Reductions over rows of an argument that several steps need, and functions of them: computed once for each row, in tables."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from sympy import Dummy, Expr
from sympy.core.function import Function

from lossgen.derive.sweeps import Fill, Keep, Step, Sweeps, Table, TableEntry
from lossgen.formula import Index
from lossgen.formula.nodes import Max, Reduction

from .functions import RestOfExponentials, reciprocal, reciprocal_or_zero
from .share import is_costly


@dataclass(frozen=True)
class KeepFunctions(Keep):
    """Functions of what is kept of rows, in turn."""


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


def with_kept_functions(sweeps: Sweeps) -> Sweeps:
    """The steps with functions of what is kept of a row kept, too: a loop over rows computes several at a time."""
    keeps = [step for step in sweeps.before if isinstance(step, Keep)]
    steps = [step for step in (*sweeps.before, *sweeps.after) if not isinstance(step, Keep)]
    found: list[Keep] = []
    for keep in keeps:
        functions = sorted(_outermost(_functions(steps, {node for _, node in keep.parts})), key=str)
        names = _numbered([f"row_{function.func.__name__}" for function in functions])
        parts = tuple((Table(name, keep.over), function) for name, function in zip(names, functions, strict=True))
        found += [keep, *([KeepFunctions(parts, keep.over)] if parts else [])]
    rest = (step for step in sweeps.before if not isinstance(step, Keep))
    return Sweeps((*found, *rest), sweeps.value, sweeps.after)


def _functions(steps: Iterable[Step], kept: set[Expr]) -> Iterator[Expr]:
    """The functions of nothing else."""
    known = {node: Dummy() for node in kept}
    for step in steps:
        for value in step.expressions if isinstance(step, Fill) else (step.value,):
            for node in value.atoms(Function) - kept:
                free = node.xreplace(known).free_symbols
                costly = is_costly(node) and not isinstance(node, reciprocal | reciprocal_or_zero)
                if costly and free and free <= set(known.values()):
                    yield node


def _outermost(nodes: Iterable[Expr]) -> set[Expr]:
    found = set(nodes)
    return {node for node in found if not any(node != other and other.has(node) for other in found)}


def _numbered(names: list[str]) -> list[str]:
    return [name if names.count(name) == 1 else f"{name}_{names[:n].count(name) + 1}" for n, name in enumerate(names)]


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
