"""Lowers a program to the loop IR: one item's statements, with loops over axes for its reductions and rows."""

from collections.abc import Iterable

from sympy import Expr, Integer, Mul, Piecewise, Symbol

from lossgen.formula.axes import Axis, Index
from lossgen.formula.nodes import Entry, Max, Reduction
from lossgen.formula.symbols import Argument, Hyperparameter, is_label

from .functions import RestOfExponentials, exp_nonpositive, group
from .ir import Accumulate, Branch, Finish, Let, Load, Loop, Start, Statement, Store
from .names import Names
from .program import Output, Program
from .share import is_costly, shared_parts

KINDS = {Max: "max", RestOfExponentials: "rest"}


class Lowering:
    """Builds the statements of one item. Statements are appended in order; what a loop needs is emitted before it."""

    def __init__(self, program: Program, element: bool) -> None:
        self.program = program
        self.element = element
        taken = [a.name for a in program.arrays] + [o.name for o in program.outputs] + list(program.parameters)
        axes = {a.role.axis for a in program.arrays if a.role.axis}
        taken += [name for axis in axes for name in (axis.name, size_name(axis))]
        self.names = Names(taken, program.hints)
        self.item: list[Statement] = []
        self._shared = shared_parts(program.expressions())
        self._bound: dict[Expr, Symbol] = {}
        self._guards = guards(program)
        self._kept = kept_rows(program)
        self.scalars = {a: self.names.new(f"{a.name}_i") for a in program.arrays if a.role.layout in ("item", "broadcast")}

    def run(self) -> list[Statement]:
        """Everything an item computes: loads, reductions, the value, the outputs."""
        for argument, name in self.scalars.items():
            if not is_label(argument):
                self.item.append(self._load(argument, name, "i"))
        found = {r for e in self.program.expressions() for r in e.atoms(Reduction)}
        found |= {Max(r.body, r.index) for r in found if isinstance(r, RestOfExponentials)}
        needed = sorted(found, key=_level)
        for nodes in _passes(needed, self._guards):
            self._reduce(nodes)
        if self.program.value is not None:
            self.item.append(Let("value", self.bind(self.program.value, self.item)))
        return self.item

    def bind(self, node: Expr, block: list[Statement], index: Index | None = None) -> Expr:
        """The node with every part that has a variable replaced by it; makes the variables that are missing.

        `block` receives the statements that depend on `index`; others go before the loop, to the item.
        """
        if node in self._bound:
            return self._bound[node]
        if isinstance(node, Entry):
            return self._entry(node, block, index)
        if isinstance(node, Argument):
            return Symbol(self.scalars[node])
        if not node.args or isinstance(node, Reduction):
            return node
        inside = index is not None and index in node.free_symbols
        target = block if inside or index is None else self.item
        if isinstance(node, Piecewise):
            return self._select(node, block, index)
        args = [self.bind(arg, block, index) for arg in self._hoisted(node, index) or node.args]
        value = node.func(*args, evaluate=False) if node.is_Add or node.is_Mul or node.is_Pow else node.func(*args)
        if node in self._shared or (index is not None and not inside and is_costly(node)):
            return self._let(node, value, target)
        return value

    def _hoisted(self, node: Expr, index: Index | None) -> list[Expr] | None:
        """The factors of a product in a loop, those that do not change in it multiplied beforehand."""
        if not node.is_Mul or index is None or index not in node.free_symbols:
            return None
        fixed = [f for f in node.args if index not in f.free_symbols]
        if len(fixed) < 2:
            return None
        product = Mul(*fixed)
        if product not in self._bound:
            self._let(product, self.bind(product, self.item), self.item)
        return [product, *(f for f in node.args if index in f.free_symbols)]

    def _select(self, node: Piecewise, block: list[Statement], index: Index | None) -> Expr:
        """Both sides are computed, into variables, and one is chosen: a blend, which vectorises."""
        inside = index is not None and index in node.free_symbols
        target = block if inside or index is None else self.item
        pieces = []
        for value, condition in node.args:
            bound = self.bind(value, block, index)
            pieces.append((self._let(value, bound, target) if is_costly(value) and not bound.is_Symbol else bound,
                           self.bind(condition, block, index)))
        return self._let(node, Piecewise(*pieces, evaluate=False), target)

    def _let(self, node: Expr, value: Expr, block: list[Statement]) -> Symbol:
        name = self.names.shared(node)
        block.append(Let(name, value))
        self._bound[node] = Symbol(name)
        return self._bound[node]

    def _entry(self, node: Entry, block: list[Statement], index: Index | None) -> Symbol:
        argument = node.base
        inside = node.index == index
        where = self.scalars[node.index] if is_label(node.index) else node.index.name
        name = self.names.new(f"{argument.name}_{node.index.name}")
        (block if inside else self.item).append(self._load(argument, name, where))
        self._bound[node] = Symbol(name)
        return self._bound[node]

    def _load(self, argument: Argument, name: str, index: str) -> Load:
        array = {"row": f"{argument.name}_row", "shared": argument.name}.get(argument.role.layout, argument.name)
        default = self.program.defaults.get(argument.name)
        if self.element:
            array = f"{argument.name}_block"
        return Load(name, array, index, argument.name if default is not None else "", Integer(default) if isinstance(default, int) else default)

    def _reduce(self, nodes: list[Reduction]) -> None:
        """One loop for reductions over one axis that do not need each other."""
        axis, index = nodes[0].index.axis, nodes[0].index
        loop = Loop(index.name, size_name(axis))
        starts, finishes = [], []
        for node in nodes:
            kind = KINDS.get(type(node), "sum")
            accumulator = self.names.new({"max": "top", "rest": "rest", "sum": "sum"}[kind])
            starts.append(Start(accumulator, kind))
            body = self.bind(node.body.xreplace({node.index: index}), loop.body, index)
            maximum = str(self._bound[Max(node.body, node.index)]) if kind == "rest" else ""
            loop.body.append(Accumulate(accumulator, kind, body, maximum, self._kept.get(node, ""), index.name))
            name = self.names.new({"max": "largest", "rest": "others", "sum": "sum"}[kind])
            finishes.append((node, Finish(name, kind, accumulator)))
        self._forget(index)
        self.item += starts
        condition = self._guards.get(nodes[0])
        self.item.append(Branch(" or ".join(f"{name} != zero" for name in condition), [loop]) if condition else loop)
        for node, finish in finishes:
            self.item.append(finish)
            self._bound[node] = Symbol(finish.name)

    def _forget(self, index: Index) -> None:
        """Variables of a finished loop are out of scope."""
        self._bound = {node: name for node, name in self._bound.items() if index not in node.free_symbols}

    def store(self, output: Output) -> list[Statement]:
        """The statements that write one output for the item."""
        result, layout = output.result, output.result.argument.role.layout
        if layout in ("item", "broadcast"):
            array = f"{output.name}_block" if self.element else output.name
            return [Store(array, "i", self._scaled(self.bind(result.generic, self.item)))]
        statements: list[Statement] = []
        array, add = (f"{output.name}_row", False) if layout == "row" else (f"{output.name}_lane", True)
        if not (add and result.generic == 0):
            loop = Loop(result.index.name, size_name(result.index.axis))
            self._read_kept(output, loop)
            value = self.bind(result.generic, loop.body, result.index)
            loop.body.append(Store(array, result.index.name, self._scaled(value), add))
            statements.append(loop)
            self._forget(result.index)
        if result.at_label is not None:
            value = self.bind(result.at_label, self.item)
            statements.append(Store(array, self.scalars[result.label], self._scaled(value), add))
        return statements

    def _read_kept(self, output: Output, loop: Loop) -> None:
        """The exponentials of a log-sum-exp that an earlier pass left in the output's row."""
        index = output.result.index
        for node, array in self._kept.items():
            if array == output.name:
                name = self.names.new("share")
                loop.body.append(Load(name, f"{array}_row", index.name))
                self._bound[share_of(node, index)] = Symbol(name)

    def _scaled(self, value: Expr) -> Expr:
        return Mul(Symbol("factor"), value, evaluate=False) if value != 0 else value


