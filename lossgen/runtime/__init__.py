"""What generated losses run on: NumPy at import, Numba when a kernel is first used, nothing of the compiler.

`Loss` is the base class of the NumPy surface; `Loss.bind` gives a `Call` (see `lossgen.runtime.engine`), the layer that
adapters sit on.
"""

from .engine import Call
from .errors import LossError, LossTypeError
from .loss import Loss
from .memory import release_memory
from .schema import Argument, Axis, Parameter, Schema, Variant
from .separable import SeparableLoss
from .threads import get_num_threads, set_num_threads

__all__ = [
    "Argument",
    "Axis",
    "Call",
    "Loss",
    "LossError",
    "LossTypeError",
    "Parameter",
    "Schema",
    "SeparableLoss",
    "Variant",
    "get_num_threads",
    "release_memory",
    "set_num_threads",
]
