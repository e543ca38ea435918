"""Losses with recurrences set for reading: how cells are defined, and the steps of gradient and curvature.

Sums over paths are computed as logarithms; for reading they are the sums themselves: log α is kept, α is set.
"""

from collections.abc import Iterator

from sympy import Add, Expr, Integer, Mul, Piecewise, Symbol, Tuple, exp, log, oo

from lossgen.derive.lattice import LatticeDerivation
from lossgen.derive.sweeps import FACTOR, Fill, Keep, Put, Step, Sweeps, Table, TableEntry, Write
from lossgen.formula import Index, Loss, Variant
from lossgen.formula.nodes import Entry, LogSumExp, Sum
from lossgen.formula.notebook import slope_of
from lossgen.formula.recurrence import Filled, Lattice

from .blocks import Block, Formula, Paragraph, Plain, Runs
from .equation import equation, equations
from .named import Named, NamedPositive
from .naming import letters, name_part, rebuilt, replaced, select_as_position
from .notation import latex
from .reading import Reading
from .spelt import at_once, short_indices

ADDED = r"\;{+}{=}\;"


def defined(variant: Variant, reading: Reading) -> Iterator[Block]:
    """The formula of a cell of each recurrence, what is outside, and the cells that are read."""
    for lattice in sorted(variant.expression.atoms(Lattice), key=str):
        cell = latex(Named(lattice.name, *lattice.indices))
        yield equation(cell, reading(lattice.cell))
        read = sorted({latex(f) for f in variant.expression.atoms(Filled) if f.lattice == lattice})
        runs: list[Plain | Formula] = [Plain("Cells are filled for ")]
        for number, index in enumerate(lattice.indices):
            runs += [Plain(", and for each of these for " if number else ""), Formula(_range(index))]
        runs += [Plain("; outside, "), Formula(rf"{cell} = {latex(lattice.outside)}"), Plain(". The loss reads ")]
        for number, formula in enumerate(read):
            runs += [Plain(" and " if number else ""), Formula(formula)]
        yield Paragraph((*(r for r in runs if not isinstance(r, Plain) or r.text), Plain(".")))


def _range(index: Index) -> str:
    return rf"{latex(index)} = 0, 1, \ldots, {latex(index.axis.extent - 1)}"


def gradient_lines(loss: Loss, variant: Variant) -> tuple[Block, ...]:
    """The steps up to the value, and down to the gradient."""
    derivation = LatticeDerivation(loss.name, variant)
    sweeps = derivation.evaluate()
    tables = Tables(sweeps, variant)
    up = [_step(step, tables) for step in sweeps.before]
    up = [*(pair for pairs in up for pair in pairs), (r"\ell", tables(sweeps.value))]
    up += tables.said()
    return (
        Paragraph((Plain("Forward, with a name for what the cells of the recurrence have in common:"),)),
        equations(up),
        *tables.logarithms(),
        *_down(sweeps, tables),
    )


def product_lines(loss: Loss, variant: Variant) -> tuple[Block, ...]:
    """How the Hessian's product comes from the steps of the gradient."""
    derivation = LatticeDerivation(loss.name, variant)
    _, sweeps = derivation.products(variant.predictions)
    moved = {step.table for step in sweeps.before if step.table.name.endswith("_along")}
    tables = Tables(sweeps, variant)
    lines = [pair for step in sweeps.before if step.table in moved for pair in _step(step, tables)]
    text = (
        "The Hessian's product with a direction: every step of the gradient is followed by its own derivative along the "
        "direction."
    )
    if not lines:
        return (Paragraph((Plain(text),)),)
    text += " What has a dot is the derivative of what is below the dot, and the direction for predictions. Forward:"
    return (Paragraph((Plain(text),)), equations([*lines, *tables.said()]))


def _down(sweeps: Sweeps, tables: "Tables") -> Iterator[Block]:
    bars = [step.table for step in sweeps.after if isinstance(step, Fill) and step.reverse]
    for table in dict.fromkeys(bars):
        bar = latex(Named(Symbol(f"adjoint {table.name.removeprefix('adjoint_')}"), *table.indices))
        of = latex(
            tables(Table(table.name.removeprefix("adjoint_"), table.indices, tables.outside(table))[table.indices])
        )
        runs: Runs = (
            Plain("Backward, with "),
            Formula(rf"{bar} = \partial \ell / \partial {of}"),
            Plain(", filled from the last cell to the first. It begins as 0, and "),
            Formula(ADDED),
            Plain(" adds to what is there:"),
        )
        yield Paragraph(runs)
    lines = [(pair, step) for step in sweeps.after for pair in _step(step, tables)]
    relations = [
        "=" if isinstance(step, Keep) or (isinstance(step, Fill) and not step.add) else ADDED for _, step in lines
    ]
    yield equations([*(pair for pair, _ in lines), *tables.said()], relations=relations)


def _step(step: Step, tables: "Tables") -> list[tuple[str, Expr]]:
    """What a step computes, with what it keeps before it."""
    match step:
        case Fill(table, value, _, _, kept):
            parts = [*((own[own.indices], part) for own, part in kept), (table[table.indices], value)]
        case Put(table, positions, value):
            parts = [(table[positions], value)]
        case Write(argument, positions, value):
            left, value = short_indices(Tuple(Entry(argument, *positions) if positions else argument, value))
            return [(slope_of(latex(tables(left))), tables(value))]
        case Keep(parts, over):
            parts = [(own[over], part) for own, part in parts]
    return [_line(*map(tables, short_indices(Tuple(left, value)))) for left, value in parts]


