"""A log-sum-exp is computed as two scalars, the maximum m and log1p(r), where r is what the other entries add to the largest one:
    LSE − f(y) = (m − f(y)) + log1p(r)     both terms ≥ 0, the first exactly 0 in a confident row
    e^(f(y) − LSE) = e^(f(y) − m) / (1 + r)

Each function takes the `expand` that lowers what stands inside.
"""

from collections.abc import Callable

from sympy import Add, Expr, Integer, Mul, Piecewise, exp, expand_mul

from lossgen.formula.atoms import log1p
from lossgen.formula.axes import Index
from lossgen.formula.nodes import Entry, LogSumExp, Max

from .functions import RestOfExponentials, exp_below, group, reciprocal, share_of_largest

Expand = Callable[[Expr], Expr]


def largest_and_rest(node: LogSumExp, expand: Expand) -> Expr:
    """LSE f = m + log1p(rest)."""
    body = expand(node.body)
    return Max(body, node.index) + log1p(RestOfExponentials(body, node.index))


def exponential_over_sum(node: exp, expand: Expand) -> Expr | None:
    """e^(r − n·LSE f) = e^(r − n·m) / (1 + rest)^n. Where r is a sum of n entries of f it is a product of shares."""
    terms = Add.make_args(node.args[0])
    for term in terms:
        factor, atom = term.as_coeff_Mul()
        if isinstance(atom, LogSumExp) and factor.is_Integer and factor < 0:
            others = [t for t in terms if t is not term]
            rest = RestOfExponentials(expand(atom.body), atom.index)
            return _over_maximum(others, atom, -factor, expand) * reciprocal(1 + rest) ** -factor
    return None


def _over_maximum(terms: list[Expr], lse: LogSumExp, n: Integer, expand: Expand) -> Expr:
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


def shifted(node: Add, expand: Expand) -> Expr | None:
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
    return None


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
