"""Parts of a formula under names of their own."""

from typing import Self

from sympy import Expr, Symbol


class Named(Expr):
    """A part of a formula under a name of its own, at positions where it depends on them."""

    is_commutative = True
    is_real = True
    is_extended_real = True

    def __new__(cls, name: Symbol, *positions: Expr) -> Self:
        return Expr.__new__(cls, name, *positions)


class NamedPositive(Named):
    """The same for a part that is above 0."""

    is_positive = True
