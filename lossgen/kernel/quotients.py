"""Products of powers, in an order in which nothing leaves the range that the result does not leave."""

from collections.abc import Iterable

from sympy import Expr, Mul

from .functions import multiple, quotient, reciprocal


def quotients(factors: Iterable[Expr]) -> list[Expr]:
    """u²/v = u·(u/v) and u²/v² = (u/v)², for v ≠ 0: where a square meets a divisor, each is divided before it is multiplied.

    Takes the factors of a product, with divisors written as powers of `reciprocal`, and returns factors of the same
    product. Those of a product without a square, or without a divisor, stay as they are.
    """
    factors = list(factors)
    above = [(f, *_power(f)) for f in factors]
    squares = [(f, base, n) for f, base, n in above if n >= 2 and not isinstance(base, reciprocal)]
    divisors = [(f, base.args[0], n) for f, base, n in above if isinstance(base, reciprocal)]
    if not divisors or not (squares or any(n >= 2 for _, _, n in divisors)):
        return factors
    used = [f for f, _, _ in (*squares, *divisors)]
    rest = [f for f in factors if f not in used]
    upper = [base for _, base, n in squares for _ in range(n)]
    upper += [f for f in rest if not f.is_number]
    lower = [v for _, v, n in divisors for _ in range(n)]
    pairs = [quotient(u, v) for u, v in zip(upper, lower, strict=False)]
    left = [f for f in rest if f.is_number] + upper[len(lower) :] + [reciprocal(v) for v in lower[len(upper) :]]
    return [Mul(*(_in_turn(part) for part in _halves(pairs))), *left]


def _halves(pairs: list[Expr]) -> list[list[Expr]]:
    """Equal factors on different sides: (u/v)·(w/v)·(u/v) is one product of a small and a large factor, and a large one."""
    return [part for part in (pairs[::2], pairs[1::2]) if part]


def _in_turn(factors: list[Expr]) -> Expr:
    return factors[0] if len(factors) == 1 else multiple(*factors)


def _power(factor: Expr) -> tuple[Expr, int]:
    """Base and exponent; an exponent that is no positive integer belongs to the base."""
    base, n = factor.as_base_exp()
    return (base, int(n)) if n.is_Integer and n > 0 else (factor, 1)
