"""Lengths of vectors and quotients by them, which are 0 or settled by convention where the length is 0.

Authors write sqrt(Sum(x[d]**2, d)), sqrt(a**2 + b**2) and Sum(Abs(x[d])**p, d)**(1/p); the rules find the norms. Only
`ratio` is written as such, since what a quotient is at a denominator of 0 is part of a definition.
"""

from sympy import Abs, Eq, Expr, Integer, Mul, Piecewise, log, sqrt
from sympy.core.function import ArgumentIndexError

from .atoms import Atom
from .axes import Index
from .nodes import Max, Reduction, Sum


class ratio(Atom):
    """a / b, and 0 where b = 0: an entry of a vector over the vector's length."""

    nargs = 2

    @classmethod
    def eval(cls, a: Expr, b: Expr) -> Expr | None:
        if a.is_zero:
            return Integer(0)
        if b.is_number:
            return a / b if b != 0 else Integer(0)
        number, rest = a.as_coeff_Mul()
        if rest.could_extract_minus_sign():
            number, rest = -number, -rest
        return number * cls(rest, b) if number != 1 and rest != 1 else None

    def definition(self) -> Expr:
        a, b = self.args
        return Piecewise((0, Eq(b, 0)), (a / b, True))

    def fdiff(self, argindex: int = 1) -> Expr:
        a, b = self.args
        return ratio(Integer(1), b) if argindex == 1 else -ratio(a, b) * ratio(Integer(1), b)

    def _latex(self, printer, exp=None) -> str:
        above, below = (printer.doprint(arg) for arg in self.args)
        base = rf"\frac{{{above}}}{{{below}}}"
        return base if exp is None else rf"\left({base}\right)^{{{exp}}}"


class hypot(Atom):
    """sqrt(a² + b²), the same node for both orders and signs of a and b; its slope at (0, 0) is 0."""

    nargs = 2
    is_nonnegative = True

    @classmethod
    def eval(cls, a: Expr, b: Expr) -> Expr | None:
        if a.is_zero or b.is_zero:
            return Abs(b if a.is_zero else a)
        if a.is_number and b.is_number:
            return sqrt(a**2 + b**2)
        given = (a, b)
        a, b = sorted((-x if x.could_extract_minus_sign() else x for x in given), key=lambda x: x.sort_key())
        return cls(a, b) if (a, b) != given else None

    def definition(self) -> Expr:
        a, b = self.args
        return sqrt(a**2 + b**2)

    def fdiff(self, argindex: int = 1) -> Expr:
        return ratio(self.args[argindex - 1], self)


class versine(Atom):
    """1 − c, for the cosine c of the angle between two vectors. Kernels take it from the vectors, without the subtraction."""

    nargs = 1

    def definition(self) -> Expr:
        return 1 - self.args[0]

    def fdiff(self, argindex: int = 1) -> Expr:
        return Integer(-1)


class rejection(Atom):
    """b − c·a, for entries a and b of two unit vectors whose cosine is c: what b keeps without its part along a."""

    nargs = 3

    def definition(self) -> Expr:
        a, b, c = self.args
        return b - c * a

    def fdiff(self, argindex: int = 1) -> Expr:
        a, _, c = self.args
        return (-c, Integer(1), -a)[argindex - 1]


class length_difference(Atom):
    """a − b, for two norms of one kind. Kernels take it from the vectors, so that lengths that nearly agree keep their digits."""

    nargs = 2

    def definition(self) -> Expr:
        return self.args[0] - self.args[1]

    def fdiff(self, argindex: int = 1) -> Expr:
        return Integer(1 if argindex == 1 else -1)


class abs_power(Atom):
    """|x|^q, and 0 at x = 0 for every q, also where the power has a pole there."""

    nargs = 2
    is_nonnegative = True

    def definition(self) -> Expr:
        x, q = self.args
        return Piecewise((x**q, x > 0), ((-x) ** q, x < 0), (0, True))

    def fdiff(self, argindex: int = 1) -> Expr:
        x, q = self.args
        if argindex == 2:
            return self * log(Abs(x))
        return q * signed_power(x, q - 1)


class signed_power(Atom):
    """sign(x)·|x|^q, and 0 at x = 0 for every q."""

    nargs = 2

    def definition(self) -> Expr:
        x, q = self.args
        return Piecewise((x**q, x > 0), (-((-x) ** q), x < 0), (0, True))

    def fdiff(self, argindex: int = 1) -> Expr:
        x, q = self.args
        if argindex == 2:
            raise ArgumentIndexError(self, argindex)
        return q * abs_power(x, q - 1)


class Norm(Reduction):
    """‖f‖ = sqrt(Σ_d f(d)²), the same node for f and −f; its slope where f = 0 is 0."""

    is_nonnegative = True
    symbol = r"\operatorname{norm}"
    glyph = "norm"

    def __new__(cls, body: Expr, index: Index) -> "Norm":
        return super().__new__(cls, -body if body.could_extract_minus_sign() else body, index)


class PowerNorm(Reduction):
    """‖f‖_p = (Σ_d |f(d)|^p)^(1/p), for the body abs_power(f(d), p); its slope is 0 where f = 0."""

    is_nonnegative = True
    symbol = r"\operatorname{norm}"
    glyph = "norm"

    @property
    def entry(self) -> Expr:
        return self.body.args[0]

    @property
    def power(self) -> Expr:
        return self.body.args[1]


def is_norm(node: Expr) -> bool:
    """Whether the node is ‖f‖ or ‖f‖_p, where Σ_d |f(d)| and max_d |f(d)| count as such."""
    return isinstance(node, Norm | PowerNorm) or (isinstance(node, Sum | Max) and isinstance(node.body, Abs))


def is_cosine(node: Expr) -> bool:
    """Whether the node is Σ_d f(d)/‖f‖·g(d)/‖g‖."""
    if not isinstance(node, Sum):
        return False
    factors = repeated_factors(node.body)
    return len(factors) == 2 and all(_is_entry_of_unit_vector(f, node.index) for f in factors)


def _is_entry_of_unit_vector(factor: Expr, index: Index) -> bool:
    """Whether the factor is f(d)/‖f‖."""
    if not isinstance(factor, ratio) or not isinstance(factor.args[1], Norm):
        return False
    entry, norm = factor.args
    return entry in (found := norm.body.xreplace({norm.index: index}), -found)


def repeated_factors(node: Expr) -> list[Expr]:
    """The factors of a product, a power as often as its exponent says."""
    pairs = (factor.as_base_exp() for factor in Mul.make_args(node))
    return [base for base, n in pairs for _ in range(int(n) if n.is_Integer and n > 0 else 1)]


#: What an author may call, by name.
LENGTHS: dict[str, type[Atom]] = {"hypot": hypot, "ratio": ratio}
