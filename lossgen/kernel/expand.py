"""Lowers stable atoms to what a kernel computes: a few elementary functions, selects and reductions.

log Σ_c e^f(c) becomes two scalars, the maximum m and log1p(r), where r is what the other entries add to the largest one:
    LSE − f(y) = (m − f(y)) + log1p(r)     both terms ≥ 0, the first exactly 0 in a confident row
    e^(f(y) − LSE) = e^(f(y) − m) / (1 + r)
softplus and σ share e = e^−|u|, for u and for −u:
    softplus(u) = max(u, 0) + log1p(e)     σ(u) = 1/(1 + e) for u ≥ 0, e/(1 + e) for u < 0
"""

from collections.abc import Callable

from sympy import Add, Eq, Expr, Integer, Mul, Or, Piecewise, Pow, exp, expand_mul, log

from lossgen.formula.atoms import Atom, absorb, detach, expm1, expm1_ratio_slope, log1p, log_cosh, sigmoid, softplus
from lossgen.formula.axes import Index
from lossgen.formula.differences import (
    log1p_difference,
    log1p_square,
    over_one_plus_square,
    relative_difference,
)
from lossgen.formula.nodes import Entry, LogSumExp, Max, Reduction, Sum
from lossgen.formula.symbols import Argument, Hyperparameter

from . import lengths, shares
from .centre import centred
from .functions import (
    RestOfExponentials,
    at_least_tiny,
    exp_below,
    exp_nonpositive,
    group,
    log1p_unit,
    magnitude,
    multiple,
    positive_part,
    reciprocal,
    share_of_largest,
)
from .quotients import quotients
from .sums import sum_of_inputs

ZERO, ONE = Integer(0), Integer(1)


def expand(node: Expr) -> Expr:
    """The node in kernel functions. Top-down: an exponential sees a log-sum-exp in its argument before that is split."""
    if not node.args or isinstance(node, Entry):
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
    """e^(r − n·LSE f) = e^(r − n·m) / (1 + rest)^n. Where r is a sum of n entries of f it is a product of shares."""
    if node.args[0].is_nonpositive:
        return exp_nonpositive(expand(node.args[0]))
    terms = Add.make_args(node.args[0])
    for term in terms:
        factor, atom = term.as_coeff_Mul()
        if isinstance(atom, LogSumExp) and factor.is_Integer and factor < 0:
            others = [t for t in terms if t is not term]
            rest = RestOfExponentials(expand(atom.body), atom.index)
            return _over_maximum(others, atom, -factor) * reciprocal(1 + rest) ** -factor
    return None


def _over_maximum(terms: list[Expr], lse: LogSumExp, n: Integer) -> Expr:
    """e^(Σ terms − n·m), with every entry of f paired with an m."""
    m = Max(expand(lse.body), lse.index)
    pairs, rest = [], []
    for term in terms:
        count = _multiple_of_entry(term, lse)
        if count is not None and 0 < count <= n:
            pairs.append((expand(term / count), count))
            n -= count
        else:
            rest.append(term)
    share = share_of_largest(lse.body)
    if not rest and n == 0 and (share is exp_below or (pairs[1:] == [] and pairs[0][1] == 1)):
        return Mul(*(share(entry, m) ** count for entry, count in pairs))
    differences = (count * group(entry - m) for entry, count in pairs)
    return exp(Add(*differences, *(expand(t) for t in rest), -n * m))


def _sum(node: Add) -> Expr | None:
    return centred(node, expand) or _shifted(node)


def _shifted(node: Add) -> Expr | None:
    """k·LSE f − k·f(y) = k·(m − f(y)) + k·log1p(rest)."""
    for term in node.args:
        k, atom = _factor_of(term, LogSumExp)
        if atom is None:
            continue
        m, tail = Max(expand(atom.body), atom.index), log1p(RestOfExponentials(expand(atom.body), atom.index))
        others = [t for t in node.args if t is not term]
        for entry in _entries(Add(*others), atom):
            spellings = ([entry], Add.make_args(expand_mul(entry)))
            parts = next(
                (p for p in ([_negated(k, t) for t in s] for s in spellings) if all(part in others for part in p)), None
            )
            if parts:
                rest = [t for t in others if t not in parts]
                return Add(
                    expand(k) * group(m - expand(entry)), expand(k) * tail, *([expand(Add(*rest))] if rest else [])
                )
    return _difference_of_entries(node) or sum_of_inputs(node) or _inputs_first(node)


def _difference_of_entries(node: Add) -> Expr | None:
    """a + x[c] − x[y]: entries of one row are nearest to each other, so their difference comes first."""
    entries = [t for t in node.args if isinstance(t, Entry)]
    for entry in entries:
        for other in (-t for t in node.args if isinstance(-t, Entry) and (-t).base == entry.base):
            rest = Add(*(t for t in node.args if t not in (entry, -other)))
            return Add(group(entry - other), expand(rest)) if rest != 0 else None
    return None


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


def _logsumexp(node: LogSumExp) -> Expr:
    body = expand(node.body)
    return Max(body, node.index) + log1p(RestOfExponentials(body, node.index))


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


def _negated(*factors: Expr) -> Expr:
    """Minus the product, its sums not multiplied out."""
    return Mul(-1, *(f for factor in factors for f in Mul.make_args(factor)))


def _factor_of(term: Expr, kind: type) -> tuple[Expr, Expr | None]:
    for factor in Mul.make_args(term):
        if isinstance(factor, kind):
            return Mul(*(f for f in Mul.make_args(term) if f is not factor)), factor
    return term, None


def _multiple_of_entry(term: Expr, lse: LogSumExp) -> Integer | None:
    """n, where the term is n·f(y) for some entry of the row."""
    for entry in _entries(term, lse):
        (a, x), (b, y) = term.as_coeff_Mul(), entry.as_coeff_Mul()
        if x == y and (a / b).is_Integer:
            return a / b
    return None


def _entries(term: Expr, lse: LogSumExp) -> list[Expr]:
    """What the log-sum-exp is taken of, at the positions that occur in the term; without its condition, if it has one."""
    at = sorted({entry.index for entry in term.atoms(Entry)}, key=str)
    body = lse.body.args[0].expr if isinstance(lse.body, Piecewise) else lse.body
    return [body.xreplace({lse.index: index}) for index in at if isinstance(index, Index) or index.is_integer]


def _own_form(node: Atom) -> Expr:
    """What the atom knows that a kernel should compute."""
    return expand(node.expand_for_kernel())


EXPANSIONS: dict[type, Callable[[Expr], Expr | None]] = {
    softplus: _softplus,
    sigmoid: _sigmoid,
    exp: _exponential,
    Add: _sum,
    Mul: _product,
    LogSumExp: _logsumexp,
    Pow: _power,
    absorb: _absorb,
    detach: lambda node: expand(node.args[0]),
    log_cosh: _own_form,
    expm1_ratio_slope: _own_form,
    log1p_square: _own_form,
    over_one_plus_square: _own_form,
    log1p_difference: _own_form,
    relative_difference: _own_form,
    **{kind: lambda node, form=form: expand(form(node)) for kind, form in {**lengths.FORMS, **shares.FORMS}.items()},
}
