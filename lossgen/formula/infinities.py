"""What becomes of a value that may be infinite, such as the loss of a labelling that no alignment has."""

from sympy import Expr, Integer

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


#: What an author may call, by name.
INFINITIES: dict[str, type[Atom]] = {cls.__name__: cls for cls in (is_finite, zero_if_infinite)}
