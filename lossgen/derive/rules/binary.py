"""Rules for labels that can only be 0 or 1."""

from collections.abc import Iterator

from sympy import Add, Expr, Mul
from sympy.core.function import Function

from lossgen.formula.symbols import is_binary

from .terms import cofactor


def binary_selects_sign(node: Expr) -> Expr | None:
    """k·y·f(u) + k·(1 − y)·f(−u) = k·f((2y − 1)·u), for y in {0, 1}: one evaluation of f instead of two."""
    if not isinstance(node, Add):
        return None
    for first in node.args:
        for y in (f for f in Mul.make_args(first) if is_binary(f)):
            for f in (f for f in Mul.make_args(first) if isinstance(f, Function) and len(f.args) == 1):
                (u,) = f.args
                k = cofactor(first, y, f)
                second = next((s for s in _spellings(k, y, f.func(-u)) if s in node.args), None)
                if second is not None:
                    return Add(k * f.func((2 * y - 1) * u), *(t for t in node.args if t not in (first, second)))
    return None


def _spellings(k: Expr, y: Expr, f: Expr) -> Iterator[Expr]:
    """k·(1 − y)·f as one product, and with the number of k multiplied out, as SymPy does with 3·(1 − y)."""
    yield Mul(*Mul.make_args(k), 1 - y, f)
    number, rest = k.as_coeff_Mul()
    for sign in (1, -1):
        yield Mul(sign, *Mul.make_args(rest), sign * number * (1 - y), f)
