"""The loops of a step on the CPU: in the order of the indices, the innermost one as vectors wherever it can be."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

from sympy import Expr, Integer, Symbol, true

from lossgen.derive.sweeps import ZERO, Fill, Step, Table, Write
from lossgen.formula import Index

from .class_rows import ClassFill
from .functions import power_down, row_exponent
from .ir import Accumulate, Branch, Leave, Let, Loop, Start, Statement, Store
from .lower import Scope
from .names import size_name
from .rounds import Clear
from .scaled_paths import UP, FollowedFill, ScaledFill
from .spelling import HostSpelling
from .sweep_loops import cases, is_sequential, needed_parts, reads_tables_alone
from .sweep_lowering import Stored, SweepLowering, row_key

ONE = Integer(1)

#: Tables are this much longer than their margins: loops over cells go on to whole vectors.
SPARE = 7


class HostLowering(SweepLowering):
    """Steps as one thread does them."""

    spelling = HostSpelling()

    def _nested(self, indices: Sequence[Index], step: Step, store: Stored) -> list[Statement]:
        """Loops over the indices around what is stored. A case that the outer indices decide has a loop of its own."""
        reverse = isinstance(step, Fill | Write | Clear) and step.reverse
        outer = next((index for index in indices[:-1] if index not in self._loops), None)
        if outer is not None:
            loop = self.loop(outer, reverse)
            with self._inside(loop, outer):
                loop.body += self._nested(indices, step, store)
            return self._in_scale(step, loop) if isinstance(step, ScaledFill) else [loop]
        if not indices:
            return store(step.value)
        last, statements = indices[-1], []
        reverse = reverse and (is_sequential(step) if isinstance(step, Fill) else len(indices) == 1)
        for value, condition in cases(step.value, last):
            if condition is true:
                statements += self._cells(step, last, value, store, reverse)
                continue
            case = Branch(self._text(condition))
            with self._in_case(case, indices[:-1] if isinstance(step, Fill) else ()):
                case.body += self._cells(step, last, value, store, reverse)
            statements.append(case)
        return statements

    def _cells(self, step: Step, last: Index, value: Expr, store: Stored, reverse: bool) -> list[Statement]:
        """The innermost loop."""
        if isinstance(step, ClassFill):
            return self._by_class(step, last, store)
        whole = reads_tables_alone(step, value)
        loop = self._whole_vectors(last) if whole else self.loop(last, reverse)
        with self._inside(loop, last):
            loop.body += store(value)
        following = [self._following(step, last)] if isinstance(step, FollowedFill) else []
        return [loop, *self._beyond(step, last), *following] if whole else [loop, *following]

    def _by_class(self, step: ClassFill, last: Index, store: Stored) -> list[Statement]:
        """The loops over classes, where those are fewer, or else over places: one makes the numbers, one converts them."""
        place, (single,) = step.table.indices, step.row.indices
        classes, places = size_name(single.axis), size_name(last.axis)
        few, many = Branch(f"{classes} < {places}"), Branch(f"{classes} >= {places}")
        with self._in_case(few, place[:-1]):
            row = self._slice(step.row, (), ZERO)
            few.body += [
                self._over(self.loop(single, False), single, step.row, step.of_class),
                self._over(self._whole_vectors(single), single, step.row, step.converted_class),
            ]
            gathered = self.loop(last, False)
            with self._inside(gathered, last):
                entry = Symbol(f"{row}[{self._text(step.label)}]")
                gathered.body.append(self._store(step.table, place[:-1], last, entry))
            few.body.append(gathered)
        with self._in_case(many, place[:-1]):
            loop = self.loop(last, False)
            with self._inside(loop, last):
                loop.body += store(step.value)
            converted = self._over(self._whole_vectors(last), last, step.table, step.converted)
            many.body += [loop, converted, *self._beyond(step, last)]
        return [few, many]

    def _over(self, loop: Loop, last: Index, table: Table, value: Expr) -> Loop:
        """The loop that stores a value in each entry of a row."""
        with self._inside(loop, last):
            loop.body.append(self._store(table, table.indices[:-1], last, self.bind(value)))
        return loop

    def _following(self, step: FollowedFill, last: Index) -> Loop:
        """The loop that replaces what is kept of the row before by what is computed from this one."""
        table, value = step.then
        return self._over(self._whole_vectors(last), last, table, value)

    @contextmanager
    def _in_case(self, case: Branch, outer: Sequence[Index]) -> Iterator[None]:
        """Statements that change with the outer loops go into the case.

        A view of a row that is made before a branch and read in it is counted by Numba in every round, with locked
        instructions: they took a third of the time of a row of 60 cells. Where outputs are added to it is the other way round.
        """
        known = set(self._bound)
        self._scopes += [Scope(index, case.body) for index in outer]
        yield
        del self._scopes[len(self._scopes) - len(outer) :]
        own = set(outer)
        self._bound = {n: name for n, name in self._bound.items() if n in known or not own & n.free_symbols}

    def _cell(self, step: Fill, value: Expr) -> list[Statement]:
        """Every table of the step gets a value: nothing has cleared its cells."""
        statements = super()._cell(step, value)
        *leading, last = step.table.indices
        needed = {table for table, _ in needed_parts(step, value)}
        idle = (table for table, _ in step.kept if table not in needed)
        statements[:0] = [self._store(table, leading, last, table.outside) for table in idle]
        if isinstance(step, ScaledFill):
            own, cell = statements[-1], Symbol(self.names.new("cell"))
            statements[-1:] = [Let(cell.name, own.value), replace(own, value=cell), Accumulate("total", "sum", cell)]
        return statements

    def _in_scale(self, step: ScaledFill, rows: Loop) -> list[Statement]:
        """The loop over rows. Each is summed; the exponent of its sum is taken out of the next one."""
        up, shift = UP.name, self._slice(step.shift, (), ZERO)
        rows.body.insert(0, Start("total", "sum"))
        rows.body += [
            Leave("not total < real(np.inf)", "False"),
            Store(shift, rows.index, Symbol("shift")),
            Let("taken", row_exponent(Symbol("total"))),
            Let(up, power_down(-Symbol("taken"))),
            Let("shift", Symbol("shift") + Symbol("taken")),
        ]
        return [Let(up, ONE), Let("shift", ZERO), rows, Leave("", "True")]

    def _beyond(self, step: Fill, last: Index) -> list[Statement]:
        """A loop that reads tables alone goes on to whole vectors; what it leaves beyond the row is outside again."""
        leading = tuple(step.table.indices[:-1])
        rows = [(table, self._bound.get(row_key(table, leading, ZERO))) for table in step.tables]
        size = size_name(last.axis)
        place = f"{size} : {size} + {SPARE}"
        return [Store(str(row), place, table.outside) for table, row in rows if row is not None]

    def _whole_vectors(self, index: Index) -> Loop:
        return Loop(self.position(index), f"({size_name(index.axis)} + {SPARE}) // {SPARE + 1} * {SPARE + 1}")

    def loop(self, index: Index, reverse: bool) -> Loop:
        """The loop over an axis; several steps may share that over rows."""
        size = size_name(index.axis)
        return Loop(self.position(index), f"{size} - 1, -1, -1" if reverse else size)
