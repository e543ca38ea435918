"""What kernels run on: arrays on a device, programs, and the few things that are asked of a device and its memory.

Nothing here needs CUDA. `lossgen.runtime.cuda.nvidia` is the device of `cuda.bindings`; tests put another in its place,
that runs the same kernels over main memory.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from types import ModuleType
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np

if TYPE_CHECKING:
    from .reports import Reports


class Array(NamedTuple):
    """An array on a device.

    Args:
        address: where its first entry lies.
        shape: its shape.
        strides: from entry to entry of each dimension, in entries.
        dtype: of its entries; bfloat16 by name, as `ml_dtypes` has it.
        owner: what keeps the memory: the array or tensor of the library that it comes from.
    """

    address: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    dtype: np.dtype
    owner: Any = None

    @property
    def size(self) -> int:
        """The number of entries."""
        return int(np.prod(self.shape, dtype=np.int64))


class Program(NamedTuple):
    """A kernel for arguments of given types.

    Args:
        module: the module that it stands in.
        kernel: its name.
        schedule: how its work is divided, see `lossgen.runtime.cuda.schedules`.
        itemsize: the bytes of the numbers of which a thread takes as many as 16 bytes hold.
        types: of its arguments: "int64", "float32", "*bfloat16" for the address of such numbers, "none" where absent;
            "*float32/2" with strides in two dimensions, "*float32/2/1" for rows whose entries have one, too.
    """

    module: ModuleType
    kernel: str
    schedule: str
    itemsize: int
    types: tuple[str, ...]


class Sent(NamedTuple):
    """How a later call of the same kind makes of its own argument what was sent to the device of an earlier one's.

    Args:
        position: where in the signature the argument stands.
        make: what makes a contiguous array of it, of the same shape and dtype; LossError if it cannot.
    """

    position: int
    make: Callable[[np.ndarray], np.ndarray]


def passed(types: Sequence[str]) -> list[str]:
    """The types of the numbers that are passed: behind the address of a strided array what says where its entries lie."""
    found = []
    for name in types:
        found += [name, *["int64"] * sum(4 * int(rank) - 3 for rank in name.split("/")[1:])]
    return found


class Driver(Protocol):
    """A device.

    `number` is its number, as CUDA counts, `multiprocessors` how many it has, `threads` how many threads a block has, and
    `reports` what kernels complained about.
    """

    number: int
    multiprocessors: int
    threads: int
    reports: Reports

    def load(self, program: Program) -> Any:
        """The program, ready to be launched."""

    def launch(self, function: Any, blocks: int, stream: int, values: Sequence[int | float], memory: int = 0) -> None:
        """Start it on a stream; `values` are its arguments, arrays as addresses and what is absent as 0, see `passed`.

        memory: the bytes that each block needs to keep rows in.
        """

    def order(self, before: int, after: int) -> None:
        """Let the stream `after` wait for what `before` has been given so far."""

    def synchronize(self) -> None:
        """Wait until all that was started on the device is done."""

    def upload(self, address: int, source: np.ndarray, stream: int, sent: Sent | None = None) -> None:
        """Copy an array from main memory, in the order of a stream; it may be changed afterwards.

        sent: for who writes down what is asked for here; None if it follows from more than one argument.
        """

    def download(self, address: int, target: np.ndarray, stream: int) -> None:
        """Copy an array to main memory, once the stream has come so far: this waits."""


class Memory(Protocol):
    """Where results and scratch space come from."""

    def empty(self, shape: tuple[int, ...], dtype: np.dtype, strides: tuple[int, ...] | None = None) -> Array:
        """A new array without gaps, in the order of the stream that the call runs on.

        strides: None for a contiguous one.
        """


class Place(NamedTuple):
    """Where a call runs: the device, a raw stream handle, and memory on that device, in the order of that stream."""

    driver: Driver
    stream: int
    memory: Memory


@lru_cache(maxsize=256)
def name_of(dtype: np.dtype) -> str:
    """The name of a dtype, which NumPy takes longer to find than a launch takes."""
    return dtype.name


@lru_cache(maxsize=4096)
def contiguous_strides(shape: tuple[int, ...]) -> tuple[int, ...]:
    """The strides of a C-contiguous array."""
    strides, step = [], 1
    for size in reversed(shape):
        strides.append(step)
        step *= max(size, 1)
    return tuple(reversed(strides))


def is_contiguous(shape: Sequence[int], strides: Sequence[int]) -> bool:
    """Whether entries follow each other in C order."""
    step = 1
    for size, stride in zip(reversed(shape), reversed(strides), strict=True):
        if size > 1 and stride != step:
            return 0 in shape
        step *= size
    return True
