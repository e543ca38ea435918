"""The engine: one prepared call of a loss, and what can be computed from it.

`Loss.bind` checks the arguments and returns a `Call`. Adapters keep a call, or bind again from saved arrays, and ask
it for values, gradients and products with the Hessian; they need to know nothing of reductions, masks or normalisers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from .directions import direction_operands
from .errors import LossError
from .execute import Launch, launch, total_of
from .faults import explain
from .memory import apart
from .outputs import check_wrt, outputs_for
from .plain import quick_evaluate
from .plan import Plan
from .scaling import Scaling
from .staging import Operand

Value = np.floating | np.ndarray
Upstream = float | np.ndarray


class Call:
    """A loss with its arguments and options, checked and ready to run.

    Nothing is computed before a method asks for it. The arguments are referred to, not copied, and never written to.

    Args:
        plan: what follows from the shapes and dtypes.
        arrays: the arguments in the order of the signature; None for those not given.
        parameters: the parameters as the kernels take them.
        scaling: reduction, sample weights, mask and denominator.
        empty: the `mean` of no items.
    """

    __slots__ = ("_divisor", "_prepared", "_shares", "_sizes", "arrays", "empty", "parameters", "plan", "scaling")

    def __init__(
        self,
        plan: Plan,
        arrays: Sequence[np.ndarray | None],
        parameters: tuple[float | int, ...],
        scaling: Scaling,
        empty: float,
    ) -> None:
        self.plan = plan
        self.arrays = arrays
        self.parameters = parameters
        self.scaling = scaling
        self.empty = empty
        self._divisor: float | None = None
        self._prepared: Sequence[Operand] | None = None
        self._sizes: tuple[int, ...] = ()
        self._shares: np.ndarray | None = None

    @property
    def _operands(self) -> Sequence[Operand]:
        if self._prepared is None:
            idle = None if self.plan.whole is None else self.scaling.idle()
            self._prepared = self.plan.operands(self.arrays, self.parameters, idle)
            self._sizes = self.plan.sizes(self._prepared)
        return self._prepared

    @property
    def denominator(self) -> float:
        """D, what the sum over items is divided by: 1 for `sum` and `none`; 0 for the mean of nothing.

        Raises:
            LossError: the loss has a normaliser, and an argument it reads is outside its domain.
        """
        if self._divisor is None:
            self._divisor = self.scaling.divisor(self.plan, self._normaliser)
        return self._divisor

    def value(self) -> Value:
        """The value alone: a scalar for `mean` and `sum`, an array of the item shape for `none`.

        Raises:
            LossError: an argument holds something outside its domain.
        """
        return self.evaluate(())[0]

    def evaluate(
        self, wrt: Sequence[str], upstream: float = 1.0, rounded: bool = True
    ) -> tuple[Value, tuple[np.ndarray, ...]]:
        """The value, and in the same pass gradients for an upstream gradient that is known beforehand.

        Args:
            wrt: names of given, differentiable arguments.
            upstream: a factor of the gradients (not of the value); for `none` the same one for all items.
            rounded: False to leave gradients in the dtype of the arithmetic, for what is still to be added to them.

        Returns:
            The value as `value` gives it; the gradients in the order of `wrt`, new arrays of the arguments' own shapes
            and dtypes.

        Raises:
            LossError: an argument holds something outside its domain, or `wrt` names no differentiable argument.
        """
        wrt = tuple(wrt)
        if self._divisor is None:
            # a plain call has no gradient that needs rounding
            found = quick_evaluate(self.plan, self.arrays, self.parameters, self.scaling, wrt, upstream)
            if found is not None:
                return found
        return self._evaluate(wrt, upstream, None, True, rounded)

    def gradients(self, wrt: Sequence[str], upstream: Upstream = 1.0) -> tuple[np.ndarray, ...]:
        """Gradients alone, for an upstream gradient that is a number, or (for `none`) an array of the item shape.

        Args and errors as for `evaluate`; LossError too if the upstream gradient's shape is not that of the value.
        """
        if isinstance(upstream, np.ndarray) and upstream.ndim:
            return self._evaluate(wrt, 1.0, self.scaling.check_upstream(self.plan, upstream), False)[1]
        return self._evaluate(wrt, float(upstream), None, False)[1]

    def products(
        self,
        directions: Mapping[str, np.ndarray | None],
        wrt: Sequence[str],
        upstream: Upstream = 1.0,
        slope: bool = False,
    ) -> tuple[Value | None, tuple[np.ndarray, ...]]:
        """Products of the Hessian of (upstream · loss) with a direction over any differentiable arguments.

        Args:
            directions: for arguments by name an array of the argument's shape; those left out or None are 0.
            wrt: the arguments for which the products are wanted.
            upstream: a number, or for `none` an array of the item shape.
            slope: whether to return the slope of the loss along the direction as well.

        Returns:
            The slope <direction, gradient of the loss>, *without* upstream, in the form of the value (it is the
            derivative of <direction, upstream · gradient> with respect to upstream), or None; and the products.

        Raises:
            LossError: as for `evaluate`, or a direction of a wrong shape.
        """
        variant = self.plan.variant
        touched = [name for name, direction in directions.items() if direction is not None]
        check_wrt(self.plan, self.arrays, (*touched, *wrt))
        full = not set(touched).union(wrt).issubset(variant.predictions)
        kernel = self.plan.kernels.hvp_full if full else self.plan.kernels.hvp
        names = variant.differentiable if full else variant.predictions
        operands = direction_operands(self.plan, self.arrays, names, directions)
        if not (isinstance(upstream, np.ndarray) and upstream.ndim):
            return self._run(kernel, names, wrt, operands, float(upstream), None, slope)
        # The slope must not contain upstream, the products must: two runs, the first of which writes no products.
        per_item = self.scaling.check_upstream(self.plan, upstream)
        found = self._run(kernel, names, (), operands, 1.0, None, True)[0] if slope else None
        return found, self._run(kernel, names, wrt, operands, 1.0, per_item, False)[1]

    def normalisers(self) -> np.ndarray:
        """What each item adds to the denominator of the mean, an array of the item shape; 0 where it is masked out.

        Raises:
            LossError: an argument that the normaliser reads is outside its domain.
        """
        plan, mask = self.plan, self.scaling.mask
        if plan.each is not None:
            counted = np.ones(plan.geometry.item_shape, plan.real) if mask is None else mask.astype(plan.real)
            return counted * plan.real.type(plan.each)
        values = apart((plan.geometry.items,), plan.real)
        self._normaliser(None if mask is None else mask.astype(plan.real, order="C").reshape(-1), values)
        return values.reshape(plan.geometry.item_shape)

    def hessian_diagonal(self, upstream: Upstream = 1.0) -> tuple[np.ndarray, ...]:
        """The diagonal of the Hessian of (upstream · loss) for each of the predictions, of their shapes and dtypes.

        Raises:
            LossError: as for `evaluate`; a loss over lattices has none.
        """
        names = self.plan.variant.predictions
        kernel = getattr(self.plan.kernels, "hessian_diagonal", None)
        if kernel is None:
            words = "the Hessian's diagonal is not available for a loss over lattices, expected a call of hvp"
            raise LossError(f"{self.plan.schema.name}: {words}")
        if isinstance(upstream, np.ndarray) and upstream.ndim:
            return self._run(kernel, names, names, (), 1.0, self.scaling.check_upstream(self.plan, upstream), False)[1]
        return self._run(kernel, names, names, (), float(upstream), None, False)[1]

    def _evaluate(
        self, wrt: Sequence[str], upstream: float, per_item: np.ndarray | None, valued: bool, rounded: bool = True
    ) -> tuple[Value | None, tuple[np.ndarray, ...]]:
        check_wrt(self.plan, self.arrays, wrt)
        plan = self.plan
        return self._run(
            plan.kernels.evaluate, plan.variant.differentiable, wrt, (), upstream, per_item, valued, rounded
        )

    def _run(
        self,
        kernel: Callable[..., None],
        names: Sequence[str],
        wrt: Sequence[str],
        directions: Sequence[Operand],
        upstream: float,
        per_item: np.ndarray | None,
        valued: bool,
        rounded: bool = True,
    ) -> tuple[Value | None, tuple[np.ndarray, ...]]:
        """Run a kernel whose outputs belong to `names`, wanting those of `wrt`, and reduce its values if `valued`."""
        plan, scaling = self.plan, self.scaling
        divisor = self.denominator
        scale, item_scale = scaling.scales(plan, divisor, upstream, per_item, self._divided())
        values = apart((plan.geometry.items,), plan.real) if valued and scaling.reduction == "none" else None
        outputs = outputs_for(plan, self.arrays, names, wrt, rounded)
        job = Launch(
            *(kernel, self._operands, self.parameters, names, directions, scale, item_scale, values),
            *(outputs.operands, self._sizes),
        )
        total = self._launch(job)
        results = outputs.finish(wrt)
        if not valued:
            return None, results
        if values is not None:
            return values.reshape(plan.geometry.item_shape), results
        return scaling.reduce(plan, total, divisor, self.empty), results

    def _launch(self, job: Launch, threaded: bool | None = None) -> float:
        """Run a kernel, complain about what it found outside a domain, and return the sum over all items."""
        totals, faults = launch(job, self.plan, threaded)
        if faults.any():
            explain(self.plan, self.arrays, self.parameters, job.item_scale, faults)
        return total_of(totals)

    def _normaliser(self, item_scale: np.ndarray | None, values: np.ndarray | None = None) -> float:
        """The sum of the loss's own normaliser over the items; `values` receives each."""
        operands = self.plan.normaliser_operands(self._operands)
        kernel = self.plan.kernels.normalizer
        return self._launch(Launch(kernel, operands, self.parameters, (), (), 1.0, item_scale, values, (), self._sizes))

    def _divided(self) -> np.ndarray | None:
        """What each item is divided by before the mean over the items; None if by nothing."""
        plan = self.plan
        if not plan.variant.divided or not (self.scaling.shares or self.scaling.reduction == "mean"):
            return None
        if self._shares is None:
            shares = apart((plan.geometry.items,), plan.real)
            operands = self._operands
            job = Launch(plan.kernels.divisor, operands, self.parameters, (), (), 1.0, None, shares, (), self._sizes)
            self._launch(job, plan.division.many_items)
            self._shares = shares
        return self._shares
