"""Atoms for shares of a whole and for the score of a probability, which lose digits as differences. The rules find them."""

from sympy import Expr

from .atoms import absorb
from .differences import Plain


class share(Plain):
    """x / (x + y), for x + y ≠ 0: 1 − y/(x + y) without the difference. Its slopes are of one term each."""

    nargs = 2

    def definition(self) -> Expr:
        x, y = self.args
        return x / (x + y)

    def fdiff(self, argindex: int = 1) -> Expr:
        x, y = self.args
        return y / (x + y) ** 2 if argindex == 1 else -x / (x + y) ** 2


class score(Plain):
    """q/p − (1 − q)/(1 − p), for 0 < p < 1: the slope of q·log p + (1 − q)·log(1 − p) in p."""

    nargs = 2

    def definition(self) -> Expr:
        q, p = self.args
        return q / p - (1 - q) / (1 - p)

    def fdiff(self, argindex: int = 1) -> Expr:
        q, p = self.args
        return 1 / (p * (1 - p)) if argindex == 1 else -absorb(q, p**-2) - absorb(1 - q, (1 - p) ** -2)
