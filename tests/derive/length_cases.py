"""The rules for lengths: what each makes of a node, points where both are the same number, and nodes it leaves alone."""

from collections.abc import Callable
from typing import Any

from mpmath import mpf
from sympy import Abs, Expr, Max, Rational, sqrt

from lossgen.derive import rules
from lossgen.formula import Axis, NonNegative, Parameter, Positive, Prediction, Real, Sum, hypot, ratio
from lossgen.formula.lengths import (
    Norm,
    PowerNorm,
    abs_power,
    length_difference,
    rejection,
    signed_power,
    versine,
)
from lossgen.formula.likes import change, others_share, tangent_part
from lossgen.formula.nodes import Max as MaxOver
from lossgen.formula.symbols import Argument, Hyperparameter

D, E = Axis("D", place="last"), Axis("E", place="last")
d, d1, j, k, e = D.index("d"), D.index("d1"), D.index("j"), D.index("k"), E.index("e")
f, g, o = Argument("f", Prediction[D]), Argument("g", Prediction[D]), Argument("o", Real[E])
u, v, t = Argument("u", Prediction), Argument("v", Prediction), Argument("t", Real)
r, p = Hyperparameter("r", NonNegative), Hyperparameter("p", Positive)
s = Hyperparameter("s", Parameter)

HUGE, TINY = mpf(10) ** 200, mpf(10) ** -200
ITEM: dict[str, Any] = {"u": 3, "v": -4, "t": 2, "r": 7, "s": -2, "p": 3, "D": 3, "E": 2, "o": [1, 5]}
ORDINARY = {**ITEM, "f": [1, -2, 3], "g": [HUGE, HUGE, -HUGE]}
NEAR = {**ITEM, "f": [1, -2, 3], "g": [1, -2 + TINY, 3]}
SAME = {**ITEM, "f": [1, -2, 3], "g": [1, -2, 3]}
OPPOSITE = {**ITEM, "f": [1, -2, 3], "g": [-2, 4, -6]}
ABSENT = {**ITEM, "f": [0, 0, 0], "g": [1, TINY, 0]}
ROWS = [ORDINARY, NEAR, SAME, OPPOSITE, ABSENT]

Nf, Ng = Norm(f[d], d), Norm(g[d], d)
cosine = Sum(ratio(f[d1], Nf) * ratio(g[d1], Ng), d1)
at_k = {"f": ratio(f[k], Nf), "g": ratio(g[k], Ng)}
h = hypot(u, v)
Pf, Pg = PowerNorm(abs_power(f[d], p), d), PowerNorm(abs_power(g[d], p), d)
y_f, y_g = (signed_power(ratio(x[k], norm), p - 1) for x, norm in ((f, Pf), (g, Pg)))


def along(x, norm):
    """The inner product of g with the slope of the norm of x."""
    unit = ratio(x[d1], norm)
    return Sum(g[d1] * (unit if isinstance(norm, Norm) else signed_power(unit, p - 1)), d1)


def sum_of_sizes(x):
    """The 1-norm."""
    return Sum(Abs(x[d]), d)


def largest_size(x):
    """The ∞-norm."""
    return MaxOver(Abs(x[d]), d)


