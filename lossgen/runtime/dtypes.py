"""Which NumPy dtypes are accepted, and which real dtype a loss is computed in."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .errors import LossTypeError
from .schema import Argument, Variant

FLOAT32 = np.dtype(np.float32)
FLOAT64 = np.dtype(np.float64)
INT64 = np.dtype(np.int64)

# The dtype of the arithmetic for every accepted real dtype. bfloat16 is known by its name alone: NumPy has no such
# dtype, ml_dtypes brings one, and this package does without ml_dtypes.
_ARITHMETIC = {"float16": FLOAT32, "bfloat16": FLOAT32, "float32": FLOAT32, "float64": FLOAT64}
_PLAIN = frozenset(map(np.dtype, ("float16", "float32", "float64")))
EXPECTED = "float16, bfloat16, float32 or float64"


def is_integer(dtype: np.dtype) -> bool:
    """True for integers and booleans."""
    return dtype.kind in "iub"


def is_real(dtype: np.dtype) -> bool:
    """True for the floating-point dtypes that a loss takes."""
    return dtype in _PLAIN or dtype.name in _ARITHMETIC  # the name takes as long as a small kernel


def check_dtype(loss: str, name: str, dtype: np.dtype) -> None:
    """Raise LossTypeError if an array of this dtype cannot be an argument at all (complex, object, strings, ...)."""
    if not is_integer(dtype) and not is_real(dtype):
        raise LossTypeError(f"{loss}: {name} has dtype {dtype}, expected real numbers ({EXPECTED}, or integers)")


def arithmetic_dtype(loss: str, variant: Variant, arrays: Sequence[np.ndarray | None]) -> np.dtype:
    """The dtype that the kernels compute in, float32 or float64: that of the predictions.

    Integers and single numbers among the predictions follow the others; where all are integers it is float64.

    Raises:
        LossTypeError: two predictions have different dtypes.
    """
    pairs = zip(variant.arguments, arrays, strict=True)
    found = [(a, x) for a, x in pairs if x is not None and a.name in variant.predictions and is_real(x.dtype)]
    first: tuple[Argument, np.dtype] | None = None
    for argument, array in [pair for pair in found if pair[1].shape] or found:
        if first is None:
            first = argument, array.dtype
        elif array.dtype.newbyteorder("=") != first[1].newbyteorder("="):
            raise LossTypeError(
                f"{loss}: {argument.name} has dtype {array.dtype}, expected {first[1]}, the dtype of {first[0].name}"
            )
    return FLOAT64 if first is None else _ARITHMETIC[first[1].name]


def gradient_dtype(own: np.dtype, real: np.dtype) -> np.dtype:
    """The dtype of an argument's gradient: its own, or `real` where the argument holds integers."""
    return own.newbyteorder("=") if is_real(own) else real
