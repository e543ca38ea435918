"""Holds generated kernels against the raw formula in many digits: values, gradients, curvature."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from mpmath import isfinite, mpf

from lossgen.formula import Loss, Variant

from . import oracle
from .reductions import summed, values
from .sampling import Arrays, counted


@dataclass(frozen=True)
class Figure:
    """How far one quantity is from the truth.

    worst : the largest error of an entry, in units of the dtype's rounding (half an ulp counts 0.5 – 1) of that entry.
    relative : the largest error, over the largest entry of the quantity in the same item.
    place : where the worst was.
    nonfinite : entries that are not finite though the truth is, and lies in the dtype's range.
    """

    quantity: str
    dtype: str
    worst: float
    relative: float
    place: str
    nonfinite: int


def compare(
    loss: Loss,
    variant: Variant,
    function: Any,
    arrays: Arrays,
    parameters: Mapping[str, float],
    dtype: type,
) -> list[Figure]:
    """The figures for one batch. `function` is the generated loss on NumPy arrays."""
    given = {a.name: _in(arrays[a.name], dtype) for a in variant.arguments}
    names, predictions = [a.name for a in variant.differentiable], [a.name for a in variant.predictions]
    rng = np.random.default_rng(11)
    directions = {name: rng.uniform(0.5, 1.5, given[name].shape).astype(dtype) for name in predictions}
    exact = [
        oracle.truths(variant.expression, item, names, {n: _numbers(directions[n][i]) for n in predictions})
        for i, item in enumerate(environments(variant, given, parameters))
    ]
    found = _found(loss, variant, function, given, parameters, directions)
    figures = [_figure("value", found["value"], [[[t.value] for t in sides] for sides in exact], dtype)]
    for name in names:
        truth = [[t.gradient[name] for t in sides] for sides in exact]
        shared = next(a for a in variant.arguments if a.name == name).role.layout == "shared"
        figures.append(
            _figure(f"gradient of {name}", found["gradient"][name], _summed(truth) if shared else truth, dtype)
        )
    for name in predictions:
        products, diagonals = ([[getattr(t, q)[name] for t in s] for s in exact] for q in ("product", "diagonal"))
        figures.append(_figure(f"Hessian · direction, {name}", found["product"][name], products, dtype))
        figures.append(_figure(f"Hessian diagonal, {name}", found["diagonal"][name], diagonals, dtype))
    return figures


def _found(
    loss: Loss, variant: Variant, function: Any, given: Arrays, parameters: Mapping[str, float], directions: Arrays
) -> dict[str, Any]:
    """What the generated loss makes of a batch: `value`, and the other quantities by the argument's name."""
    ordered, names = [given[a.name] for a in variant.arguments], tuple(a.name for a in variant.differentiable)
    required = [a.name for a in variant.arguments if loss.default(a.name) is None]
    optional = {a.name: given[a.name] for a in variant.arguments if a.name not in required}
    along = tuple(directions.values()) if len(directions) > 1 else next(iter(directions.values()))
    _, slopes = function.value_and_grad(*ordered, **parameters, **summed(loss), wrt=names)
    product = function.hvp(*(given[n] for n in required), along, **optional, **parameters, **summed(loss))
    diagonal = function.hessian_diagonal(*ordered, **parameters, **summed(loss))
    return {
        "value": values(loss, variant, function, ordered, parameters),
        "gradient": dict(zip(names, slopes, strict=True)),
        "product": dict(zip(directions, product if len(directions) > 1 else (product,), strict=True)),
        "diagonal": dict(zip(directions, diagonal if len(directions) > 1 else (diagonal,), strict=True)),
    }


def environments(variant: Variant, arrays: Arrays, parameters: Mapping[str, float]) -> Iterator[dict[str, Any]]:
    """Each item as the oracle takes it: exact images of the floating-point inputs."""
    arrays = counted(variant, arrays)
    sizes = {
        a.role.axis.name: arrays[a.name].shape[-1] for a in variant.arguments if a.role.axis and not a.role.integer
    }
    items = next(len(arrays[a.name]) for a in variant.arguments if a.role.layout != "shared")
    for i in range(items):
        item: dict[str, Any] = {**sizes, "item": i, **{p.name: mpf(parameters[p.name]) for p in variant.parameters}}
        for a in variant.arguments:
            entry = arrays[a.name] if a.role.layout == "shared" else arrays[a.name][i]
            item[a.name] = int(entry) if a.role.integer else _numbers(entry)
        yield item


def _in(array: np.ndarray, dtype: type) -> np.ndarray:
    """Numbers in the dtype, labels as they are."""
    return array if array.dtype.kind == "i" else array.astype(dtype)


def _numbers(entries: Any) -> Any:
    """The exact image of a row, or of one number."""
    return [mpf(float(x)) for x in entries] if np.ndim(entries) else mpf(float(entries))


def _summed(items: list[list[list[mpf]]]) -> list[list[list[mpf]]]:
    """The gradient of an argument that all items share is the sum of the items' gradients."""
    return [
        [
            [sum(column) for column in zip(*(sides[min(k, len(sides) - 1)] for sides in items), strict=True)]
            for k in range(3)
        ]
    ]


def _figure(quantity: str, found: np.ndarray, exact: list[list[list[mpf]]], dtype: type) -> Figure:
    """Compares an item's entries with its truth, or at a kink with all that lies between the truths of its sides."""
    limits = np.finfo(dtype)
    eps, tiny, most = (mpf(float(x)) for x in (limits.eps, limits.tiny, limits.max))
    rows = np.asarray(found).reshape(len(exact), -1)
    worst, relative, place, nonfinite = 0.0, 0.0, "", 0
    for i, (row, sides) in enumerate(zip(rows, exact, strict=True)):
        largest = max((abs(t) for side in sides for t in side if isfinite(t)), default=mpf(0))
        for k, (x, *true) in enumerate(zip(row, *sides, strict=True)):
            if not all(isfinite(t) and abs(t) <= most for t in true):
                continue
            low, high = min(true), max(true)
            if not np.isfinite(x):
                nonfinite += 1
                continue
            number = mpf(float(x))
            error, nearest = (low - number, low) if number < low else (max(number - high, mpf(0)), high)
            units = float(error / (eps * max(abs(nearest), tiny)))
            relative = max(relative, float(error / max(largest, tiny)))
            if units > worst:
                worst, place = units, f"item {i}, entry {k}: {float(x):.9g}, exactly {float(nearest):.9g}"
    return Figure(quantity, np.dtype(dtype).name, worst, relative, place, nonfinite)
