"""Lowers a program to the loop IR: one item's statements, with loops over axes for its reductions and rows."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from sympy import Expr, Integer, Mul, Piecewise, Symbol
from sympy.core.relational import Relational

from lossgen.derive.sweeps import TableEntry
from lossgen.formula.axes import Index
from lossgen.formula.nodes import Delta, Entry, Max, Reduction
from lossgen.formula.symbols import Argument, ItemNumber, is_label, is_position

from .functions import RestOfExponentials, as_real, share_of_largest
from .ir import Accumulate, Branch, Finish, Let, Load, Loop, Start, Statement, Store
from .names import Names, axis_names, family, size_name
from .program import Output, Program
from .schedule import guards, kept_rows, passes, share_of
from .share import is_costly, shared_parts

KINDS = {Max: "max", RestOfExponentials: "rest"}


@dataclass(eq=False)
class Scope:
    """A block that statements are appended to, and the index that varies in it (None: the item's own)."""

    index: Index | None
    block: list[Statement]


class Lowering:
    """Builds the statements of one item. Statements are appended in order; what a loop needs is emitted before it.

    `keeps`: the exponentials of a log-sum-exp wait in an output's row until that is written, rather than being computed again.
    """

    def __init__(self, program: Program, element: bool, keeps: bool = True) -> None:
        self.program = program
        self.element = element
        taken = [name for a in program.arrays for name in family(a.name)] + list(program.parameters)
        taken += [name for axis in program.axes for name in axis_names(axis)]
        self.names = Names(taken, program.hints)
        self.item: list[Statement] = []
        self._scopes = [Scope(None, self.item)]
        self._shared = shared_parts(program.expressions())
        self._bound: dict[Expr, Symbol] = {}
        self._positions: dict[Index, str] = {}
        self._guards = guards(program)
        self._kept = kept_rows(program) if keeps else {}
        self.scalars = {a: f"{a.name}_i" for a in program.arrays if a.role.layout in ("item", "broadcast")}

    def run(self) -> list[Statement]:
        """Everything an item computes: loads, reductions, the value, the outputs."""
        for argument, name in self.scalars.items():
            if not is_label(argument):
                self.item.append(self._load(argument, name, "i"))
        for nodes in passes(self.program, self._guards):
            self._reduce(nodes)
        if self.program.value is not None:
            self.item.append(Let("value", self.bind(self.program.value)))
        return self.item

    def bind(self, node: Expr) -> Expr:
        """The node with every part that has a variable replaced by it; makes the variables that are missing.

        What does not change in the innermost loop is computed before it, in the innermost scope where it does change.
        """
        if node in self._bound:
            return self._bound[node]
        if isinstance(node, Entry | TableEntry):
            return self._entry(node)
        if isinstance(node, Index | Argument | ItemNumber):
            name = Symbol(self.position(node))
            return as_real(name) if is_position(node) else name
        if isinstance(node, Delta) or (isinstance(node, Relational) and all(map(is_position, node.args))):
            return node.func(*(Symbol(self.position(a)) for a in node.args))
        if isinstance(node, Reduction):
            self._reduce([node])
            return self._bound[node]
        if not node.args:
            return node
        if isinstance(node, Piecewise):
            return self._select(node)
        args = [self.bind(arg) for arg in self._hoisted(node) or node.args]
        value = node.func(*args, evaluate=False) if node.is_Add or node.is_Mul or node.is_Pow else node.func(*args)
        hoisted = self._scope(node) is not self._scopes[-1] and is_costly(node)
        return self._let(node, value) if node in self._shared or hoisted else value

    def position(self, index: Expr) -> str:
        """The local variable that holds a position or an item's number: of a loop, or of an argument."""
        if isinstance(index, ItemNumber):
            return index.name
        if not isinstance(index, Index):
            return self.scalars[index]
        if index not in self._positions:
            self._positions[index] = self.names.new(index.name)
        return self._positions[index]

    def _output_position(self, index: Index) -> str:
        """Loops over outputs are never inside each other: those over several axes may share a name."""
        indices = [o.result.index for o in self.program.outputs]
        name = next((n for i, n in self._positions.items() if i in indices and i.name == index.name), None)
        return self._positions.setdefault(index, name) if name else self.position(index)

    def _scope(self, node: Expr) -> Scope:
        """The innermost scope whose index the node depends on."""
        return next(s for s in reversed(self._scopes) if s.index is None or s.index in node.free_symbols)

    def _hoisted(self, node: Expr) -> list[Expr] | None:
        """The factors of a product in a loop, those that do not change in it multiplied beforehand."""
        index = self._scopes[-1].index
        if not node.is_Mul or index is None or index not in node.free_symbols:
            return None
        fixed = [f for f in node.args if index not in f.free_symbols]
        if len(fixed) < 2:
            return None
        product = Mul(*fixed)
        if product not in self._bound:
            with self._at(self._scope(product)):
                self._let(product, self.bind(product))
        return [product, *(f for f in node.args if index in f.free_symbols)]

    def _select(self, node: Piecewise) -> Expr:
        """Both sides are computed, into variables, and one is chosen: a blend, which vectorises."""
        pieces = []
        for value, condition in node.args:
            bound = self.bind(value)
            if is_costly(value) and not bound.is_Symbol:
                bound = self._let(value, bound)
            pieces.append((bound, self.bind(condition)))
        return self._let(node, Piecewise(*pieces, evaluate=False))

    def _let(self, node: Expr, value: Expr) -> Symbol:
        name = self.names.shared(node)
        self._scope(node).block.append(Let(name, value))
        self._bound[node] = Symbol(name)
        return self._bound[node]

    def _entry(self, node: Entry) -> Symbol:
        argument = node.base
        name = self.names.new(f"{argument.name}_{node.index.name}")
        self._scope(node).block.append(self._load(argument, name, self.position(node.index)))
        self._bound[node] = Symbol(name)
        return self._bound[node]

    def _load(self, argument: Argument, name: str, index: str) -> Load:
        array = {"row": f"{argument.name}_row", "shared": argument.name}.get(argument.role.layout, argument.name)
        default = self.program.defaults.get(argument.name)
        if self.element:
            array = f"{argument.name}_block"
        return Load(
            name,
            array,
            index,
            argument.name if default is not None else "",
            Integer(default) if isinstance(default, int) else default,
        )

    @contextmanager
    def _at(self, scope: Scope) -> Iterator[None]:
        """Statements are made as in this scope, without the loops inside it."""
        scopes = self._scopes
        self._scopes = scopes[: scopes.index(scope) + 1]
        yield
        self._scopes = scopes

    @contextmanager
    def _inside(self, loop: Loop, index: Index) -> Iterator[None]:
        """Statements that depend on the index go to the loop's body; its variables are out of scope afterwards.

        A loop around it may have the same index: what that one has bound, and where it is, is hidden meanwhile.
        """
        outer, position = self._depending(index), self._positions.get(index)
        self._bound = {node: name for node, name in self._bound.items() if node not in outer}
        self._positions[index] = loop.index
        self._scopes.append(Scope(index, loop.body))
        yield
        self._scopes.pop()
        inner = self._depending(index)
        self._bound = {node: name for node, name in self._bound.items() if node not in inner} | outer
        self._positions[index] = position or loop.index

    def _depending(self, index: Index) -> dict[Expr, Symbol]:
        """What is bound and differs from one position of the index to the next."""
        return {node: name for node, name in self._bound.items() if index in node.free_symbols}

    def _reduce(self, nodes: list[Reduction]) -> None:
        """One loop for reductions over one axis that do not need each other, in the scope that their bodies depend on."""
        for node in nodes:
            if isinstance(node, RestOfExponentials):
                self.bind(Max(node.body, node.index))
        scope, index = self._scope(nodes[0]), nodes[0].index
        around = self._scopes[: self._scopes.index(scope)]
        position = self.names.new(index.name) if index in [s.index for s in around] else self.position(index)
        loop = Loop(position, size_name(index.axis))
        starts, finishes = [], []
        with self._at(scope), self._inside(loop, index):
            for node in nodes:
                kind = KINDS.get(type(node), "sum")
                accumulator = self.names.new({"max": "top", "rest": "rest", "sum": "sum"}[kind])
                starts.append(Start(accumulator, kind))
                body = self.bind(node.body.xreplace({node.index: index}))
                maximum = str(self._bound[Max(node.body, node.index)]) if kind == "rest" else ""
                keep, share = self._kept.get(node, ""), share_of_largest(node.body).__name__
                loop.body.append(Accumulate(accumulator, kind, body, maximum, keep, loop.index, share))
                name = self.names.new({"max": "largest", "rest": "others", "sum": "sum"}[kind])
                finishes.append((node, Finish(name, kind, accumulator)))
        guarded = loop
        if nodes[0] in self._guards:
            with self._at(scope):
                factors = [self.bind(factor) for factor in self._guards[nodes[0]]]
            guarded = Branch(" or ".join(f"{factor} != zero" for factor in factors), [loop])
        scope.block += [*starts, guarded, *(finish for _, finish in finishes)]
        self._bound |= {node: Symbol(finish.name) for node, finish in finishes}

    def store(self, output: Output) -> list[Statement]:
        """The statements that write one output for the item."""
        result, layout = output.result, output.result.argument.role.layout
        if layout in ("item", "broadcast"):
            array = f"{output.name}_block" if self.element else output.name
            value = self._scaled(self.bind(result.generic))
            return self._store_unless_masked(array, value) if self.element else [Store(array, "i", value)]
        statements: list[Statement] = []
        array, add = (f"{output.name}_row", False) if layout == "row" else (f"{output.name}_lane", True)
        if not (add and result.generic == 0):
            loop = Loop(self._output_position(result.index), size_name(result.index.axis))
            with self._inside(loop, result.index):
                self._read_kept(output, loop)
                loop.body.append(Store(array, loop.index, self._scaled(self.bind(result.generic)), add))
            statements.append(loop)
        if result.at_label is not None:
            statements.append(Store(array, self.scalars[result.label], self._scaled(self.bind(result.at_label)), add))
        return statements

    def _read_kept(self, output: Output, loop: Loop) -> None:
        """The exponentials of a log-sum-exp that an earlier pass left in the output's row."""
        for node, array in self._kept.items():
            if array == output.name:
                name = self.names.new("share")
                loop.body.append(Load(name, f"{array}_row", loop.index))
                self._bound[share_of(node, output.result.index)] = Symbol(name)

    def _store_unless_masked(self, array: str, value: Expr) -> list[Statement]:
        """An item of scale 0 is exactly 0, whatever it holds; row kernels have skipped it by now."""
        masked = Let("result", Symbol("(zero if s == zero else result)"))
        return [Let("result", value), Branch("item_scale is not None", [masked]), Store(array, "i", Symbol("result"))]

    def _scaled(self, value: Expr) -> Expr:
        return Mul(Symbol("factor"), value, evaluate=False) if value != 0 else value
