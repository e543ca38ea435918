"""Derivatives of a call on CUDA with respect to any of its arguments, those in the mean's denominator included.

The formulas are those of `lossgen.runtime.derivatives`; their numbers stay on the device. There is no second derivative
of the denominator: it has to be linear in the arguments that move, as a sum of weights is, which the CPU checks and a
device that nobody waits for does not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from ..derivatives import read_by_denominator
from ..dtypes import FLOAT64, INT64, gradient_dtype
from .call import ONE, Arrays, Call
from .driver import Array
from .launching import blocks_for, run
from .layouts import laid
from .scales import Upstream
from .views import copied, scalar


def evaluate(call: Call, names: Sequence[str], upstream: Upstream = ONE) -> tuple[Array, Arrays]:
    """The value and, in the same pass, gradients for the arguments `names`, of their own shapes and dtypes."""
    moving = _moving(call, names)
    if not moving:
        return call.evaluate(names, upstream)
    value, found = call.evaluate(names, upstream, rounded=False)
    parts = call.denominator_gradients([name for name in moving if name in names])
    gradients = tuple(
        _shifted(call, name, gradient, parts.get(name), value, upstream)
        for name, gradient in zip(names, found, strict=True)
    )
    return _rounded(call, value), gradients


def gradients(call: Call, names: Sequence[str], upstream: Upstream = ONE) -> Arrays:
    """Gradients alone."""
    return evaluate(call, names, upstream)[1] if _moving(call, names) else call.gradients(names, upstream)


def products(
    call: Call, directions: Mapping[str, Array], names: Sequence[str], upstream: Upstream, slope: bool
) -> tuple[Array | None, Arrays]:
    """The Hessian of (upstream · value) times a direction, for the arguments `names`, and the slope if it is wanted."""
    moving = _moving(call, [*names, *directions])
    if not moving:
        return call.products(directions, names, upstream, slope)
    value, plain = call.evaluate(names, rounded=False)
    s, found = call.products(directions, names, upstream, True, exact=True)
    assert s is not None
    parts = call.denominator_gradients(moving)
    along = _along(call, [(parts[n], d) for n, d in directions.items() if n in parts])
    results = tuple(
        _bent(call, name, product, gradient, parts.get(name), (value, s, along), upstream)
        for name, product, gradient in zip(names, found, plain, strict=True)
    )
    if not slope:
        return None, results
    turned = scalar(call.place)
    run(call.place, "turn", (s, value, call.divisor.exact, along, turned))
    return _rounded(call, turned), results


def _moving(call: Call, names: Sequence[str]) -> tuple[str, ...]:
    return () if call.has_given_denominator else read_by_denominator(call, names)


def _rounded(call: Call, number: Array) -> Array:
    """A number in the dtype of values."""
    found = scalar(call.place, call.plan.real)
    run(call.place, "ratio", (1.0, number, None, found))
    return found


def _dtype(call: Call, name: str) -> np.dtype:
    """The dtype of an argument's gradient."""
    array = call.arrays[call.plan.positions[name]]
    assert array is not None
    return gradient_dtype(array.dtype, call.plan.real)


def _shifted(call: Call, name: str, gradient: Array, part: Array | None, value: Array, upstream: Upstream) -> Array:
    place, dtype = call.place, _dtype(call, name)
    if part is None:
        return gradient if gradient.dtype == dtype else copied(place, gradient, dtype, gradient.strides)
    found = place.memory.empty(gradient.shape, dtype, gradient.strides)
    given = (gradient.size, upstream.number, upstream.single, value, call.divisor.exact, gradient, part, found)
    if gradient.size:
        run(place, "shift", given, blocks_for(place.driver, gradient.size))
    return found


def _bent(
    call: Call,
    name: str,
    product: Array,
    gradient: Array,
    part: Array | None,
    numbers: tuple[Array, Array, Array],
    upstream: Upstream,
) -> Array:
    place = call.place
    found = place.memory.empty(product.shape, _dtype(call, name), product.strides)
    value, slope, along = numbers
    given = (product.size, upstream.number, upstream.single, value, call.divisor.exact, slope, along)
    if product.size:
        run(place, "bend", (*given, product, gradient, part, found), blocks_for(place.driver, product.size))
    return found


def _along(call: Call, pairs: Sequence[tuple[Array, Array]]) -> Array:
    """The sum over pairs of arrays of the products of their entries."""
    plan, place = call.plan, call.place
    pairs = [(part, direction) for part, direction in pairs if part.size]
    blocks = [blocks_for(place.driver, part.size) for part, _ in pairs]
    totals = place.memory.empty((2 * max(1, sum(blocks)),), FLOAT64)
    faults = place.memory.empty((max(1, sum(blocks)),), INT64)
    first = 0
    for count, (part, direction) in zip(blocks, pairs, strict=True):
        room = totals._replace(address=totals.address + 16 * first), faults._replace(address=faults.address + 8 * first)
        run(place, "dot", (part.size, laid(part), laid(direction), *room), count)
        first += count
    found = scalar(place)
    reports = place.driver.reports.row(plan.schema, plan.variant)
    run(place, "settle", (first, totals, faults, 1.0, None, 0.0, None, found, None, reports))
    return found
