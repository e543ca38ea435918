"""What becomes of a value that may be infinite, such as the loss of a labelling that no alignment has."""

from sympy import Expr, Integer
from sympy.core.function import ArgumentIndexError

from .atoms import Atom


class is_finite(Atom):
    """1 where x is finite, 0 where it is infinite."""

    nargs = 1

    def definition(self) -> Expr:
        return self

    def fdiff(self, argindex: int = 1) -> Expr:
        return Integer(0)


class zero_if_infinite(Atom):
    """x, and 0 where x is infinite: its derivative is then 0, too."""

    nargs = 1

    def definition(self) -> Expr:
        return self

    def fdiff(self, argindex: int = 1) -> Expr:
        return is_finite(self.args[0])


class infinite_with(Atom):
    """u where x is finite, and ∞, which nothing moves, where x is infinite: what is ruled out is infinitely far away."""

    nargs = 2

    def definition(self) -> Expr:
        return self

    def fdiff(self, argindex: int = 1) -> Expr:
        if argindex not in (1, 2):
            raise ArgumentIndexError(self, argindex)
        return is_finite(self.args[0]) if argindex == 2 else Integer(0)


#: What an author may call, by name.
INFINITIES: dict[str, type[Atom]] = {cls.__name__: cls for cls in (infinite_with, is_finite, zero_if_infinite)}
