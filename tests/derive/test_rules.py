"""Every rewrite rule: the form it gives, 50-digit agreement on hard points, and where it must not fire."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import length_cases
import pytest
from exact import exact
from mpmath import mp, mpf
from sympy import Abs, Eq, Expr, Integer, Mul, Ne, Piecewise, Pow, exp, log, oo, tanh

from lossgen.derive import Rewriter, rules
from lossgen.derive.rules import PROTECTION, STABLE
from lossgen.formula import (
    Axis,
    Binary,
    ClassIndex,
    ClassWeight,
    Logit,
    LogSumExp,
    NonNegative,
    Prediction,
    Real,
    Sum,
    Unit,
    sigmoid,
    softplus,
    xlogy,
)
from lossgen.formula.atoms import absorb, expm1, expm1_minus, expm1_ratio, log1p, log_cosh
from lossgen.formula.differences import log1p_difference, log1p_square, relative_difference
from lossgen.formula.divergences import entropy_gap, exp_tangent_gap, tangent_gap
from lossgen.formula.nodes import Delta
from lossgen.formula.shares import score, share
from lossgen.formula.symbols import Argument, Hyperparameter

C = Axis("C")
c, j, k, c1, c2 = (C.index(n) for n in ("c", "j", "k", "c1", "c2"))
u, v = Argument("u", Prediction), Argument("v", Prediction)
p, q, t = Argument("p", Prediction), Argument("q", Unit), Argument("t", Real)
b = Argument("b", Binary)
x, z = Argument("x", Logit[C]), Argument("z", Real[C])
y = Argument("y", ClassIndex[C])
w = Argument("w", ClassWeight[C])
eps = Hyperparameter("eps", NonNegative)

SMALL, BIG = mpf(10) ** -30, mpf(800)
ANY = [-BIG, -1, -SMALL, SMALL, mpf("0.3"), 40]
ROW = {"x": [3, -BIG, 3, SMALL], "z": [1, mpf("0.5"), 2, -3], "C": 4, "y": 2, "w": [mpf("0.25"), 1, 3, 2]}


def only(name: str, numbers: list[Any]) -> list[dict[str, Any]]:
    return [{name: n} for n in numbers]


@dataclass
class Case:
    """What a rule makes of a node, and points of its domain where both are the same number."""

    before: Expr
    after: Expr
    points: list[dict[str, Any]] = field(
        default_factory=lambda: [{**ROW, "u": mpf("0.7"), "v": -2, "t": 3, "b": 1, "q": 0}]
    )


def plain(*factors: Expr) -> Expr:
    """A product as the rules meet it, not multiplied out by SymPy."""
    return Mul(*factors, evaluate=False)


shares = exp(x[c] - LogSumExp(x[j], j))
off = 1 - exp(u)

CASES: dict[Callable, list[Case]] = {
    rules.protect_zero_times_log: [
        Case(q * log(p), absorb(q, log(p)), [{"q": n, "p": m} for n in (SMALL, 1) for m in (SMALL, BIG)]),
        Case(
            3 * (1 - q) * t * log(1 - p),
            absorb(3 * (1 - q) * t, log(1 - p)),
            [{"q": 1, "p": SMALL, "t": 3}, {"q": 0, "p": 0.5, "t": 2}],
        ),
    ],
    rules.protect_zero_times_exp: [
        Case(q * exp(u), absorb(q, exp(u)), [{"q": n, "u": m} for n in (SMALL, 1) for m in ANY]),
        Case(v * (1 - q) * exp(-u) / 3, v * absorb(1 - q, exp(-u)) / 3, [{"q": 1, "u": -BIG, "v": 3}]),
    ],
    rules.xlogy_to_absorb: [Case(xlogy(q, p), absorb(q, log(p)), [{"q": 0, "p": SMALL}, {"q": 1, "p": SMALL}])],
    rules.guard_complement_of_indicator: [
        Case(plain(z[c], 1 - Delta(c, y), x[c]), Piecewise((z[c] * x[c], Ne(c, y)), (0, True)), []),
        Case(plain(1 - Delta(c, k), 1 - Delta(c, y)), Piecewise((1 - Delta(c, y), Ne(c, k)), (0, True)), []),
    ],
    rules.release_finite: [
        Case(absorb(q, -softplus(u)), -q * softplus(u), [{"q": n, "u": m} for n in (0, 1) for m in ANY]),
        Case(absorb(q, 2 + sigmoid(u)), q * (2 + sigmoid(u)), [{"q": 0, "u": 0}]),
    ],
    rules.canonical_index: [
        Case(Sum(x[j] * z[j], j), Sum(x[c] * z[c], c)),
        Case(Sum(x[j] * Sum(x[c], c), j), Sum(x[c1] * Sum(x[c], c), c1)),
        # The index of an enclosing sum is not its own.
        Case(Sum(x[c] * x[j], j), Sum(x[c] * x[c1], c1), []),
        Case(Sum(Sum(x[c] * x[c1], c1), c), Sum(Sum(x[C.index("c1_1")] * x[c1], C.index("c1_1")), c1)),
    ],
    rules.logsumexp_shift: [Case(LogSumExp(x[c] + u - x[y], c), u - x[y] + LogSumExp(x[c], c))],
    rules.sum_of_exponentials: [Case(Sum(exp(x[c] - z[c]), c), exp(LogSumExp(x[c] - z[c], c)))],
    rules.sum_of_guarded_exponentials: [
        Case(
            Sum(Piecewise((exp(x[c] - z[c]), Ne(c, y)), (0, True)), c),
            exp(LogSumExp(Piecewise((x[c] - z[c], Ne(c, y)), (-oo, True)), c)),
        ),
    ],
    rules.select_at_once: [
        Case(
            w[k] * Piecewise((x[k], Ne(k, y)), (z[k], True)) * Piecewise((3, Ne(k, y)), (w[y], True)),
            Piecewise((3 * w[k] * x[k], Ne(k, y)), (w[k] * z[k] * w[y], True)),
            [],
        ),
        Case(exp(Piecewise((x[k], Ne(k, y)), (-oo, True))), Piecewise((exp(x[k]), Ne(k, y)), (0, True)), []),
        Case(w[k] + Piecewise((x[k], Ne(k, y)), (-oo, True)), Piecewise((w[k] + x[k], Ne(k, y)), (-oo, True)), []),
    ],
    rules.split_delta_terms: [
        Case(Sum(z[c] * (Delta(c, y) - shares), c), Sum(z[c] * Delta(c, y), c) + Sum(-z[c] * shares, c)),
        Case(
            Sum(Piecewise((u + z[c] * Delta(c, y), x[c] > 0), (x[c], True)), c),
            Sum(Piecewise((z[c] * Delta(c, y), x[c] > 0), (0, True)), c)
            + Sum(Piecewise((u, x[c] > 0), (x[c], True)), c),
        ),
        Case(
            Sum(Sum(z[j] * (Delta(c, y) - x[c]), j), c),
            Sum(Sum(z[j] * Delta(c, y), j), c) + Sum(Sum(-z[j] * x[c], j), c),
        ),
    ],
    rules.collapse_delta: [
        Case(Sum(x[c] * z[c] * Delta(c, y), c), x[y] * z[y]),
        Case(Sum(Delta(c, y), c), Integer(1)),
        Case(
            Sum(z[c] * Piecewise((0, x[c] > 1), (u * Delta(c, y), True)), c), z[y] * Piecewise((0, x[y] > 1), (u, True))
        ),
        Case(Sum(Sum(x[c] * z[j] * Delta(c, y), j), c), Sum(x[y] * z[j], j)),
    ],
    rules.softmax_residual: [
        Case(
            exp(x[k] - LogSumExp(x[j], j)) * Sum(z[c], c) - z[k],
            z[k] * expm1(x[k] - LogSumExp(x[j], j)) + exp(x[k] - LogSumExp(x[j], j)) * (Sum(z[c], c) - z[k]),
            [],
        ),
    ],
    rules.split_exponential: [
        Case(
            Sum(z[c] * exp(x[c] + x[k] - 2 * LogSumExp(x[j], j)), c),
            exp(x[k] - LogSumExp(x[j], j)) * Sum(z[c] * exp(x[c] - LogSumExp(x[j], j)), c),
            [],
        ),
        Case(
            Sum(z[c] * exp(2 * x[c] + x[k] - 3 * LogSumExp(x[j], j)), c),
            exp(x[k] - LogSumExp(x[j], j)) * Sum(z[c] * exp(2 * x[c] - 2 * LogSumExp(x[j], j)), c),
            [],
        ),
    ],
    rules.factor_out_of_sum: [
        Case(Sum(3 * u * x[y] * z[c], c), 3 * u * x[y] * Sum(z[c], c)),
        Case(
            Sum(Piecewise((3 * u * z[c], Ne(c, y)), (0, True)), c),
            3 * u * Sum(Piecewise((z[c], Ne(c, y)), (0, True)), c),
        ),
    ],
    rules.sum_of_constant: [Case(Sum(u * x[y], c), C.size * u * x[y])],
    rules.reciprocal_of_one_plus_exp: [
        Case(1 / (1 + exp(u)), sigmoid(-u), only("u", ANY)),
        Case(plain(exp(u), sigmoid(-u)), sigmoid(u), only("u", ANY)),
        Case(plain(v, exp(-u), sigmoid(u)), v * sigmoid(-u)),
    ],
    rules.merge_exponentials: [Case(plain(exp(u), v, exp(-2 * v)), v * exp(u - 2 * v))],
    rules.complement_of_atom: [
        Case(1 - sigmoid(u), sigmoid(-u), only("u", ANY)),
        Case(t - t * sigmoid(u) + v, t * sigmoid(-u) + v),
        Case(2 - 2 * sigmoid(-u), 2 * sigmoid(u), only("u", ANY)),
    ],
    rules.sigmoid_difference: [
        Case(sigmoid(u) - sigmoid(-u), tanh(u / 2), only("u", ANY)),
        Case(v - t * sigmoid(2 * u) + t * sigmoid(-2 * u), v - t * tanh(u)),
        Case(
            8 * v * sigmoid(u) * sigmoid(-u) ** 2 - 8 * v * sigmoid(u) ** 2 * sigmoid(-u),
            -8 * v * sigmoid(u) * sigmoid(-u) * tanh(u / 2),
            [{"u": m, "v": 3} for m in ANY],
        ),
    ],
    rules.binary_selects_sign: [
        Case(
            b * softplus(u) + (1 - b) * softplus(-u),
            softplus((2 * b - 1) * u),
            [{"b": n, "u": m} for n in (0, 1) for m in ANY],
        ),
        Case(
            v - 3 * b * sigmoid(u) - 3 * (1 - b) * sigmoid(-u),
            v - 3 * sigmoid((2 * b - 1) * u),
            [{"b": n, "u": m, "v": 2} for n in (0, 1) for m in ANY],
        ),
    ],
    rules.softplus_difference: [
        Case(softplus(u) - softplus(-u), u, only("u", ANY)),
        Case(v - t * softplus(u) + t * softplus(-u), v - t * u),
    ],
    rules.exp_difference: [
        Case(exp(u) - 1, expm1(u), only("u", ANY)),
        Case(v - t * exp(u) + t, v - t * expm1(u)),
        Case(exp(u) - 1 - u, expm1_minus(u), only("u", ANY)),
        Case(2 + 2 * u - 2 * exp(u), -2 * expm1_minus(u), only("u", ANY)),
        Case(exp(u - v) - 1 - u + v, expm1_minus(u - v)),
    ],
    rules.log_of_product: [
        Case(log(sigmoid(u)), -softplus(-u), only("u", ANY)),
        Case(log(plain(exp(u), softplus(v))), u + log(softplus(v))),
        Case(log(plain(exp(-u), sigmoid(v) ** 2)), -u - 2 * softplus(-v), [{"u": -BIG, "v": -BIG}, {"u": 1, "v": 2}]),
    ],
    rules.log_of_two_exponentials: [
        Case(log(exp(u) / 2 + exp(-u) / 2), log_cosh(u), only("u", ANY)),
        Case(log(3 * exp(u - t) + 3 * exp(t - u)), log(6) + log_cosh(u - t)),
        Case(log(exp(u) + exp(2 * v)), 2 * v + softplus(u - 2 * v), [{"u": n, "v": m} for n in ANY for m in ANY]),
    ],
    rules.log_one_plus: [Case(log(1 + v**2), log1p(v**2), only("v", ANY))],
    rules.log_one_plus_square: [
        Case(log1p(v**2), log1p_square(v), only("v", ANY)),
        Case(log1p(4 * v**2 / t**2), log1p_square(2 * v / t), [{"v": n, "t": 3} for n in (SMALL, BIG)]),
    ],
    rules.log_difference: [
        Case(
            log1p(u) - log1p(v),
            log1p_difference(u, v),
            [{"u": m, "v": n} for m in (SMALL - 1, SMALL, BIG) for n in (SMALL - 1, 2 * SMALL, BIG)],
        ),
        Case(t - 3 * q * log1p(u) + 3 * q * log1p(v), t + 3 * q * log1p_difference(v, u)),
    ],
    rules.relative_error: [
        Case(
            Abs(u - v) / Abs(v),
            Abs(relative_difference(u, v)),
            [{"u": m, "v": n} for m in (SMALL, -1, 1) for n in (SMALL, -BIG, 1)],
        ),
        Case(3 * t * Abs(v - u * t) / Abs(v), 3 * t * Abs(relative_difference(t * u, v))),
    ],
    rules.one_minus_quotient: [
        Case(
            1 - (u + t) / (u + t + 3 * v),
            share(3 * v, u + t),
            [{"u": 1, "t": 2, "v": m} for m in (SMALL, 1, BIG)],
        ),
        Case(
            q - b * q * (u + 1) / (u + 1 + v) + b * q,
            q + b * q * share(v, u + 1),
            [{"u": 1, "v": SMALL, "b": 1, "q": 1}],
        ),
    ],
    rules.opposing_fractions: [
        Case(
            t / u - (1 - t) / (1 - u),
            score(t, u),
            [{"u": mpf("0.3"), "t": mpf("0.3") + m} for m in (SMALL, -SMALL, mpf("0.2"))],
        ),
        Case(
            v + 3 * q * (1 - t) / (1 - u) - 3 * q * t / u,
            v - 3 * q * score(t, u),
            [{"u": mpf("0.3"), "t": mpf("0.3") + SMALL, "q": 1, "v": 0}],
        ),
        Case(
            t * Piecewise((0, u < v), (1 / u, True)) + (1 - t) * Piecewise((0, u > 1 - v), (-1 / (1 - u), True)),
            Piecewise(
                ((1 - t) * Piecewise((0, u > 1 - v), (-1 / (1 - u), True)), u < v),
                (t * Piecewise((0, u < v), (1 / u, True)), u > 1 - v),
                (score(t, u), True),
            ),
            [{"u": m, "t": mpf("0.3"), "v": mpf("0.1")} for m in (SMALL, mpf("0.3") + SMALL, 1 - SMALL)],
        ),
    ],
    rules.logarithms_over_mean: [
        Case(
            absorb(u, log(u / (u / 2 + v / 2))) + absorb(v, log(v / (u / 2 + v / 2))),
            entropy_gap(u, v),
            [{"u": m, "v": n} for m in (SMALL, 1) for n in (SMALL, 1 + SMALL)],
        ),
        Case(
            t + 3 * q * absorb(u, log(2 * u / (u + v))) + 3 * q * absorb(v, log(2 * v / (u + v))),
            t + 3 * q * entropy_gap(u, v),
            [{"u": SMALL, "v": 1, "q": 1, "t": 0}],
        ),
    ],
    rules.entropy_above_tangent: [
        Case(
            t * log(t) - t * log(u) - t + u,
            tangent_gap(t, u),
            [{"t": m, "u": n} for m in (SMALL, 3, BIG) for n in (SMALL, 3 + SMALL, 2)],
        ),
        Case(
            v + 3 * q * t * log(t) - 3 * q * absorb(t, log(u + p)) - 3 * q * t + 3 * q * u + 3 * q * p,
            v + 3 * q * tangent_gap(t, u + p),
            [{"t": 3, "u": 3 - SMALL, "p": 2 * SMALL, "q": 2, "v": 0}],
        ),
        Case(
            absorb(q, log(q)) - absorb(q, log(u + eps)) - q + u,
            tangent_gap(q, u + eps) - eps,
            [{"q": m, "u": mpf("0.3"), "eps": n} for m in (0, mpf("0.3")) for n in (SMALL, 1)],
        ),
    ],
    rules.exp_above_tangent: [
        Case(
            exp(u) - t * u + t * log(t) - t,
            exp_tangent_gap(t, u),
            [{"t": m, "u": n} for m in (SMALL, 3, BIG) for n in ANY] + [{"t": mp.exp(2), "u": 2 - SMALL}],
        ),
        Case(
            v - 3 * q * exp(u - p) + 3 * q * t * (u - p) - 3 * q * t * log(t) + 3 * q * t,
            v - 3 * q * exp_tangent_gap(t, u - p),
            [{"t": 3, "u": 2, "p": 1, "q": 2, "v": 0}],
        ),
    ],
    rules.terms_meet_in_select: [
        Case(
            u - t * log(u) + Piecewise((t * log(t) - t + v, t > 1), (0, True)),
            Piecewise((u - t * log(u) + t * log(t) - t + v, t > 1), (u - t * log(u), True)),
            [{"t": m, "u": n, "v": 2} for m in (SMALL, 1, BIG) for n in (SMALL, BIG + SMALL)],
        ),
        Case(
            v + exp(u) + Piecewise((q, t > 1), (-1, True)),
            Piecewise((v + exp(u) + q, t > 1), (v + exp(u) - 1, True)),
            [{"t": m, "u": SMALL, "v": 0, "q": 1} for m in (1, 2)],
        ),
    ],
    rules.softplus_from_log1p: [Case(log1p(exp(u)), softplus(u), only("u", ANY))],
    rules.power_of_positive_atom: [
        Case(sigmoid(u) ** t, exp(-t * softplus(-u)), [{"u": m, "t": n} for m in ANY for n in (0, mpf("0.5"), 2)])
    ],
    rules.power_times_argument: [
        Case(
            plain(Pow(-expm1(u), t - 1), u),
            -((-expm1(u)) ** t) * expm1_ratio(u),
            [{"u": m, "t": n} for m in (-BIG, -1, -SMALL) for n in (0, mpf("0.5"), 2)],
        ),
        Case(
            plain(v, Pow(-expm1(u), t - 2), -u),
            v * (-expm1(u)) ** (t - 1) * expm1_ratio(u),
            [{"u": -SMALL, "t": mpf("2.5"), "v": 3}],
        ),
    ],
    rules.power_times_expm1: [
        Case(
            plain(Pow(-expm1(u), t - 1), expm1(u)),
            -((-expm1(u)) ** t),
            [{"u": m, "t": mpf("0.5")} for m in (-BIG, -1, -SMALL)],
        ),
        Case(
            plain(v, Pow(-expm1(u), t), Pow(expm1(u), -2)), v * (-expm1(u)) ** (t - 2), [{"u": -SMALL, "t": 3, "v": 2}]
        ),
    ],
}

#: Nodes that look like a rule's own and are not: by the rule, with what is wrong about them.
NOT_FIRED: dict[Callable, dict[str, Expr]] = {
    rules.protect_zero_times_log: {
        "no target": v * log(p),
        "no prediction": q * log(t),
        "two logarithms": q * log(p) * log(u),
        "not a product": log(p),
    },
    rules.protect_zero_times_exp: {
        "no target": v * exp(u),
        "no prediction": q * exp(t),
        "two exponentials": plain(q, exp(p), exp(u)),
        "not a product": exp(u),
    },
    rules.xlogy_to_absorb: {"another atom": absorb(q, log(p))},
    rules.guard_complement_of_indicator: {
        "the indicator itself": x[c] * Delta(c, y),
        "another complement": x[c] * (2 - Delta(c, y)),
        "not a product": x[c] - Delta(c, y),
        "not an indicator": x[c] * (1 - z[c]),
    },
    rules.release_finite: {"infinite at 0": absorb(q, log(p)), "infinite in part": absorb(q, softplus(u) + 1 / p)},
    rules.canonical_index: {"already": Sum(x[c], c), "already, outside": Sum(x[c1] * Sum(x[c], c), c1)},
    rules.logsumexp_shift: {"all depends on the index": LogSumExp(x[c] + z[c], c), "a factor": LogSumExp(u * x[c], c)},
    rules.sum_of_exponentials: {"a weight": Sum(z[c] * exp(x[c]), c), "two terms": Sum(exp(x[c]) + 1, c)},
    rules.sum_of_guarded_exponentials: {
        "a weight": Sum(Piecewise((z[c] * exp(x[c]), Ne(c, y)), (0, True)), c),
        "not 0 elsewhere": Sum(Piecewise((exp(x[c]), Ne(c, y)), (1, True)), c),
        "three cases": Sum(Piecewise((exp(x[c]), Ne(c, y)), (0, z[c] > 0), (1, True)), c),
    },
    rules.select_at_once: {
        "by a number": u * Piecewise((x[k], x[k] > 0), (z[k], True)),
        "in a logarithm": log(Piecewise((x[k], Ne(k, y)), (1, True))),
        "no select": u * x[k],
    },
    rules.split_delta_terms: {
        "no indicator": Sum(z[c] * (u - x[c]), c),
        "of another index": Sum(z[c] * (Delta(k, y) - x[c]), c),
        "bound elsewhere": Sum(z[c1] * (1 - Sum(Delta(c, y) * x[c], c)), c1),
    },
    rules.collapse_delta: {
        "of another index": Sum(x[c] * Delta(k, y), c),
        "not a factor": Sum(x[c] + Delta(c, y), c),
        "in a condition": Sum(Piecewise((x[c], Eq(Delta(c, y), 0)), (0, True)), c),
        "in one of two cases": Sum(Piecewise((Delta(c, y), x[c] > 0), (x[c], True)), c),
    },
    rules.softmax_residual: {
        "weights only": exp(x[k] - LogSumExp(x[j], j)) * Sum(w[c], c) - w[k],
        "another entry": exp(x[k] - LogSumExp(x[j], j)) * Sum(z[c], c) - z[y],
        "other coefficient": exp(x[k] - LogSumExp(x[j], j)) * Sum(z[c], c) - 2 * z[k],
        "wrong sign": exp(x[k] - LogSumExp(x[j], j)) * Sum(z[c], c) + z[k],
    },
    rules.split_exponential: {
        "an item's numbers": Sum(z[c] * exp(x[c] + u - 2 * LogSumExp(x[j], j)), c),
        "nothing outside": Sum(z[c] * exp(x[c]), c),
    },
    rules.factor_out_of_sum: {
        "all depends on the index": Sum(x[c] * z[c], c),
        "a sum": Sum(x[c] + u, c),
        "not 0 elsewhere": Sum(Piecewise((u * x[c], Ne(c, y)), (1, True)), c),
        "a sum over the index of the free part": Sum(x[c] * Delta(c, y), c),
    },
    rules.sum_of_constant: {"depends on the index": Sum(x[c], c), "only in an indicator": Sum(Delta(c, y), c)},
    rules.reciprocal_of_one_plus_exp: {
        "2 + e^u": 1 / (2 + exp(u)),
        "1 − e^u": 1 / (1 - exp(u)),
        "squared": (1 + exp(u)) ** -2,
        "other sign": plain(exp(u), sigmoid(u)),
    },
    rules.merge_exponentials: {"one": u * exp(v), "a sum": exp(u) + exp(v)},
    rules.complement_of_atom: {
        "wrong sign": 1 + sigmoid(u),
        "wrong coefficient": 1 - 2 * sigmoid(u),
        "no complement": 1 - softplus(u),
        "other factor": t - v * sigmoid(u),
    },
    rules.sigmoid_difference: {
        "a sum": sigmoid(u) + sigmoid(-u),
        "other coefficient": sigmoid(u) - 2 * sigmoid(-u),
        "other argument": sigmoid(u) - sigmoid(-v),
        "other powers": sigmoid(u) ** 2 - sigmoid(-u) ** 2,
        "divided by": 1 / sigmoid(u) - 1 / sigmoid(-u),
    },
    rules.binary_selects_sign: {
        "not binary": q * softplus(u) + (1 - q) * softplus(-u),
        "same sign": b * softplus(u) + (1 - b) * softplus(u),
        "other coefficient": 2 * b * softplus(u) + (1 - b) * softplus(-u),
        "other function": b * softplus(u) + (1 - b) * sigmoid(-u),
        "not its complement": b * softplus(u) + (2 - b) * softplus(-u),
    },
    rules.softplus_difference: {
        "a sum": softplus(u) + softplus(-u),
        "other coefficient": softplus(u) - 2 * softplus(-u),
        "other argument": softplus(u) - softplus(-v),
    },
    rules.exp_difference: {"a sum": exp(u) + 1, "other coefficient": exp(u) - 2, "other factor": t * exp(u) - v},
    rules.log_of_product: {
        "nothing known": log(plain(softplus(u), v)),
        "no log form": log(softplus(u)),
        "no atom": log(u),
        "a sum": log(exp(u) + 2),
    },
    rules.log_of_two_exponentials: {
        "a difference": log(exp(u) - exp(-u)),
        "other coefficient": log(2 * exp(u) + exp(-u)),
        "three": log(exp(u) + exp(v) + exp(-u)),
        "a weight": log(t * exp(u) + t * exp(-u)),
    },
    rules.log_one_plus: {"2 + u": log(2 + u), "a product": log(2 * u)},
    rules.log_one_plus_square: {
        "a cube": log1p(v**3),
        "negative": log1p(-(v**2)),
        "another factor": log1p(t * v**2),
        "a number": log1p(Integer(4)),
    },
    rules.log_difference: {
        "a sum": log1p(u) + log1p(v),
        "other coefficient": log1p(u) - 2 * log1p(v),
        "other factor": t * log1p(u) - q * log1p(v),
    },
    rules.relative_error: {
        "another difference": Abs(u - t) / Abs(v),
        "a sum": Abs(u + 2 * v) / Abs(v),
        "no size": Abs(u - v) / v,
        "squared": Abs(u - v) / Abs(v) ** 2,
    },
    rules.one_minus_quotient: {
        "another term above": 1 - (u + t) / (u + v),
        "all terms": 2 - 3 * (u + t) / (2 * (u + t)),
        "a sum": 1 + (u + t) / (u + t + v),
        "other coefficient": 1 - 2 * (u + t) / (u + t + v),
        "squared": 1 - (u + t) / (u + t + v) ** 2,
    },
    rules.opposing_fractions: {
        "a sum": t / u + (1 - t) / (1 - u),
        "other coefficient": t / u - 2 * (1 - t) / (1 - u),
        "not the complement": t / u - (2 - t) / (1 - u),
        "another divisor": t / u - (1 - t) / (1 - v),
        "protected": absorb(t, 1 / u) - (1 - t) / (1 - u),
        "a condition that switches to 1": t * Piecewise((1, u < v), (1 / u, True)) - (1 - t) / (1 - u),
    },
    rules.logarithms_over_mean: {
        "another mean": absorb(u, log(u / (u / 2 + v / 2))) + absorb(v, log(v / (u / 2 + t / 2))),
        "other coefficient": absorb(u, log(2 * u / (u + v))) + 2 * absorb(v, log(2 * v / (u + v))),
        "one of the two": absorb(u, log(2 * u / (u + v))) + absorb(t, log(2 * v / (u + v))),
        "a difference": absorb(u, log(2 * u / (u + v))) - absorb(v, log(2 * v / (u + v))),
    },
    rules.entropy_above_tangent: {
        "another amount": t * log(t) - t * log(u) - v + u,
        "another mean": t * log(t) - t * log(u) - t + v,
        "other coefficient": t * log(t) - 2 * t * log(u) - t + u,
        "a sum": t * log(t) + t * log(u) - t + u,
        "a prediction is missing": t * log(t) - t * log(u + v) - t + u,
        "only a setting beside it": t * log(t) - t * log(u + eps) - t + eps,
        "not its own logarithm": t * log(v) - t * log(u) - t + u,
    },
    rules.exp_above_tangent: {
        "another argument": exp(u) - t * v + t * log(t) - t,
        "other coefficient": 2 * exp(u) - t * u + t * log(t) - t,
        "a sum": exp(u) + t * u + t * log(t) - t,
        "no tangent": exp(u) - t * u + t * log(t),
        "not its own logarithm": exp(u) - t * u + t * log(v) - t,
    },
    rules.terms_meet_in_select: {
        "nothing cancels": u - t * log(u) + Piecewise((t * log(v) - t, t > 1), (0, True)),
        "a product": exp(u) * Piecewise((-1, t > 1), (0, True)),
        "a factor": exp(u) + v * Piecewise((-1, t > 1), (0, True)),
        "no select": exp(u) + v,
    },
    rules.softplus_from_log1p: {"negative": log1p(-exp(u)), "a multiple": log1p(2 * exp(u))},
    rules.power_of_positive_atom: {
        "integer exponent": sigmoid(u) ** 3,
        "no atom": u**t,
        "may be negative": expm1(u) ** t,
    },
    rules.power_times_argument: {
        "other argument": plain(Pow(-expm1(u), t - 1), v),
        "no negative constant": plain(Pow(-expm1(u), t), u),
        "other base": plain(Pow(expm1(u), t - 1), u),
    },
    rules.power_times_expm1: {
        "other argument": plain(Pow(-expm1(u), t), expm1(v)),
        "fractional": plain(Pow(-expm1(u), t), Pow(expm1(u), v)),
    },
}


def pairs(table):
    return [
        pytest.param(rule, case, id=f"{rule.__name__}-{n}")
        for rule, found in table.items()
        for n, case in (found.items() if isinstance(found, dict) else enumerate(found))
    ]


def check(case: Case, after: Expr) -> None:
    """Both are the same number; 1 − σ(800) is left with 50 digits of a thousand."""
    with mp.workdps(1000):
        for point in case.points:
            expected = exact(case.before, point)
            assert abs(exact(after, point) - expected) <= mpf(10) ** -40 * abs(expected), point


def test_every_rule_has_cases_of_both_kinds():
    for rule in (*PROTECTION, *STABLE):
        assert CASES.get(rule) or length_cases.CASES.get(rule), f"{rule.__name__} has no case"
        assert NOT_FIRED.get(rule) or length_cases.NOT_FIRED.get(rule), (
            f"{rule.__name__} has no case in which it must not fire"
        )
        assert rule.__doc__
    assert {*CASES, *length_cases.CASES} == {*NOT_FIRED, *length_cases.NOT_FIRED} == {*PROTECTION, *STABLE}


@pytest.mark.parametrize("rule, case", pairs(CASES))
def test_it_gives_this_form(rule, case):
    assert rule(case.before) == case.after


@pytest.mark.parametrize("rule, case", pairs(CASES))
def test_both_forms_are_the_same_number(rule, case):
    check(case, case.after)


@pytest.mark.parametrize("at", [0, 1, 3])
def test_both_forms_are_the_same_at_every_position(at):
    """The cases whose nodes depend on the position of an enclosing sum or of a gradient's entry."""
    for rule, found in CASES.items():
        for case in found:
            if not case.points:
                positions = {c: at, k: at}
                assert abs(exact(case.before, ROW, positions) - exact(case.after, ROW, positions)) < mpf(10) ** -40, (
                    rule.__name__
                )


