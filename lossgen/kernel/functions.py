"""Functions that appear only in kernels: each prints as one call or one conditional expression."""

from sympy import Add, Expr, Piecewise, tanh
from sympy.core.function import Function

from lossgen.formula.nodes import LogSumExp, Reduction


class KernelFunction(Function):
    is_commutative = True
    is_real = True
    is_extended_real = True


class group(KernelFunction):
    """A difference that is computed first: its terms cancel exactly or nearly, and no other term may come between."""


class exact_sum(KernelFunction):
    """A sum of three or four inputs, with what rounding loses on the way; the sum of their opposites is minus the same node."""

    @classmethod
    def eval(cls, *terms: Expr) -> Expr | None:
        if Add(*terms).could_extract_minus_sign():
            return -cls(*(-term for term in terms))
        ordered = sorted(terms, key=lambda term: term.sort_key())
        return cls(*ordered) if list(terms) != ordered else None


class magnitude(KernelFunction):
    """|u|, the same node for u and −u."""

    @classmethod
    def eval(cls, u: Expr) -> Expr | None:
        return cls(-u) if u.could_extract_minus_sign() else None


class positive_part(KernelFunction):
    """max(u, 0)."""


class at_least_tiny(KernelFunction):
    """max(u, smallest normal number): the base of a power that may be negative."""


class where_equal(KernelFunction):
    """x where a = b, else 0, of where_equal(x, a, b). A Piecewise would be taken apart by SymPy where a or b has one."""


class as_real(KernelFunction):
    """An integer (a position, a class index) as a number of the kernel's type."""


class reciprocal(KernelFunction):
    """1 / u, computed once where several terms divide by u."""


class quotient(KernelFunction):
    """a / b, divided before anything is multiplied."""


class reciprocal_or_zero(KernelFunction):
    """1 / u, and 0 where u = 0 or 1 / u might leave the range."""


class multiple(KernelFunction):
    """a·b, multiplied before anything else: an entry by the reciprocal of a length, so that it is at most 1."""


class binade(KernelFunction):
    """The largest power of two that is at most u, for a normal u > 0; 0 for smaller ones."""


class abs_difference(KernelFunction):
    """|a| − |b|, from a − b and a + b."""


class abs_power_difference(KernelFunction):
    """|x|^p − |y|^p of abs_power_difference(x, y, x − y, p)."""


class signed_power_difference(KernelFunction):
    """sign(x)·|x|^p − sign(y)·|y|^p of signed_power_difference(x, y, x − y, p)."""


class root_difference(KernelFunction):
    """f − g of root_difference(1 − (g/f)^p, f, g, p)."""


class where_near(KernelFunction):
    """x where f and g differ by less than a factor of 2, else y, of where_near(x, y, f, g)."""


class up_to_half(KernelFunction):
    """u where |u| < ½, else 0."""


class exp_nonpositive(KernelFunction):
    """e^u for u ≤ 0."""


class exp_below(KernelFunction):
    """e^(u − m) for u ≤ m, the largest of a row: with what the subtraction rounds away, which e^d magnifies by d itself."""


class exp_of_difference(KernelFunction):
    """e^(u − v), with what the subtraction rounds away, whichever is the larger."""


class largest(KernelFunction):
    """The larger of two numbers."""


class smallest(KernelFunction):
    """The smaller of two numbers."""


class origin(KernelFunction):
    """What is subtracted before exponentials are summed: the largest exponent, 0 where all are −∞."""


class part_of_paths(KernelFunction):
    """e^(u − v), and 0 where v = −∞."""


class PathFunction(KernelFunction):
    """A function of path numbers (lossgen/kernel/math/path_numbers.py), or to one: SymPy has no value for it."""

    is_number = False


class no_path(PathFunction):
    """The path number of 0."""

    nargs = 0


class path_of_log(PathFunction):
    """The path number of e^u."""


class log_of_path(PathFunction):
    """The logarithm of a path number, −∞ where there is no path."""


class path_product(PathFunction):
    """The product of two path numbers."""


class path_sum(PathFunction):
    """The sum of two or three path numbers."""


class path_share(PathFunction):
    """The ratio of two path numbers as a real number, 0 where there is no path at all."""


class is_path(PathFunction):
    """0 where a path number says that there is no path, else 1."""


class scaled_of_log(PathFunction):
    """e^u as a plain number (lossgen/kernel/math/scaled_paths.py), NaN where it is out of range."""


class scaled_product(PathFunction):
    """The product of two numbers that are not negative, NaN where it is out of range."""


class scaled_quotient(PathFunction):
    """The ratio of two numbers in one scale, 0 where the second is 0."""


class path_of_scaled(PathFunction):
    """The path number of x·2^e of path_of_scaled(x, e)."""


class row_exponent(PathFunction):
    """The exponent of the power of two below a sum of cells."""


class power_down(PathFunction):
    """2^e for a whole e, 0 where that is below the normal numbers."""


class log1p_unit(KernelFunction):
    """log(1 + u) for 0 ≤ u ≤ 1."""


class RestOfExponentials(Reduction):
    """Σ_c e^(f(c) − m) − 1 with m = max_c f(c): what the other entries add to the largest one, without the cancellation."""


def share_of_largest(body: Expr) -> type[KernelFunction]:
    """What gives e^(f(c) − max f). An entry that a condition leaves out of the maximum may lie above it."""
    return exp_of_difference if isinstance(body, Piecewise) else exp_below


def has_curved_exponents(value: Expr) -> bool:
    """Whether a log-sum-exp is taken of what a function gives: its exponential magnifies the function's rounding."""
    return any(node.body.has(tanh) for node in value.atoms(LogSumExp))
