"""A prepared call on CUDA, and what can be computed from it: what `lossgen.runtime.engine.Call` is on the CPU.

Everything is started on one stream and nothing is waited for. Results are arrays on the device.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..dtypes import FLOAT64
from ..errors import LossError
from ..outputs import check_wrt
from ..scaling import Scaling
from .directions import directions_for
from .driver import Array
from .launching import Given, run
from .layouts import Strided
from .scales import (
    Divisor,
    Upstream,
    counted_divisor,
    given_divisor,
    item_scale,
    multiplier,
    real_of,
)
from .views import filled, scalar
from .work import Work

Arrays = tuple[Array, ...]
ONE = Upstream()


class Call(Work):
    """A loss with its arguments and options, checked and ready to run on a device.

    Args:
        plan: what follows from the shapes and dtypes.
        arrays: the arguments in the order of the signature; None for those not given. Lengths and sequences of labels may be
            arrays of NumPy.
        parameters: the parameters as the kernels take them.
        scaling: reduction, sample weights, mask and denominator; the arrays among them are on the device.
        empty: the `mean` of no items.
        place: where it runs.
        denominator: a number on the device in place of the loss's own denominator.
    """

    @property
    def divisor(self) -> Divisor:
        """What the sum over items is divided by."""
        if self._divisor is None:
            known = counted_divisor(self.plan, self.place, self.scaling) if self._given is None else None
            if self._given is not None:
                known = given_divisor(self.plan, self.place, self._given)
            self._divisor = self._normaliser() if known is None else known
        return self._divisor

    @property
    def has_given_denominator(self) -> bool:
        """Whether a number on the device takes the place of the loss's own denominator."""
        return self._given is not None

    def wait_if_told(self) -> None:
        """Where LOSSGEN_CUDA_CHECK says so: wait for the kernels, and raise what they found."""
        driver = self.place.driver
        if driver.reports.always:
            driver.synchronize()
            driver.reports.raise_for(self.plan.schema, self.plan.variant)

    def value(self, exact: bool = False) -> Array:
        """The value alone: 0-d for a reduction, of the item shape for `none`. exact: in float64, of a reduction."""
        return self._run("evaluate", self.plan.variant.differentiable, (), (), ONE, True, exact=exact)[0]

    def evaluate(self, wrt: Sequence[str], upstream: Upstream = ONE, rounded: bool = True) -> tuple[Array, Arrays]:
        """The value, and in the same pass gradients, which are multiplied by the upstream gradient.

        Args:
            wrt: names of given, differentiable arguments.
            upstream: a number, or one on the device.
            rounded: False to leave gradients in the dtype of the arithmetic; then the value is float64.

        Raises:
            LossError: `wrt` names no differentiable argument.
        """
        check_wrt(self.plan, self.arrays, wrt)
        names = self.plan.variant.differentiable
        return self._run("evaluate", names, wrt, (), upstream, True, rounded, not rounded)

    def gradients(self, wrt: Sequence[str], upstream: Upstream = ONE) -> Arrays:
        """Gradients alone."""
        check_wrt(self.plan, self.arrays, wrt)
        return self._run("evaluate", self.plan.variant.differentiable, wrt, (), upstream, False)[1]

    def products(
        self,
        directions: Mapping[str, Array | None],
        wrt: Sequence[str],
        upstream: Upstream = ONE,
        slope: bool = False,
        exact: bool = False,
    ) -> tuple[Array | None, Arrays]:
        """Products of the Hessian of (upstream · loss) with a direction, and the slope along it, without upstream.

        exact: leave both in the dtype of the arithmetic, the slope of a reduction in float64.
        """
        variant = self.plan.variant
        touched = [name for name, direction in directions.items() if direction is not None]
        check_wrt(self.plan, self.arrays, (*touched, *wrt))
        full = not set(touched).union(wrt).issubset(variant.predictions)
        kernel = "hvp_full" if full else "hvp"
        names = variant.differentiable if full else variant.predictions
        along = directions_for(self.plan, self.place, self.arrays, names, directions)
        if upstream.per_item is None or not slope:
            return self._run(kernel, names, wrt, along, upstream, slope, not exact, exact)
        # The slope must not contain upstream, the products must: two runs, the first of which writes no products.
        found = self._run(kernel, names, (), along, ONE, True)[0]
        return found, self._run(kernel, names, wrt, along, upstream, False)[1]

    def hessian_diagonal(self, upstream: Upstream = ONE) -> Arrays:
        """The diagonal of the Hessian for each of the predictions."""
        names = self.plan.variant.predictions
        if not hasattr(self.plan.kernels, "hessian_diagonal"):
            words = "the Hessian's diagonal is not available for a loss over lattices, expected a call of hvp"
            raise LossError(f"{self.plan.schema.name}: {words}")
        return self._run("hessian_diagonal", names, names, (), upstream, False)[1]

    def normalisers(self) -> Array:
        """What each item adds to the denominator of the mean; 0 where it is masked out."""
        plan, place = self.plan, self.place
        if plan.each is None:
            values = self._per_item()
            self._start("normalizer", self.operands, (), 1.0, None, self._mask(), values, [])
            return values
        each = filled(place, plan.geometry.item_shape, plan.real, plan.each, plan.item_strides)
        if self.scaling.mask is None:
            return each
        found = item_scale(plan, place, Scaling("sum", each, self.scaling.mask), None)
        assert isinstance(found, Array)
        return found

    def denominator_gradients(self, names: Sequence[str]) -> dict[str, Array]:
        """dD in the dtype of the arithmetic, for each of `names`."""
        differentiable = self.plan.variant.differentiable
        grid = self._grid("normalizer_gradient", differentiable, names)
        results = self._results(names, False, grid.groups)
        outputs = self._outputs(results, differentiable)
        self._start("normalizer_gradient", self.operands, (), 1.0, None, self._mask(), None, outputs, grid)
        return {name: results[name].finish(self.plan, self.place) for name in names}

    def _run(
        self,
        kernel: str,
        names: Sequence[str],
        wrt: Sequence[str],
        directions: Sequence[Given],
        upstream: Upstream,
        valued: bool,
        rounded: bool = True,
        exact: bool = False,
    ) -> tuple[Array | None, Arrays]:
        """Run a kernel whose outputs belong to `names`, wanting those of `wrt`, and reduce its values if `valued`."""
        plan, place, reduction = self.plan, self.place, self.scaling.reduction
        divisor = self.divisor
        scale, factor = multiplier(plan, place, divisor, upstream) if wrt else (1.0, None)
        items = self._items(upstream.per_item)
        kept = valued and reduction == "none"
        values = self._per_item() if kept else None
        grid = self._grid(kernel, names, wrt)
        results = self._results(wrt, rounded, grid.groups)
        outputs = self._outputs(results, names)
        found = self._start(kernel, self.operands, directions, scale, factor, items, values, outputs, grid)
        value = values
        if valued and (not kept or plan.faulty):
            value = self._settle(found, grid.blocks, divisor, FLOAT64 if exact else plan.real, not kept) or values
        return value, tuple(results[name].finish(plan, place) for name in wrt)

    def _normaliser(self) -> Divisor:
        """The sum of the loss's own normaliser over the items."""
        plan, place = self.plan, self.place
        grid = self._grid("normalizer", (), ())
        found = self._start("normalizer", self.operands, (), 1.0, None, self._mask(), None, [], grid)
        exact, inverse = scalar(place), scalar(place, real_of(plan))
        given = (1.0, None, 0.0, None, exact, inverse, place.driver.reports.row(plan.schema, plan.variant))
        run(place, "settle", (grid.blocks if plan.geometry.items else 0, *found, *given))
        return Divisor(1.0, exact, inverse)

    def _per_item(self) -> Array:
        """Room for one number for each item."""
        return self.place.memory.empty(self.plan.geometry.item_shape, self.plan.real, self.plan.item_strides)

    def _mask(self) -> Array | Strided | None:
        """The mask alone, as the kernels take it."""
        return item_scale(self.plan, self.place, Scaling("sum", mask=self.scaling.mask), None)

    def _items(self, upstream: Array | None) -> Array | Strided | None:
        """The factor of each item."""
        if upstream is not None:
            return item_scale(self.plan, self.place, self.scaling, upstream, self._divided())
        if self._item_scale is None:
            self._item_scale = (item_scale(self.plan, self.place, self.scaling, None, self._divided()),)
        return self._item_scale[0]

    def _divided(self) -> Array | None:
        """What each item is divided by before the mean over the items; None if by nothing."""
        plan = self.plan
        if not plan.variant.divided or not (self.scaling.shares or self.scaling.reduction == "mean"):
            return None
        if self._shares is None:
            self._shares = self._per_item()
            self._start("divisor", self.operands, (), 1.0, None, None, self._shares, [])
        return self._shares
