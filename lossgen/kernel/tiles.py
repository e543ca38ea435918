"""Loops of an item over rows, as a group of threads takes them on CUDA: WIDTH neighbouring entries at a time.

A thread takes the same entries in every such loop, so that it may read again what it has stored.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from .ir import Branch, Load, Loop, Statement, Store, Tiles

#: Of what loops read and write: the names of rows, and which axis they lie along.
Rows = Mapping[str, str]


def tiled(statements: Sequence[Statement], rows: Rows) -> list[Statement]:
    """The statements with tiles in the place of loops that read or write entries of rows one after the other.

    Rows that several of them read are kept. A loop that adds to outputs of all items stays as it is: which thread adds to
    an entry must not depend on the item.
    """
    found = [_with_tiles(statement, rows) for statement in statements]
    times = Counter(name for tiles in tiles_in(found) for name in tiles.loads)
    for tiles in tiles_in(found):
        tiles.kept = frozenset(name for name in tiles.loads if times[name] > 1)
    return found


def tiles_in(statements: Iterable[Statement]) -> Iterator[Tiles]:
    """All tiles; they are not inside each other."""
    for statement in statements:
        if isinstance(statement, Tiles):
            yield statement
        elif isinstance(statement, Branch):
            yield from tiles_in(statement.body)


def _with_tiles(statement: Statement, rows: Rows) -> Statement:
    if isinstance(statement, Branch):
        return Branch(statement.condition, [_with_tiles(part, rows) for part in statement.body])
    if not isinstance(statement, Loop):
        return statement
    inside = list(_all(statement.body))
    stores = [s for s in inside if isinstance(s, Store)]
    if any(s.add for s in stores):
        return statement
    tiles = Tiles(statement.index, statement.size, statement.body)
    if any(isinstance(s, Loop) for s in inside):
        return replace(tiles, singly=True) if stores else statement
    loads = {s.array: s for s in inside if isinstance(s, Load) and s.array in rows and s.index == statement.index}
    tiles.loads = {name: load.optional for name, load in loads.items()}
    tiles.stores = tuple(s.array for s in stores)
    tiles.body = [_of_block(part, loads) for part in statement.body]
    return tiles if loads or stores else statement


def _of_block(statement: Statement, loads: Mapping[str, Load]) -> Statement:
    """The statement with entries of what a thread has read, or will write, in the place of those of rows."""
    if isinstance(statement, Branch):
        return Branch(statement.condition, [_of_block(part, loads) for part in statement.body])
    if isinstance(statement, Store) or (isinstance(statement, Load) and statement.array in loads):
        return replace(statement, array=block_of(statement.array), index="at")
    return statement


def block_of(row: str) -> str:
    """The name of the entries of a row that a thread has at a time."""
    return f"{row.removesuffix('_row')}_block"


def _all(statements: Iterable[Statement]) -> Iterator[Statement]:
    for statement in statements:
        yield statement
        yield from _all(getattr(statement, "body", ()))
