"""What it takes to be held against the truth: one way to call the losses of a generated package."""

from collections.abc import Callable, Mapping
from typing import Any, Protocol

import numpy as np

from lossgen.formula import Loss, Variant

from .sampling import Arrays

#: What a surface makes of a batch: the entries by the kind of quantity and the argument's name.
Found = dict[str, dict[str, np.ndarray]]
#: Adds to the arrays and options of a batch what the loss is given besides them.
Complete = Callable[[Arrays, Mapping[str, Any]], dict[str, Any]]


class Surface(Protocol):
    """One way to call a loss.

    name : what tables call it.
    flushes : whether numbers below the normal ones may come out as 0, since what adds to the kernels' results does that.

    It is made from the generated function, from what completes the arguments of a batch, and from whether sequences are
    given one after another.
    """

    name: str
    flushes: bool

    def found(
        self, loss: Loss, variant: Variant, given: Arrays, parameters: Mapping[str, Any], directions: Arrays
    ) -> Found: ...


def plain(arrays: Arrays, options: Mapping[str, Any]) -> dict[str, Any]:
    """What a loss is called with: the arrays and the options."""
    return {**arrays, **options}
