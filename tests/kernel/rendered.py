"""Renders kernels of made-up losses, loads them and runs them on a few items."""

import importlib.util
import itertools
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from exact import exact, slope
from mpmath import mpf

from lossgen.formula import Loss, Variant
from lossgen.kernel import render_module

counter = itertools.count()


class Rendered:
    """The kernels of one variant, called with a dictionary of named arrays."""

    def __init__(self, loss: Loss, folder: Path, variant: int = 0, dtype: str = "float64") -> None:
        self.loss, self.dtype = loss, np.dtype(dtype)
        self.variant: Variant = loss.variants[variant]
        self.text = render_module(loss, self.variant, dtype, "somewhere.py")
        self.module = load(self.text, folder)

    def __call__(
        self,
        kernel: str,
        data: Mapping[str, Any],
        directions: Sequence[Any] = (),
        scale: float = 1.0,
        item_scale: Any = None,
    ) -> tuple[np.ndarray, dict[str, np.ndarray], int]:
        """The values, the outputs by argument, and the fault bits of one call over two lanes."""
        arrays = [self._array(data.get(a.name), a) for a in self.variant.arguments]
        first = next(a for a, v in zip(arrays, self.variant.arguments, strict=True) if v.role.layout in ("item", "row"))
        items = len(first)
        parameters = [float(data.get(p.name, self.loss.default(p.name))) for p in self.variant.parameters]
        parameters += [int(data.get("ignore_index", -100))] if any(v.labels for v in self.loss.variants) else []
        parameters += [0] if self.variant.numbered else []
        bounds = np.array([0, items // 2, items])
        values, totals = np.empty(items, self.dtype), np.empty(2)
        faults = np.empty(2, np.int64)
        wrt = self._wrt(kernel)
        outputs = [self._output(a, arrays) for a in wrt]
        directions = [np.ascontiguousarray(d, self.dtype) for d in directions]
        item_scale = None if item_scale is None else np.asarray(item_scale, self.dtype)
        getattr(self.module, kernel)(
            0, 2, bounds, *arrays, *parameters, *directions, scale, item_scale, values, totals, faults, *outputs
        )
        if kernel != "hessian_diagonal":
            assert (
                math.isclose(totals.sum(), values.astype(float).sum(), rel_tol=1e-6, abs_tol=1e-6)
                or np.isnan(values).any()
            )
        named = {
            a.name: o.sum(0) if a.role.layout == "shared" else o
            for a, o in zip(wrt, outputs, strict=True)
            if o is not None
        }
        return values, named, int(faults[0] | faults[1])

    def exact_values(self, data: Mapping[str, Any]) -> list[Any]:
        """The raw formula of every item at 50 digits."""
        items = len(next(np.asarray(data[a.name]) for a in self.variant.arguments if a.role.layout in ("item", "row")))
        return [exact(self.variant.expression, self.item(data, i)) for i in range(items)]

    def item(self, data: Mapping[str, Any], i: int) -> dict[str, Any]:
        """The numbers of one item."""
        numbers: dict[str, Any] = {
            p.name: mpf(data.get(p.name, self.loss.default(p.name))) for p in self.variant.parameters
        }
        for a in self.variant.arguments:
            given = data.get(a.name)
            if given is None:
                default = self.loss.default(a.name)
                numbers[a.name] = [default] * 99 if a.role.layout in ("row", "shared") else default
            else:
                numbers[a.name] = list(given) if a.role.layout == "shared" else given[i]
            if a.role.axis and given is not None and a.role.layout in ("row", "shared"):
                numbers[a.role.axis.name] = np.shape(given)[-1]
        return numbers

    def _array(self, given: Any, argument: Any) -> np.ndarray | None:
        dtype = np.int64 if argument.role.integer else self.dtype
        return None if given is None else np.ascontiguousarray(given, dtype)

    def _wrt(self, kernel: str) -> tuple:
        if kernel == "normalizer":
            return ()
        return self.variant.predictions if kernel in ("hvp", "hessian_diagonal") else self.variant.differentiable

    def _output(self, argument: Any, arrays: Sequence[np.ndarray | None]) -> np.ndarray | None:
        given = dict(zip(self.variant.arguments, arrays, strict=True))[argument]
        if given is None:
            return None
        return (
            np.full((2, *given.shape), np.nan)
            if argument.role.layout == "shared"
            else np.full(given.shape, np.nan, self.dtype)
        )


def load(text: str, folder: Path) -> ModuleType:
    """The text as a module of its own."""
    path = folder / f"rendered_{next(counter)}.py"
    path.write_text(text)
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def check_against_the_formula(rendered: Rendered, data: Mapping[str, Any], error: float = 1e-11) -> None:
    """The kernel's value and gradient are the raw formula's, at every entry of everything that was given."""
    values, gradients, faults = rendered("evaluate", data)
    assert faults == 0
    np.testing.assert_allclose(values, [float(v) for v in rendered.exact_values(data)], rtol=error, atol=error / 100)
    for argument in rendered.variant.differentiable:
        if argument.name in gradients:
            expected = exact_gradient(rendered, data, argument)
            np.testing.assert_allclose(
                gradients[argument.name], expected, rtol=error, atol=error / 100, err_msg=argument.name
            )


def exact_gradient(rendered: Rendered, data: Mapping[str, Any], argument: Any) -> np.ndarray:
    """Differences of the raw formula at 50 digits; for an argument shared by all items, their sum."""
    numbers = np.asarray(data[argument.name], float)
    items = len(rendered.exact_values(data))

    def one(item: int, entry: int | None) -> float:
        point = rendered.item(data, item)

        def moved(number: Any) -> Any:
            if entry is None:
                return exact(rendered.variant.expression, {**point, argument.name: number})
            row = [number if i == entry else n for i, n in enumerate(point[argument.name])]
            return exact(rendered.variant.expression, {**point, argument.name: row})

        return float(slope(moved, mpf(float(point[argument.name] if entry is None else point[argument.name][entry]))))

    if argument.role.layout == "shared":
        return np.array([sum(one(i, entry) for i in range(items)) for entry in range(len(numbers))])
    entries = range(numbers.shape[1]) if numbers.ndim == 2 else [None]
    return np.array([[one(i, entry) for entry in entries] for i in range(items)]).reshape(numbers.shape)
