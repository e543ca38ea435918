"""Lowers what cancels between like expressions of two vectors f and g, or where one entry is nearly all of a vector.

A change a(f) − a(g) is taken apart as a derivative is: Δ(u·v) = Δu·v(f) + u(g)·Δv, down to the entries, of which f(d) − g(d)
is the difference of two inputs. Lengths that differ by a factor of 2 or more are subtracted as they are.
"""

from sympy import Abs, Add, Eq, Expr, Integer, Mul, Piecewise, Pow, sign
from sympy.core.function import Function

from lossgen.formula.lengths import Norm, PowerNorm, abs_power, length_difference, ratio, repeated_factors, signed_power
from lossgen.formula.likes import (
    change,
    exchanged,
    facing,
    others_share,
    position_of,
    power_of,
    slope_of_norm,
    tangent_part,
)
from lossgen.formula.nodes import Max, Sum

from .functions import (
    abs_difference,
    abs_power_difference,
    group,
    multiple,
    positive_part,
    reciprocal_or_zero,
    root_difference,
    signed_power_difference,
    up_to_half,
    where_equal,
    where_near,
)
from .lengths import PlainNorm

ZERO, ONE = Integer(0), Integer(1)


class NormPair:
    """Two norms of one kind, ‖f‖ and ‖g‖, over one axis.

    What f and g have in common where g is largest is gone from f − (1 + c)·g: c is (f − g)/g there (the mean of those, where
    several are largest), 0 where that is ½ or more. The directions of g and of (1 + c)·g are the same.
    """

    def __init__(self, first: Expr, second: Expr) -> None:
        self.first, self.index = first, first.index
        self.second = second.func(second.body.xreplace({second.index: first.index}), first.index)
        self.f, self.g = _entry(self.first), _entry(self.second)
        self.g *= facing(self.f, self.g)
        self.p = power_of(first)

    def scale(self) -> Expr:
        """c, for what is left of f − g; 0 where digits to spare make up for it."""
        if isinstance(self.first, PlainNorm):
            return ZERO
        largest = Max(Abs(self.g), self.index)
        there = Sum(where_equal((self.f - self.g) * sign(self.g), Abs(self.g), largest), self.index)
        count = Sum(where_equal(ONE, Abs(self.g), largest), self.index)
        return up_to_half(multiple(there, reciprocal_or_zero(count * largest)))

    def _scaled(self, x: Expr) -> Expr:
        """(1 + c)·x."""
        return x if self.scale() == 0 else multiple(group(1 + self.scale()), x)

    def rest(self) -> Expr:
        """‖f‖ − (1 + c)·‖g‖."""
        left, g, second = (
            group(self.f - self.g) - self.scale() * self.g,
            self._scaled(self.g),
            self._scaled(self.second),
        )
        if isinstance(self.first, Norm):
            return Sum(group(left) * multiple(group(self.f) + g, reciprocal_or_zero(self.first + second)), self.index)
        inverse = reciprocal_or_zero(positive_part(Max(Abs(self.f), self.index)))
        f, g, left = (multiple(part, inverse) for part in (self.f, g, group(left)))
        total = Sum(abs_power_difference(f, g, left, self.p), self.index)
        share = multiple(total, reciprocal_or_zero(Sum(abs_power(f, self.p), self.index)))
        return root_difference(share, self.first, second, self.p)

    def difference(self) -> Expr:
        """‖f‖ − ‖g‖, for lengths that do not differ much."""
        return self.rest() + self.scale() * self.second

    def of_directions(self, f: ratio, g: ratio) -> Expr:
        """f(k)/‖f‖ − g(k)/‖g‖ = (f(k) − (1 + c)·g(k) − g(k)/‖g‖·(‖f‖ − (1 + c)·‖g‖))/‖f‖."""
        left = group(f.args[0] - g.args[0]) - self.scale() * g.args[0]
        return multiple(group(group(left) - g * self.rest()), reciprocal_or_zero(self.first))


