"""The loops of a step on the CPU: in the order of the indices, the innermost one as vectors wherever it can be."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from sympy import Expr, true

from lossgen.derive.sweeps import ZERO, Fill, Step
from lossgen.formula import Index

from .ir import Branch, Loop, Statement, Store
from .lower import Scope
from .names import size_name
from .spelling import HostSpelling
from .sweep_loops import cases, is_sequential, reads_tables_alone
from .sweep_lowering import Stored, SweepLowering, row_key

#: Tables are this much longer than their margins: loops over cells go on to whole vectors.
SPARE = 7


class HostLowering(SweepLowering):
    """Steps as one thread does them."""

    spelling = HostSpelling()

    def _nested(self, indices: Sequence[Index], step: Step, store: Stored) -> list[Statement]:
        """Loops over the indices around what is stored. A case that the outer indices decide has a loop of its own."""
        reverse = isinstance(step, Fill) and step.reverse
        outer = next((index for index in indices[:-1] if index not in self._loops), None)
        if outer is not None:
            loop = self._loop(outer, reverse)
            with self._inside(loop, outer):
                loop.body += self._nested(indices, step, store)
            return [loop]
        if not indices:
            return store(step.value)
        last, statements = indices[-1], []
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
        loop = self._loop(last, reverse and is_sequential(step))
        whole = reads_tables_alone(step, value)
        if whole:
            loop.size = f"({loop.size} + {SPARE}) // {SPARE + 1} * {SPARE + 1}"
        with self._inside(loop, last):
            loop.body += store(value)
        return [loop, *self._beyond(step, last)] if whole else [loop]

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

    def _beyond(self, step: Fill, last: Index) -> list[Statement]:
        """A loop that reads tables alone goes on to whole vectors; what it leaves beyond the row is outside again."""
        leading = tuple(step.table.indices[:-1])
        rows = [(table, self._bound.get(row_key(table, leading, ZERO))) for table in step.tables]
        size = size_name(last.axis)
        place = f"{size} : {size} + {SPARE}"
        return [Store(str(row), place, table.outside) for table, row in rows if row is not None]

    def _loop(self, index: Index, reverse: bool) -> Loop:
        size = size_name(index.axis)
        return Loop(self.position(index), f"{size} - 1, -1, -1" if reverse else size)
