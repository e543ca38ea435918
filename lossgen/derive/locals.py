"""What a cell needs that reads no other cell: gathered entries, log-softmaxes. Computed beforehand, once for each cell.

Equal parts read at several offsets (the log-probability of staying, at t − 1) are one table, read at these offsets.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from sympy import Add, Expr, Piecewise, Symbol
from sympy.logic.boolalg import Boolean

from lossgen.formula import Index
from lossgen.formula.nodes import Entry, Reduction

from .sweeps import Table, TableEntry


@dataclass(frozen=True)
class Local:
    """A table of what cells need, and its formula.

    opaque : the formula with a symbol in the place of each reduction over a row.
    reductions : these, by the symbol.
    """

    table: Table
    value: Expr
    opaque: Expr
    reductions: Mapping[TableEntry, Expr]

    def revealed(self, expression: Expr) -> Expr:
        """The expression with the reductions themselves."""
        return expression.xreplace(dict(self.reductions))


def locals_of(cell: Expr, table: Table) -> tuple[Expr, tuple[Local, ...]]:
    """The formula of a cell with tables in the place of what reads no cell, and these."""
    found: dict[Expr, Local] = {}
    indices = table.indices

    def visit(node: Expr) -> Expr:
        if _is_local(node, indices):
            return moved(node)
        if isinstance(node, Add):
            own = [term for term in node.args if _is_free(term, indices)]
            together = Add(*own)
            if len(own) > 1 and _is_local(together, indices):
                return Add(moved(together), *(visit(term) for term in node.args if term not in own))
        if not node.args or isinstance(node, Entry | TableEntry | Boolean):
            return node
        return node.func(*map(visit, node.args))

    def moved(node: Expr) -> Expr:
        shift = _shift(node, indices)
        value = node.xreplace({index: index - by for index, by in shift.items()})
        if value not in found:
            found[value] = _local(f"local_{table.name}_{len(found) + 1}", value, indices)
        return found[value].table[tuple(index + shift.get(index, 0) for index in indices)]

    return visit(cell), tuple(found.values())


def _local(name: str, value: Expr, indices: tuple[Index, ...]) -> Local:
    reductions = sorted((r for r in _outermost(value)), key=str)
    symbols = {r: Table(f"{name}_{n}", indices)[indices] for n, r in enumerate(reductions)}
    return Local(Table(name, indices), value, value.xreplace(symbols), {s: r for r, s in symbols.items()})


def _outermost(node: Expr) -> set[Expr]:
    if isinstance(node, Reduction):
        return {node}
    return {r for child in node.args for r in _outermost(child)}


def _is_free(node: Expr, indices: tuple[Index, ...]) -> bool:
    """Whether no cell is read, nor any index that a sum around the node binds."""
    others = {s for s in node.free_symbols if isinstance(s, Index)} - set(indices)
    return not node.has(TableEntry) and not others


def _is_local(node: Expr, indices: tuple[Index, ...]) -> bool:
    """Whether it is worth a table: a reduction over a row, or an entry that is not simply the cell's own."""
    if not isinstance(node, Expr) or isinstance(node, Piecewise) or not _is_free(node, indices) or not node.has(Entry):
        return False
    if isinstance(node, Entry) and node.base.role.layout == "sequence":
        return False
    entries = [e for e in node.atoms(Entry) if e.base.role.layout != "sequence"]
    gathered = any(not all(_is_plain(p, indices) for p in entry.indices) for entry in entries)
    return bool(entries) and (gathered or node.has(Reduction))


def _is_plain(position: Expr, indices: tuple[Index, ...]) -> bool:
    return any((position - index).is_Integer for index in indices) or isinstance(position, Index)


def _shift(node: Expr, indices: tuple[Index, ...]) -> dict[Symbol, Expr]:
    """How far the entries of the node lie from the cell's own, for each index that a position is by itself."""
    shift: dict[Symbol, Expr] = {}
    for entry in sorted(node.atoms(Entry), key=str):
        if entry.base.role.layout == "sequence":
            continue
        for position in entry.indices:
            for index in indices:
                if (position - index).is_Integer:
                    shift.setdefault(index, position - index)
    return {index: by for index, by in shift.items() if by != 0}
