"""Lowers the difference of an entry and its mean under a softmax so that it keeps its digits in a confident row."""

from collections.abc import Callable, Iterator

from sympy import Add, Eq, Expr, Integer, Mul, Piecewise, exp, oo, true
from sympy.logic.boolalg import Boolean

from lossgen.formula.nodes import Entry, LogSumExp, Max, Sum

from .functions import group, reciprocal_or_zero, where_equal

ZERO, ONE = Integer(0), Integer(1)


def centred(node: Add, expand: Callable[[Expr], Expr]) -> Expr | None:
    """k·g(i) − k·Σ_c p_c·g(c) = k·(g(i) − μ) − k·Σ_c p_c·(g(c) − μ), with p = softmax f and μ = g where f is largest.

    In a confident row the mean is nearly g at the largest entry, and g − Σ p·g would cancel there; this way what is left
    of it is a sum of small terms. Where several entries are largest μ is their mean. Any μ is right, only that
    digits are lost where it is not g at the largest: 0 where none is the largest, computed once more.
    A condition may leave entries out of the softmax, and out of the mean.
    """
    for term in node.args:
        for total in (f for f in Mul.make_args(term) if isinstance(f, Sum)):
            parts = _mean(total)
            if parts is None:
                continue
            share, g, lse, condition = parts
            k = Mul(*(f for f in Mul.make_args(term) if f is not total))
            for i in _positions(node):
                own = Mul(-1, *Mul.make_args(k), g.xreplace({total.index: i}))
                if own in node.args:
                    rest = Add(*(t for t in node.args if t not in (term, own)))
                    own_g, g = expand(g.xreplace({total.index: i})), expand(g)
                    centre = _at_largest(g, total, lse, condition, expand)
                    mean = Sum(_where(condition, expand(share) * group(g - centre)), total.index)
                    difference = group(own_g - centre) - mean
                    return Add(Mul(-1, expand(k), difference), *([expand(rest)] if rest != 0 else []))
    return None


def _mean(total: Sum) -> tuple[Expr, Expr, LogSumExp, Boolean] | None:
    """Of Σ_c e^(f(c) − LSE f)·g(c): the softmax, g, the log-sum-exp, and the condition that leaves entries out of both."""
    body, condition = _guarded(total.body)
    for share in (factor for factor in Mul.make_args(body) if isinstance(factor, exp)):
        g = Mul(*(factor for factor in Mul.make_args(body) if factor is not share))
        for lse in share.atoms(LogSumExp):
            f, only = _guarded(lse.body.xreplace({lse.index: total.index}))
            if g != 1 and only == condition and share.args[0] == f - lse:
                return share, g, lse, condition
    return None


def _guarded(body: Expr) -> tuple[Expr, Boolean]:
    """What is summed, or taken the exponential of, and the condition without which it is nothing."""
    if isinstance(body, Piecewise) and len(body.args) == 2 and body.args[1].expr in (0, -oo):
        return body.args[0].expr, body.args[0].cond
    return body, true


def _where(condition: Boolean, value: Expr) -> Expr:
    """The value where the condition holds, else 0."""
    return value if condition == true else Piecewise((value, condition), (ZERO, True))


def _at_largest(g: Expr, total: Sum, lse: LogSumExp, condition: Boolean, expand: Callable[[Expr], Expr]) -> Expr:
    """The entry of g where f is largest: the mean of those, where several are. What is left out of f may exceed it."""
    largest = Max(expand(lse.body), lse.index)
    f, _ = _guarded(lse.body.xreplace({lse.index: total.index}))
    f = expand(f)

    def attained(x: Expr) -> Expr:
        if condition == true:
            return Piecewise((x, Eq(f, largest)), (ZERO, True))
        return _where(condition, where_equal(x, f, largest))

    there, count = Sum(attained(g), total.index), Sum(attained(ONE), total.index)
    return there * reciprocal_or_zero(count)


def _positions(node: Add) -> Iterator[Expr]:
    """Where the node reads entries outside its sums."""
    yield from sorted({e.index for t in node.args for f in Mul.make_args(t) for e in f.atoms(Entry)}, key=str)
