"""Lowers norms and the quotients by them.

‖f‖ = s·sqrt(Σ_d (f(d)/s)²) with s the power of two below the largest |f(d)|: no square leaves the range, and scaling by s
rounds nothing. Where the kernel's arithmetic is wider than its entries, as with float32 entries in float64, no square leaves
the range as it is, and s is left out.
A length below the smallest normal number counts as 0, and so does 1 over it.
"""

from collections.abc import Callable

from sympy import Abs, Add, Eq, Expr, Integer, Mul, Piecewise, Pow, Rational, sign, sqrt

from lossgen.formula.lengths import (
    Norm,
    PowerNorm,
    abs_power,
    is_cosine,
    length_difference,
    ratio,
    rejection,
    repeated_factors,
    versine,
)
from lossgen.formula.likes import change, others_share, tangent_part
from lossgen.formula.nodes import Max, Sum

from .functions import binade, group, multiple, positive_part, reciprocal_or_zero


def measures_lengths(value: Expr) -> bool:
    """Whether a loss is made of norms (sums and maxima of |f| among them), so that kernels of float32 entries compute in float64."""
    return value.has(Norm, PowerNorm) or any(isinstance(node.body, Abs) for node in value.atoms(Sum, Max))


class PlainNorm(Norm):
    """‖f‖ of entries whose squares do not leave the range."""


def scaled_norm(node: Norm) -> Expr:
    scale = binade(Max(Abs(node.body), node.index))
    return scale * sqrt(Sum(multiple(node.body, reciprocal_or_zero(scale)) ** 2, node.index))


def plain_norm(node: "PlainNorm") -> Expr:
    return sqrt(Sum(node.body**2, node.index))


def without_scaling(node: Expr) -> Expr:
    """The expression with every norm as a plain one, and as it stands what digits to spare make up for.

    Twice the digits of the entries are enough for differences of p-norms, and for an entry that is nearly all of a vector.
    """
    node = node.replace(_is_spared, lambda n: n.definition())
    return node.replace(lambda n: type(n) is Norm, lambda n: PlainNorm(n.body, n.index))


def _is_spared(node: Expr) -> bool:
    if isinstance(node, change | length_difference):
        return node.has(PowerNorm)
    return isinstance(node, others_share | tangent_part)


def scaled_power_norm(node: PowerNorm) -> Expr:
    """m·(Σ_d (|f(d)|/m)^p)^(1/p) with m the largest |f(d)|."""
    largest = positive_part(Max(Abs(node.entry), node.index))
    share = multiple(node.entry, reciprocal_or_zero(largest))
    return largest * Pow(Sum(abs_power(share, node.power), node.index), 1 / node.power)


def reciprocals(node: ratio) -> Expr:
    """a·(1/b), with 1/b computed once for a row; of a product b each factor has its own."""
    a, b = node.args
    for factor in Mul.make_args(b):
        inverse = reciprocal_or_zero(factor)
        a = inverse if a == 1 else multiple(a, inverse)
    return a


def difference_of_unit_vectors(node: rejection) -> Expr:
    """b − c·a = (b − s·a) + s·versine(s·c)·a with s the sign of c, 0 for c = 0: no cancellation left for (anti)parallel vectors."""
    a, b, c = node.args
    gap = Piecewise((versine(c), c > 0), (-versine(-c), c < 0), (Integer(0), True))
    return group(b - sign(c) * a) + gap * a


def half_squared_distance(node: versine) -> Expr:
    """1 ∓ Σ f̂·ĝ = ½·(Σ_d (f̂(d) ∓ ĝ(d))² + [‖f‖ = 0] + [‖g‖ = 0]), for unit vectors f̂ and ĝ or 0 in their place."""
    side, cosine = node.args[0].as_coeff_Mul()
    if not is_cosine(cosine) or abs(side) != 1:
        return 1 - node.args[0]
    f, g = repeated_factors(cosine.body)
    absent = [Piecewise((Integer(1), Eq(v.args[1], 0)), (Integer(0), True)) for v in (f, g)]
    return Rational(1, 2) * Add(Sum((f - side * g) ** 2, cosine.index), *absent)


#: How each kind of node is lowered: what it becomes is lowered in its turn. The first that fits.
FORMS: dict[type, Callable[[Expr], Expr]] = {
    ratio: reciprocals,
    rejection: difference_of_unit_vectors,
    versine: half_squared_distance,
    PlainNorm: plain_norm,
    Norm: scaled_norm,
    PowerNorm: scaled_power_norm,
}
