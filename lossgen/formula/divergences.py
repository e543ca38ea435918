"""Atoms for divergences of distributions that lose their digits near equality. The rules find them."""

from sympy import Abs, Expr, Integer, Piecewise, log

from .atoms import absorb, log1p
from .differences import Plain


class entropy_gap(Plain):
    """a·log(2a/(a + b)) + b·log(2b/(a + b)), for a, b ≥ 0: how far x·log x at the mean lies below the mean of x·log x, twice."""

    nargs = 2
    is_nonnegative = True

    @classmethod
    def eval(cls, a: Expr, b: Expr) -> Expr | None:
        if a == b:
            return Integer(0)
        return cls(b, a) if a.sort_key() > b.sort_key() else None

    def definition(self) -> Expr:
        a, b = self.args
        total = a + b
        return Piecewise((a * log(2 * a / total), a > 0), (0, True)) + Piecewise(
            (b * log(2 * b / total), b > 0), (0, True)
        )

    def fdiff(self, argindex: int = 1) -> Expr:
        return log_over_mean(self.args[argindex - 1], self.args[2 - argindex])

    def expand_for_kernel(self) -> Expr:
        """(a + b)/2·(2δ·artanh δ + log1p(−δ²)) with δ = |a − b|/(a + b) near a = b, where the terms would cancel; else as it stands."""
        a, b = self.args
        total, gap = a + b, Abs(a - b)
        share = gap / total
        near = (share * log1p(2 * share / (1 - share)) + log1p(-(share**2))) * total / 2
        far = absorb(a, log(2 * a / total)) + absorb(b, log(2 * b / total))
        return Piecewise((near, 2 * gap < total), (far, True))


class log_over_mean(Plain):
    """log(2a/(a + b)), for a, b ≥ 0; log 2 where both are 0, as along b = 0."""

    nargs = 2

    @classmethod
    def eval(cls, a: Expr, b: Expr) -> Expr | None:
        return Integer(0) if a == b else None

    def definition(self) -> Expr:
        a, b = self.args
        return Piecewise((log(2 * a / (a + b)), a + b > 0), (log(2), True))

    def fdiff(self, argindex: int = 1) -> Expr:
        a, b = self.args
        return b / (a * (a + b)) if argindex == 1 else -1 / (a + b)

    def expand_for_kernel(self) -> Expr:
        """log1p((a − b)/(a + b)) near a = b, else as it stands."""
        a, b = self.args
        total, gap = a + b, a - b
        return Piecewise((log1p(gap / total), 2 * Abs(gap) < total), (log(2 * a / total), total > 0), (log(2), True))
