"""Functions with a stable numerical form of their own. Each is a short class that knows its mathematics:

definition(x)   the raw formula, for the 50-digit oracle and for torch: independent of how kernels compute it;
fdiff           the derivative, in atoms again;
log_form        its logarithm, where that has a better form than log of the value (for positive atoms);
complement      1 − atom, where that has a better form than the subtraction.

Adding an atom is one class here and, unless `expand` lowers it to others, one function in `lossgen/kernel/math`.
"""

from sympy import Abs, Expr, Integer, Ne, Piecewise, Rational, exp, log, tanh
from sympy.core.function import ArgumentIndexError, Function


class Atom(Function):
    """A real function of real arguments."""

    is_commutative = True
    is_real = True
    is_extended_real = True

    def definition(self) -> Expr:
        """The textbook formula, in plain SymPy."""
        raise TypeError(f"{type(self).__name__} has no definition")

    def log_form(self) -> Expr | None:
        return None

    def complement(self) -> Expr | None:
        return None

    def fdiff(self, argindex: int = 1) -> Expr:
        raise ArgumentIndexError(self, argindex)


class sigmoid(Atom):
    """σ(x) = 1 / (1 + e^−x)."""

    nargs = 1
    is_positive = True

    def definition(self) -> Expr:
        return 1 / (1 + exp(-self.args[0]))

    def fdiff(self, argindex: int = 1) -> Expr:
        (x,) = self.args
        return sigmoid(x) * sigmoid(-x)

    def log_form(self) -> Expr:
        return -softplus(-self.args[0])

    def complement(self) -> Expr:
        return sigmoid(-self.args[0])

    def _latex(self, printer, exp=None) -> str:
        base = rf"\sigma\left({printer.doprint(self.args[0])}\right)"
        return base if exp is None else rf"{base}^{{{exp}}}"


class softplus(Atom):
    """log(1 + e^x)."""

    nargs = 1
    is_positive = True

    def definition(self) -> Expr:
        return log(1 + exp(self.args[0]))

    def fdiff(self, argindex: int = 1) -> Expr:
        return sigmoid(self.args[0])

    def _latex(self, printer, exp=None) -> str:
        base = rf"\operatorname{{softplus}}\left({printer.doprint(self.args[0])}\right)"
        return base if exp is None else rf"{base}^{{{exp}}}"


class log_cosh(Atom):
    """log((e^x + e^−x) / 2), the same node for x and −x."""

    nargs = 1

    @classmethod
    def eval(cls, x: Expr) -> Expr | None:
        return cls(-x) if x.could_extract_minus_sign() else None

    def definition(self) -> Expr:
        (x,) = self.args
        return log((exp(x) + exp(-x)) / 2)

    def fdiff(self, argindex: int = 1) -> Expr:
        return tanh(self.args[0])

    def expand_for_kernel(self) -> Expr:
        """log1p((e^|x| − 1)²·e^−|x| / 2) near 0, where |x| − log 2 would cancel, |x| + log1p(e^−2|x|) − log 2 far from it."""
        size = Abs(self.args[0])
        return Piecewise(
            (log1p(expm1(size) ** 2 * exp(-size) / 2), size < 1), (softplus(-2 * size) + size - log(2), True)
        )


class log1p(Atom):
    """log(1 + x)."""

    nargs = 1

    @classmethod
    def eval(cls, x: Expr) -> Expr | None:
        return Integer(0) if x.is_zero else None

    def definition(self) -> Expr:
        return log(1 + self.args[0])

    def fdiff(self, argindex: int = 1) -> Expr:
        return 1 / (1 + self.args[0])


class expm1(Atom):
    """e^x − 1."""

    nargs = 1

    @classmethod
    def eval(cls, x: Expr) -> Expr | None:
        return Integer(0) if x.is_zero else None

    def definition(self) -> Expr:
        return exp(self.args[0]) - 1

    def fdiff(self, argindex: int = 1) -> Expr:
        return exp(self.args[0])


class expm1_minus(Atom):
    """e^x − 1 − x."""

    nargs = 1

    def definition(self) -> Expr:
        (x,) = self.args
        return exp(x) - 1 - x

    def fdiff(self, argindex: int = 1) -> Expr:
        return expm1(self.args[0])


class expm1_ratio(Atom):
    """x / (e^x − 1), 1 at 0. Its derivative is −r(x)·s(−x) with s(x) = (1 − r(x))/x."""

    nargs = 1

    def definition(self) -> Expr:
        (x,) = self.args
        return Piecewise((x / (exp(x) - 1), x > 0), (x / (exp(x) - 1), x < 0), (1, True))

    def fdiff(self, argindex: int = 1) -> Expr:
        (x,) = self.args
        return -expm1_ratio(x) * expm1_ratio_slope(-x)


class expm1_ratio_slope(Atom):
    """(1 − r(x)) / x with r(x) = x / (e^x − 1), ½ at 0."""

    nargs = 1

    def definition(self) -> Expr:
        (x,) = self.args
        value = (1 - x / (exp(x) - 1)) / x
        return Piecewise((value, x > 0), (value, x < 0), (Rational(1, 2), True))

    def expand_for_kernel(self) -> Expr:
        """The series near 0 (the next term is below 1e-17), r(x)·(e^x − 1 − x)/x² where 1 − r would cancel, else as it stands."""
        (x,) = self.args
        ratio = expm1_ratio(x)
        return Piecewise(
            (Rational(1, 2) - x / 12, Abs(x) < Rational(1, 100000)),
            (ratio * expm1_minus(x) / x**2, x < 1),
            ((1 - ratio) / x, True),
        )


class detach(Atom):
    """x, but a constant for every derivative: `var + detach(Max(var, eps) - var)` is a clamp that gradients do not see."""

    nargs = 1

    @classmethod
    def eval(cls, x: Expr) -> Expr | None:
        return x if x.is_number or isinstance(x, cls) else None

    def definition(self) -> Expr:
        return self.args[0]

    def fdiff(self, argindex: int = 1) -> Expr:
        return Integer(0)

    def _latex(self, printer, exp=None) -> str:
        base = rf"\operatorname{{detach}}\left({printer.doprint(self.args[0])}\right)"
        return base if exp is None else rf"{base}^{{{exp}}}"


class absorb(Atom):
    """q·v, and 0 where q = 0 whatever v is (0 · log 0 = 0)."""

    nargs = 2

    @classmethod
    def eval(cls, q: Expr, v: Expr) -> Expr | None:
        return q * v if q.is_number or v.is_number else None

    def definition(self) -> Expr:
        q, v = self.args
        return Piecewise((q * v, Ne(q, 0)), (0, True))

    def fdiff(self, argindex: int = 1) -> Expr:
        return self.args[2 - argindex]

    def _latex(self, printer, exp=None) -> str:
        q, v = (printer.parenthesize(arg, 50) for arg in self.args)
        return rf"{q}\,{v}"


class xlogy(Atom):
    """x · log y, and 0 where x = 0."""

    nargs = 2

    def definition(self) -> Expr:
        x, y = self.args
        return Piecewise((x * log(y), Ne(x, 0)), (0, True))

    def fdiff(self, argindex: int = 1) -> Expr:
        x, y = self.args
        return log(y) if argindex == 1 else x / y


#: What an author may call besides arithmetic, by name.
ATOMS: dict[str, type[Atom]] = {
    cls.__name__: cls
    for cls in (
        sigmoid,
        softplus,
        log_cosh,
        log1p,
        expm1,
        expm1_minus,
        expm1_ratio,
        expm1_ratio_slope,
        absorb,
        detach,
        xlogy,
    )
}
