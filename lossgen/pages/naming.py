"""Gives names to parts of a formula that is too long, however it is broken: u, v, w …"""

from collections import Counter
from collections.abc import Iterator, Mapping

from sympy import Add, Expr, Mul, Number, Piecewise, Symbol, Tuple

from lossgen.formula import Index
from lossgen.formula.lengths import PowerNorm
from lossgen.formula.nodes import Delta, Entry, Reduction
from lossgen.formula.recurrence import Filled
from lossgen.formula.symbols import Argument

from .named import Named
from .notation import Notation

LETTERS = ("u", "w", "z", "a", "b", "h", "g", "r", "s")

#: A part that is narrower, in points, is not worth a name.
NARROW = 38.0
#: A repeated part that is narrower, in points, has no name.
NARROW_REPEATED = 60.0


def replaced(node: Expr, by: Mapping[Expr, Expr]) -> Expr:
    """The node with parts replaced as they stand, also where a sum binds what is in them."""
    if node in by:
        return by[node]
    if not node.args or isinstance(node, Named | Filled):
        return node
    args = [replaced(arg, by) for arg in node.args]
    if all(a is b for a, b in zip(args, node.args, strict=True)):
        return node
    return rebuilt(node, args)


def rebuilt(node: Expr, args: list[Expr]) -> Expr:
    """The node with other arguments, where SymPy would multiply out a number times a sum."""
    if isinstance(node, Mul) and len(args) == 2 and isinstance(args[0], Number) and isinstance(args[1], Add):
        return Mul(*args, evaluate=False)
    return node.func(*args)


def letters(*used: Expr) -> Iterator[Symbol]:
    """Letters that none of the expressions has; after the last of them with numbers."""
    names = names_in(*used)
    yield from (Symbol(letter) for letter in LETTERS if letter not in names)
    yield from (Symbol(f"u_{n}") for n in range(1, 1000) if f"u_{n}" not in names)


def names_in(*used: Expr) -> set[str]:
    """The names of all symbols, bound ones too."""
    return {symbol.name for expression in used for symbol in Tuple(expression).atoms(Symbol)}


def select_as_position(expression: Expr) -> Expr | None:
    """A select that says where an entry lies: it is not set below the line."""
    positions = {p for entry in _entries(expression) for p in entry.indices if isinstance(p, Piecewise)}
    return min(positions, key=lambda p: p.sort_key(), default=None)


def _entries(node: Expr) -> Iterator[Entry]:
    if isinstance(node, Entry):
        yield node
    if not isinstance(node, Filled):  # which has all of its recurrence within it
        for child in node.args:
            yield from _entries(child)


def repeated(expression: Expr, p: Notation) -> Expr | None:
    """The part that saves most when it has a name; None where nothing is repeated that is worth one."""
    widths = [(n - 1, p.width(p.text(part)), part) for part, n in Counter(_parts(expression)).items() if n > 1]
    return _best([(times * width, part) for times, width, part in widths if width >= NARROW_REPEATED])


def largest(expression: Expr, p: Notation) -> Expr | None:
    """The part whose name leaves two formulas of nearly the same length."""
    total = p.width(p.text(expression))
    widths = {part: p.width(p.text(part)) for part in dict.fromkeys(_parts(expression))}
    worth = [(-abs(width - 0.5 * total), part) for part, width in widths.items() if width >= NARROW]
    return _best(worth)


def _best(worth: list[tuple[float, Expr]]) -> Expr | None:
    return min(worth, key=lambda pair: (-round(pair[0], 3), pair[1].sort_key()))[1] if worth else None


def _parts(node: Expr, top: bool = True) -> Iterator[Expr]:
    """Every part that may have a name."""
    if isinstance(node, Entry | Named | Filled | Symbol | Number | Delta) or not node.args:
        return
    if not top and isinstance(node, Expr) and not node.is_integer:
        yield node
    inside = [node.body] if isinstance(node, Reduction) else node.args
    inside = [node.entry] if isinstance(node, PowerNorm) else inside
    for child in inside:
        if not (isinstance(node, Mul) and child == -1):
            yield from _parts(child, top and isinstance(node, Mul) and node.args[0] == -1)


def name_part(expression: Expr, part: Expr, name: Symbol) -> tuple[Expr, Named]:
    """The expression with the name in the place of the part, also at other positions, and the name where it is defined."""
    indices = sorted((s for s in part.free_symbols if isinstance(s, Index)), key=lambda s: s.name)
    by = {part: Named(name, *indices)}
    for at, index in enumerate(indices):
        for other in positions_over(expression, index):
            moved = replaced(part, {index: other})
            by.setdefault(moved, Named(name, *indices[:at], other, *indices[at + 1 :]))
    by |= {-p: -n for p, n in by.items() if isinstance(p, Add)}
    return replaced(expression, by), by[part]


def positions_over(expression: Expr, index: Index) -> list[Expr]:
    """Other indices and labels that an entry over the index's axis may be at."""
    found = [s for s in Tuple(expression).atoms(Symbol) if s != index and _axis(s) == index.axis]
    return sorted(found, key=lambda s: s.name)


def _axis(symbol: Symbol):
    if isinstance(symbol, Index):
        return symbol.axis
    return symbol.axis if isinstance(symbol, Argument) and symbol.role.chooses else None
