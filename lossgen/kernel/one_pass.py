"""The largest of a row and the exponentials below it in one pass, for rows that there is no room to keep.

Exponentials are added below the largest entry so far, and their sum is brought below a larger one where that is found
(Milakov and Gimelshein 2018, Online normalizer calculation for softmax). Of a row that is kept two passes cost less.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from .functions import exp_below
from .ir import Accumulate, Branch, Finish, Let, Lower, OnePass, Start, Statement, Tiles, expressions


@dataclass(frozen=True)
class _Pair:
    """Where the two passes are, the accumulator of the largest, and what adds the exponentials."""

    first: int
    second: int
    top: str
    rest: Accumulate


def in_one_pass(statements: Sequence[Statement]) -> list[Statement]:
    """The statements, with pairs of passes that are one where nothing is kept."""
    found: list[list[Statement]] = [[statement] for statement in statements]
    for pair in _pairs(statements):
        first, second = statements[pair.first], statements[pair.second]
        assert isinstance(first, Tiles) and isinstance(second, Tiles)
        room = f"room_{first.size.removeprefix('n_')}"
        start = Start(pair.rest.name, "rest")
        both = OnePass(first, replace(second, body=_below(second.body, pair.rest)), pair.top, pair.rest)
        found[statements.index(start)] = []
        found[pair.first] = [start, Branch(f"{room} == 0", [both]), Branch(f"{room} != 0", [first])]
        lower = Lower(pair.top, pair.rest)
        found[pair.second] = [Branch(f"{room} == 0", [lower]), Branch(f"{room} != 0", [second])]
    return [statement for group in found for statement in group]


def _pairs(statements: Sequence[Statement]) -> Iterable[_Pair]:
    finishes = {s.name: s.accumulator for s in statements if isinstance(s, Finish) and s.kind == "max"}
    for k, second in enumerate(statements):
        sums = [s for s in second.body if isinstance(s, Accumulate)] if isinstance(second, Tiles) else []
        if len(sums) != 1 or sums[0].kind != "rest" or sums[0].share != exp_below.__name__:
            continue
        top = finishes.get(sums[0].maximum, "")
        first = next((n for n, s in enumerate(statements[:k]) if isinstance(s, Tiles) and _finds(s, top)), None)
        if first is None or not statements[first].kept & second.kept or statements[first].size != second.size:
            continue
        if not _names(statements[first + 1 : k]) & {str(x) for e in expressions(second.body) for x in e.free_symbols}:
            yield _Pair(first, k, top, sums[0])


def _finds(tiles: Tiles, top: str) -> bool:
    return any(isinstance(s, Accumulate) and s.name == top for s in tiles.body)


def _names(statements: Sequence[Statement]) -> set[str]:
    """What is computed in between, outside of loops."""
    return {s.name for s in statements if isinstance(s, Let | Finish)}


def _below(body: Sequence[Statement], rest: Accumulate) -> list[Statement]:
    return [replace(rest, maximum="above") if s == rest else s for s in body]
