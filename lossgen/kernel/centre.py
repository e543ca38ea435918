"""Lowers the difference of an entry and its mean under a softmax so that it keeps its digits in a confident row."""

from collections.abc import Callable, Iterator

from sympy import Add, Eq, Expr, Integer, Mul, Piecewise, exp

from lossgen.formula.nodes import Entry, LogSumExp, Max, Sum

from .functions import group

ZERO, ONE = Integer(0), Integer(1)


def centred(node: Add, expand: Callable[[Expr], Expr]) -> Expr | None:
    """k·g(i) − k·Σ_c p_c·g(c) = k·(g(i) − μ) − k·Σ_c p_c·(g(c) − μ), with p = softmax f and μ = g where f is largest.

    In a confident row the mean is nearly g at the largest entry, and g − Σ p·g would cancel there; this way what is left
    of it is a sum of small terms. Where several entries are largest μ is their mean. The entries of f are those of an array:
    what is computed need not be the same number twice.
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
                    centre = _at_largest(g, total, lse)
                    mean = Sum(expand(share) * group(g - centre), total.index)
                    difference = group(g.xreplace({total.index: i}) - centre) - mean
                    return Add(Mul(-1, expand(k), difference), *([expand(rest)] if rest != 0 else []))
    return None


def _mean(total: Sum) -> tuple[Expr, Expr, LogSumExp] | None:
    """Of Σ_c e^(f(c) − LSE f)·g(c): the softmax, g and the log-sum-exp, where f and g are entries of arrays."""
    if not isinstance(total.body, Mul) or len(total.body.args) != 2:
        return None
    share, g = sorted(total.body.args, key=lambda factor: not isinstance(factor, exp))
    found = [a for a in share.atoms(LogSumExp) if isinstance(a.body, Entry)]
    if not isinstance(share, exp) or not isinstance(g, Entry) or len(found) != 1:
        return None
    (lse,) = found
    is_softmax = share.args[0] == lse.body.xreplace({lse.index: total.index}) - lse
    return (share, g, lse) if is_softmax else None


def _at_largest(g: Expr, total: Sum, lse: LogSumExp) -> Expr:
    """The entry of g where f is largest: the mean of those, where several are."""
    attains = Eq(lse.body.xreplace({lse.index: total.index}), Max(lse.body, lse.index))
    return Sum(Piecewise((g, attains), (ZERO, True)), total.index) / Sum(
        Piecewise((ONE, attains), (ZERO, True)), total.index
    )


def _positions(node: Add) -> Iterator[Expr]:
    """Where the node reads entries outside its sums."""
    yield from sorted({e.index for t in node.args for f in Mul.make_args(t) for e in f.atoms(Entry)}, key=str)
