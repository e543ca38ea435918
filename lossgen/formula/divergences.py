"""Atoms for divergences of distributions that lose their digits near equality. The rules find them."""

from sympy import Expr, Integer, Piecewise, exp, log

from .atoms import absorb
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
        return absorb(b, 1 / (a * (a + b))) if argindex == 1 else -1 / (a + b)


class tangent_gap(Plain):
    """t·log(t/a) − t + a, for t ≥ 0 and a > 0: how far x·log x at t lies above its tangent at a."""

    nargs = 2
    is_nonnegative = True

    @classmethod
    def eval(cls, t: Expr, a: Expr) -> Expr | None:
        return Integer(0) if t == a else None

    def definition(self) -> Expr:
        t, a = self.args
        return Piecewise((t * log(t / a) - t + a, t > 0), (a, True))

    def fdiff(self, argindex: int = 1) -> Expr:
        t, a = self.args
        return log_ratio(t, a) if argindex == 1 else 1 - absorb(t, 1 / a)


class exp_tangent_gap(Plain):
    """e^x − t − t·(x − log t), for t > 0: how far e^x lies above its tangent at log t."""

    nargs = 2
    is_nonnegative = True

    def definition(self) -> Expr:
        t, x = self.args
        return exp(x) - t - t * (x - log(t))

    def fdiff(self, argindex: int = 1) -> Expr:
        t, x = self.args
        return -less_log(x, t) if argindex == 1 else exp(x) - t


class less_log(Plain):
    """x − log t, for t > 0: with what a rounded logarithm has lost, where both are nearly equal."""

    nargs = 2

    def definition(self) -> Expr:
        x, t = self.args
        return x - log(t)

    def fdiff(self, argindex: int = 1) -> Expr:
        return Integer(1) if argindex == 1 else -1 / self.args[1]


class log_ratio(Plain):
    """log(a/b), for a, b > 0."""

    nargs = 2

    @classmethod
    def eval(cls, a: Expr, b: Expr) -> Expr | None:
        return Integer(0) if a == b else None

    def definition(self) -> Expr:
        a, b = self.args
        return log(a / b)

    def fdiff(self, argindex: int = 1) -> Expr:
        return (3 - 2 * argindex) / self.args[argindex - 1]