@pytest.mark.parametrize("rule, node", pairs(NOT_FIRED))
def test_it_leaves_this_alone(rule, node):
    assert rule(node) in (None, node)


@pytest.mark.parametrize("rule, case", pairs(CASES))
def test_rules_come_to_an_end_and_all_together_are_the_same_number(rule, case):
    rewriter = Rewriter(STABLE)
    result = rewriter(case.before)
    assert rewriter(result) == result
    check(case, result)


def test_the_trace_names_the_rules_that_fired():
    rewriter = Rewriter(STABLE)
    assert rewriter(log(1 / (1 + exp(-u)))) == -softplus(-u)
    assert [name for name, _, _ in rewriter.trace.steps] == ["reciprocal_of_one_plus_exp", "log_of_product"]


@pytest.mark.parametrize("row", [ROW, {**ROW, "z": [0, 0, 1, 0], "x": [0, -3, 800, 1]}])
def test_softmax_residual_is_the_same_number_at_every_entry(row):
    (case,) = CASES[rules.softmax_residual]
    with mp.workdps(1000):
        for entry in range(4):
            before, after = (exact(side.xreplace({k: y}), {**row, "y": entry}) for side in (case.before, case.after))
            assert abs(after - before) <= mpf(10) ** -40 * abs(before)
