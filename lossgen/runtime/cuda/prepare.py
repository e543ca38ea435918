"""From the arguments of a loss, as arrays on a device, to a prepared call there."""

from __future__ import annotations

from ..axes import AxisOption
from ..errors import LossError
from ..loss import Loss
from ..scaling import make_scaling
from .call import Call
from .driver import Array, Place
from .lattices import Arrays, check_numbers
from .plan import plan_for


def bind(
    loss: Loss,
    arrays: Arrays,
    parameters: tuple,
    reduction: str,
    axis: AxisOption,
    sample_weight: Array | None,
    mask: Array | None,
    denominator: Array | float | None,
    empty: float,
    place: Place,
) -> Call:
    """Check arguments and options and prepare a call, as `lossgen.runtime.Loss.bind` does for the CPU.

    Args:
        loss: the loss.
        arrays: the arguments in the order of the signature, all on the device of `place`; None where not given. Lengths and
            sequences of labels may be arrays of NumPy.
        denominator: a positive number, or a 0-d array on the device, whose value nobody looks at.
        place: where the call runs.

    Raises:
        LossError: as on the CPU, but for what arrays hold; what an earlier call of this loss was given and did not fit.
    """
    settings = loss._settings(parameters)
    plan = plan_for(loss, arrays, settings.choice, axis)
    place.driver.reports.raise_for(plan.schema, plan.variant)
    if plan.variant.whole:
        check_numbers(plan, settings.numbers)
    on_device = isinstance(denominator, Array)
    if on_device and (reduction == "none" or denominator.shape != ()):
        given = "an array" if reduction == "none" else f"of shape {denominator.shape}"
        words = "None with reduction='none'" if reduction == "none" else "one number, of shape ()"
        raise LossError(f"{loss.name}: denominator is {given}, expected {words}")
    number = None if on_device else denominator
    scaling = make_scaling(plan, reduction, sample_weight, mask, number, as_array=lambda array: array)
    return Call(plan, arrays, settings.numbers, scaling, empty, place, denominator if on_device else None)
