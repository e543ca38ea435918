"""Prints expressions as Python that Numba compiles. Every constant has the kernel's own type."""

from collections.abc import Callable
from typing import ClassVar

from sympy import (
    Abs,
    Add,
    Expr,
    Function,
    Integer,
    Min,
    Mul,
    Number,
    NumberSymbol,
    Piecewise,
    Pow,
    Rational,
    Symbol,
    exp,
    log,
    oo,
    sign,
    tanh,
    true,
)
from sympy import Max as Largest
from sympy.core.relational import Relational
from sympy.logic.boolalg import And, Not, Or

from lossgen.formula import SpecError
from lossgen.formula.atoms import expm1, expm1_minus, expm1_ratio, log1p
from lossgen.formula.divergences import less_log
from lossgen.formula.infinities import infinite_with, is_finite, zero_if_infinite
from lossgen.formula.lengths import abs_power, hypot, signed_power
from lossgen.formula.nodes import Delta

from .functions import (
    abs_difference,
    abs_power_difference,
    as_real,
    at_least_tiny,
    binade,
    exact_sum,
    exp_below,
    exp_nonpositive,
    exp_of_difference,
    group,
    is_path,
    largest,
    log1p_unit,
    log_of_path,
    magnitude,
    multiple,
    no_path,
    origin,
    part_of_paths,
    path_of_log,
    path_of_scaled,
    path_product,
    path_share,
    path_sum,
    positive_part,
    power_down,
    quotient,
    reciprocal,
    reciprocal_or_zero,
    root_difference,
    row_exponent,
    scaled_of_log,
    scaled_product,
    scaled_quotient,
    signed_power_difference,
    smallest,
    up_to_half,
    where_equal,
    where_near,
)

#: Functions of the printed math library, by the node they compute.
LIBRARY = {
    exp: "exp",
    log: "log",
    tanh: "tanh",
    log1p: "log1p",
    expm1: "expm1",
    expm1_minus: "expm1_minus",
    expm1_ratio: "expm1_ratio",
    exp_below: "exp_below",
    exp_nonpositive: "exp_nonpositive",
    exp_of_difference: "exp_of_difference",
    less_log: "less_log",
    log1p_unit: "log1p_unit",
    path_of_log: "path_of_log",
    log_of_path: "log_of_path",
    path_product: "path_product",
    path_share: "path_share",
    is_path: "is_path",
    scaled_of_log: "scaled_of_log",
    scaled_product: "scaled_product",
    scaled_quotient: "scaled_quotient",
    path_of_scaled: "path_of_scaled",
    row_exponent: "row_exponent",
    power_down: "power_down",
    hypot: "hypot",
    abs_power: "abs_power",
    signed_power: "signed_power",
    binade: "binade",
    reciprocal_or_zero: "reciprocal_or_zero",
    abs_difference: "abs_difference",
    abs_power_difference: "abs_power_difference",
    signed_power_difference: "signed_power_difference",
    root_difference: "root_difference",
    where_near: "where_near",
    up_to_half: "up_to_half",
    origin: "origin",
    part_of_paths: "part_of_paths",
    infinite_with: "infinite_with",
    is_finite: "is_finite",
    zero_if_infinite: "zero_if_infinite",
}

SUM, PRODUCT, UNARY, ATOM = range(4)


