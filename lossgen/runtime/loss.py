"""The base class of every loss: from the NumPy surface's arguments to a prepared call of the engine."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from importlib import import_module
from types import ModuleType
from typing import Any, ClassVar

import numpy as np

from .axes import AxisOption, freeze
from .derivatives import evaluate
from .domains import Settings, check_parameters
from .elsewhere import lies_on_cuda
from .engine import Call, Value
from .errors import LossError, LossTypeError
from .plain import quick_evaluate
from .plan import Plan, make_plan
from .scaling import make_scaling
from .schema import Schema
from .variants import Choice, KernelModules

MOST_PLANS = 256
Gradients = np.ndarray | tuple[np.ndarray, ...]
Wrt = str | Sequence[str] | None


class Loss:
    """A loss over NumPy arrays. Subclasses set `schema` and spell out the signature of each method.

    Args:
        package: the package that the subclass is defined in. The kernels are imported when first needed, from the
            package `cpu` beside it.
    """

    schema: ClassVar[Schema]

    def __init__(self, package: str) -> None:
        self._modules = KernelModules(package)
        self._plans: dict[tuple, Plan] = {}
        self._parameters: dict[tuple, Settings] = {}
        #: What adapters ask for at every call.
        self.recipes: dict[tuple, Any] = {}
        #: The recipe that the last call went by.
        self.latest: Any = None
        #: The plans of calls on other devices.
        self.on_devices: dict[tuple, Any] = {}
        #: The package that the loss is defined in.
        self.package = package
        self.name = self.schema.name
        self.argument_names = tuple(argument.name for argument in self.schema.variants[0].arguments)
        names = {name for variant in self.schema.variants for name in variant.predictions}
        self.predictions = tuple(place for place, name in enumerate(self.argument_names) if name in names)
        #: Where an equal loss can be made from: module, class and package.
        self.location = f"{type(self).__module__}:{type(self).__qualname__}:{package}"

    def __reduce__(self) -> tuple:
        return type(self), (self.package,)

    def __repr__(self) -> str:
        return f"<loss {self.schema.name}>"

    def bind(
        self,
        arguments: Sequence[object],
        parameters: tuple = (),
        reduction: str | None = None,
        axis: AxisOption = None,
        sample_weight: object = None,
        mask: object = None,
        denominator: object = None,
        empty: float = float("nan"),
    ) -> Call:
        """Check arguments and options and prepare a call; see `lossgen.runtime.engine.Call` for what it can compute.

        Args:
            arguments: arrays, or what `np.asarray` understands, in the order of the signature; None where not given.
            parameters: the parameters in the order of the signature.
            reduction: "none", "mean", "batchmean" or "sum", if the loss has it; None for the loss's own default.
            axis: dimensions in place of the axes' default ones: an int, a tuple of ints (flattened), or a dict from
                axis names to them.
            sample_weight: a factor for each item, broadcast to the items.
            mask: booleans of the item shape; items where it is False contribute exactly 0, whatever they hold.
            denominator: a positive number that `mean` divides by in place of its own; `sum` is divided by it too.
            empty: the `mean` of no items (all masked out or ignored).

        Raises:
            LossError: one line that names the loss, the argument, what was given and what is expected.
        """
        settings = self._settings(parameters)
        plan, arrays = self._prepare(arguments, axis, settings.choice)
        scaling = make_scaling(
            plan, self.schema.reduction if reduction is None else reduction, sample_weight, mask, denominator
        )
        return Call(plan, arrays, settings.numbers, scaling, empty)

    def _prepare(
        self, arguments: Sequence[object], axis: AxisOption, choice: Choice
    ) -> tuple[Plan, Sequence[np.ndarray | None]]:
        """The arguments as arrays, and the plan for their shapes, dtypes and flags."""
        arrays: list[np.ndarray | None] = []
        option = None if axis is None else freeze(self.schema, axis)
        parts: list[object] = [option, choice]
        for argument in arguments:
            if argument is None:
                parts.append(None)
                arrays.append(None)
                continue
            array = argument if type(argument) is np.ndarray else self._array(argument, len(arrays))
            parts += (array.shape, array.dtype, array.flags.num)  # the flags say whether it is contiguous
            arrays.append(array)
        key = tuple(parts)
        plan = self._plans.get(key)
        if plan is None:
            plan = make_plan(self.schema, self._modules, arrays, option, choice)
            remember(self._plans, key, plan)
        return plan, arrays

    def _array(self, argument: object, position: int) -> np.ndarray:
        try:
            return np.asarray(argument)
        except ValueError:  # a ragged list
            name = self.schema.variants[0].arguments[position].name
            words = f"{self.schema.name}: {name} is a {type(argument).__name__} that is not an array, expected numbers"
            raise LossTypeError(f"{words} in equally long rows") from None

    def _settings(self, parameters: tuple) -> Settings:
        """The parameters: which variant they choose, and those that the kernels take."""
        try:
            known = self._parameters.get(parameters)
        except TypeError:  # not hashable, hence not a number: the check says so
            return check_parameters(self.schema, parameters)
        if known is None:
            known = check_parameters(self.schema, parameters)
            remember(self._parameters, parameters, known)
        return known

    def _value(
        self,
        arguments: Sequence[object],
        parameters: tuple,
        reduction: str,
        axis: AxisOption,
        sample_weight: object,
        mask: object,
        denominator: object,
        empty: float,
    ) -> Value:
        """The value; the options are those of `bind`."""
        if (elsewhere := _surface_of(arguments)) is not None:
            return elsewhere.value(
                self, arguments, parameters, reduction, axis, sample_weight, mask, denominator, empty
            )
        choice, numbers = self._settings(parameters)
        plan, arrays = self._prepare(arguments, axis, choice)
        scaling = make_scaling(plan, reduction, sample_weight, mask, denominator)
        found = quick_evaluate(plan, arrays, numbers, scaling, (), 1.0)
        return Call(plan, arrays, numbers, scaling, empty).value() if found is None else found[0]

    def _value_and_grad(
        self,
        arguments: Sequence[object],
        parameters: tuple,
        wrt: Wrt,
        reduction: str,
        axis: AxisOption,
        sample_weight: object,
        mask: object,
        denominator: object,
        empty: float,
    ) -> tuple[Value, Gradients]:
        """The value and gradients: for the predictions, for one named argument, or (a tuple) for several.

        With reduction "none" the gradients are those of the sum of the values.
        """
        if (elsewhere := _surface_of(arguments)) is not None:
            options = reduction, axis, sample_weight, mask, denominator, empty
            return elsewhere.value_and_grad(self, arguments, parameters, wrt, *options)
        choice, numbers = self._settings(parameters)
        plan, arrays = self._prepare(arguments, axis, choice)
        scaling = make_scaling(plan, reduction, sample_weight, mask, denominator)
        if wrt is None:
            names = plan.variant.predictions
            single = len(names) == 1
        else:
            single = isinstance(wrt, str)
            names = (wrt,) if single else tuple(wrt)
        if plan.each is None and wrt is not None:  # the denominator may depend on these arguments, too
            value, gradients = evaluate(Call(plan, arrays, numbers, scaling, empty), names)
            return value, gradients[0] if single else gradients
        # A plain call does without the object that larger ones are kept in.
        found = quick_evaluate(plan, arrays, numbers, scaling, names, 1.0)
        value, gradients = Call(plan, arrays, numbers, scaling, empty).evaluate(names) if found is None else found
        return value, gradients[0] if single else gradients

    def _hvp(self, arguments: Sequence[object], parameters: tuple, directions: object, *options: object) -> Gradients:
        """The product of the Hessian over the predictions with a direction: an array, or a tuple of one for each."""
        if (elsewhere := _surface_of(arguments)) is not None:
            return elsewhere.hvp(self, arguments, parameters, directions, *options)
        call = self.bind(arguments, parameters, *options)  # type: ignore[arg-type]
        names = call.plan.variant.predictions
        given = directions if isinstance(directions, tuple) else (directions,)
        if len(given) != len(names):
            expected = f"{len(names)} arrays, one for each of {', '.join(names)}"
            raise LossError(f"{self.schema.name}: direction has {len(given)} arrays, expected {expected}")
        found = call.products({n: np.asarray(d) for n, d in zip(names, given, strict=True)}, names)[1]
        return found[0] if len(found) == 1 else found

    def _hessian_diagonal(self, arguments: Sequence[object], parameters: tuple, *options: object) -> Gradients:
        """The diagonal of the Hessian for the predictions."""
        if (elsewhere := _surface_of(arguments)) is not None:
            return elsewhere.hessian_diagonal(self, arguments, parameters, *options)
        found = self.bind(arguments, parameters, *options).hessian_diagonal()  # type: ignore[arg-type]
        return found[0] if len(found) == 1 else found


@lru_cache(maxsize=256)
def find_loss(location: str) -> Loss:
    """The loss with this location (see `Loss.location`)."""
    module, name, package = location.split(":")
    return getattr(import_module(module), name)(package)


def _surface_of(arguments: Sequence[object]) -> ModuleType | None:
    """What computes losses of arrays on a CUDA device, if the first argument is one."""
    if type(arguments[0]) is np.ndarray or not lies_on_cuda(arguments[0]):
        return None
    return import_module(".cuda.surface", __package__)


def remember(cache: dict, key: tuple, value: object) -> None:
    """Keep a value; a full cache starts again from nothing. Safe in several threads at once."""
    if len(cache) >= MOST_PLANS:
        cache.clear()
    cache[key] = value
