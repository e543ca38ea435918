"""Prints statements of an item whose rows a group of threads takes in tiles: WIDTH neighbouring entries a thread at a time.

Where a tile reaches beyond its row the nearest entry stands in the place of those that do not exist: they are computed with,
but neither summed nor written.
"""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence

from .cuda_printer import GroupPrinter
from .frames import given
from .ir import Accumulate, Lower, OnePass, Statement, Store, Tiles
from .tiles import Rows, block_of, tiles_in


class RowPrinter(GroupPrinter):
    """Statements as lines of Python for a group of threads. `rows` are all rows that kernels read or write."""

    def __init__(self, rows: Rows) -> None:
        super().__init__(widen=True)
        self._rows = rows
        self._in_tile = False

    def _statement(self, node: Statement) -> Iterator[str]:
        match node:
            case Tiles():
                yield from self._tiles(node)
            case OnePass():
                yield from self._one_pass(node)
            case Lower(top, rest):
                yield f"above = unordered({top})"
                yield f"if above != {rest.maximum}:"
                yield from self._lowered(rest, "above", rest.maximum)
            case _:
                yield from super()._statement(node)

    def _tiles(self, node: Tiles) -> Iterator[str]:
        yield self._loop_over(node)
        if node.singly:
            yield f"    for {node.index} in range(max(start, 0), min(start + WIDTH, {node.size})):"
            self._depth += 1
            yield from self.lines(node.body, 2)
            self._depth -= 1
        else:
            yield from (f"    {line}" for line in self._tile(node))

    def _loop_over(self, node: Tiles) -> str:
        return f"for start in range(first_{axis_of(node)}, {node.size}, WIDTH * LANES):"

    def _tile(self, node: Tiles) -> Iterator[str]:
        yield from self._loads(node, node.loads, node.kept)
        for name in node.stores:
            yield f"{block_of(name)} = cuda.local.array(WIDTH, real)"
        yield from self._entries(node)
        for name in node.stores:
            yield f"store_row({name}, start, {node.size}, {block_of(name)})"

    def _loads(self, node: Tiles, loads: Mapping[str, str], kept: Collection[str]) -> Iterator[str]:
        axis = axis_of(node)
        for name, optional in loads.items():
            block = f"{block_of(name)} = load_row({name}, start, {node.size})"
            if name in kept:
                block = f"{block_of(name)} = load_kept({kept_of(name)}, {name}, start, lead_{axis}, {node.size}, room_{axis})"
            yield from given(optional, block, bool(optional))

    def _entries(self, node: Tiles) -> Iterator[str]:
        """What is done with each entry of a tile."""
        self._depth, self._in_tile = self._depth + 1, True
        body = list(self.lines(node.body, 1))
        self._depth, self._in_tile = self._depth - 1, False
        used = set(re.findall(r"\w+", "\n".join(body)))
        yield "for at in range(WIDTH):"
        if {node.index, "inside"} & used:
            yield f"    {node.index} = nearest(start + at, {node.size})"
        if "inside" in used:
            yield f"    inside = {node.index} == start + at"
        yield from body

    def _one_pass(self, node: OnePass) -> Iterator[str]:
        """A tile's largest entry is known before its exponentials are added."""
        yield self._loop_over(node.first)
        lines = [*self._loads(node.first, {**node.first.loads, **node.second.loads}, ())]
        lines += [f"before = {node.top}", *self._entries(node.first), f"above = unordered({node.top})"]
        lines += [f"if {node.top} > before:", *self._lowered(node.rest, "unordered(before)", "above")]
        lines += self._entries(node.second)
        yield from (f"    {line}" for line in lines)

    def _lowered(self, rest: Accumulate, before: str, largest: str) -> Iterator[str]:
        """The sum of exponentials below another number, with the largest entries before as exponentials among others."""
        yield f"    {rest.name} = ({rest.name} + real({rest.name}_ties)) * {rest.share}({before}, {largest})"
        yield f"    {rest.name}_ties = integer(0)"

    def _store(self, node: Store) -> Iterator[str]:
        """Outside loops an entry of a row is that thread's which has it in every tile."""
        if self._depth == 0 and node.array in self._rows:
            yield f"if ({node.index} + lead_{self._rows[node.array]}) // WIDTH % LANES == rank:"
            self._depth += 1
            yield from (f"    {line}" for line in super()._store(node))
            self._depth -= 1
        else:
            yield from super()._store(node)

    def _accumulate(self, node: Accumulate) -> Iterator[str]:
        """What is beyond the row is no second largest, nor is it one of the others."""
        if not self._in_tile or node.kind != "rest":
            yield from super()._accumulate(node)
            return
        value = self.expression(node.value)
        self.expression.used.add(node.share)
        yield f"is_largest = ({value} == {node.maximum}) & inside"
        yield f"share = {node.share}({value}, {node.maximum})"
        yield self._add_to_rest(node.name, "share if inside != is_largest else zero")
        yield f"{node.name}_ties = integer({node.name}_ties + (integer(1) if is_largest else integer(0)))"

    def _add_to_sum(self, name: str, value: str) -> str:
        return super()._add_to_sum(name, f"{value} if inside else zero" if self._in_tile else value)


def axis_of(node: Tiles) -> str:
    """The name of the axis of a loop."""
    return node.size.removeprefix("n_")


def kept_of(row: str) -> str:
    """The name of the memory for a row."""
    return f"{row.removesuffix('_row')}_kept"


def kept_in(statements: Sequence[Statement]) -> list[str]:
    """The rows that several loops read."""
    return list(dict.fromkeys(name for tiles in tiles_in(statements) for name in tiles.loads if name in tiles.kept))
