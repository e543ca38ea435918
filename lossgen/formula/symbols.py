"""The symbols that stand for a loss's arguments while its formula is read."""

from typing import Any

from sympy import Expr, Integer, Symbol, sympify

from .axes import Axis, Index
from .errors import SpecError
from .nodes import Delta, Entry, LabelEntry
from .roles import Role


class Argument(Symbol):
    """An array argument. Where it has one number per item it is that number; where it has an axis, `x[c]` is an entry.

    A class index y may be read in two ways: as the position of an entry, `x[y]`, and as the one-hot vector `y[c]`.
    """

    __slots__ = ("_whole_role", "role")
    role: Role

    def __new__(cls, name: str, role: Role) -> "Argument":
        assumptions = {"integer": True} if role.integer else {"real": True}
        self = Symbol.__xnew__(cls, name, **assumptions)
        self.role, self._whole_role = role, repr(role)
        return self

    def __getnewargs_ex__(self):
        return (self.name, self.role), {}

    def _hashable_content(self):
        return (*super()._hashable_content(), self._whole_role)

    @property
    def axis(self) -> Axis | None:
        return self.role.axis

    def __getitem__(self, index: Expr) -> Expr:
        axis = self.role.axis
        if self.role.grid or self.role.layout == "sequence":
            return read_entry(self, index if isinstance(index, tuple) else (index,))
        if axis is None:
            raise SpecError(
                f"{self.name}[{index}]: {self.name} is one number per item and has no axis; "
                f"annotate it as {self.role.name}[C] to give it one"
            )
        if not is_position(index) and is_whole(index):
            return read_entry(self, (index,))
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

    __slots__ = ("_whole_role", "role")
    role: Role

    def __new__(cls, name: str, role: Role) -> "Hyperparameter":
        sign = {
            "positive": {"positive": True},
            "between-1-and-2": {"positive": True},
            "nonnegative": {"nonnegative": True},
            "unit": {"nonnegative": True},
            "class-number": {"integer": True, "nonnegative": True},
        }
        self = Symbol.__xnew__(cls, name, **sign.get(role.domain, {"real": True}))
        self.role, self._whole_role = role, repr(role)
        return self

    def __getnewargs_ex__(self):
        return (self.name, self.role), {}

    def _hashable_content(self):
        return (*super()._hashable_content(), self._whole_role)


class Constant:
    """A number in the place of an argument with an axis: every entry is that number."""

    def __init__(self, number: Any) -> None:
        self.number = sympify(number)

    def __getitem__(self, index: Expr) -> Expr:
        return self.number


class Each:
    """Each(f(c), c): a row given entry by entry, in the place of an argument with an axis; Each(f(t, c), t, c) for several.

    So a loss of rows can be called with rows that a formula makes: `cross_entropy(Each(2 * input[c], c), target)`.
    """

    def __init__(self, expression: Expr, *indices: Index) -> None:
        self.expression, self.indices = sympify(expression), indices
        self.name = f"Each({', '.join(getattr(part, 'name', str(part)) for part in (expression, *indices))})"
        axes = [index.axis for index in indices if isinstance(index, Index)]
        if not indices or len(axes) < len(indices):
            raise SpecError(f"{self.name}: expected an index, as in c = C.index()")
        others = [s for s in self.expression.free_symbols - set(indices) if isinstance(s, Index) and s.axis in axes]
        if others:
            raise SpecError(f"{self.name}: index {others[0]} is not bound; sum over it")

    @property
    def axis(self) -> Axis:
        return self.indices[-1].axis

    def __getitem__(self, index: Expr) -> Expr:
        if len(self.indices) == 1:
            check_position(self.name, self.axis, index)
            return self.expression.xreplace({self.indices[0]: index})
        given = index if isinstance(index, tuple) else (index,)
        given = check_entry(self.name, tuple(own.axis for own in self.indices), given)
        return self.expression.xreplace(dict(zip(self.indices, given, strict=True)))

    # With __getitem__ alone Python would take a row for a sequence.
    __iter__ = None


def check_position(name: str, axis: Axis, index: Expr) -> None:
    """Raises SpecError where the entry `name[index]` of a row over the axis is none."""
    over = index.axis if isinstance(index, Index) else index.role.axis if is_label(index) else None
    if over != axis and not isinstance(index, ItemNumber):
        raise SpecError(f"{name}[{index}]: expected an index over axis {axis.name}, a ClassIndex[{axis.name}] or item")


def read_entry(argument: Argument, indices: tuple[Expr, ...]) -> Expr:
    """The entry at positions that are whole numbers: an index, one shifted as in t − 1, an entry of a sequence of labels.

    Raises SpecError for another number of positions than the argument has axes, and for what is no position on its axis.
    """
    indices = check_entry(argument.name, argument.role.axes, indices)
    kind = LabelEntry if argument.role.layout == "sequence" else Entry
    return kind(argument, *indices)


def check_entry(name: str, axes: tuple[Axis, ...], indices: tuple[Any, ...]) -> tuple[Expr, ...]:
    """The positions of an entry. Raises SpecError for another number of them than axes, for what is no whole number, and for
    an index over an axis that has nothing to do with the one at its place."""
    shown = ", ".join(map(str, indices))
    if len(indices) != len(axes):
        number, names = len(indices), ", ".join(axis.name for axis in axes)
        given = "1 position" if number == 1 else f"{number} positions"
        raise SpecError(f"{name}[{shown}]: {given}, expected {len(axes)}: {names}")
    indices = tuple(map(sympify, indices))
    for index, axis in zip(indices, axes, strict=True):
        if not is_whole(index):
            raise SpecError(f"{name}[{shown}]: {index} is no whole number; expected an index, a label, or one ± 1")
        if isinstance(index, Index) and axis not in (index.axis, index.axis.base) and axis.base != index.axis:
            raise SpecError(f"{name}[{shown}]: {index} runs over {index.axis.name}, expected an index over {axis.name}")
    return indices


def is_whole(node: Any) -> bool:
    """Whether the node is an expression of whole numbers: indices, lengths, labels, numbers of classes."""
    if not isinstance(node, Expr) or (node.has(Entry) and not node.has(LabelEntry)):
        return False
    return node.is_integer is not False and all(symbol.is_integer for symbol in node.free_symbols - _arrays(node))


def _arrays(node: Expr) -> set[Symbol]:
    return {entry.base for entry in node.atoms(LabelEntry)}


def is_label(node: Any) -> bool:
    """Whether the node is a class index of the item."""
    return isinstance(node, Argument) and node.role.chooses


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
