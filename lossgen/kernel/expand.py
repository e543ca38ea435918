"""Lowers stable atoms to what a kernel computes: a few elementary functions, selects and reductions.

softplus and σ share e = e^−|u|, for u and for −u:
    softplus(u) = max(u, 0) + log1p(e)     σ(u) = 1/(1 + e) for u ≥ 0, e/(1 + e) for u < 0
"""

from collections.abc import Callable

from sympy import Add, Eq, Expr, Integer, Mul, Or, Piecewise, Pow, exp, log

from lossgen.derive.sweeps import TableEntry
from lossgen.formula.atoms import Atom, absorb, detach, expm1, expm1_ratio_slope, log1p, log_cosh, sigmoid, softplus
from lossgen.formula.differences import (
    log1p_difference,
    log1p_square,
    over_one_plus_square,
    relative_difference,
)
from lossgen.formula.nodes import Entry, LogSumExp, Max, Reduction, Sum
from lossgen.formula.paths import log_add_exp, share
from lossgen.formula.symbols import Argument, Hyperparameter

from . import lengths, likes, shares
from .centre import centred
from .functions import (
    at_least_tiny,
    exp_nonpositive,
    group,
    largest,
    log1p_unit,
    magnitude,
    multiple,
    origin,
    part_of_paths,
    positive_part,
    reciprocal,
    smallest,
)
from .log_sum_exp import exponential_over_sum, largest_and_rest, shifted
from .quotients import quotients
from .sums import sum_of_inputs
from .whole import is_whole_condition

ZERO, ONE = Integer(0), Integer(1)


def expand(node: Expr) -> Expr:
    """The node in kernel functions. Top-down: an exponential sees a log-sum-exp in its argument before that is split."""
    if not node.args or isinstance(node, Entry | TableEntry) or is_whole_condition(node):
        return node
    for kind, rule in EXPANSIONS.items():
        if isinstance(node, kind):
            result = rule(node)
            if result is not None:
                return result
    if isinstance(node, Reduction):
        return node.func(expand(node.body), node.index)
    return node.func(*(expand(arg) for arg in node.args))


def _softplus(node: softplus) -> Expr:
    u = expand(node.args[0])
    return positive_part(u) + log1p_unit(exp_nonpositive(-magnitude(u)))


def _sigmoid(node: sigmoid) -> Expr:
    u = expand(node.args[0])
    e = exp_nonpositive(-magnitude(u))
    if u.could_extract_minus_sign():
        return Piecewise((e, -u >= 0), (ONE, True)) * reciprocal(1 + e)
    return Piecewise((ONE, u >= 0), (e, True)) * reciprocal(1 + e)


def _exponential(node: exp) -> Expr | None:
    argument = node.args[0]
    return exp_nonpositive(expand(argument)) if argument.is_nonpositive else exponential_over_sum(node, expand)


def _sum(node: Add) -> Expr | None:
    return centred(node, expand) or shifted(node, expand) or sum_of_inputs(node) or _inputs_first(node)


def _inputs_first(node: Add) -> Expr | None:
    """x − y + a = (x − y) + a, for inputs x and y: they are exact, and so is the difference of two that are close."""
    if len(node.args) < 3:
        return None
    pairs = [(term, *term.as_coeff_Mul()) for term in node.args]
    inputs = [(term, k) for term, k, x in pairs if abs(k) == 1 and isinstance(x, Entry | Argument)]
    if len(inputs) != 2 or sum(k for _, k in inputs) != 0:
        return None
    difference = [term for term, _ in inputs]
    return group(Add(*difference)) + expand(Add(*(t for t in node.args if t not in difference)))


def _power(node: Pow) -> Expr | None:
    """A symbolic exponent that may be negative: the base is kept off 0, so that ∞·0 does not arise. b^−n = (1/b)^n."""
    base, exponent = node.args
    if exponent.is_Integer and exponent < 0:
        return reciprocal(expand(base)) ** -exponent
    if isinstance(exponent, Add) and any(t.is_Integer and t < 0 for t in exponent.args):
        return Pow(at_least_tiny(expand(base)), expand(exponent))
    return None


