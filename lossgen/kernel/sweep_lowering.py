"""Lowers one step of a loss with recurrences, or several in turn: what its cells read and store.

The loops around them are the target's: `lossgen.kernel.host_loops` and `lossgen.kernel.thread_loops`.
"""

from abc import abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from sympy import Expr, Integer, Symbol, true

from lossgen.derive.sweeps import Fill, Keep, Put, Step, Table, TableEntry, Write
from lossgen.formula import Axis, Index
from lossgen.formula.nodes import Entry
from lossgen.formula.symbols import Argument, is_whole

from .functions import as_real
from .ir import Branch, Let, Load, Statement, Store
from .lattice_layout import LatticeLayout
from .lower import Lowering
from .names import across, full_size, size_name
from .rounds import Clear
from .share import shared_parts
from .spelling import Spelling
from .sweep_loops import needed_parts, unless_zero
from .whole import is_class, is_indicator, is_whole_condition, shifted

#: The layouts with one number for each item.
ITEMS = ("item", "broadcast")

Stored = Callable[[Expr], list[Statement]]


class SweepLowering(Lowering):
    """Builds the statements of steps. Each function that steps are printed as has a lowering of its own."""

    spelling: Spelling

    def __init__(self, layout: LatticeLayout) -> None:
        super().__init__(layout.program, element=False)
        self.layout = layout
        self.names = layout.names()
        self._guards = {}
        self._narrow = False
        self._computed: set[Expr] = set()
        self._made: dict[frozenset[Argument], dict[Expr, Symbol]] = {}
        self.scalars = {a: f"{a.name}_i" for a in layout.program.arrays if a.role.layout in ITEMS}

    def value(self, value: Expr) -> list[Statement]:
        """The statements that compute the value of the item."""
        self._shared = shared_parts([value])
        self.item.append(Let("value", self.bind(value)))
        return self._take()

    def items(self) -> list[Statement]:
        """The statements that read what is one number for each item."""
        return [self._load(argument, name, "i") for argument, name in self.scalars.items()]

    @contextmanager
    def where(self, wanted: frozenset[Argument]) -> Iterator[None]:
        """Statements that run where one of these outputs is wanted know what others have made that run wherever they do."""
        known = dict(self._bound)
        for outputs, made in self._made.items():
            self._bound |= made if wanted <= outputs else {}
        before = dict(self._bound)
        yield
        own = {node: name for node, name in self._bound.items() if node not in before}
        self._made[wanted] = self._made.get(wanted, {}) | own
        self._bound = known

    def step(self, step: Step | Clear, narrow: bool = False) -> list[Statement]:
        """The statements of one step.

        `narrow`: the arithmetic is narrower than the tables, whose entries are converted as they are read.
        """
        if narrow is not self._narrow:
            self._bound.clear()  # what other steps have read is of another type
            self._narrow = narrow
        self._shared = shared_parts(step.expressions)
        match step:
            case Fill():
                own = self._nested(step.table.indices, step, lambda value: self._cell(step, value))
            case Put():
                own = self._nested(step.over, step, lambda value: self._put(step, value))
            case Keep():
                self._computed = {part for _, part in step.parts}
                own = self._nested(step.over, step, lambda _: self._rows(step))
            case Write():
                own = self._nested(step.over, step, lambda value: self._entry_of_output(step, value))
            case Clear():
                own = self._nested(step.over, step, lambda value: self._cleared(step))
        return [*self._take(), *own]

    def _take(self) -> list[Statement]:
        """The statements made so far outside every loop; the next ones follow them."""
        made, self.item[:] = list(self.item), []
        return made

    def _cell(self, step: Fill, value: Expr) -> list[Statement]:
        *leading, last = step.table.indices
        stores: list[Statement] = []
        for table, part in needed_parts(step, value):
            entry = table[step.table.indices]
            self._bound[entry] = self._let(part, self.bind(part))
            stores.append(self._store(table, leading, last, self._bound[entry]))
        return [*stores, self._store(step.table, leading, last, self.bind(value), step.add)]

    def _store(self, table: Table, leading: Sequence[Index], last: Index, value: Expr, add: bool = False) -> Store:
        return Store(self._slice(table, tuple(leading), Integer(0)), self.position(last), value, add)

    def _rows(self, step: Keep) -> list[Statement]:
        *leading, last = step.over
        return [self._store(table, leading, last, self.bind(part)) for table, part in step.parts]

    def _cleared(self, step: Clear) -> list[Statement]:
        row = self._slice(step.table, step.over, Integer(0))
        return [Store(row, f":{size_name(step.table.indices[-1].axis)}", step.table.outside)]

    def _put(self, step: Put, value: Expr) -> list[Statement]:
        within = self._within(step.positions, [index.axis for index in step.table.indices])
        return _when(
            within, [Store(step.table.name, self._cell_index(step.table, step.positions), self.bind(value), True)]
        )

    def _entry_of_output(self, step: Write, value: Expr) -> list[Statement]:
        role, name = step.argument.role, self.layout.program.output(step.argument)
        if role.layout in ITEMS:
            return [Store(f"{name}_row", "0", self.bind(value), True)]
        within = self._within(step.positions, role.axes)
        if role.layout in ("table", "shared"):
            index = self.spelling.index(list(map(self._text, step.positions)), _sides(step.argument))
            return _when(within, [Store(f"{name}_lane", index, self.bind(value), True)])
        *leading, last = step.positions
        row = f"{name}_row" if role.layout == "row" else self._row(name, step.argument, tuple(leading))
        if step.whole:
            return _when(within, [Store(row, self._text(last), self.bind(value))])
        value, condition = unless_zero(value)
        conditions = [text for text in (within, self._text(condition) if condition is not true else "") if text]
        return _when(" and ".join(conditions), [Store(row, self._text(last), self.bind(value), True)])

    # Loops

    @abstractmethod
    def _nested(self, indices: Sequence[Index], step: Step, store: Stored) -> list[Statement]:
        """Loops over the indices around what is stored, of the step's value."""

    @property
    def _loops(self) -> set[Index]:
        return {scope.index for scope in self._scopes if scope.index is not None}

    # What expressions read

    def bind(self, node: Expr) -> Expr:
        kept = self.layout.kept.get(node) if node not in self._computed else None
        if kept is not None and set(kept.positions) <= self._loops:
            return self.bind(kept)
        if node not in self._bound and node.free_symbols:
            if is_whole_condition(node):
                return Symbol(self._text(node))
            if isinstance(node, Expr) and is_whole(node) and not is_indicator(node):
                return as_real(Symbol(self._text(node)))
        return super().bind(node)

    def _entry(self, node: Entry | TableEntry) -> Symbol:
        name = self.names.new(f"{node.base.name}_at")
        read = self._cell_at(node, name) if isinstance(node, TableEntry) else self._argument_at(node, name)
        self._scope(node).block.append(read)
        self._bound[node] = Symbol(name)
        return self._bound[node]

    def _cell_at(self, node: TableEntry, name: str) -> Statement:
        *leading, last = node.positions
        index, offset = shifted(last)
        if index in self._loops and index.axis == node.table.indices[-1].axis:
            entry = f"{self._slice(node.table, tuple(leading), offset)}[{self.position(index)}]"
        else:
            entry = f"{node.table.name}[{self._cell_index(node.table, node.positions)}]"
        return Let(name, Symbol(f"real({entry})" if self._narrow else entry))

    def _argument_at(self, node: Entry, name: str) -> Statement:
        role = node.base.role
        if role.layout == "grid":
            row = self._row(node.base.name, node.base, node.indices[:-1])
            return Load(name, row, self._clamped(node.indices[-1], role.axes[-1]))
        places = list(map(self._clamped, node.indices, role.axes))
        if role.layout == "table" and self._is_read_across(node):
            self.layout.across[node.base] = None
            return Load(name, across(node.base), ", ".join(reversed(places)))
        return self._load(node.base, name, self.spelling.index(places, _sides(node.base)))

    def _is_read_across(self, node: Entry) -> bool:
        """Whether the innermost loop goes through a column of a table: it reads a row of the transposed one instead."""
        innermost = self._scopes[-1].index
        return (
            self.spelling.transposes
            and len(node.indices) == 2
            and node.indices[0] == innermost
            and innermost not in node.indices[1].free_symbols
            and self.program.defaults.get(node.base.name) is None
        )

    def _slice(self, table: Table, leading: tuple[Expr, ...], offset: Expr) -> str:
        """The variable that holds a row of a table from an offset on, so that a loop reads it at its own index."""
        key = row_key(table, leading, offset)
        if key not in self._bound:
            name = self.names.new(f"{table.name}_row")
            first = self.layout.margins[table].before[-1] + int(offset)
            places = [self._place(table, n, p) for n, p in enumerate(leading)]
            text = self.spelling.part(table.name, places, self.layout.sides(table), first)
            self._scope(key).block.append(Let(name, Symbol(text)))
            self._bound[key] = Symbol(name)
        return str(self._bound[key])

    def _row(self, array: str, argument: Argument, leading: tuple[Expr, ...]) -> str:
        """The variable that holds the row of a grid's last axis."""
        key = Entry(Symbol(array), *leading)
        if key not in self._bound:
            name = self.names.new(f"{array}_row")
            places = [self._clamped(p, axis) for p, axis in zip(leading, argument.role.axes, strict=False)]
            places = [p if p.isidentifier() or p.endswith(")") else f"({p})" for p in places]
            terms = [f"i * {array}_step_0", *(f"{p} * {array}_step_{n}" for n, p in enumerate(places, 1))]
            self._scope(key).block.append(Let(name, Symbol(self.spelling.row(array, " + ".join(terms)))))
            self._bound[key] = Symbol(name)
        return str(self._bound[key])

    def _cell_index(self, table: Table, positions: tuple[Expr, ...]) -> str:
        places = [self._place(table, n, p) for n, p in enumerate(positions)]
        return self.spelling.index(places, self.layout.sides(table))

    def _place(self, table: Table, n: int, position: Expr) -> str:
        return self.layout.place(table, n, position, self._loops, self.position)

    def _clamped(self, position: Expr, axis: Axis) -> str:
        """A position of an argument; one beside the axis is moved to its end, where formulas read what they do not use."""
        index, offset = shifted(position)
        size = size_name(axis)
        if index in self._loops and index.axis == axis:
            text = self._text(position)
            return text if offset == 0 else f"min({text}, {size} - 1)" if offset > 0 else f"max({text}, 0)"
        if is_class(position):
            return self._text(position)
        return f"max(min({self._text(position)}, {size} - 1), 0)"

    def _within(self, positions: Sequence[Expr], axes: Sequence[Axis]) -> str:
        """The condition that positions other than those of loops over the axes, and than classes, lie within."""
        known = {(index, index.axis) for index in self._loops}
        pairs = [(p, a) for p, a in zip(positions, axes, strict=True) if (p, a) not in known and not is_class(p)]
        return " and ".join(f"0 <= {self._text(p)} < {size_name(a)}" for p, a in pairs)

    def _text(self, node: Expr) -> str:
        return self.layout.whole(node, self.position)


def _sides(argument: Argument) -> list[str]:
    """How many entries an argument has along each of its axes."""
    return list(map(full_size, argument.role.axes))


def row_key(table: Table, leading: tuple[Expr, ...], offset: Expr) -> TableEntry:
    return TableEntry(table, *leading, Symbol(f"from {offset}"))


def _when(condition: str, statements: list[Statement]) -> list[Statement]:
    return [Branch(condition, statements)] if condition else statements
