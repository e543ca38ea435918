"""Derivatives of a prepared call with respect to any of its arguments, those in the mean's denominator included.

The mean of a loss with a normaliser of its own is V = S / D, and D may depend on arguments (class weights) as S does.
The engine's derivatives hold D fixed. With G = dS/D, n = dD/D, a direction v and the upstream gradient u:

    dV     = G - V n
    slope  = s - V k                          where s = <v, G>, k = <v, n>
    product = u (H v - k G - (s - 2 V k) n)    where H = d²S/D and d²D = 0
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from .dtypes import gradient_dtype
from .engine import Call
from .errors import LossError
from .execute import Launch, launch
from .outputs import outputs_for

Value = np.floating | np.ndarray
Arrays = tuple[np.ndarray, ...]


def evaluate(call: Call, names: Sequence[str], upstream: float = 1.0) -> tuple[Value, Arrays]:
    """The value and, in the same pass, gradients for the arguments `names`, of their own shapes and dtypes.

    Args:
        call: the prepared call.
        names: given, differentiable arguments.
        upstream: a factor of the gradients, known beforehand.

    Raises:
        LossError: an argument holds something outside its domain.
    """
    names = tuple(names)
    moving = call.plan.each is None and read_by_denominator(call, names)
    if not moving:
        return call.evaluate(names, upstream)
    divisor = call.denominator
    value, found = call.evaluate(names, upstream, rounded=False)
    if divisor != 0:
        for name, part in _denominator_gradients(call, [name for name in moving if name in names]).items():
            gradient = found[names.index(name)]
            gradient[...] = gradient.astype(float) - upstream * float(value) * part
    return value, tuple(_rounded(call, name, gradient) for name, gradient in zip(names, found, strict=True))


def _rounded(call: Call, name: str, gradient: np.ndarray) -> np.ndarray:
    """The gradient in the dtype that it has for the argument."""
    array = call.arrays[call.plan.positions[name]]
    assert array is not None
    return gradient.astype(gradient_dtype(array.dtype, call.plan.real), copy=False)


def fixed_denominator(call: Call, names: Sequence[str]) -> bool:
    """True if the denominator of the mean depends on none of the arguments `names`."""
    return call.plan.each is not None or not read_by_denominator(call, names)


def gradients(call: Call, names: Sequence[str], upstream: float | np.ndarray) -> Arrays:
    """Gradients for an upstream gradient: a number, or for reduction "none" an array of the item shape.

    Raises:
        LossError: as for `evaluate`.
    """
    if isinstance(upstream, np.ndarray) or not read_by_denominator(call, names):
        return call.gradients(names, upstream)
    return evaluate(call, names, upstream)[1]


def products(
    call: Call, directions: Mapping[str, np.ndarray], names: Sequence[str], upstream: float | np.ndarray, slope: bool
) -> tuple[Value | None, Arrays]:
    """The Hessian of (upstream · value) times a direction over all of `directions`, for the arguments `names`.

    Args:
        call: the prepared call.
        directions: arrays of the arguments' shapes; arguments that are left out do not move.
        names: the arguments for which products are wanted.
        upstream: as for `gradients`.
        slope: whether the slope of the value (without upstream) along the direction is wanted.

    Returns:
        The slope, in the form of the value (None if not wanted), and the products.

    Raises:
        LossError: as for `evaluate`; the denominator is not linear in the arguments that move.
    """
    moving = read_by_denominator(call, [*names, *directions])
    if not moving or call.denominator == 0:
        return call.products(directions, names, upstream, slope)
    parts = _denominator_gradients(call, moving)
    _check_linear(call, parts)
    value, plain = call.evaluate(tuple(names))
    s, found = call.products(directions, names, upstream, True)
    assert s is not None and not isinstance(upstream, np.ndarray), "a mean is one number"
    v, s = float(value), float(s)
    k = sum(float(np.vdot(parts[n], d.astype(float))) for n, d in directions.items() if n in parts)
    for name, gradient, product in zip(names, plain, found, strict=True):
        change = k * gradient.astype(float) + (s - 2 * v * k) * parts.get(name, 0.0)
        product[...] = product.astype(float) - upstream * change
    return np.asarray(s - v * k, call.plan.real) if slope else None, found


def read_by_denominator(call: Call, names: Sequence[str]) -> tuple[str, ...]:
    """Those of the given arguments that the denominator may depend on, if one of `names` is among them; on any device."""
    plan, scaling = call.plan, call.scaling
    variant = plan.variant
    if scaling.reduction != "mean" or scaling.denominator is not None or plan.each is not None:
        return ()
    if not hasattr(plan.kernels, "normalizer_gradient"):
        return ()
    reads = variant.normalizer_reads
    if reads is None:  # not said: a count of targets and weights, never of predictions
        reads = tuple(name for name in variant.differentiable if name not in variant.predictions)
    given = (name for name in reads if name in variant.differentiable)
    found = tuple(name for name in given if call.arrays[plan.positions[name]] is not None)
    return found if set(found).intersection(names) else ()


def _denominator_gradients(call: Call, names: Sequence[str]) -> dict[str, np.ndarray]:
    """dD / D in float64 for each of `names`; D is not 0."""
    plan, mask = call.plan, call.scaling.mask
    differentiable = plan.variant.differentiable
    outputs = outputs_for(plan, call.arrays, differentiable, names, rounded=False)
    item_scale = None if mask is None else mask.astype(plan.real, order="C").reshape(-1)
    idle = None if plan.whole is None else call.scaling.idle()
    operands = plan.operands(call.arrays, call.parameters, idle)
    job = Launch(
        *(plan.kernels.normalizer_gradient, plan.normaliser_operands(operands), call.parameters, differentiable, ()),
        *(1.0, item_scale, None, outputs.operands, plan.sizes(operands)),
    )
    launch(job, plan)
    found = outputs.finish(names)
    return {name: array.astype(float) / call.denominator for name, array in zip(names, found, strict=True)}


def _check_linear(call: Call, parts: Mapping[str, np.ndarray]) -> None:
    """Raise LossError unless <argument, dD> = D, as it is where D is a sum of weights.

    The kernels have no second derivative of D; this is what allows to do without.
    """
    plan = call.plan
    total = sum(float(np.vdot(part, call.arrays[plan.positions[n]].astype(float))) for n, part in parts.items())
    if not abs(total - 1) < 1e-2:
        names = " and ".join(parts)
        raise LossError(
            f"{plan.schema.name}: the second derivative of the mean for {names} is not available, since the mean's"
            f" denominator is not linear in {names}; use reduction='sum', or a given denominator"
        )