#: Before, after, and the points; None: at every position of a row.
CASES: dict[Callable, list[tuple[Expr, Expr, list[dict[str, Any]] | None]]] = {
    rules.root_of_squares: [
        (sqrt(Sum(f[d] ** 2, d)), Nf, ROWS),
        (sqrt(Sum((f[d] - g[d]) ** 2, d)), Norm(f[d] - g[d], d), ROWS),
        (Sum(f[d] ** 2, d) ** Rational(3, 2), Nf**3, ROWS),
        (1 / sqrt(Sum(g[d] ** 2, d)), 1 / Ng, [ORDINARY, NEAR]),
        (sqrt(u**2 + v**2), h, [ITEM]),
        (sqrt((u - v) ** 2 + r**2 + 3), hypot(r, hypot(sqrt(3), u - v)), [ITEM]),
        (sqrt(u**2 + r), hypot(sqrt(r), u), [ITEM]),
        (sqrt(Sum(f[d] ** 2, d) + r**2), hypot(r, Nf), ROWS),
    ],
    rules.root_of_powers: [
        (Sum(Abs(f[d]) ** p, d) ** (1 / p), PowerNorm(abs_power(f[d], p), d), ROWS),
        (Sum(Abs(f[d] - g[d]) ** p, d) ** (1 / p), PowerNorm(abs_power(f[d] - g[d], p), d), ROWS),
    ],
    rules.ratio_of_inner_product: [
        (ratio(Sum(f[d] * g[d], d), Nf * Ng), Sum(ratio(f[d], Nf) * ratio(g[d], Ng), d), ROWS),
        (ratio(Sum(-f[d] * g[d], d), Nf * Ng), -Sum(ratio(f[d], Nf) * ratio(g[d], Ng), d), ROWS),
        (ratio(Sum(f[d] ** 2, d), Nf**2), Sum(ratio(f[d], Nf) ** 2, d), ROWS),
    ],
    rules.complement_of_cosine: [
        (1 - cosine, versine(cosine), ROWS),
        (1 + cosine, versine(-cosine), ROWS),
        (v + t - t * cosine, v + t * versine(cosine), ROWS),
    ],
    rules.rejection_of_unit_vector: [
        (
            at_k["g"] - cosine * at_k["f"],
            rejection(at_k["f"], at_k["g"], cosine),
            None,
        ),
        (
            u + t * cosine * at_k["g"] - t * at_k["f"],
            u - t * rejection(at_k["g"], at_k["f"], cosine),
            None,
        ),
    ],
    rules.complement_of_leg: [
        (ratio(1, h) - ratio(1, h) * ratio(u, h) ** 2, ratio(1, h) * ratio(v, h) ** 2, [ITEM, {"u": HUGE, "v": TINY}]),
        (
            u - t * ratio(1, h) * ratio(v, h) ** 2 + t * ratio(1, h),
            u + t * ratio(1, h) * ratio(u, h) ** 2,
            [ITEM, {"u": 0, "v": 0, "t": 2}],
        ),
    ],
    rules.difference_of_norms: [
        (Nf - Ng, length_difference(Nf, Ng), ROWS),
        (v + t * Ng - t * Nf, v + t * length_difference(Ng, Nf), ROWS),
        (Pf - Pg, length_difference(Pf, Pg), ROWS),
        *((of(f) - of(g), length_difference(of(f), of(g)), ROWS) for of in (sum_of_sizes, largest_size)),
    ],
    rules.part_along_sphere: [
        (g[k] - at_k["f"] * along(f, Nf), tangent_part(g[k], at_k["f"], along(f, Nf)), None),
        (
            u + t * ratio(f[k], Pf) * along(f, Pf) - t * g[k],
            u - t * tangent_part(g[k], ratio(f[k], Pf), along(f, Pf)),
            None,
        ),
    ],
    rules.share_of_other_entries: [
        (ratio(1, Nf) - ratio(1, Nf) * at_k["f"] ** 2, ratio(1, Nf) * others_share(at_k["f"], 2), None),
        (
            u + t * ratio(v, Pf) * ratio(f[k], Pf) * y_f - t * ratio(v, Pf),
            u - t * ratio(v, Pf) * others_share(ratio(f[k], Pf), p),
            None,
        ),
    ],
    rules.difference_of_likes: [
        (at_k["f"] - at_k["g"], change(at_k["f"], at_k["g"]), None),
        (u - t * y_f + t * y_g, u + t * change(y_g, y_f), None),
        (
            ratio(f[k] - g[k], Norm(f[d] - g[d], d)) - ratio(f[k] - 1, Norm(f[d] - 1, d)),
            change(ratio(f[k] - g[k], Norm(f[d] - g[d], d)), ratio(f[k] - 1, Norm(f[d] - 1, d))),
            None,
        ),
    ],
}

