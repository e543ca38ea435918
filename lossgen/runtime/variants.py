"""Choosing the variant of a loss by the dtypes and dimensions of its arguments, and loading the variant's kernels when first used."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from types import ModuleType

import numpy as np

from .dtypes import check_dtype, is_integer
from .errors import LossError, LossTypeError
from .schema import Argument, Option, Schema, Variant

Choice = tuple[Option | None, ...]


def select(schema: Schema, arrays: Sequence[np.ndarray | None], choice: Choice = ()) -> Variant:
    """The variant that these arrays and options are for. Integers are class indices wherever a variant has class indices.

    Weights with one dimension are those of the classes wherever a variant has such, others broadcast against the rows.

    Raises:
        LossError: a required argument is missing; LossTypeError: an array of a dtype that no variant takes.
    """
    candidates = [variant for variant in schema.variants if variant.choice == choice]
    for argument, array in zip(candidates[0].arguments, arrays, strict=True):
        if array is not None:
            check_dtype(schema.name, argument.name, array.dtype)
    for variant in candidates:
        mismatch = _mismatch(candidates, variant, arrays)
        if mismatch is None:
            _check_present(schema.name, variant, arrays)
            return variant
    argument, array = _mismatch(candidates, candidates[0], arrays) or (candidates[0].arguments[0], arrays[0])
    given = "nothing" if array is None else f"dtype {array.dtype}"
    words = "lengths" if argument.layout == "length" else "class indices"
    raise LossTypeError(f"{schema.name}: {argument.name} has {given}, expected integers ({words})")


def _mismatch(
    candidates: Sequence[Variant], variant: Variant, arrays: Sequence[np.ndarray | None]
) -> tuple[Argument, np.ndarray] | None:
    """The first array whose dtype, or number of dimensions, speaks against a variant."""
    for position, (argument, array) in enumerate(zip(variant.arguments, arrays, strict=True)):
        if array is None:
            continue
        if argument.integer:
            if not is_integer(array.dtype):
                return argument, array
        elif (is_integer(array.dtype) and any(other.arguments[position].integer for other in candidates)) or (
            not _is_vector(array.shape) and argument.layout == "shared" and _may_broadcast(candidates, position)
        ):
            return argument, array
    return None


def _may_broadcast(candidates: Sequence[Variant], position: int) -> bool:
    return any(other.arguments[position].broadcast for other in candidates)


def _is_vector(shape: tuple[int, ...]) -> bool:
    """Whether it is one number for each of several classes; a single number may be for all of them."""
    return len(shape) == 1 and shape[0] != 1


def _check_present(loss: str, variant: Variant, arrays: Sequence[np.ndarray | None]) -> None:
    for argument, array in zip(variant.arguments, arrays, strict=True):
        if array is None and argument.default is None:
            raise LossError(f"{loss}: {argument.name} is missing, expected an array (got None)")


class KernelModules:
    """The kernel modules of a generated package, imported when first needed: `..cpu.<module>_<dtype>`."""

    def __init__(self, package: str) -> None:
        """`package` is the package that the loss is defined in; the kernels lie beside it, in `cpu`."""
        self.package = package
        self._loaded: dict[tuple[str, str], ModuleType] = {}

    def load(self, variant: Variant, real: np.dtype) -> ModuleType:
        """The kernels of a variant for a dtype of the arithmetic."""
        key = (variant.module, real.name)
        if key not in self._loaded:
            self._loaded[key] = importlib.import_module(f"..cpu.{variant.module}_{real.name}", self.package)
        return self._loaded[key]
