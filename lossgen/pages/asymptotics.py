"""How a function of one number behaves far out and near an edge, found by evaluating it in wide arithmetic.

What is said holds for the samples to many digits, at several settings of all else; where the samples fit none of the
simple laws, nothing is said.
"""

from collections.abc import Callable, Sequence
from fractions import Fraction
from itertools import pairwise

from mpmath import isfinite, log, mp, mpc, mpf, nan, workdps
from sympy import Rational

#: exp(−1000) has 435 zeros: enough digits that 1 − σ(1000) keeps some.
DIGITS = 1000
FAR = (125, 250, 500, 1000)
NEAR = tuple(mpf(10) ** -k for k in (50, 100, 200))
EXACT, LOOSE = mpf(10) ** -6, mpf(10) ** -4

Function = Callable[[mpf], mpf]


def far_out(functions: Sequence[Function], sign: int, x: str) -> str:
    """LaTeX of what all functions do where x goes to ±∞; empty where they do different or complicated things."""
    with workdps(DIGITS):
        samples = _sampled(functions, [mpf(sign * at) for at in FAR])
        if not samples:
            return ""
        for law in (_constant, _linear, _quadratic, _exponential, _logarithmic):
            found = [law(values, sign) for values in samples]
            if all(coefficient is not None for coefficient in found):
                return _said(law, found, x, sign)
    return ""


def near(functions: Sequence[Function], edge: int, inwards: int) -> str:
    """LaTeX of what all functions do where x comes near the edge from inside; empty where that is not clear."""
    with workdps(DIGITS):
        samples = _sampled(functions, [edge + inwards * step for step in NEAR])
        if not samples:
            return ""
        if all(abs(v[2] - v[1]) < EXACT and abs(v[1] - v[0]) < EXACT for v in samples):
            return _limit([v[2] for v in samples])
        if all(v[2] > mpf("1.5") * v[1] > 2 * v[0] > 0 for v in samples):
            return r"\ell \to \infty"
    return ""


def value_at(function: Function, points: Sequence[Rational]) -> str:
    """LaTeX of the value that the function has at all of these points; empty where there is none."""
    with workdps(DIGITS):
        return equal_value([_tried(function, mpf(point.p) / point.q) for point in points])


def equal_value(values: Sequence[mpf]) -> str:
    """LaTeX of a value that all are equal to; empty where they are not."""
    same = all(isfinite(v) and abs(v - values[0]) < EXACT for v in values)
    return number(values[0]) if same else ""


def _sampled(functions: Sequence[Function], points: Sequence[mpf]) -> list[list[mpf]]:
    """The values of each function at the points; nothing where one of them is not finite."""
    samples = [[_tried(f, x) for x in points] for f in functions]
    return samples if all(isfinite(value) for values in samples for value in values) else []


def _tried(function: Function, x: mpf) -> mpf:
    """The value, NaN where there is none: at a pole, outside the domain, for a node that mpmath does not know."""
    try:
        value = function(x)
    except (ArithmeticError, NameError, TypeError, ValueError):
        return nan
    return nan if isinstance(value, mpc) else mpf(value)


def number(value: mpf) -> str:
    """A number of few digits in LaTeX; a longer one is rounded, empty if it has many places."""
    near_by = Fraction(mp.nstr(value, 30)).limit_denominator(1000)
    if not _is(value, near_by, 9):
        return mp.nstr(value, 4) if abs(value) < 10**4 else ""
    return str(near_by.numerator) if near_by.denominator == 1 else f"{float(near_by):.6g}"


def _is(value: mpf, fraction: Fraction, digits: int) -> bool:
    return abs(mpf(fraction.numerator) / fraction.denominator - value) <= mpf(10) ** -digits * (1 + abs(value))


def _limit(values: Sequence[mpf]) -> str:
    shown = equal_value(values)
    if not shown:
        return ""
    return rf"\ell \to {shown}" if all(_is(v, Fraction(shown), 25) for v in values) else rf"\ell \approx {shown}"


def _constant(values: Sequence[mpf], sign: int) -> mpf | None:
    last = values[-1]
    return last if all(abs(v - last) < EXACT for v in values[1:]) else None


def _linear(values: Sequence[mpf], sign: int) -> mpf | None:
    slopes = [(b - a) / (sign * (q - p)) for a, b, p, q in zip(values, values[1:], FAR, FAR[1:], strict=False)]
    return slopes[-1] if max(abs(s - slopes[-1]) for s in slopes[1:]) < EXACT * abs(slopes[-1]) else None


def _quadratic(values: Sequence[mpf], sign: int) -> mpf | None:
    slopes = [(b - a) / (q - p) for a, b, p, q in zip(values, values[1:], FAR, FAR[1:], strict=False)]
    bends = [(t - s) / (q - p) for s, t, p, q in zip(slopes, slopes[1:], FAR, FAR[2:], strict=False)]
    return bends[-1] if abs(bends[1] - bends[0]) < EXACT * abs(bends[1]) else None


def _exponential(values: Sequence[mpf], sign: int) -> mpf | None:
    if not all(v > 1 for v in values):
        return None
    rates = [log(b / a) / (q - p) for a, b, p, q in zip(values, values[1:], FAR, FAR[1:], strict=False)]
    return rates[-1] if rates[-1] > LOOSE * 100 and abs(rates[-1] - rates[-2]) < LOOSE * rates[-1] else None


def _logarithmic(values: Sequence[mpf], sign: int) -> mpf | None:
    steps = [(b - a) / log(2) for a, b in pairwise(values)]
    return steps[-1] if abs(steps[-1] - steps[-2]) < LOOSE * abs(steps[-1]) else None


def _said(law: Callable, found: Sequence[mpf], x: str, sign: int) -> str:
    if law is _constant:
        return _limit(found)
    if law is _exponential:
        return r"\ell \text{ grows exponentially}"
    size = x if sign > 0 else rf"\left|{x}\right|"
    form = {_linear: size, _quadratic: f"{x}^2", _logarithmic: rf"\log {size}"}[law]
    slopes = [c * sign if law is _linear else c for c in found]
    if max(abs(c - slopes[0]) for c in slopes) > LOOSE * abs(slopes[0]):
        return rf"\ell \text{{ grows in proportion to }} {form}" if min(slopes) > 0 else ""
    rounded = mpf(mp.nstr(slopes[0], 4 if law is _logarithmic else 6))
    shown = {"1": "", "-1": "-"}.get(number(rounded), number(rounded) + r" \, ")
    return rf"\ell \sim {shown}{form}"
