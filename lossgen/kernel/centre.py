"""Lowers the difference of an entry and its mean under a softmax so that it keeps its digits in a confident row."""

from collections.abc import Callable, Iterator

from sympy import Add, Eq, Expr, Integer, Mul, Piecewise, exp

from lossgen.formula import Index
from lossgen.formula.nodes import Entry, LogSumExp, Max, Sum

from .functions import group, reciprocal_or_zero

ZERO, ONE = Integer(0), Integer(1)


def centred(node: Add, expand: Callable[[Expr], Expr]) -> Expr | None:
    """k·g(i) − k·Σ_c p_c·g(c) = k·(g(i) − μ) − k·Σ_c p_c·(g(c) − μ), with p = softmax f and μ = g where f is largest.

    In a confident row the mean is nearly g at the largest entry, and g − Σ p·g would cancel there; this way what is left
    of it is a sum of small terms. Where several entries are largest μ is their mean. Any μ is right, only that
    digits are lost where it is not g at the largest: 0 where none is the largest, computed once more.
    """
    for term in node.args:
        for total in (f for f in Mul.make_args(term) if isinstance(f, Sum)):
            parts = _mean(total)
            if parts is None:
                continue
            share, g, lse = parts
            k = Mul(*(f for f in Mul.make_args(term) if f is not total))
            for i in _positions(node):
                own = Mul(-1, *Mul.make_args(k), g.xreplace({total.index: i}))
                if own in node.args:
                    rest = Add(*(t for t in node.args if t not in (term, own)))
                    own_g, g = expand(g.xreplace({total.index: i})), expand(g)
                    centre = _at_largest(g, total, lse, expand)
                    mean = Sum(expand(share) * group(g - centre), total.index)
                    difference = group(own_g - centre) - mean
                    return Add(Mul(-1, expand(k), difference), *([expand(rest)] if rest != 0 else []))
    return None


def _mean(total: Sum) -> tuple[Expr, Expr, LogSumExp] | None:
    """Of Σ_c e^(f(c) − LSE f)·g(c): the softmax, g and the log-sum-exp."""
    for share in (factor for factor in Mul.make_args(total.body) if isinstance(factor, exp)):
        g = Mul(*(factor for factor in Mul.make_args(total.body) if factor is not share))
        if any(isinstance(s, Index) and s != total.index for s in g.free_symbols):
            continue  # a mean that differs from entry to entry of another axis has no largest entry of its own
        for lse in share.atoms(LogSumExp):
            if g != 1 and share.args[0] == lse.body.xreplace({lse.index: total.index}) - lse:
                return share, g, lse
    return None


def _at_largest(g: Expr, total: Sum, lse: LogSumExp, expand: Callable[[Expr], Expr]) -> Expr:
    """The entry of g where f is largest: the mean of those, where several are."""
    f = expand(lse.body)
    attains = Eq(f.xreplace({lse.index: total.index}), Max(f, lse.index))
    there, count = (Sum(Piecewise((x, attains), (ZERO, True)), total.index) for x in (g, ONE))
    return there * reciprocal_or_zero(count)


def _positions(node: Add) -> Iterator[Expr]:
    """Where the node reads entries outside its sums."""
    yield from sorted({e.index for t in node.args for f in Mul.make_args(t) for e in f.atoms(Entry)}, key=str)
