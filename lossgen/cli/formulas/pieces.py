"""What the lines of a formula are made of: signs, brackets and boxes in a row, and where a line may end."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from .tex import Group, Node, Root, Scripts, Sign

#: After these a − is a sign, not an operation.
BEFORE_SIGN = ("", "open", "binary", "relation", "comma", "function", "large", "sum", "slash", "text", "sign")
TIGHT_BEFORE = ("close", "comma", "slash")
TIGHT_AFTER = ("open", "slash", "sign")


@dataclass(frozen=True)
class Piece:
    """A node in a row: what kind it is, the space before it, and what it costs to begin a line with it.

    `level` is how deep it lies in brackets; `factor` says that it multiplies what stands before it.
    """

    node: Node
    kind: str
    space: int = 0
    cost: float | None = None
    level: int = 0
    factor: bool = False


def pieces(nodes: Sequence[Node], before: str = "") -> list[Piece]:
    """The nodes with the spaces that their kinds ask for; `before` is the kind of what stands before them."""
    found: list[Piece] = []
    level = pending = 0
    for node in spread(nodes):
        kind = kind_of(node)
        if kind == "space":
            pending = max(pending, len(node.text))
            continue
        if kind == "binary" and before in BEFORE_SIGN:
            kind = "sign"
        level -= kind == "close"
        factor = (
            pending == 1 and before in ("ord", "close", "number") and kind not in ("binary", "relation", *TIGHT_BEFORE)
        )
        space = max(pending, space_between(before, kind, node)) if before and kind not in TIGHT_BEFORE else 0
        cost = 0.0 if pending > 1 else _cost(node, kind, before, factor)
        found.append(Piece(node, kind, space, cost, level, factor))
        level += kind == "open"
        before, pending = kind, 0
    return found


def _cost(node: Node, kind: str, before: str, factor: bool) -> float | None:
    """What it costs to begin a line with the node, in shares of a line that is left empty; None where none may."""
    if kind == "binary" or (kind == "text" and node.text in ("and", "or")):
        return 0.0
    if kind == "relation" or before == "comma":
        return 0.3
    return 0.7 if factor else None


def space_between(before: str, kind: str, node: Node) -> int:
    """The space between two nodes, as in print; between names, one that tells them apart."""
    if before in TIGHT_AFTER or kind in TIGHT_BEFORE:
        return 0
    if kind == "open":
        return (
            0
            if before in ("function", "ord", "close") and not getattr(node, "apart", False)
            else int(before != "large")
        )
    return int(not (before == "number" and kind == "ord"))


def kind_of(node: Node) -> str:
    """The kind of a node: of one with scripts, that of its base; "sum" for an operator that says what it runs over."""
    match node:
        case Scripts(Sign(_, "large")):
            return "sum"
        case Sign():
            return node.kind
        case Scripts(base):
            return kind_of(base)
    return "ord"


def spread(nodes: Sequence[Node]) -> Iterator[Node]:
    """The nodes without groups; exponents of e and roots in brackets, so that lines can be broken within."""
    for node in nodes:
        match node:
            case Group(inner):
                yield from spread(inner)
            case Root(Group((Sign(_, "ord" | "number"),)) as body):
                yield Sign("√", "sign")
                yield from body.nodes
            case Root(body):
                yield from _called("√", body)
            case Scripts(Sign("e", "ord"), None, Group() as exponent) if not is_short(exponent.nodes):
                yield from _called("exp", exponent)
            case _:
                yield node


def _called(name: str, body: Group) -> Iterator[Node]:
    yield Sign(name, "function")
    yield Sign("(", "open")
    yield from spread(body.nodes)
    yield Sign(")", "close")


def is_short(nodes: Sequence[Node]) -> bool:
    """Whether an exponent is one sign, maybe with another before it."""
    flat = list(spread(nodes))
    return len(flat) <= 2 and all(isinstance(node, Sign) for node in flat)