class ExpressionPrinter:
    """Expressions; `used` collects the library functions that the text calls."""

    def __init__(self) -> None:
        self.used: set[str] = set()

    def __call__(self, node: Expr, level: int = SUM) -> str:
        text, own = self._print(node)
        return f"({text})" if own < level else text

    def call(self, name: str, *args: Expr) -> tuple[str, int]:
        self.used.add(name)
        return f"{name}({', '.join(self(a) for a in args)})", ATOM

    def _print(self, node: Expr) -> tuple[str, int]:
        if isinstance(node, Symbol):
            return node.name, ATOM
        if isinstance(node, Expr) and node.is_number and node.has(NumberSymbol, Function, Pow):
            return self._number(node.evalf(25))
        if type(node) in LIBRARY:
            return self.call(LIBRARY[type(node)], *node.args)
        for kind, method in self.METHODS.items():
            if isinstance(node, kind):
                return method(self, node)
        raise SpecError(f"{node.func.__name__} in {node} cannot be printed in a kernel")

    def _no_path(self, _: no_path) -> tuple[str, int]:
        self.used.add("NO_PATH")
        return "NO_PATH", ATOM

    def _number(self, node: Number) -> tuple[str, int]:
        if node in (0, 1):
            return ("zero", "one")[int(node)], ATOM
        if node is oo:
            return "real(np.inf)", ATOM
        if node < 0:
            return f"-{self(-node, ATOM)}", UNARY
        return f"real({int(node) if node.is_Integer else repr(float(node))})", ATOM

    def _sum(self, node: Add) -> tuple[str, int]:
        terms = sorted(node.args, key=lambda term: not term.has(group))
        parts = [self._signed(term) for term in terms]
        parts.sort(key=lambda part: part[0] == "-" and not terms[0].has(group))
        text = "-" + parts[0][1] if parts[0][0] == "-" else parts[0][1]
        return text + "".join(f" {sign_} {term}" for sign_, term in parts[1:]), SUM

    def _signed(self, term: Expr) -> tuple[str, str]:
        factor, rest = (
            term.as_coeff_Mul() if term.is_Mul else (term, Integer(1)) if term.is_Number else (Integer(1), term)
        )
        if factor < 0:
            return "-", self(Mul(-factor, *Mul.make_args(rest), evaluate=False) if factor != -1 else rest, PRODUCT)
        return "+", self(term, PRODUCT)

    def _product(self, node: Mul) -> tuple[str, int]:
        factors = [f for f in node.args if f != 1]
        negative = any(f.is_Number and f < 0 for f in factors)
        factors = [-f if f.is_Number and f < 0 else f for f in factors]
        above = [f for f in factors if f != 1 and not _is_reciprocal(f)]
        below = [f.args[0] for f in factors if _is_reciprocal(f)]
        text = " * ".join(self(f, PRODUCT if i == 0 else UNARY) for i, f in enumerate(above)) or "one"
        for f in below:
            text += f" / {self(f, ATOM)}"
        return ("-" + text, UNARY) if negative else (text, PRODUCT)

    def _power(self, node: Pow) -> tuple[str, int]:
        base, exponent = node.args
        if exponent == 1:
            return self._print(base)
        if exponent.is_Integer and 0 < exponent <= 4:
            return " * ".join([self(base, UNARY)] * int(exponent)), PRODUCT
        if exponent.is_Integer and exponent > 4:
            return self._large_power(base, int(exponent))
        if exponent == Rational(-1, 2):
            return f"one / math.sqrt({self(base)})", PRODUCT
        if exponent == Rational(1, 2):
            return f"math.sqrt({self(base)})", ATOM
        return self.call("power", base, exponent)

    def _large_power(self, base: Expr, exponent: int) -> tuple[str, int]:
        """The library's power takes no negative base: |b|^n for an even n, b·|b|^(n − 1) for an odd one."""
        self.used.add("power")
        even = f"power(abs({self(base)}), real({exponent - exponent % 2}))"
        return (f"{self(base, UNARY)} * {even}", PRODUCT) if exponent % 2 else (even, ATOM)

    def _piecewise(self, node: Piecewise) -> tuple[str, int]:
        text = self(node.args[-1][0], UNARY)
        pieces = node.args[:-1] if node.args[-1][1] is true else node.args
        for value, condition in reversed(pieces):
            text = f"({self(value, UNARY)} if {self(condition)} else {text})"
        return text, ATOM

    def _extreme(self, node: Expr) -> tuple[str, int]:
        text, comparison = self(node.args[-1], UNARY), ">" if isinstance(node, Largest) else "<"
        for arg in reversed(node.args[:-1]):
            first = self(arg, UNARY)
            text = f"({first} if {first} {comparison} {text} else {text})"
        return text, ATOM

    def _relation(self, node: Relational) -> tuple[str, int]:
        return f"{self(node.lhs, SUM)} {node.rel_op} {self(node.rhs, SUM)}", SUM

    def _choice(self, text: str, *args: Expr) -> tuple[str, int]:
        return text.format(*(self(a, UNARY) for a in args)), ATOM

    METHODS: ClassVar[dict[type, Callable[["ExpressionPrinter", Expr], tuple[str, int]]]] = {
        Number: _number,
        Add: _sum,
        Mul: _product,
        Pow: _power,
        Piecewise: _piecewise,
        Largest: _extreme,
        largest: lambda self, node: self._choice("({0} if {0} > {1} else {1})", *node.args),
        smallest: lambda self, node: self._choice("({1} if {0} > {1} else {0})", *node.args),
        Min: _extreme,
        Relational: _relation,
        And: lambda self, node: (" & ".join(f"({self(a)})" for a in node.args), SUM),
        Or: lambda self, node: (" | ".join(f"({self(a)})" for a in node.args), SUM),
        Not: lambda self, node: (f"not ({self(node.args[0])})", SUM),
        as_real: lambda self, node: (f"real({self(node.args[0])})", ATOM),
        exact_sum: lambda self, node: self.call({3: "sum_of_three", 4: "sum_of_four"}[len(node.args)], *node.args),
        no_path: _no_path,
        path_sum: lambda self, node: self.call({2: "path_sum", 3: "path_sum_of_three"}[len(node.args)], *node.args),
        group: lambda self, node: (f"({self(node.args[0])})", ATOM),
        Abs: lambda self, node: (f"abs({self(node.args[0])})", ATOM),
        magnitude: lambda self, node: (f"abs({self(node.args[0])})", ATOM),
        quotient: lambda self, node: (f"({self(node.args[0], PRODUCT)} / {self(node.args[1], ATOM)})", ATOM),
        reciprocal: lambda self, node: (f"one / {self(node.args[0], ATOM)}", PRODUCT),
        multiple: lambda self, node: (
            " * ".join(self(a, PRODUCT if i == 0 else UNARY) for i, a in enumerate(node.args)),
            PRODUCT,
        ),
        positive_part: lambda self, node: self._choice("({0} if {0} > zero else zero)", *node.args),
        at_least_tiny: lambda self, node: self._choice("(TINY if {0} < TINY else {0})", *node.args),
        where_equal: lambda self, node: self._choice("({0} if {1} == {2} else zero)", *node.args),
        sign: lambda self, node: self._choice("(one if {0} > zero else (-one if {0} < zero else zero))", *node.args),
        Delta: lambda self, node: self._choice("(one if {0} == {1} else zero)", *node.args),
    }


def _is_reciprocal(node: Expr) -> bool:
    return isinstance(node, reciprocal)
