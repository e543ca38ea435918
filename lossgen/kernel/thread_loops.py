"""The loops of a step on CUDA, where a block of threads computes an item: fronts in their order, each divided among threads.

Groups of threads take rows, so that neighbouring threads read what lies side by side, and reduce rows together. After a
front, and after a step, the threads wait for each other.
"""

from collections.abc import Sequence

from sympy import Symbol, true

from lossgen.derive.sweeps import Fill, Keep, Step
from lossgen.formula import Index

from .fronts import order_of, owned, reduces_in_cell
from .ir import Branch, Let, Loop, Statement, Sync
from .names import size_name
from .spelling import DeviceSpelling
from .sweep_loops import cases
from .sweep_lowering import Stored, SweepLowering


class ThreadLowering(SweepLowering):
    """Steps as a block of threads does them."""

    spelling = DeviceSpelling()

    def _nested(self, indices: Sequence[Index], step: Step, store: Stored) -> list[Statement]:
        order = order_of(step)
        if not indices:
            return [*store(step.value), Sync()]
        if order == "diagonals":
            return [self._diagonals(*indices, step, store)]
        shares = _shares(step, indices)
        if order == "alone" or not shares:
            loops = self._loops_over(indices, step, store, dict.fromkeys(indices, "all"))
            return [Loop("", "", loops, share="alone"), Sync()]
        first, *rest = indices
        if order != "rows":
            return [*self._loops_over(indices, step, store, shares), Sync()]
        loop = self._loop(first, step, "all")
        with self._inside(loop, first):
            loop.body += self._loops_over(rest, step, store, shares)
        loop.body.append(Sync())
        return [loop]

    def _loops_over(
        self, indices: Sequence[Index], step: Step, store: Stored, shares: dict[Index, str]
    ) -> list[Statement]:
        """Loops in the order of the indices. A case that the outer indices decide has a loop of its own."""
        outer, *inner = indices
        if inner:
            loop = self._loop(outer, step, shares[outer])
            with self._inside(loop, outer):
                loop.body += self._loops_over(inner, step, store, shares)
            return [loop]
        statements: list[Statement] = []
        for value, condition in cases(step.value, outer):
            loop = self._loop(outer, step, shares[outer])
            with self._inside(loop, outer):
                loop.body += store(value)
            statements += [loop] if condition is true else [Branch(self._text(condition), [loop])]
        return statements

    def _diagonals(self, first: Index, last: Index, step: Fill, store: Stored) -> Loop:
        """Cells with the same sum of positions, from the smallest sum on, or from the largest."""
        front = self.names.new("front")
        high, wide = size_name(first.axis), size_name(last.axis)
        place, other = self.position(last), self.position(first)
        cells = Loop(place, f"min({front} + 1, {wide})", share="threads", start=f"max({front} - {high} + 1, 0)")
        cells.body.append(Let(other, Symbol(f"{front} - {place}")))
        with self._inside(Loop(other, high, cells.body), first), self._inside(cells, last):
            cells.body += store(step.value)
        size = f"{high} + {wide} - 2, -1, -1" if step.reverse else f"{high} + {wide} - 1"
        return Loop(front, size, [cells, Sync()], share="all")

    def _loop(self, index: Index, step: Step, share: str) -> Loop:
        size = size_name(index.axis)
        reverse = share == "all" and isinstance(step, Fill) and step.reverse
        return Loop(self.position(index), f"{size} - 1, -1, -1" if reverse else size, share=share)


def _shares(step: Step, indices: Sequence[Index]) -> dict[Index, str]:
    """For each index how its loop is divided; nothing where it cannot be.

    Rows go to groups and their cells to the threads of a group; where cells are reduced, or nothing but cells is there to
    divide, these go to groups, or to all threads. Where the innermost loop may not be divided one thread does all of it.
    """
    free, last = owned(step, indices), indices[-1]
    if not free:
        return {}
    shares = dict.fromkeys(indices, "all")
    if last not in free:
        shares[free[0]] = "threads"
    elif order_of(step) != "rows" and (isinstance(step, Keep) or reduces_in_cell(step, last)):
        shares[free[0]] = "groups"
    elif len(free) == 1:
        shares[last] = "threads"
    else:
        shares[free[0]], shares[last] = "groups", ""
    return shares
