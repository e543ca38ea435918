"""Numbers that carry their derivatives, so that one evaluation of a raw formula gives all of them exactly.

A jet holds what a formula is at a point, its first and second derivative for each entry of the inputs, and how it and its
first derivatives change along a direction. The rules are those of calculus for sums, products and functions of one
number, in mpmath's arithmetic: nothing that the compiler derives takes part, and no step has to be chosen.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import mpmath
from mpmath import inf, mpf

#: An entry of an input: the argument's name and the position in its row (None: one number per item).
Leaf = tuple[str, int | None]
ZERO = mpf(0)
Slopes = dict[Leaf, mpf]


@dataclass(frozen=True, slots=True)
class Jet:
    """A number f with ∂f/∂z (`slopes`), ∂²f/∂z² (`bends`), ∂f/∂v (`along`) and ∂²f/∂z∂v (`products`) for entries z, a direction v.

    An entry that is missing is 0.
    """

    value: mpf
    slopes: Slopes = field(default_factory=dict)
    bends: Slopes = field(default_factory=dict)
    along: mpf = ZERO
    products: Slopes = field(default_factory=dict)


Number = Jet | mpf


def logarithm(x: mpf) -> mpf:
    """log x, and no number below 0."""
    return mpmath.log(x) if x >= 0 else mpmath.nan


def power(base: mpf, exponent: mpf | int) -> mpf:
    """base^exponent, infinite where a power of 0 is, and no number where it would be complex."""
    if base == 0 and exponent < 0:
        return inf
    return mpmath.power(base, exponent) if base >= 0 or exponent == int(exponent) else mpmath.nan


def _logarithms(inverse: mpf) -> tuple[mpf, mpf]:
    return inverse, -inverse * inverse


def _of_tanh(slope: mpf, y: mpf) -> tuple[mpf, mpf]:
    return slope, -2 * y * slope


#: First and second derivative of a function of one number, from the number and the function's value there.
DERIVATIVES: dict[Callable, Callable[[mpf, mpf], tuple[mpf, mpf]]] = {
    mpmath.exp: lambda x, y: (y, y),
    logarithm: lambda x, y: _logarithms(power(x, -1)),
    mpmath.tanh: lambda x, y: _of_tanh(mpmath.sech(x) ** 2, y),
    mpmath.sign: lambda x, y: (mpf(0), mpf(0)),
    abs: lambda x, y: (mpmath.sign(x), mpf(0)),
}


def value_of(number: Number) -> mpf:
    """The number without its derivatives."""
    return number.value if isinstance(number, Jet) else number


def varies(number: Number) -> bool:
    """Whether any input moves the number."""
    return isinstance(number, Jet) and bool(number.slopes)


def added(terms: list[Number]) -> Number:
    """The sum."""
    value, jets = mpmath.fsum(value_of(t) for t in terms), [t for t in terms if isinstance(t, Jet)]
    if not jets:
        return value
    return Jet(
        value,
        _total(j.slopes for j in jets),
        _total(j.bends for j in jets),
        mpmath.fsum(j.along for j in jets),
        _total(j.products for j in jets),
    )


def multiplied(a: Number, b: Number) -> Number:
    """The product."""
    if not isinstance(a, Jet):
        a, b = b, a
    if not isinstance(a, Jet):
        return a * b
    if not isinstance(b, Jet):
        return _scaled(a, b)
    x, y = a.value, b.value
    both = a.slopes.keys() & b.slopes.keys()
    return Jet(
        x * y,
        _total((_times(a.slopes, y), _times(b.slopes, x))),
        _total((_times(a.bends, y), _times(b.bends, x), {z: 2 * a.slopes[z] * b.slopes[z] for z in both})),
        _moved(a, y) + _moved(b, x),
        _total((_times(a.products, y), _times(b.products, x), _turned(a, b.along), _turned(b, a.along))),
    )


def absorbed(zero: Jet, factor: Number) -> Jet:
    """The product of a factor that is 0 and does not depend on a prediction: 0, whatever the other factor is."""
    y, along = value_of(factor), factor.along if isinstance(factor, Jet) else ZERO
    return Jet(ZERO, _times(zero.slopes, y), products=_turned(zero, along))


def applied(function: Callable[[mpf], mpf], x: Number) -> Number:
    """A function of one number."""
    if not isinstance(x, Jet):
        return function(x)
    y = function(x.value)
    if mpmath.isinf(y) and _is_still(x):
        return y
    if function in DERIVATIVES:
        return chained(y, *DERIVATIVES[function](x.value, y), x)
    return chained(y, mpmath.diff(function, x.value), mpmath.diff(function, x.value, 2), x)


def raised(base: Number, exponent: Number) -> Number:
    """base^exponent."""
    if isinstance(exponent, Jet):
        return applied(mpmath.exp, multiplied(exponent, applied(logarithm, base)))
    x, n = value_of(base), exponent
    if not isinstance(base, Jet):
        return power(x, n)
    y = power(x, n)
    if x == 0 or not mpmath.isfinite(y):
        first = n * power(x, n - 1) if n != 0 else ZERO
        second = n * (n - 1) * power(x, n - 2) if n not in (0, 1) else ZERO
    else:  # a quotient takes less than another root
        first = n * y / x
        second = (n - 1) * first / x
    return chained(y, first, second, base)


def chained(y: mpf, first: mpf, second: mpf, x: Jet) -> Jet:
    """The chain rule: y = f(x) with f′ and f″ at x."""
    if first == 0 and second == 0:
        return Jet(y)
    return Jet(
        y,
        _times(x.slopes, first),
        _total((_times(x.bends, first), {z: second * s**2 for z, s in x.slopes.items()})),
        _moved(x, first),
        _total((_times(x.products, first), _turned(x, _moved(x, second)))),
    )


def _is_still(a: Jet) -> bool:
    """Whether nothing moves the number, as a sum over paths of which there are none: then neither what is infinite there."""
    derivatives = (a.along, *a.slopes.values(), *a.bends.values(), *a.products.values())
    return all(x == 0 for x in derivatives)


def _scaled(a: Jet, factor: mpf) -> Jet:
    return Jet(
        a.value * factor,
        _times(a.slopes, factor),
        _times(a.bends, factor),
        _moved(a, factor),
        _times(a.products, factor),
    )


def _moved(a: Jet, factor: mpf) -> mpf:
    """The change along the direction, times a factor that may be infinite: 0 for what does not move."""
    return a.along * factor if a.along != 0 else ZERO


def _turned(a: Jet, along: mpf) -> Slopes:
    """The slopes, which may be infinite, times the change of the other factor: nothing where that does not move."""
    return _times(a.slopes, along) if along != 0 else {}


def _times(slopes: Mapping[Leaf, mpf], factor: mpf) -> Slopes:
    return {z: s * factor for z, s in slopes.items()}


def _total(parts) -> Slopes:
    total: Slopes = {}
    for part in parts:
        for z, s in part.items():
            total[z] = total[z] + s if z in total else s
    return total
