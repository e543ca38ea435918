"""Rules for exponentials, logarithms and powers."""

from sympy import Add, Expr, Integer, Mul, Pow, exp, log

from lossgen.formula.atoms import Atom, expm1, expm1_minus, expm1_ratio, log1p, log_cosh, sigmoid, softplus

from .terms import cofactor, negated

ONE = Integer(1)


def reciprocal_of_one_plus_exp(node: Expr) -> Expr | None:
    """1 / (1 + e^u) = σ(−u), and e^u / (1 + e^u) = σ(u), for every u: no overflow."""
    if isinstance(node, Pow) and node.exp == -1 and isinstance(node.base, Add):
        u = _exponent_beside_one(node.base)
        return sigmoid(-u) if u is not None else None
    if isinstance(node, Mul):
        for factor in node.args:
            if isinstance(factor, sigmoid) and exp(-factor.args[0]) in node.args:
                rest = [f for f in node.args if f not in (factor, exp(-factor.args[0]))]
                return Mul(*rest, sigmoid(-factor.args[0]))
    return None


def merge_exponentials(node: Expr) -> Expr | None:
    """e^a·e^b = e^(a + b): one exponential, and no overflow between the two."""
    if not isinstance(node, Mul):
        return None
    exponentials = [f for f in node.args if isinstance(f, exp)]
    if len(exponentials) < 2:
        return None
    return Mul(exp(Add(*(f.args[0] for f in exponentials))), *(f for f in node.args if not isinstance(f, exp)))


def softplus_difference(node: Expr) -> Expr | None:
    """k·softplus(u) − k·softplus(−u) = k·u: no cancellation."""
    if not isinstance(node, Add):
        return None
    for term in node.args:
        for factor in Mul.make_args(term):
            if isinstance(factor, softplus):
                (u,) = factor.args
                k = cofactor(term, factor)
                other = negated(k * softplus(-u))
                if other in node.args:
                    return Add(k * u, *(t for t in node.args if t not in (term, other)))
    return None


def exp_difference(node: Expr) -> Expr | None:
    """k·e^u − k = k·expm1(u), and k·e^u − k − k·u = k·(e^u − 1 − u): digits near u = 0."""
    if not isinstance(node, Add):
        return None
    terms = set(node.args)
    for term in node.args:
        for factor in Mul.make_args(term):
            if not isinstance(factor, exp):
                continue
            u, k = factor.args[0], cofactor(term, factor)
            if negated(k) in terms:
                linear = set(Add.make_args(negated(k) * u))
                used = {term, negated(k)} | (linear if linear <= terms else set())
                merged = k * (expm1_minus(u) if linear <= terms else expm1(u))
                return Add(merged, *(t for t in node.args if t not in used))
    return None


def log_of_product(node: Expr) -> Expr | None:
    """log(e^u·b) = u + log b, log(a^n·b) = n·log a + log b, for atoms a that know their logarithm, as in log σ(u) = −softplus(−u)."""
    if not isinstance(node, log):
        return None
    factors = Mul.make_args(node.args[0])
    known = [(f, _log_form(f)) for f in factors]
    if all(form is None for _, form in known):
        return None
    rest = Mul(*(f for f, form in known if form is None))
    return Add(*(form for _, form in known if form is not None), log(rest) if rest != 1 else Integer(0))


def log_of_two_exponentials(node: Expr) -> Expr | None:
    """log(k·e^u + k·e^−u) = log 2k + log cosh u, and log(k·e^a + k·e^b) = log k + b + softplus(a − b), for a number k > 0."""
    if not isinstance(node, log) or not isinstance(node.args[0], Add) or len(node.args[0].args) != 2:
        return None
    (k, first), (other, second) = (term.as_coeff_Mul() for term in node.args[0].args)
    if k != other or not k > 0 or not isinstance(first, exp) or not isinstance(second, exp):
        return None
    a, b = sorted((first.args[0], second.args[0]), key=lambda e: (e.could_extract_minus_sign(), e.sort_key()))
    return log(2 * k) + log_cosh(a) if a + b == 0 else log(k) + b + softplus(a - b)


def log_one_plus(node: Expr) -> Expr | None:
    """log(1 + u) = log1p(u): digits near u = 0."""
    if isinstance(node, log) and isinstance(node.args[0], Add) and ONE in node.args[0].args:
        return log1p(node.args[0] - 1)
    return None


def softplus_from_log1p(node: Expr) -> Expr | None:
    """log1p(e^u) = softplus(u): no overflow."""
    return softplus(node.args[0].args[0]) if isinstance(node, log1p) and isinstance(node.args[0], exp) else None


def power_of_positive_atom(node: Expr) -> Expr | None:
    """a^γ = e^(γ·log a), for a positive atom that knows its logarithm and γ not an integer: no 0^(γ−1)."""
    if isinstance(node, Pow) and isinstance(node.base, Atom) and not node.exp.is_Integer:
        form = node.base.log_form()
        return exp(node.exp * form) if form is not None else None
    return None


def power_times_argument(node: Expr) -> Expr | None:
    """(1 − e^u)^(a−1)·u = −(1 − e^u)^a·r(u) with r(u) = u / expm1(u), for u ≤ 0: finite at u = 0 for 0 ≤ a < 1."""
    if not isinstance(node, Mul):
        return None
    for power in node.args:
        if isinstance(power, Pow) and isinstance(-power.base, expm1) and _has_negative_constant(power.exp):
            (u,) = (-power.base).args
            rest = _divide_by_argument([f for f in node.args if f is not power], u)
            if rest is not None:
                return Mul(*rest, -1, power.base ** (power.exp + 1), expm1_ratio(u))
    return None


def power_times_expm1(node: Expr) -> Expr | None:
    """(1 − e^u)^a·expm1(u)^n = (−1)^n·(1 − e^u)^(a + n), for u ≤ 0: no ∞·0 at u = 0."""
    if not isinstance(node, Mul):
        return None
    for power in node.args:
        if not isinstance(power, Pow) or not isinstance(-power.base, expm1):
            continue
        for other in node.args:
            base, n = other.as_base_exp()
            if base == -power.base and n.is_Integer:
                rest = [f for f in node.args if f not in (power, other)]
                return Mul(*rest, (-1) ** n, power.base ** (power.exp + n))
    return None


def _divide_by_argument(factors: list[Expr], u: Expr) -> list[Expr] | None:
    """The factors without u, or with −1 for −u; None where neither is among them."""
    for sign in (1, -1):
        if sign * u in factors:
            return [sign * ONE if f == sign * u else f for f in factors]
    return None


def _has_negative_constant(exponent: Expr) -> bool:
    return isinstance(exponent, Add) and any(t.is_Integer and t < 0 for t in exponent.args)


def _exponent_beside_one(node: Add) -> Expr | None:
    if len(node.args) == 2 and ONE in node.args:
        other = node - 1
        if isinstance(other, exp):
            return other.args[0]
    return None


def _log_form(factor: Expr) -> Expr | None:
    if isinstance(factor, exp):
        return factor.args[0]
    if isinstance(factor, Atom):
        return factor.log_form()
    if isinstance(factor, Pow):
        inner = _log_form(factor.base)
        return factor.exp * inner if inner is not None else None
    return None
