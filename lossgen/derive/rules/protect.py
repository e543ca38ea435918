"""Rules that keep 0·log 0 = 0, and 0 times anything else that may be infinite."""

from sympy import Add, Expr, Mul, Ne, Piecewise, exp, log

from lossgen.formula.atoms import absorb, sigmoid, softplus, xlogy
from lossgen.formula.nodes import Delta
from lossgen.formula.symbols import argument_of, depends_on

from .terms import cofactor


def protect_zero_times_log(node: Expr) -> Expr | None:
    """q·log p, for a real target q and a prediction p, is 0 where q = 0, also at p = 0."""
    return _absorbed(node, log)


def protect_zero_times_exp(node: Expr) -> Expr | None:
    """q·e^u, for a real target q and a u that a prediction enters, is 0 where q = 0, also where e^u leaves the range."""
    return _absorbed(node, exp)


def xlogy_to_absorb(node: Expr) -> Expr | None:
    """xlogy(x, y) = x·log y, and 0 where x = 0."""
    return absorb(node.args[0], log(node.args[1])) if isinstance(node, xlogy) else None


def guard_complement_of_indicator(node: Expr) -> Expr | None:
    """f·(1 − [a = b]) = f where a ≠ b, and 0 where a = b whatever f is there: Σ_c (1 − [c = y])·f(c) leaves f(y) out."""
    if not isinstance(node, Mul):
        return None
    for factor in node.args:
        if isinstance(1 - factor, Delta):
            return Piecewise((cofactor(node, factor), Ne(*(1 - factor).args)), (0, True))
    return None


def release_finite(node: Expr) -> Expr | None:
    """absorb(q, v) = q·v, where v is finite for every finite input: nothing needs protection."""
    return node.args[0] * node.args[1] if isinstance(node, absorb) and _always_finite(node.args[1]) else None


def _absorbed(node: Expr, kind: type) -> Expr | None:
    """The product of a real target and one function of a prediction, of this kind, as absorb(target, function)."""
    if not isinstance(node, Mul):
        return None
    steep = [f for f in node.args if isinstance(f, kind) and depends_on(f, "prediction")]
    given = [f for f in node.args if not depends_on(f, "prediction") and depends_on(f, "target")]
    if len(steep) != 1 or not given or not any(_is_real_target(s) for f in given for s in f.free_symbols):
        return None
    rest = Mul(*(f for f in node.args if f not in steep and f not in given))
    return rest * absorb(Mul(*given), steep[0])


def _is_real_target(symbol: Expr) -> bool:
    argument = argument_of(symbol)
    return argument is not None and argument.role.kind == "target"


def _always_finite(node: Expr) -> bool:
    if isinstance(node, softplus | sigmoid):
        return True
    return isinstance(node, Add | Mul) and all(_always_finite(a) or a.is_number for a in node.args)
