"""Evaluates formulas in LaTeX as a reader of the page would, in plain floating-point numbers.

Nothing here knows SymPy, a derivation or a kernel: the text is read by the parser of the terminal's formulas.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from lossgen.cli.formulas.inline import inline
from lossgen.cli.formulas.layout import cells_of, whole_rows
from lossgen.cli.formulas.tex import Fraction, Group, Node, Root, Rows, Scripts, Sign, parse
from lossgen.pages.blocks import Display

CALLS: Mapping[str, Callable[..., float]] = {
    **{name: getattr(math, name) for name in ("log", "exp", "tanh", "cosh", "sinh", "expm1", "log1p")},
    "σ": lambda x: 1 / (1 + math.exp(-x)),
    "softplus": lambda x: math.log1p(math.exp(x)),
    "sign": lambda x: (x > 0) - (x < 0),
    "detach": lambda x: x,
}
RELATIONS: Mapping[str, Callable[[float, float], bool]] = {
    **{"=": lambda a, b: a == b, "≠": lambda a, b: a != b, "<": lambda a, b: a < b, ">": lambda a, b: a > b},
    **{"≤": lambda a, b: a <= b, "≥": lambda a, b: a >= b},
}
#: Between a value and the condition under which it holds.
WIDE = Sign("", "align")


@dataclass(frozen=True)
class Statement:
    """A line of a page: what stands left of the equals sign, and what right of it."""

    left: list[Node]
    right: list[Node]

    @property
    def name(self) -> str:
        return inline(self.left)


def statements(displays: Sequence[Display]) -> list[Statement]:
    """The lines of displays, those that print has broken joined again."""
    rows = [row for d in displays for row in whole_rows([cells_of(parse(line).nodes) for line in d.lines])]
    return [Statement(flat(row[0]), flat([n for cell in row[1:] for n in cell])[1:]) for row in rows]


def flat(nodes: Sequence[Node]) -> list[Node]:
    """The nodes without groups and thin spaces."""
    found: list[Node] = []
    for node in nodes:
        if isinstance(node, Group):
            found += flat(node.nodes)
        elif not (isinstance(node, Sign) and node.kind == "space"):
            found.append(node)
        elif len(node.text) > 1:
            found.append(WIDE)
    return found


def kind(node: Node) -> str:
    while isinstance(node, Scripts):
        node = node.base
    return node.kind if isinstance(node, Sign) else "ord"


def split(nodes: Sequence[Node], test: Callable[[Node], bool]) -> list[tuple[Node | None, list[Node]]]:
    """The parts between the nodes that pass the test outside of brackets, each with what stands before it."""
    parts: list[tuple[Node | None, list[Node]]] = [(None, [])]
    depth = 0
    for node in nodes:
        depth += {"open": 1, "close": -1}.get(kind(node), 0)
        if depth == 0 and kind(node) != "close" and test(node):
            parts.append((node, []))
        else:
            parts[-1][1].append(node)
    return parts


def closing(nodes: Sequence[Node], first: int) -> int:
    """Where the bracket that opens at a place is closed."""
    depth = 0
    for place in range(first, len(nodes)):
        depth += {"open": 1, "close": -1}.get(kind(nodes[place]), 0)
        if depth == 0:
            return place
    raise ValueError(f"{inline(nodes)}: a bracket is not closed")


def is_sign(kinds: str, *texts: str) -> Callable[[Node], bool]:
    return lambda node: isinstance(node, Sign) and node.kind in kinds.split() and (not texts or node.text in texts)


class Reader:
    """values : what names stand for, rows as lists.  named : what the page says that other names stand for."""

    def __init__(
        self, values: Mapping[str, float | list[float]], named: Sequence[Statement] = (), size: int = 0
    ) -> None:
        self.values, self.size = dict(values), size
        self.named = [(s.left[0], s.right) for s in named]

    def value(self, nodes: Sequence[Node]) -> float:
        """A sum of products, and 0 where a condition after it does not hold."""
        first, *conditions = [part for _, part in split(flat(nodes), lambda n: n is WIDE) if part]
        total, negative, terms = 0.0, False, [[]]
        for node in first:
            alone = not terms[-1] or is_sign("binary", "·")(terms[-1][-1])
            outside = sum({"open": 1, "close": -1}.get(kind(n), 0) for n in terms[-1]) == 0
            if outside and is_sign("binary", "+", "−")(node) and not (terms[-1] and alone):
                total += (-1) ** negative * self._product(terms[-1]) * bool(terms[-1])
                negative = (negative if not terms[-1] else False) != (node.text == "−")
                terms.append([])
            else:
                terms[-1].append(node)
        total += (-1) ** negative * self._product(terms[-1]) * bool(terms[-1])
        return total if all(map(self.holds, conditions)) else 0.0

    def _product(self, nodes: Sequence[Node]) -> float:
        found, place = 1.0, 0
        while place < len(nodes):
            if is_sign("binary", "·")(nodes[place]):
                place += 1
            factor, place = self._factor(nodes, place)
            found *= factor
        return found

    def _factor(self, nodes: Sequence[Node], place: int) -> tuple[float, int]:
        """The factor that begins at a place, and where the next one begins."""
        node = nodes[place]
        if kind(node) == "large" or (kind(node) == "function" and _base(node) == "LSE"):
            return self._over(nodes, place)
        if kind(node) == "function" or _base(node) in CALLS:
            arguments, end, power = self._arguments(nodes, place + 1)
            return CALLS[_base(node)](*arguments) ** (power * self._power(node)), end
        if kind(node) == "open":
            end = closing(nodes, place)
            return self._bracket(_base(node), nodes[place + 1 : end], nodes[end]), end + 1
        found, place = self._one(node), place + 1
        if place < len(nodes) and is_sign("slash")(nodes[place]):
            below, place = self._factor(nodes, place + 1)
            return found / below, place
        return found, place

    def _arguments(self, nodes: Sequence[Node], place: int) -> tuple[list[float], int, float]:
        """What a function is given: what is in brackets, or one factor; and the exponent of the brackets."""
        if kind(nodes[place]) != "open":
            found, end = self._factor(nodes, place)
            return [found], end, 1.0
        end = closing(nodes, place)
        parts = split(nodes[place + 1 : end], is_sign("comma"))
        return [self.value(part) for _, part in parts], end + 1, self._power(nodes[end])

    def _over(self, nodes: Sequence[Node], place: int) -> tuple[float, int]:
        """A sum, a maximum or a log-sum-exp over what follows to the end of the term; a maximum of arguments."""
        node = nodes[place]
        if not isinstance(node, Scripts) or node.below is None:
            arguments, end, power = self._arguments(nodes, place + 1)
            return {"max": max, "min": min}[_base(node)](arguments) ** power, end
        values = self._at(inline(node.below.nodes), lambda: self._product(nodes[place + 1 :]))
        return {"∑": sum, "max": max, "min": min, "LSE": _log_sum_exp}[_base(node)](values), len(nodes)

    def _at(self, index: str, evaluate: Callable):
        """What is found for each value of an index; a name with it, "j ≠ y", leaves one out."""
        index, _, without = index.partition(" ≠ ")
        kept, found = self.values.get(index), []
        for position in range(self.size):
            if not without or position != self.values[without]:
                self.values[index] = position
                found.append(evaluate())
        self.values.pop(index)
        if kept is not None:
            self.values[index] = kept
        return found

    def _bracket(self, sign: str, inside: Sequence[Node], close: Node) -> float:
        conditional = len(split(inside, is_sign("relation text"))) > 1
        found = float(self.holds(inside)) if conditional else self.value(inside)
        return (abs(found) if sign == "|" else found) ** self._power(close)

    def _power(self, node: Node) -> float:
        return self.value(node.above.nodes) if isinstance(node, Scripts) and node.above is not None else 1.0

    def holds(self, nodes: Sequence[Node]) -> bool:
        """Whether a condition is true."""
        nodes = [n for n in flat(nodes) if n is not WIDE and not is_sign("text", "if")(n)]
        if any(is_sign("text", "otherwise")(n) for n in nodes):
            return True
        if kind(nodes[0]) == "open" and closing(nodes, 0) == len(nodes) - 1:
            return self.holds(nodes[1:-1])
        for word, every in (("or", any), ("and", all)):
            parts = split(nodes, is_sign("text", word))
            if len(parts) > 1:
                return every(self.holds(part) for _, part in parts)
        parts = split(nodes, is_sign("relation"))
        sides = [self.value(part) for _, part in parts]
        return all(RELATIONS[op.text](a, b) for (op, _), a, b in zip(parts[1:], sides, sides[1:], strict=False))

    def _one(self, node: Node) -> float:
        match node:
            case Fraction(above, below):
                return self.value(above.nodes) / self.value(below.nodes)
            case Root(body):
                return math.sqrt(self.value(body.nodes))
            case Rows():
                rows = whole_rows([[list(cell.nodes) for cell in row] for row in node.rows])
                return self.value(next(row[0] for row in rows if len(row) < 2 or self.holds(row[1])))
            case Scripts(Sign("e"), None, Group(nodes)):
                return math.exp(self.value(nodes))
            case Scripts(Sign(), below, _):
                return self.name(_base(node), below) ** self._power(node)
            case Scripts(base, _, _):
                return self._one(base) ** self._power(node)
            case Sign(text, "number"):
                return float(text)
        return math.pi if node.text == "π" else self.name(node.text, None)

    def name(self, name: str, below: Group | None) -> float:
        """What a name stands for: a number, an entry of a row, or what the page says."""
        whole = inline([Scripts(Sign(name, "ord"), below, None) if below else Sign(name, "ord")])
        if whole in self.values:
            return self.values[whole]
        for left, right in self.named:
            if inline([left]) == whole:
                return self.value(right)
        positions = _positions(below)
        if isinstance(self.values.get(name), list):
            return self.values[name][self.values[positions[0]]]
        for left, right in self.named:
            indices = _positions(left.below) if isinstance(left, Scripts) else []
            if _base(left) == name and indices and len(indices) == len(positions):
                there = Reader(self.values, (), self.size)
                there.named = self.named
                there.values |= {i: self.values[p] for i, p in zip(indices, positions, strict=True)}
                return there.value(right)
        raise KeyError(whole)


def _positions(below: Group | None) -> list[str]:
    return [inline(part) for _, part in split(flat(below.nodes), is_sign("comma"))] if below else []


def _base(node: Node) -> str:
    while isinstance(node, Scripts):
        node = node.base
    return node.text if isinstance(node, Sign) else ""


def _log_sum_exp(values: Sequence[float]) -> float:
    return max(values) + math.log(sum(math.exp(v - max(values)) for v in values))
