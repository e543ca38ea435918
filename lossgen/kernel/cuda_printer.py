"""Prints statements of an item that a group of threads computes together.

The loops of an item are divided among the threads of its group: a thread takes the positions rank, rank + LANES, … of a
row, in every loop the same ones, so that it may read again what it has stored. A loop inside such a loop is one thread's
own. Sums keep what rounding loses in a second number of the kernel's own type, where the CPU adds in double precision.
"""

from collections.abc import Iterator

from .ir import Loop, Statement, Store, Sync
from .statement_printer import StatementPrinter


class GroupPrinter(StatementPrinter):
    """Statements as lines of Python for a group of threads; `_depth` counts the loops around a statement."""

    def __init__(self, widen: bool = False) -> None:
        super().__init__(widen)
        self._depth = 0

    def _loop(self, node: Loop) -> Iterator[str]:
        share = f"rank, {node.size}, LANES" if self._depth == 0 else node.size
        yield f"for {node.index} in range({share}):"
        self._depth += 1
        yield from self.lines(node.body, 1)
        self._depth -= 1

    def _store(self, node: Store) -> Iterator[str]:
        """Outside loops it is one thread's: the one that has this position in every loop."""
        if self._depth == 0:
            yield f"if {node.index} % LANES == rank:"
            yield from (f"    {line}" for line in super()._store(node))
        else:
            yield from super()._store(node)

    def _start(self, name: str, kind: str) -> Iterator[str]:
        if kind == "sum":
            yield f"{name} = zero"
            yield f"{name}_lost = zero"
        else:
            yield from super()._start(name, kind)

    def _add_to_sum(self, name: str, value: str) -> str:
        self.expression.used.add("sum_with_lost")
        return f"{name}, {name}_lost = sum_with_lost({name}, {name}_lost, {value})"

    def _add_to_rest(self, name: str, value: str) -> str:
        return f"{name} = {name} + ({value})"

    def _finish(self, kind: str, accumulator: str) -> str:
        if self._depth == 0:
            return {
                "sum": f"group_sum({accumulator}, {accumulator}_lost)",
                "max": f"unordered(group_max({accumulator}))",
                "rest": f"group_sum({accumulator}, zero) + real(group_count({accumulator}_ties) - 1)",
            }[kind]
        if kind == "sum":
            self.expression.used.add("with_lost")
            return f"with_lost({accumulator}, {accumulator}_lost)"
        return super()._finish(kind, accumulator)


class BlockPrinter(GroupPrinter):
    """Statements for a block of threads whose groups take rows of an item: `member` is a thread's number in the block.

    A loop of which nothing is said is divided within a group, as reductions are; so a statement outside such loops, and
    outside those that threads divide, is computed by all threads of a group alike.
    """

    def __init__(self, widen: bool = False) -> None:
        super().__init__(widen)
        self._in_group = False

    def _statement(self, node: Statement) -> Iterator[str]:
        if isinstance(node, Sync):
            yield "sync()"
        else:
            yield from super()._statement(node)

    def _loop(self, node: Loop) -> Iterator[str]:
        match node.share:
            case "":
                yield from super()._loop(node)
            case "all":
                yield f"for {node.index} in range({node.size}):"
                yield from self.lines(node.body, 1)
            case "groups":
                yield f"for {node.index} in range(own_group, {node.size}, GROUPS):"
                around, self._in_group = self._in_group, True
                yield from self.lines(node.body, 1)
                self._in_group = around
            case "threads" | "alone":
                first = f"{node.start} + member" if node.start else "member"
                alone = node.share == "alone"
                yield "if member == 0:" if alone else f"for {node.index} in range({first}, {node.size}, THREADS):"
                self._depth += 1
                yield from self.lines(node.body, 1)
                self._depth -= 1

    def _store(self, node: Store) -> Iterator[str]:
        """Outside loops that are divided it is one thread's: of the group that has the row, or of the block."""
        lines = StatementPrinter._store(self, node)
        if self._depth == 0:
            yield "if rank == 0:" if self._in_group else "if member == 0:"
            yield from (f"    {line}" for line in lines)
        else:
            yield from lines
