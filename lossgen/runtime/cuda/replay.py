"""Calls of a known kind again: the kernels that an earlier one has started, for other arrays of the same shapes.

What a call starts follows from shapes, dtypes, strides, alignment and parameters alone. So it is written down once, with
where each address comes from: an argument, memory that the call asked for, or memory that stays. To do it again takes no
plan, no geometry and no views.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from .driver import Array, Driver, Memory, Place, Program

#: Parts of memory that is asked for at once begin at multiples of this.
ALIGNED = 256
BYTE = np.dtype(np.uint8)


class Launch(NamedTuple):
    """A kernel, its blocks and their memory, its arguments; `patches` are the places of addresses, their sources and how
    far behind these."""

    function: Any
    blocks: int
    memory: int
    values: list[int | float]
    patches: tuple[tuple[int, int, int], ...]


class Replay(NamedTuple):
    """All that a call starts. Sources of addresses are the driver's reports, the arguments, the results, other memory.

    Args:
        launches: in their order.
        results: the shapes and dtypes of what is returned.
        room: the bytes of other memory.
    """

    launches: tuple[Launch, ...]
    results: tuple[tuple[tuple[int, ...], np.dtype], ...]
    room: int

    def run(self, place: Place, arguments: Sequence[int]) -> list[Array]:
        """The results for arguments at these addresses."""
        driver, stream, memory = place
        found = [memory.empty(shape, dtype) for shape, dtype in self.results]
        bases = [driver.reports.address, *arguments, *[array.address for array in found]]
        if self.room:
            room = memory.empty((self.room,), BYTE)
            bases.append(room.address)
        for function, blocks, kept, template, patches in self.launches:
            values = template.copy()
            for slot, source, offset in patches:
                values[slot] = bases[source] + offset
            driver.launch(function, blocks, stream, values, kept)
        return found


class Recorder:
    """Stands between a call and its place, and writes down what the call asks for there."""

    def __init__(self, place: Place) -> None:
        self._driver = _Driver(place.driver)
        self._memory = _Memory(place.memory)
        #: The place that the call runs in.
        self.place = Place(self._driver, place.stream, self._memory)

    def replay(self, arguments: Sequence[int], results: Sequence[Array]) -> Replay | None:
        """What was written down, for the addresses of the arguments and the call's results; None if it cannot be repeated.

        That is so where the host has looked at what arrays hold, where addresses do not tell arguments apart, or where one
        of them is empty.
        """
        made = self._memory.made
        if not self._driver.steady or 0 in arguments or len(set(arguments)) < len(arguments):
            return None
        places = [n for r in results for n, array in enumerate(made) if array.owner is r.owner]
        if len(places) < len(results):
            return None
        others = [n for n in range(len(made)) if n not in places]
        sizes = [-(-made[n].size * made[n].dtype.itemsize // ALIGNED) * ALIGNED for n in others]
        first = 1 + len(arguments)
        source = {n: (first + k, 0) for k, n in enumerate(places)}
        source |= {n: (first + len(results), sum(sizes[:k])) for k, n in enumerate(others)}
        known = {address: (1 + k, 0) for k, address in enumerate(arguments)}
        reports = self._driver.reports

        def origin(address: int) -> tuple[int, int] | None:
            if reports.holds(address):
                return 0, address - reports.address
            for n, array in enumerate(made):  # all of it is still held here, so none of it overlaps
                offset = address - array.address
                if 0 <= offset < array.size * array.dtype.itemsize:
                    return source[n][0], source[n][1] + offset
            return known.get(address)

        patched = [_patched(launch, origin) for launch in self._driver.launches]
        launches = tuple([launch for launch in patched if launch is not None])
        if len(launches) < len(patched):
            return None
        return Replay(launches, tuple([(r.shape, r.dtype) for r in results]), sum(sizes))


def _patched(launch: tuple, origin: Callable[[int], tuple[int, int] | None]) -> Launch | None:
    """A launch with the sources of its addresses; None if one of them has none."""
    function, types, blocks, values, kept = launch
    patches = []
    for slot, (kind, value) in enumerate(zip(types, values, strict=True)):
        if kind[0] == "*":
            found = origin(value)
            if found is None:
                return None
            patches.append((slot, *found))
    return Launch(function, blocks, kept, list(values), tuple(patches))


class _Memory:
    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self.made: list[Array] = []

    def empty(self, shape: tuple[int, ...], dtype: np.dtype) -> Array:
        found = self._memory.empty(shape, dtype)
        self.made.append(found)
        return found


class _Driver:
    def __init__(self, driver: Driver) -> None:
        self._driver = driver
        self.multiprocessors, self.threads, self.reports = driver.multiprocessors, driver.threads, driver.reports
        self.launches: list[tuple] = []
        #: Whether the host has looked at no array so far.
        self.steady = True

    def load(self, program: Program) -> Any:
        return self._driver.load(program), program.types

    def launch(self, function: Any, blocks: int, stream: int, values: Sequence[int | float], memory: int = 0) -> None:
        loaded, types = function
        self.launches.append((loaded, types, blocks, values, memory))
        self._driver.launch(loaded, blocks, stream, values, memory)

    def order(self, before: int, after: int) -> None:
        self._driver.order(before, after)

    def synchronize(self) -> None:
        self._driver.synchronize()

    def upload(self, address: int, source: np.ndarray, stream: int) -> None:
        self.steady = False
        self._driver.upload(address, source, stream)

    def download(self, address: int, target: np.ndarray, stream: int) -> None:
        self.steady = False
        self._driver.download(address, target, stream)
