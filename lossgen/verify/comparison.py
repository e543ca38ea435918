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
    second: bool = True,
) -> list[Figure]:
    """The figures for one batch. `function` is the generated loss on NumPy arrays; `second` adds the curvature."""
    given = {a.name: _in(arrays[a.name], dtype) for a in variant.arguments}
    names = [a.name for a in variant.differentiable]
    ordered = [given[a.name] for a in variant.arguments]
    found = values(loss, variant, function, ordered, parameters)
    figures = [_figure("value", found, _values(variant, given, parameters), dtype)]
    _, gradients = function.value_and_grad(*ordered, **parameters, **summed(loss), wrt=tuple(names))
    for name, gradient in zip(names, gradients, strict=True):
        truth = _summed(
            variant,
            name,
            [oracle.gradient(variant.expression, e, name) for e in environments(variant, given, parameters)],
        )
        figures.append(_figure(f"gradient of {name}", gradient, truth, dtype))
    return figures + (list(_second(loss, variant, function, given, parameters, dtype)) if second else [])


def environments(variant: Variant, arrays: Arrays, parameters: Mapping[str, float]) -> Iterator[dict[str, Any]]:
    """Each item as the oracle takes it: exact images of the floating-point inputs."""
    arrays = counted(variant, arrays)
    sizes = {
        a.role.axis.name: arrays[a.name].shape[-1] for a in variant.arguments if a.role.axis and not a.role.integer
    }
    items = next(len(arrays[a.name]) for a in variant.arguments if a.role.layout != "shared")
    for i in range(items):
        item: dict[str, Any] = {**sizes, **{p.name: mpf(parameters[p.name]) for p in variant.parameters}}
        for a in variant.arguments:
            entry = arrays[a.name] if a.role.layout == "shared" else arrays[a.name][i]
            item[a.name] = (
                int(entry)
                if a.role.integer
                else [mpf(float(x)) for x in entry]
                if np.ndim(entry)
                else mpf(float(entry))
            )
        yield item


def _in(array: np.ndarray, dtype: type) -> np.ndarray:
    """Numbers in the dtype, labels as they are."""
    return array if array.dtype.kind == "i" else array.astype(dtype)


def _second(
    loss: Loss, variant: Variant, function: Any, given: Arrays, parameters: Mapping[str, float], dtype: type
) -> Iterator[Figure]:
    names = [a.name for a in variant.predictions]
    rng = np.random.default_rng(11)
    directions = {name: rng.uniform(0.5, 1.5, given[name].shape).astype(dtype) for name in names}
    required = [a.name for a in variant.arguments if loss.default(a.name) is None]
    optional = {a.name: given[a.name] for a in variant.arguments if a.name not in required}
    along = tuple(directions[n] for n in names) if len(names) > 1 else directions[names[0]]
    products = function.hvp(*(given[n] for n in required), along, **optional, **parameters, **summed(loss))
    diagonal = function.hessian_diagonal(*(given[a.name] for a in variant.arguments), **parameters, **summed(loss))
    truths: dict[str, tuple[list, list]] = {name: ([], []) for name in names}
    for i, item in enumerate(environments(variant, given, parameters)):
        moved = {
            n: [mpf(float(x)) for x in directions[n][i]] if directions[n].ndim > 1 else mpf(float(directions[n][i]))
            for n in names
        }
        for name in names:
            truths[name][0].append(oracle.curvature(variant.expression, item, moved, name))
            truths[name][1].append(oracle.second_derivative(variant.expression, item, name))
    for k, name in enumerate(names):
        product, second = (products[k], diagonal[k]) if len(names) > 1 else (products, diagonal)
        yield _figure(f"Hessian · direction, {name}", product, truths[name][0], dtype)
        yield _figure(f"Hessian diagonal, {name}", second, truths[name][1], dtype)


def _values(variant: Variant, given: Arrays, parameters: Mapping[str, float]) -> list[list[mpf]]:
    return [[oracle.value(variant.expression, e)] for e in environments(variant, given, parameters)]


def _summed(variant: Variant, name: str, rows: list[list[mpf]]) -> list[list[mpf]]:
    """The gradient of an argument that all items share is the sum of the items' gradients."""
    argument = next(a for a in variant.arguments if a.name == name)
    return [[sum(column) for column in zip(*rows, strict=True)]] if argument.role.layout == "shared" else rows


def _figure(quantity: str, found: np.ndarray, truth: list[list[mpf]], dtype: type) -> Figure:
    limits = np.finfo(dtype)
    rows = np.asarray(found).reshape(len(truth), -1)
    worst, relative, place, nonfinite = 0.0, 0.0, "", 0
    for i, (row, exact) in enumerate(zip(rows, truth, strict=True)):
        largest = max((abs(t) for t in exact if isfinite(t)), default=mpf(0))
        for k, (x, t) in enumerate(zip(row, exact, strict=True)):
            if not isfinite(t) or abs(t) > mpf(float(limits.max)):
                continue
            if not np.isfinite(x):
                nonfinite += 1
                continue
            error = abs(mpf(float(x)) - t)
            units = float(error / (mpf(float(limits.eps)) * max(abs(t), mpf(float(limits.tiny)))))
            relative = max(relative, float(error / max(largest, mpf(float(limits.tiny)))))
            if units > worst:
                worst, place = units, f"item {i}, entry {k}: {float(x):.9g}, exactly {float(t):.9g}"
    return Figure(quantity, np.dtype(dtype).name, worst, relative, place, nonfinite)
