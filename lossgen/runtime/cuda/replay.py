"""Calls of a known kind again: the kernels that an earlier one has started, for other arrays of the same shapes.

What a call starts follows from shapes, dtypes, strides, alignment and parameters alone. So it is written down once, with
where each address comes from: an argument, memory that the call asked for, or memory that stays; and with what was sent
of arguments in main memory. To do it again takes no plan, no geometry and no views.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from ..errors import LossError
from ..schema import Schema, Variant
from .call import Call
from .driver import Array, Driver, Memory, Place, Program, Sent, passed

#: Parts of memory that is asked for at once begin at multiples of this.
ALIGNED = 256
BYTE = np.dtype(np.uint8)
#: The arguments of a call by their places: addresses, arrays in main memory, None for what is not given.
Given = Sequence[int | np.ndarray | None]


class Launch(NamedTuple):
    """A kernel, its blocks and their memory, its arguments; `patches` are the places of addresses, their sources and how
    far behind these."""

    function: Any
    blocks: int
    memory: int
    values: list[int | float]
    patches: tuple[tuple[int, int, int], ...]


class Upload(NamedTuple):
    """What is sent to the device, and where to, as in a launch."""

    sent: Sent
    source: int
    offset: int


class Replay(NamedTuple):
    """All that a call starts. Sources of addresses are the driver's reports, the arguments, the results, other memory.

    Args:
        launches: in their order.
        uploads: what is sent before them.
        results: the shapes, dtypes and strides of what is returned.
        room: the bytes of other memory.
    """

    launches: tuple[Launch, ...]
    uploads: tuple[Upload, ...]
    results: tuple[tuple[tuple[int, ...], np.dtype, tuple[int, ...]], ...]
    room: int

    def run(self, place: Place, given: Given, sent: Sequence[np.ndarray] = ()) -> list[Array]:
        """The results for these arguments, and for what is sent of them."""
        driver, stream, memory = place
        found = [memory.empty(*result) for result in self.results]
        bases = [driver.reports.address, *given, *[array.address for array in found]]
        if self.room:
            room = memory.empty((self.room,), BYTE)
            bases.append(room.address)
        if sent:
            for (_, source, offset), numbers in zip(self.uploads, sent, strict=True):
                driver.upload(bases[source] + offset, numbers, stream)
        for function, blocks, kept, template, patches in self.launches:
            values = template.copy()
            for slot, source, offset in patches:
                values[slot] = bases[source] + offset
            driver.launch(function, blocks, stream, values, kept)
        return found


class Known(NamedTuple):
    """What calls of a kind have in common: the loss, its variant, and what is started."""

    schema: Schema
    variant: Variant
    replay: Replay

    def again(self, place: Place, given: Given) -> list[Array] | None:
        """The results for other arguments; None if one in main memory is wrong, as only the long way can say.

        Raises:
            LossError: what an earlier call was given and did not fit; with LOSSGEN_CUDA_CHECK=1 this one, too.
        """
        reports, uploads = place.driver.reports, self.replay.uploads
        reports.raise_for(self.schema, self.variant)
        try:
            sent = [sent.make(given[sent.position]) for sent, _, _ in uploads] if uploads else ()
        except LossError:
            return None
        found = self.replay.run(place, given, sent)
        if reports.always:
            place.driver.synchronize()
            reports.raise_for(self.schema, self.variant)
        return found


def recorded(call: Call, given: Given, compute: Callable[[Call], Sequence[Array]]) -> tuple[list[Array], Known | None]:
    """The results that `compute` has of a call, and what there is to know for calls of its kind; None if it is too little.

    That is so where the host has looked at what arrays hold, where addresses do not tell arguments apart, or where one
    of them is empty.
    """
    recorder = Recorder(call.place)
    call.place = recorder.place
    found = list(compute(call))
    replay = recorder.replay(given, found)
    return found, None if replay is None else Known(call.plan.schema, call.plan.variant, replay)


class Recorder:
    """Stands between a call and its place, and writes down what the call asks for there."""

    def __init__(self, place: Place) -> None:
        self._driver = _Driver(place.driver)
        self._memory = _Memory(place.memory)
        #: The place that the call runs in.
        self.place = Place(self._driver, place.stream, self._memory)

    def replay(self, given: Given, results: Sequence[Array]) -> Replay | None:
        """What was written down, for these arguments and the call's results; None if it cannot be repeated."""
        made, arguments = self._memory.made, [x for x in given if isinstance(x, int)]
        if not self._driver.steady or 0 in arguments or len(set(arguments)) < len(arguments):
            return None
        places = [n for r in results for n, array in enumerate(made) if array.owner is r.owner]
        if len(places) < len(results):
            return None
        origin, room = self._origins(given, places)
        patched = [_patched(launch, origin) for launch in self._driver.launches]
        launches = tuple([launch for launch in patched if launch is not None])
        targets = [(sent, origin(address)) for address, sent in self._driver.uploads]
        uploads = tuple([Upload(sent, *target) for sent, target in targets if target is not None])
        if len(launches) < len(patched) or len(uploads) < len(targets):
            return None
        return Replay(launches, uploads, tuple([(r.shape, r.dtype, r.strides) for r in results]), room)

    def _origins(self, given: Given, places: Sequence[int]) -> tuple[Callable[[int], tuple[int, int] | None], int]:
        """What finds the source of an address, and how far behind it lies; and the room for what is no result."""
        made, reports = self._memory.made, self._driver.reports
        others = [n for n in range(len(made)) if n not in places]
        sizes = [-(-made[n].size * made[n].dtype.itemsize // ALIGNED) * ALIGNED for n in others]
        first = 1 + len(given)
        source = {n: (first + k, 0) for k, n in enumerate(places)}
        source |= {n: (first + len(places), sum(sizes[:k])) for k, n in enumerate(others)}
        known = {address: (1 + k, 0) for k, address in enumerate(given) if isinstance(address, int)}

        def origin(address: int) -> tuple[int, int] | None:
            if reports.holds(address):
                return 0, address - reports.address
            for n, array in enumerate(made):  # all of it is still held here, so none of it overlaps
                offset = address - array.address
                if 0 <= offset < array.size * array.dtype.itemsize:
                    return source[n][0], source[n][1] + offset
            return known.get(address)

        return origin, sum(sizes)


def _patched(launch: tuple, origin: Callable[[int], tuple[int, int] | None]) -> Launch | None:
    """A launch with the sources of its addresses; None if one of them has none."""
    function, types, blocks, values, kept = launch
    patches = []
    for slot, (kind, value) in enumerate(zip(passed(types), values, strict=True)):
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

    def empty(self, shape: tuple[int, ...], dtype: np.dtype, strides: tuple[int, ...] | None = None) -> Array:
        found = self._memory.empty(shape, dtype, strides)
        self.made.append(found)
        return found


class _Driver:
    def __init__(self, driver: Driver) -> None:
        self._driver = driver
        self.multiprocessors, self.threads, self.reports = driver.multiprocessors, driver.threads, driver.reports
        self.launches: list[tuple] = []
        self.uploads: list[tuple[int, Sent]] = []
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

    def upload(self, address: int, source: np.ndarray, stream: int, sent: Sent | None = None) -> None:
        if sent is None:
            self.steady = False
        else:
            self.uploads.append((address, sent))
        self._driver.upload(address, source, stream)

    def download(self, address: int, target: np.ndarray, stream: int) -> None:
        self.steady = False
        self._driver.download(address, target, stream)