class Change:
    """What an expression changes by where it reads arguments in place of others."""

    def __init__(self, swap: dict) -> None:
        self.swap = swap

    def other(self, node: Expr) -> Expr:
        return node.xreplace(self.swap)

    def __call__(self, node: Expr) -> Expr:
        """The node minus the same of the other arguments."""
        if not node.has(*self.swap):
            return ZERO
        if isinstance(node, Add):
            return Add(*map(self, node.args))
        if isinstance(node, Mul | Pow) and len(repeated_factors(node)) > 1:
            return self._of_product(node)
        if isinstance(node, Sum):
            return Sum(self(node.body), node.index)
        if isinstance(node, Norm | PowerNorm):
            return NormPair(node, self.other(node)).difference()
        if isinstance(node, ratio) and isinstance(node.args[1], Norm | PowerNorm):
            return self._of_ratio(node)
        if isinstance(node, abs_power | signed_power | others_share) and isinstance(node.args[0], ratio):
            return self._of_power(node)
        return self._of_tangent_part(node) if isinstance(node, tangent_part) else node - self.other(node)

    def _of_product(self, node: Expr) -> Expr:
        """Σ u(g)·Δv·w(f), the factors before v at g, those after it at f."""
        factors = repeated_factors(node)
        return Add(
            *(
                Mul(*map(self.other, factors[:n]), group(self(factor)), *factors[n + 1 :])
                for n, factor in enumerate(factors)
                if factor.has(*self.swap)
            )
        )

    def _of_ratio(self, node: ratio) -> Expr:
        """Of an entry of a unit vector; 1/‖f‖ − 1/‖g‖ = −(‖f‖ − ‖g‖)/(‖f‖·‖g‖)."""
        above, norm = node.args
        pair = NormPair(norm, self.other(norm))
        if above.has(*self.swap):
            other = ratio(self.other(above), pair.second, evaluate=False)
            return pair.of_directions(node, other) if position_of(node) else node - other
        return -multiple(pair.difference(), ratio(above, norm), ratio(ONE, pair.second))

    def _of_power(self, node: Function) -> Expr:
        x, p = node.args
        other, gap = self.other(x), self(x)
        if isinstance(node, others_share) and p == 2:
            return -gap * group(x + other)
        size = (signed_power_difference if isinstance(node, signed_power) else abs_power_difference)(x, other, gap, p)
        return -size if isinstance(node, others_share) else size

    def _of_tangent_part(self, node: tangent_part) -> Expr:
        """Δ(u − x·Σ u·y) = tangent part of Δu − Δx·Σ u(g)·y(f) − x(g)·Σ u(g)·Δy, for the norm's slope y."""
        u, x, total = node.args
        at, other = position_of(x), self.other(u)
        slope = slope_of_norm(x)
        found = []
        for factor, slopes in ((self(x), slope), (self.other(x), self(slope))):
            found.append(-factor * Sum((other * group(slopes)).xreplace({at: total.index}), total.index))
        if gap := self(u):
            inner = Sum((group(gap) * slope).xreplace({at: total.index}), total.index)
            found.append(tangent_part(group(gap), x, inner))
        return Add(*found)


def change_of_likes(node: change) -> Expr:
    """What the first expression changes by, where the lengths in it are near those of the other."""
    a, b = node.args
    swap = exchanged(a, b)
    norms = sorted((n for n in a.atoms(Norm, PowerNorm) if n.has(*swap)), key=str)
    near = Change(swap)(a)
    for norm in norms:
        near = where_near(near, a - b, norm, norm.xreplace(swap))
    return near


def share_of_others(node: others_share) -> Expr:
    """1 − |x(k)|^p, and where |f(k)| is the largest Σ_d |x(d)|^p over the others, those as large among them."""
    x, p = node.args
    at, index = position_of(x), x.args[1].index
    size, own = Abs(x.args[0]), x**2 if p == 2 else abs_power(x, p)
    largest = Max(size.xreplace({at: index}), index)

    def over_all(part: Expr) -> Expr:
        return Sum(part.xreplace({at: index}), index)

    others = over_all(own - where_equal(own, size, largest))
    as_large = (over_all(where_equal(ONE, size, largest)) - 1) * own
    return Piecewise((others + as_large, Eq(size, largest)), (1 - own, True))


def from_largest(node: tangent_part) -> Expr:
    """u − x·Σ u·y = (u − c·x) − x·Σ (u − c·x)·y, for the norm's slope y, since Σ x·y = 1: with c = u/x where |x| is largest.

    There u and x·Σ u·y nearly agree where that entry is nearly all of the vector. Where several are largest c is their mean.
    """
    u, x, total = node.args
    at, norm = position_of(x), x.args[1]
    size, slope = Abs(x.args[0]), slope_of_norm(x)
    largest = Max(size.xreplace({at: norm.index}), norm.index)

    def over_all(part: Expr) -> Expr:
        return Sum(part.xreplace({at: norm.index}), norm.index)

    there = over_all(where_equal(u * sign(x.args[0]), size, largest))
    count = over_all(where_equal(ONE, size, largest))
    centre = multiple(there, reciprocal_or_zero(count * largest), norm)
    left = group(u - centre * x)
    return left - x * Sum((left * slope).xreplace({at: total.index}), total.index)


def difference_of_lengths(node: length_difference) -> Expr:
    """‖f‖ − ‖g‖ from f − g: what entries have in common cancels before anything is rounded.

    ‖·‖     Σ_d (f(d) − g(d))·((f(d) + g(d))/(‖f‖ + ‖g‖))
    ‖·‖_p   from the differences of powers |f(d)|^p − |g(d)|^p, where the lengths are near each other
    p = 1   Σ_d (|f(d)| − |g(d)|)
    p = ∞   max_d ((|f(d)| − |g(d)|) + (|g(d)| − max |g|)), where the second is 0 if both are largest at one position
    """
    first, second = node.args
    pair = NormPair(first, second)
    f, g, index = pair.f, pair.g, pair.index
    if isinstance(first, Norm):
        share = multiple(group(f) + group(g), reciprocal_or_zero(first + second))
        return Sum((f - g) * share, index)
    if isinstance(first, PowerNorm):
        return where_near(pair.difference(), first - second, first, second)
    gap = abs_difference(f - g, group(f) + group(g))
    return Sum(gap, index) if isinstance(first, Sum) else Max(gap + group(Abs(g) - Max(Abs(g), index)), index)


def _entry(norm: Expr) -> Expr:
    return norm.entry if isinstance(norm, PowerNorm) else norm.body.args[0] if isinstance(norm.body, Abs) else norm.body


#: How each kind of node is lowered, as in `lengths`.
FORMS = {
    change: change_of_likes,
    others_share: share_of_others,
    tangent_part: from_largest,
    length_difference: difference_of_lengths,
}