def size_name(axis: Axis) -> str:
    """The local variable that holds the length of an axis as an integer."""
    return f"n_{axis.name}"


def guards(program: Program) -> dict[Reduction, tuple[str, ...]]:
    """For each reduction that only occurs multiplied by hyperparameters: their names. Where all are 0 it is skipped.

    So a term that its hyperparameter switches off costs nothing, and an infinite sum times 0 is 0.
    """
    found: dict[Reduction, set[str]] = {}
    free: set[Reduction] = set()

    def visit(node: Expr, factors: frozenset[str]) -> None:
        if isinstance(node, Reduction):
            if factors:
                found.setdefault(node, set()).update(factors)
            else:
                free.add(node)
        if isinstance(node, Entry):
            return
        if node.is_Mul:
            factors = factors | {f.name for f in node.args if isinstance(f, Hyperparameter)}
        for child in node.args:
            visit(child, factors)

    for expression in program.expressions():
        visit(expression, frozenset())
    return {node: tuple(sorted(names)) for node, names in found.items() if node not in free}


def share_of(node: RestOfExponentials, at: Index) -> Expr:
    """e^(f(c) − m) at an entry: what the pass that sums them computes."""
    return exp_nonpositive(group(node.body.xreplace({node.index: at}) - Max(node.body, node.index)))


def kept_rows(program: Program) -> dict[RestOfExponentials, str]:
    """For a log-sum-exp: the output row that may keep its exponentials until the row itself is written.

    The gradient of a softmax is a multiple of them; storing them costs less than computing them twice.
    """
    kept: dict[RestOfExponentials, str] = {}
    for output in program.outputs:
        result = output.result
        if result.argument.role.layout == "row":
            for node in sorted(result.generic.atoms(RestOfExponentials), key=str):
                if node.index.axis == result.index.axis and result.generic.has(share_of(node, result.index)):
                    if node not in kept and output.name not in kept.values():
                        kept[node] = output.name
    return kept


def _level(node: Reduction) -> tuple[int, str]:
    return _depth(node), str(node)


def _depth(node: Reduction) -> int:
    """How many passes must come before: those of the reductions in its body, and the maximum of a log-sum-exp."""
    inner: Iterable[Reduction] = node.body.atoms(Reduction)
    depth = max((1 + _depth(r) for r in inner), default=0)
    return depth + 1 if isinstance(node, RestOfExponentials) else depth


def _passes(reductions: list[Reduction], guard: dict[Reduction, tuple[str, ...]]) -> list[list[Reduction]]:
    """Reductions over one axis, at one level and under one guard share a pass."""
    passes: dict[tuple, list[Reduction]] = {}
    for node in reductions:
        passes.setdefault((_depth(node), node.index.axis.name, guard.get(node)), []).append(node)
    return [passes[key] for key in sorted(passes, key=lambda key: (key[0], key[1], key[2] or ()))]


