"""The symbols that stand for a loss's arguments while its formula is read."""

from typing import Any

from sympy import Expr, Integer, Symbol, sympify

from .axes import Axis, Index
from .errors import SpecError
from .nodes import Delta, Entry
from .roles import Role


class Argument(Symbol):
    """An array argument. Where it has one number per item it is that number; where it has an axis, `x[c]` is an entry.

    A class index y may be read in two ways: as the position of an entry, `x[y]`, and as the one-hot vector `y[c]`.
    """

    __slots__ = ("role",)
    role: Role

    def __new__(cls, name: str, role: Role) -> "Argument":
        assumptions = {"integer": True} if role.integer else {"real": True}
        self = Symbol.__xnew__(cls, name, **assumptions)
        self.role = role
        return self

    def __getnewargs_ex__(self):
        return (self.name, self.role), {}

    def _hashable_content(self):
        return (*super()._hashable_content(), str(self.role), self.role.domain, self.role.layout)

    @property
    def axis(self) -> Axis | None:
        return self.role.axis

    def __getitem__(self, index: Expr) -> Expr:
        axis = self.role.axis
        if axis is None:
            raise SpecError(
                f"{self.name}[{index}]: {self.name} is one number per item and has no axis; "
                f"annotate it as {self.role.name}[C] to give it one"
            )
        check_position(self.name, axis, index)
        return Delta(index, self) if is_label(self) else Entry(self, index)

    # With __getitem__ alone Python would take an argument for a sequence.
    __iter__ = None


class ItemNumber(Symbol):
    """The number of the item in its batch, from 0: what tells an item apart from the others in a row over all of them."""

    __slots__ = ()

    def __new__(cls, name: str = "item") -> "ItemNumber":
        return Symbol.__xnew__(cls, name, integer=True, nonnegative=True)

    def __getnewargs_ex__(self):
        return (self.name,), {}


item = ItemNumber()


class Hyperparameter(Symbol):
    """A scalar hyperparameter."""

    __slots__ = ("role",)
    role: Role

    def __new__(cls, name: str, role: Role) -> "Hyperparameter":
        sign = {
            "positive": {"positive": True},
            "between-1-and-2": {"positive": True},
            "nonnegative": {"nonnegative": True},
            "unit": {"nonnegative": True},
        }
        self = Symbol.__xnew__(cls, name, **sign.get(role.domain, {"real": True}))
        self.role = role
        return self

    def __getnewargs_ex__(self):
        return (self.name, self.role), {}

    def _hashable_content(self):
        return (*super()._hashable_content(), str(self.role), self.role.domain, self.role.layout)


class Constant:
    """A number in the place of an argument with an axis: every entry is that number."""

    def __init__(self, number: Any) -> None:
        self.number = sympify(number)

    def __getitem__(self, index: Expr) -> Expr:
        return self.number


class Each:
    """Each(f(c), c): a row given entry by entry, in the place of an argument with an axis.

    So a loss of rows can be called with rows that a formula makes: `cross_entropy(Each(2 * input[c], c), target)`.
    """

    def __init__(self, expression: Expr, index: Index) -> None:
        if not isinstance(index, Index):
            raise SpecError(f"Each({expression}, {index}): expected an index, as in c = C.index()")
        self.expression, self.index = sympify(expression), index
        others = [s for s in self.expression.free_symbols - {index} if isinstance(s, Index) and s.axis == index.axis]
        if others:
            raise SpecError(f"Each({expression}, {index}): index {others[0]} is not bound; sum over it")

    @property
    def axis(self) -> Axis:
        return self.index.axis

    def __getitem__(self, index: Expr) -> Expr:
        check_position(f"Each({self.expression}, {self.index})", self.axis, index)
        return self.expression.xreplace({self.index: index})

    # With __getitem__ alone Python would take a row for a sequence.
    __iter__ = None


def check_position(name: str, axis: Axis, index: Expr) -> None:
    """Raises SpecError where the entry `name[index]` of a row over the axis is none."""
    over = index.axis if isinstance(index, Index) else index.role.axis if is_label(index) else None
    if over != axis and not isinstance(index, ItemNumber):
        raise SpecError(f"{name}[{index}]: expected an index over axis {axis.name}, a ClassIndex[{axis.name}] or item")


def is_label(node: Any) -> bool:
    """Whether the node is a class index."""
    return isinstance(node, Argument) and node.role.integer


def is_position(node: Any) -> bool:
    """Whether the node is a whole number that may stand for an entry of a row: an index, a class index, an item's number."""
    return isinstance(node, Index | ItemNumber) or is_label(node)


def argument_of(node: Expr) -> Argument | None:
    """The argument that a leaf reads: the symbol itself, or the base of an entry."""
    base = node.base if isinstance(node, Entry) else node
    return base if isinstance(base, Argument) else None


def depends_on(node: Expr, kind: str) -> bool:
    """Whether the expression reads an argument of the given kind."""
    return any(isinstance(symbol, Argument) and symbol.role.kind == kind for symbol in node.free_symbols)


def is_binary(node: Expr) -> bool:
    """Whether the leaf can only be 0 or 1."""
    argument = argument_of(node)
    return argument is not None and argument.role.domain == "binary"


ONE = Integer(1)
