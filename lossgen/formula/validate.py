"""Checks a formula as its author wrote it: every symbol is an argument, every function is known."""

from collections.abc import Iterable, Set

from sympy import (
    Abs,
    Add,
    Expr,
    Max,
    Min,
    Mod,
    Mul,
    Number,
    NumberSymbol,
    Or,
    Piecewise,
    Pow,
    Symbol,
    exp,
    log,
    nan,
    oo,
    preorder_traversal,
    sign,
    tanh,
    true,
)
from sympy.core.function import AppliedUndef, Function, UndefinedFunction
from sympy.core.relational import Relational
from sympy.logic.boolalg import Boolean

from .atoms import ATOMS, Atom
from .axes import Index
from .errors import SpecError
from .infinities import INFINITIES
from .lengths import LENGTHS
from .nodes import Delta, Entry, LogSumExp, Sum
from .nodes import Max as LargestEntry
from .recurrence import Cell, Filled, Lattice
from .symbols import Argument, ItemNumber

#: SymPy's own functions that can be differentiated, lowered to kernels and evaluated to 50 digits.
PLAIN_FUNCTIONS = (Abs, Max, Min, Mod, Piecewise, exp, log, sign, tanh)

#: Everything that a formula may be made of.
KNOWN_NODES = (
    *(Add, Mul, Pow, Symbol, Number, NumberSymbol, Function, Max, Min, Entry, Sum, LogSumExp, LargestEntry),
    *(Cell, Filled, Mod),
)

KNOWN = ", ".join(sorted([*(f.__name__ for f in PLAIN_FUNCTIONS), "sqrt", *ATOMS, *INFINITIES, *LENGTHS]))


def check_formula(name: str, expression: Expr, symbols: Set[Symbol]) -> None:
    """Raises a SpecError for a free symbol that is no argument, an unknown function, a complex or infinite number."""
    lattices = expression.atoms(Lattice)
    sizes = {axis.size for argument in symbols for axis in argument.role.axes}
    sizes |= {index.axis.size for lattice in lattices for index in lattice.indices}
    for symbol in sorted(expression.free_symbols - symbols - sizes, key=str):
        if isinstance(symbol, ItemNumber):
            if any(other.name == symbol.name for other in symbols):
                raise SpecError(
                    f"{name}: {symbol} is the number of the item; give the argument of this name another one"
                )
            continue
        if isinstance(symbol, Index):
            raise SpecError(f"{name}: index {symbol} is not bound; sum over it, as in Sum(…, {symbol})")
        raise SpecError(
            f"{name}: free symbol {symbol}; expected one of the arguments {', '.join(sorted(s.name for s in symbols))}"
        )
    for node in preorder_traversal(expression):
        if not (lattices and node in (oo, -oo)):  # what is outside the cells, a path that is not allowed
            _check_node(name, node)
    _check_rows(name, expression)


def check_layouts(name: str, expression: Expr, arguments: Iterable[Argument]) -> None:
    """Raises a SpecError for arguments that a loss with a recurrence cannot have, or that it alone can have."""
    filled = expression.has(Lattice)
    if filled and expression.has(ItemNumber):
        raise SpecError(f"{name}: item, the number of an item, has no meaning beside a recurrence")
    for argument in arguments:
        role = argument.role
        if filled and (role.chooses or role.listed):
            raise SpecError(
                f"{name}: argument {argument}: {role} is no label that a loss with a recurrence can have; "
                f"expected a sequence, as in ClassIndex[{role.axes[0].name}].along(T)"
            )
        if filled and role.batch:
            raise SpecError(f"{name}: argument {argument}: a loss with a recurrence has one batch, not {role}")
        if not filled and role.layout in ("grid", "table", "sequence", "length"):
            raise SpecError(f"{name}: argument {argument}: {role} takes a recurrence, and the formula has none")


def _check_node(name: str, node: Expr) -> None:
    if isinstance(node, AppliedUndef | UndefinedFunction):
        raise SpecError(f"{name}: unknown function {node}; known are {KNOWN}")
    if isinstance(node, Function) and not isinstance(node, (*PLAIN_FUNCTIONS, Atom, Delta)):
        raise SpecError(f"{name}: function {node.func.__name__} in {node} is not supported; known are {KNOWN}")
    if isinstance(node, Piecewise) and Or(*(condition for _, condition in node.args)) != true:
        raise SpecError(f"{name}: {node} has no value where none of its conditions holds; end it with (…, True)")
    if isinstance(node, Relational | Boolean) or not isinstance(node, Expr):
        return
    if node is nan or (node.is_number and (node.is_real is False or node.is_finite is False)):
        raise SpecError(f"{name}: {node} is not a finite real number")
    if not isinstance(node, KNOWN_NODES):
        raise SpecError(
            f"{name}: {type(node).__name__} in {node} is not supported; known are {KNOWN} and the sums of lossgen.formula"
        )


def _check_rows(name: str, node: Expr) -> None:
    """An argument with an axis may only be read entry by entry."""
    if isinstance(node, Entry):
        for position in node.indices:
            _check_rows(name, position)
        return
    if isinstance(node, Delta):
        return
    role = getattr(node, "role", None)
    if role is not None and role.layout in ("row", "shared"):
        raise SpecError(f"{name}: {node} is a row over axis {role.axis.name}; read an entry of it, as in {node}[c]")
    if role is not None and role.layout in ("grid", "table", "sequence"):
        axes = ", ".join(axis.name for axis in role.axes)
        raise SpecError(f"{name}: {node} has the axes {axes}; read an entry of it, at one position for each")
    for child in node.args:
        _check_rows(name, child)
