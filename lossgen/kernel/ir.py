"""The loop IR: a handful of statements with SymPy scalars as leaves. Symbols in expressions are local variables."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from sympy import Expr


@dataclass(frozen=True)
class Let:
    """name = value"""

    name: str
    value: Expr


@dataclass(frozen=True)
class Start:
    """An accumulator before its loop: 0 in double precision, 0 in the kernel's own, or the lowest ordered image."""

    name: str
    kind: Literal["sum", "rest", "max"]


@dataclass(frozen=True)
class Accumulate:
    """name takes the value in: added, its exponential below the maximum added unless it is the maximum, or kept if larger.

    `keep` names an output whose row, where it is wanted, keeps the exponentials for a later pass; `share`
    is the function that computes them.
    """

    name: str
    kind: Literal["sum", "rest", "max"]
    value: Expr
    maximum: str = ""
    keep: str = ""
    index: str = ""
    share: str = ""


@dataclass(frozen=True)
class Finish:
    """The accumulator's result as a scalar of the kernel's type."""

    name: str
    kind: Literal["sum", "rest", "max"]
    accumulator: str


@dataclass(frozen=True)
class Load:
    """name = array[index]; a default stands in where the array is absent."""

    name: str
    array: str
    index: str
    optional: str = ""
    default: Expr | None = None


@dataclass(frozen=True)
class Check:
    """The bit is set among the faults unless the number lies in the domain."""

    bit: int
    name: str
    domain: str


@dataclass(frozen=True)
class Store:
    """array[index] = value, or += value."""

    array: str
    index: str
    value: Expr
    add: bool = False


@dataclass
class Loop:
    """for index in range(size)

    `share` says how threads that compute an item together divide it: all of them do all of it; its groups, or its threads,
    take every so many positions each, from `start` on; "alone": no loop, but one thread does the body; "": as the printer
    does with loops that nothing is said of.
    """

    index: str
    size: str
    body: list["Statement"] = field(default_factory=list)
    share: Literal["", "all", "groups", "threads", "alone"] = ""
    start: str = ""


@dataclass
class Tiles:
    """for index in range(size), of which a thread takes WIDTH neighbouring entries of rows at a time.

    loads, stores: the rows that are read, each with the argument that may be absent, and those that are written; the body
    has the entries of a thread in their place.  kept: the rows that are read again elsewhere.  singly: neither, since the
    body has loops of its own.
    """

    index: str
    size: str
    body: list["Statement"]
    loads: Mapping[str, str] = field(default_factory=dict)
    stores: tuple[str, ...] = ()
    kept: frozenset[str] = frozenset()
    singly: bool = False


@dataclass(frozen=True)
class OnePass:
    """Two tiles over the same entries: `first` finds the largest, `second` adds exponentials below the largest so far.

    top: the accumulator of the largest.  rest: what adds the exponentials.
    """

    first: Tiles
    second: Tiles
    top: str
    rest: Accumulate


@dataclass(frozen=True)
class Lower:
    """The exponentials that a thread has added below its own largest entry, below that of all threads."""

    top: str
    rest: Accumulate


@dataclass
class Branch:
    """if condition: body"""

    condition: str | Expr
    body: list["Statement"] = field(default_factory=list)


@dataclass(frozen=True)
class Leave:
    """if condition: return value; without a condition: return value"""

    condition: str
    value: str


@dataclass(frozen=True)
class Sync:
    """The threads of an item wait for each other: what one has written before, all may read after it."""


Statement = (
    Let | Start | Accumulate | Finish | Load | Check | Store | Loop | Tiles | OnePass | Lower | Branch | Leave | Sync
)


def expressions(statements: Iterable[Statement]) -> Iterable[Expr]:
    """Every expression in the statements, nested ones included."""
    for statement in statements:
        for part in ("value", "default", "condition"):
            value = getattr(statement, part, None)
            if isinstance(value, Expr):
                yield value
        yield from expressions(getattr(statement, "body", ()))
