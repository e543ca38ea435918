"""Atoms for differences that lose digits, and for 1 + x² that leaves the range. The rules find them; authors write what they stand for."""

from sympy import Abs, Expr, Integer, Min, Piecewise, log, sign

from .atoms import Atom, log1p

#: Where 1 + x² is x² in double precision, and x² does not leave the range in single precision.
HUGE = Integer(10) ** 9


class Plain(Atom):
    """An atom that is printed as the formula it stands for."""

    def _latex(self, printer, exp=None) -> str:
        base = rf"\left({printer.doprint(self.definition())}\right)"
        return base if exp is None else rf"{base}^{{{exp}}}"


class log1p_square(Plain):
    """log(1 + x²), the same node for x and −x."""

    nargs = 1
    is_nonnegative = True

    @classmethod
    def eval(cls, x: Expr) -> Expr | None:
        return Integer(0) if x.is_zero else cls(-x) if x.could_extract_minus_sign() else None

    def definition(self) -> Expr:
        return log(1 + self.args[0] ** 2)

    def fdiff(self, argindex: int = 1) -> Expr:
        return 2 * over_one_plus_square(self.args[0])

    def expand_for_kernel(self) -> Expr:
        """log1p(x²), and 2·log|x| from where 1 is nothing beside x²: the square does not leave the range."""
        size = Abs(self.args[0])
        return Piecewise((log1p(size**2), size < HUGE), (2 * log(size), True))


class over_one_plus_square(Plain):
    """r(x) = x / (1 + x²). Its derivative is (1 − 2·x·r(x)) / (1 + x²)."""

    nargs = 1

    def definition(self) -> Expr:
        (x,) = self.args
        return x / (1 + x**2)

    def fdiff(self, argindex: int = 1) -> Expr:
        (x,) = self.args
        return (1 - 2 * x * self) / (1 + x**2)

    def expand_for_kernel(self) -> Expr:
        """As it stands, and 1/x from where 1 is nothing beside x²."""
        (x,) = self.args
        return Piecewise((x / (1 + x**2), Abs(x) < HUGE), (1 / x, True))


class log1p_difference(Plain):
    """log(1 + x) − log(1 + y), for x, y > −1."""

    nargs = 2

    @classmethod
    def eval(cls, x: Expr, y: Expr) -> Expr | None:
        return Integer(0) if x == y else None

    def definition(self) -> Expr:
        x, y = self.args
        return log(1 + x) - log(1 + y)

    def fdiff(self, argindex: int = 1) -> Expr:
        return (3 - 2 * argindex) / (1 + self.args[argindex - 1])

    def expand_for_kernel(self) -> Expr:
        """±log1p(|x − y| / (1 + min(x, y))): nothing cancels, and the argument is at least 0."""
        x, y = self.args
        gap = x - y
        return sign(gap) * log1p(Abs(gap) / (1 + Min(x, y)))


class relative_difference(Plain):
    """x/y − 1, for y ≠ 0."""

    nargs = 2

    def definition(self) -> Expr:
        x, y = self.args
        return x / y - 1

    def fdiff(self, argindex: int = 1) -> Expr:
        x, y = self.args
        return 1 / y if argindex == 1 else -x / y**2

    def expand_for_kernel(self) -> Expr:
        """(x − y)/y: digits near x = y."""
        x, y = self.args
        return (x - y) / y