def _absorb(node: absorb) -> Expr:
    """q·v, and 0 where q = 0. q·e^u is (q·e^(u/2))·e^(u/2): e^u alone may leave the range where the product does not."""
    q, v = expand(node.args[0]), node.args[1]
    known = group(q) if q.is_nonzero else q  # e^u is 0 in a kernel, where SymPy knows that it is not
    if isinstance(v, exp):
        half = expand(exp(v.args[0] / 2))
        return Piecewise((ZERO, Eq(known, 0)), (multiple(q, half) * half, True))
    return Piecewise((ZERO, Eq(known, 0)), (Mul(*quotients([q, *Mul.make_args(expand(v))])), True))


def _product(node: Mul) -> Expr | None:
    """a·e^u, and a·log Σ or a/Σ, is 0 for a hyperparameter a of 0, also where the exponential, the logarithm or 1/Σ is infinite."""
    choice = next((f for f in node.args if isinstance(f, Piecewise) and _is_steep(f)), None)
    if choice:
        rest = [f for f in node.args if f is not choice]
        return expand(Piecewise(*((Mul(value, *rest), condition) for value, condition in choice.args)))
    switches = [f for f in node.args if isinstance(f, Hyperparameter)]
    factors = quotients([expand(arg) for arg in node.args])
    if not switches or not any(_may_be_infinite(f) for f in factors):
        return Mul(*factors)
    return Piecewise((ZERO, Or(*(Eq(a, 0) for a in switches))), (Mul(*factors), True))


def _is_steep(choice: Piecewise) -> bool:
    """Whether one branch is divided by a square and the others are 0: what multiplies it decides whether that is infinite."""
    branches = [value for value, _ in choice.args if value != 0]
    return len(branches) == 1 and any(
        n.is_Integer and n <= -2 for _, n in (f.as_base_exp() for f in Mul.make_args(branches[0]))
    )


def _may_be_infinite(factor: Expr) -> bool:
    if isinstance(factor, Add | Mul):
        return any(_may_be_infinite(part) for part in factor.args)
    if isinstance(factor, expm1):
        return not factor.has(Max)  # below a maximum: at most 1 in size
    base, exponent = factor.as_base_exp()
    steep = isinstance(base, log | reciprocal) or exponent.could_extract_minus_sign()
    return isinstance(factor, exp) or (steep and factor.has(Sum))


def _log_add_exp(node: log_add_exp) -> Expr:
    """m + log1p Σ e^(u − m), m the largest of the u and the sum over all others: one exponential less than terms."""
    top, *rest = (expand(arg) for arg in node.args)
    others = []
    for term in rest:
        others.append(smallest(top, term))
        top = largest(top, term)
    return top + log1p(Add(*(exp_nonpositive(group(other - origin(top))) for other in others)))


def _own_form(node: Atom) -> Expr:
    """What the atom knows that a kernel should compute."""
    return expand(node.expand_for_kernel())


EXPANSIONS: dict[type, Callable[[Expr], Expr | None]] = {
    softplus: _softplus,
    sigmoid: _sigmoid,
    exp: _exponential,
    Add: _sum,
    Mul: _product,
    LogSumExp: lambda node: largest_and_rest(node, expand),
    Pow: _power,
    absorb: _absorb,
    detach: lambda node: expand(node.args[0]),
    log_add_exp: _log_add_exp,
    share: lambda node: part_of_paths(*map(expand, node.args)),
    log_cosh: _own_form,
    expm1_ratio_slope: _own_form,
    log1p_square: _own_form,
    over_one_plus_square: _own_form,
    log1p_difference: _own_form,
    relative_difference: _own_form,
    **{
        kind: lambda node, form=form: expand(form(node))
        for kind, form in {**lengths.FORMS, **likes.FORMS, **shares.FORMS}.items()
    },
}