def _line(left: Expr, value: Expr) -> tuple[str, Expr]:
    """Of what is kept as a logarithm, the formula of the number itself."""
    if isinstance(left, log):
        left, value = left.args[0], exponential(value)
    return latex(left), value


def exponential(node: Expr) -> Expr:
    """e^node: of a select, in every piece."""
    if isinstance(node, Piecewise):
        return Piecewise(*((exponential(value), where) for value, where in node.args))
    if node is -oo:
        return Integer(0)
    if isinstance(node, LogSumExp):
        return Sum(exponential(node.body), node.index)
    if isinstance(node, Add):
        return Mul(*(exponential(term) if isinstance(term, Piecewise) else exp(term) for term in node.args))
    return exp(node)


class Tables:
    """Names for the tables of a sweep: the recurrence's own, a bar for its adjoint, letters for what cells need."""

    def __init__(self, sweeps: Sweeps, variant: Variant) -> None:
        self.reading = Reading()
        self._labels: dict[Expr, Named] = {}
        self._said: set[Named] = set()
        lattices = {str(la.name): la for la in variant.expression.atoms(Lattice)}
        self.logs = {n for n, la in lattices.items() if la.outside == 0}
        steps = [*sweeps.before, *sweeps.after]
        self._tables = {t.name: t for step in steps for t in _tables_of(step)}
        self._summed = {t.name for t in self._tables.values() if t.name.startswith("sum_")}
        self._pool = letters(*(step.value for step in steps), Tuple(*(Symbol(n) for n in lattices), Symbol("y")))
        self._symbols: dict[str, Symbol] = {}
        for name in self._tables:
            stem = name.removesuffix("_along")
            if stem not in self._symbols:
                bar = stem.removeprefix("adjoint_")
                own = (
                    Symbol(f"adjoint {bar}") if stem != bar else Symbol(stem) if stem in lattices else next(self._pool)
                )
                self._symbols[stem] = own

    def outside(self, adjoint: Table) -> Expr:
        table = self._tables.get(adjoint.name.removeprefix("adjoint_"))
        return table.outside if table is not None else Integer(0)

    def __call__(self, expression: Expr) -> Expr:
        found = self.reading(expression.xreplace({FACTOR: Integer(1)}))
        return self._set(self._labelled(found))

    def _labelled(self, node: Expr) -> Expr:
        """The formula with names for selects that say where an entry lies."""
        while (part := select_as_position(node)) is not None:
            known = next((n for p, n in self._labels.items() if p == part), None)
            symbol = known.args[0] if known else next(self._pool)
            node, name = name_part(node, part, symbol)
            self._labels.setdefault(part, name)
        return node

    def _set(self, node: Expr) -> Expr:
        entries = {entry: self._entry(entry) for entry in node.atoms(TableEntry)}
        return _without_logarithms(replaced(node, entries))

    def said(self) -> list[tuple[str, Expr]]:
        """What has a name since this was asked before: labels, and softmaxes."""
        labels = [(latex(name), part) for part, name in self._labels.items() if name not in self._said]
        self._said |= set(self._labels.values())
        shares = []
        for name, value in self.reading.shown():
            if name not in self._said:
                self._said.add(name)
                shares.append((latex(name), self._set(value)))
        return [*labels, *shares]

    def _entry(self, entry: TableEntry) -> Expr:
        name = entry.table.name
        stem = name.removesuffix("_along")
        symbol = self._symbols.get(stem, Symbol(stem))
        if stem != name:
            return Named(Symbol(f"dot {symbol.name}"), *entry.positions)
        if name in self.logs or name in self._summed:
            return log(NamedPositive(symbol, *entry.positions))
        return Named(symbol, *entry.positions)

    def logarithms(self) -> Iterator[Block]:
        """Which tables are kept as logarithms."""
        kept = [latex(Named(self._symbols[n], *self._tables[n].indices)) for n in self._tables if n in self.logs]
        if kept:
            start = Plain("Computed and kept are the logarithms of ")
            runs = [run for formula in kept for run in (Plain(" and "), Formula(formula))][1:]
            yield Paragraph((start, *runs, Plain(", so that sums over many paths neither overflow nor vanish.")))


def _without_logarithms(node: Expr) -> Expr:
    """The formula with e^(log a where a condition holds, else −∞) as (a where it holds, else 0)."""
    if not node.args or isinstance(node, Named | Entry):
        return node
    args = [_without_logarithms(arg) for arg in node.args]
    same = all(a is b for a, b in zip(args, node.args, strict=True))
    node = node if same else rebuilt(node, args)
    if isinstance(node, Mul):
        return at_once(node)
    return exponential(node.args[0]) if isinstance(node, exp) else node


def _tables_of(step: Step) -> tuple[Table, ...]:
    match step:
        case Fill():
            return step.tables
        case Put(table):
            return (table,)
        case Keep(parts):
            return tuple(own for own, _ in parts)
    return ()
