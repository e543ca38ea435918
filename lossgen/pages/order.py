"""The order in which terms, factors, pieces and the sides of a comparison are read."""

from sympy import (
    ITE,
    Add,
    And,
    Eq,
    Expr,
    Ge,
    Gt,
    Integer,
    Le,
    Lt,
    Max,
    Min,
    Mul,
    Ne,
    Not,
    Or,
    Piecewise,
    Pow,
    Symbol,
    log,
    true,
)
from sympy.core.relational import Relational

from lossgen.derive.sweeps import TableEntry
from lossgen.formula.lengths import Norm, PowerNorm
from lossgen.formula.nodes import Delta, Entry, Reduction
from lossgen.formula.recurrence import Cell, Filled

ONE = Integer(1)
SIGNS: dict[type, str] = {Eq: "=", Ne: r"\neq", Lt: "<", Le: r"\leq", Gt: ">", Ge: r"\geq"}
TURNED: dict[type, type] = {Eq: Eq, Ne: Ne, Lt: Gt, Le: Ge, Gt: Lt, Ge: Le}


def terms_of(node: Add) -> list[Expr]:
    """One that is not negative first, selects last."""
    terms = node.as_ordered_terms() if all(isinstance(a, Expr) for a in node.args) else list(node.args)
    terms = sorted(terms, key=lambda t: (isinstance(t, Piecewise), t.is_number and not _is_one_minus(node)))
    positive = [t for t in terms if not t.could_extract_minus_sign()]
    first = positive[0] if positive else terms[0]
    return [first, *(t for t in terms if t is not first)]


def _is_one_minus(node: Add) -> bool:
    """Whether the number comes first, as in 1 − p and 1 + e^x."""
    return any(t.is_number and t > 0 for t in node.args if t.is_real)


def factors_of(node: Expr) -> list[Expr]:
    """Numbers, letters, entries, indicators, functions, sums in brackets, selects, sums over an axis."""
    return sorted(Mul.make_args(node), key=_place)


#: Of factors that are no letters: logarithms without brackets come late.
PLACES: dict[type, int] = {Add: 6, log: 7, Piecewise: 8, Reduction: 9}


def _place(factor: Expr) -> tuple:
    base = factor.base if isinstance(factor, Pow) else factor
    if isinstance(factor, Norm | PowerNorm):
        return (5, factor.sort_key())
    kinds = (Symbol, Entry | TableEntry | Cell | Filled, Delta)
    if base.is_number:
        return (0, factor.sort_key())
    place = next((n for n, kind in enumerate(kinds, 1) if isinstance(base, kind)), None)
    if place is None:
        place = next((n for kind, n in PLACES.items() if isinstance(base, kind)), 5)
    return (place, factor.sort_key())


def over(node: Expr) -> tuple[Expr, Expr, list[Expr]]:
    """What is above and below the line of a fraction, and the large factors that stand after it."""
    above, below = [], []
    for factor in Mul.make_args(node):
        if factor.is_Rational and not factor.is_Integer:
            above.append(Integer(factor.p))
            below.append(Integer(factor.q))
        elif isinstance(factor, Pow) and factor.exp.is_Rational and factor.exp < 0:
            below.append(Pow(factor.base, -factor.exp))
        else:
            above.append(factor)
    large = [f for f in above if isinstance(f, Reduction | Piecewise)] if below else []
    rest = [f for f in above if f not in large and f != 1]
    return _product(rest), _product([f for f in below if f != 1]), sorted(large, key=_place)


def _product(factors: list[Expr]) -> Expr:
    """The product as it stands: SymPy would multiply 2·(a + b) out."""
    if len(factors) == 1:
        return factors[0]
    return Mul(*factors, evaluate=False) if factors else ONE


def pieces(node: Piecewise) -> list[tuple[Expr, Expr]]:
    """The pieces; those of a select within a piece are among them."""
    found: list[tuple[Expr, Expr]] = []
    for value, where in node.args:
        if isinstance(value, Piecewise):
            inner = pieces(value)
            found += [(v, where if w is true else w if where is true else And(w, where)) for v, w in inner]
        else:
            found.append((value, where))
    return found


def compared(node: Min | Max) -> list[Expr]:
    """What the largest or least is of: numbers first."""
    return sorted(node.args, key=lambda a: (not a.is_number, a.sort_key()))


def comparison(node: Relational) -> tuple[Expr, str, Expr]:
    """Both sides and what is between them, with what is subtracted from one side on the other one."""
    left, right, kind = node.lhs, node.rhs, type(node)
    if right == 0 and isinstance(left, Add):
        taken = [t for t in left.args if t.could_extract_minus_sign()]
        right = Add(*(-t for t in taken))
        left = Add(*(t for t in left.args if t not in taken))
    elif right == 0 and left.could_extract_minus_sign():
        left, kind = -left, TURNED[kind]
    if left == 0 or (left.is_number and not right.is_number):
        left, right, kind = right, left, TURNED[kind]
    return left, SIGNS[kind], right


def plain(where: Expr) -> Expr:
    """A condition of comparisons, `and` and `or` alone."""
    if isinstance(where, ITE):
        first, then, other = where.args
        if then is true:
            return plain(Or(first, other))
        return plain(Or(And(first, then), And(Not(first), other)))
    if isinstance(where, Not):
        (inner,) = map(plain, where.args)
        if isinstance(inner, And | Or):
            return plain((Or if isinstance(inner, And) else And)(*(Not(part) for part in inner.args)))
        return Not(inner)
    return where.func(*map(plain, where.args)) if isinstance(where, And | Or) else where
