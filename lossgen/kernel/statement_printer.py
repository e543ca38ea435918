"""Prints statements as lines of Python that Numba compiles."""

from collections.abc import Iterable, Iterator

from sympy import Integer

from .expression_printer import ExpressionPrinter
from .ir import Accumulate, Branch, Check, Finish, Leave, Let, Load, Loop, Start, Statement, Store

DOMAIN_CHECKS = {
    "not-nan": "{x} == {x}",
    "binary": "({x} == zero) | ({x} == one)",
    "sign": "({x} == -one) | ({x} == one)",
    "unit": "({x} >= zero) & ({x} <= one)",
    "nonnegative": "{x} >= zero",
    "positive": "{x} > zero",
    "above-minus-one": "{x} > -one",
    "label-list": "{x} >= zero",
}


class StatementPrinter:
    """Statements, as lines of Python. `widen` says that entries are converted to the arithmetic's type when they are loaded."""

    def __init__(self, widen: bool = False) -> None:
        self.expression = ExpressionPrinter()
        self.widen = widen

    def lines(self, statements: Iterable[Statement], indent: int = 0) -> Iterator[str]:
        for statement in statements:
            for line in self._statement(statement):
                yield "    " * indent + line

    def _statement(self, node: Statement) -> Iterator[str]:
        match node:
            case Let(name, value):
                yield f"{name} = {self.expression(value)}"
            case Load():
                yield from self._load(node)
            case Start(name, kind):
                yield from self._start(name, kind)
            case Accumulate():
                yield from self._accumulate(node)
            case Finish(name, kind, accumulator):
                yield f"{name} = {self._finish(kind, accumulator)}"
            case Check(bit, name, domain):
                domain_holds = DOMAIN_CHECKS[domain].format(x=name)
                yield f"bad = integer(bad | (integer(0) if {domain_holds} else integer({1 << bit})))"
            case Store():
                yield from self._store(node)
            case Loop():
                yield from self._loop(node)
            case Branch(condition, body):
                yield f"if {condition if isinstance(condition, str) else self.expression(condition)}:"
                yield from self.lines(body, 1)
            case Leave(condition, value):
                if condition:
                    yield f"if {condition}:"
                yield f"{'    ' if condition else ''}return {value}"

    def _load(self, node: Load) -> Iterator[str]:
        entry = f"{node.array}[{node.index}]"
        if self.widen:
            entry = f"real({entry})"
        if node.optional:
            default = self.expression(Integer(0) + node.default)
            yield f"{node.name} = {entry} if {node.optional} is not None else {default}"
        else:
            yield f"{node.name} = {entry}"

    def _store(self, node: Store) -> Iterator[str]:
        yield f"{node.array}[{node.index}] {'+=' if node.add else '='} {self.expression(node.value)}"

    def _loop(self, node: Loop) -> Iterator[str]:
        yield f"for {node.index} in range({node.size}):"
        yield from self.lines(node.body, 1)

    def _start(self, name: str, kind: str) -> Iterator[str]:
        if kind == "max":
            self.expression.used |= {"ordered", "unordered"}
            yield f"{name} = ordered(real(-np.inf))"
            return
        yield f"{name} = {'0.0' if kind == 'sum' else 'zero'}"
        if kind == "rest":
            yield f"{name}_ties = integer(0)"

    def _accumulate(self, node: Accumulate) -> Iterator[str]:
        value = self.expression(node.value)
        if node.kind == "sum":
            yield self._add_to_sum(node.name, value)
        elif node.kind == "max":
            yield f"image = ordered({value})"
            yield f"{node.name} = image if image > {node.name} else {node.name}"
        else:
            self.expression.used.add(node.share)
            yield f"is_largest = {value} == {node.maximum}"
            yield f"share = {node.share}({value}, {node.maximum})"
            if node.keep:
                yield f"if {node.keep} is not None:"
                yield f"    {node.keep}_row[{node.index}] = share"
            yield self._add_to_rest(node.name, "zero if is_largest else share")
            yield f"{node.name}_ties = integer({node.name}_ties + (integer(1) if is_largest else integer(0)))"

    def _add_to_sum(self, name: str, value: str) -> str:
        return f"{name} = add({name}, np.float64({value}))"

    def _add_to_rest(self, name: str, value: str) -> str:
        return f"{name} = add({name}, {value})"

    def _finish(self, kind: str, accumulator: str) -> str:
        return {
            "sum": f"real({accumulator})",
            "max": f"unordered({accumulator})",
            "rest": f"{accumulator} + real({accumulator}_ties - 1)",
        }[kind]