NOT_FIRED: dict[Callable, dict[str, Expr]] = {
    rules.root_of_squares: {
        "a difference of squares": sqrt(u**2 - v**2),
        "may be negative": sqrt(u**2 + s),
        "not a square": sqrt(Sum(f[d] ** 2 * g[d], d)),
        "a whole power": Sum(f[d] ** 2, d) ** 2,
        "another root": Sum(f[d] ** 2, d) ** Rational(1, 3),
        "a sum of odd powers": sqrt(u**2 + v**3),
    },
    rules.root_of_powers: {
        "another root": Sum(Abs(f[d]) ** p, d) ** (1 / r),
        "may be negative": Sum(f[d] ** p, d) ** (1 / p),
        "weighted": Sum(g[d] * Abs(f[d]) ** p, d) ** (1 / p),
        "no power": Sum(Abs(f[d]), d) ** (1 / p),
    },
    rules.ratio_of_inner_product: {
        "another vector": ratio(Sum(f[d] * o[e], d), Nf * Ng),
        "one norm": ratio(Sum(f[d] * g[d], d), Nf),
        "not its norms": ratio(Sum(f[d] * g[d], d), Nf**2),
        "no sum": ratio(u, Nf * Ng),
    },
    rules.complement_of_cosine: {
        "wrong coefficient": 2 - cosine,
        "no norm": 1 - Sum(f[d1] * g[d1], d1),
        "another norm below": 1 - Sum(ratio(f[d1], Ng) * ratio(g[d1], Nf), d1),
        "three factors": 1 - Sum(ratio(f[d1], Nf) * ratio(g[d1], Ng) * g[d1], d1),
    },
    rules.rejection_of_unit_vector: {
        "the other vector": at_k["f"] - cosine * at_k["f"],
        "another position": ratio(g[j], Ng) - cosine * at_k["f"],
        "wrong sign": at_k["g"] + cosine * at_k["f"],
        "other coefficient": at_k["g"] - 2 * cosine * at_k["f"],
    },
    rules.complement_of_leg: {
        "1 at the origin": 1 - ratio(u, h) ** 2,
        "not a leg": ratio(1, h) - ratio(1, h) * ratio(t, h) ** 2,
        "wrong sign": ratio(1, h) + ratio(1, h) * ratio(u, h) ** 2,
        "other coefficient": ratio(1, h) - 2 * ratio(1, h) * ratio(u, h) ** 2,
        "another length": ratio(1, Nf) - ratio(1, Nf) * ratio(u, h) ** 2,
    },
    rules.difference_of_norms: {
        "a sum": Nf + Ng,
        "other coefficient": Nf - 2 * Ng,
        "another axis": Nf - Norm(o[e], e),
        "of another power": PowerNorm(abs_power(f[d], p), d) - Ng,
        "in an extreme": Nf - Max(Ng, u),
        "of other powers": Pf - PowerNorm(abs_power(g[d], r), d),
        "no size": MaxOver(f[d], d) - MaxOver(g[d], d),
    },
    rules.part_along_sphere: {
        "another norm below": g[k] - ratio(f[k], Ng) * along(f, Nf),
        "another vector": f[k] - at_k["f"] * along(f, Nf),
        "another position": g[j] - at_k["f"] * along(f, Nf),
        "the slope of another norm": g[k] - at_k["f"] * along(f, Pf),
        "a sum": g[k] + at_k["f"] * along(f, Nf),
    },
    rules.share_of_other_entries: {
        "1 at the origin": 1 - at_k["f"] ** 2,
        "a cube": ratio(1, Nf) - ratio(1, Nf) * at_k["f"] ** 3,
        "another power": ratio(1, Pf) - ratio(1, Pf) * ratio(f[k], Pf) * signed_power(ratio(f[k], Pf), p),
        "other coefficient": ratio(1, Nf) - 2 * ratio(1, Nf) * at_k["f"] ** 2,
        "a sum": ratio(1, Nf) + ratio(1, Nf) * at_k["f"] ** 2,
    },
    rules.difference_of_likes: {
        "a sum": at_k["f"] + at_k["g"],
        "other coefficient": at_k["f"] - 2 * at_k["g"],
        "another position": at_k["f"] - ratio(g[j], Ng),
        "another norm below": at_k["f"] - ratio(g[k], Nf),
        "another norm": at_k["f"] - ratio(g[k], Pg),
        "no norm": ratio(u, r) - ratio(v, r),
    },
}
