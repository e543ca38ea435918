"""Runs generated CUDA kernels without a GPU and without numba-cuda: their own text, on threads of Python.

An address checks what a GPU would not: that it is used within its array, and that no two threads use one entry of which
either writes, since they are not ordered. So the kernels' results do not depend on how threads are scheduled.
"""

import threading
from collections.abc import Mapping
from types import ModuleType
from typing import Any

import numpy as np

from lossgen.runtime import device
from lossgen.runtime.cuda.bind import bind

#: Who runs: `thread` and `rank` are those of the simulated device.
here = threading.local()


class Address:
    """The beginning of an array, as a kernel sees it."""

    def __init__(self, array: np.ndarray, users: dict[int, Any] | None = None, offset: int = 0) -> None:
        self.array, self.offset = array, offset
        self.users = {} if users is None else users

    def beyond(self, offset: int) -> "Address":
        """A place further on in the same array."""
        return Address(self.array, self.users, self.offset + int(offset))

    def __getitem__(self, i: int) -> Any:
        place = self._place(i)
        assert self.users.get(place, here.thread) == here.thread, f"entry {place} is written by another thread"
        return self.array[place]

    def __setitem__(self, i: int, value: Any) -> None:
        place = self._place(i)
        assert self.users.setdefault(place, here.thread) == here.thread, f"entry {place} is written by two threads"
        self.array[place] = value

    def _place(self, i: int) -> int:
        assert isinstance(i, int | np.integer), f"position {i!r} is no whole number"
        place = self.offset + int(i)
        assert 0 <= place < len(self.array), f"entry {place} of an array with {len(self.array)}"
        return place


class Group:
    """Threads that compute an item together: what one puts on the board, all read after the barrier."""

    def __init__(self, number: int, lanes: int, groups: int) -> None:
        self.number, self.lanes, self.groups = number, lanes, groups
        self.barrier = threading.Barrier(lanes)
        self.board: list[Any] = [None] * lanes

    def all(self, mine: Any) -> list[Any]:
        """What all threads put on the board, in their order."""
        self.board[here.rank] = mine
        self.barrier.wait(20)
        found = list(self.board)
        self.barrier.wait(20)
        return found


class Launch:
    """One launch of a kernel. `totals` and `faults` are what its groups, or its threads, left."""

    def __init__(self, module: ModuleType, groups: int, lanes: int, width: int) -> None:
        self.module, self.groups, self.lanes, self.width = module, groups, lanes, width
        self.group: Group | None = None
        self.totals: list[float] = []
        self.faults = 0

    def run(self, kernel: str, arguments: Mapping[str, Any]) -> None:
        """All threads of all groups. A row's group are threads of Python; where items are numbers threads do not meet."""
        function = bind(self.module, self._device(), lambda own: own)[kernel]
        for number in range(self.groups):
            self.group, failures = Group(number, self.lanes, self.groups), []
            if self.module.SCHEDULE == "element":
                for rank in range(self.lanes):
                    self._thread(function, arguments, rank, failures)
            else:
                threads = [
                    threading.Thread(target=self._thread, args=(function, arguments, rank, failures))
                    for rank in range(self.lanes)
                ]
                for thread in threads:
                    thread.start()
                for thread in threads:
                    thread.join()
            if failures:
                raise failures[0]

    def _thread(self, function: Any, arguments: Mapping[str, Any], rank: int, failures: list[BaseException]) -> None:
        here.rank, here.thread = rank, self.group.number * self.lanes + rank
        try:
            with np.errstate(all="ignore"):
                function(**arguments)
        except (AssertionError, ArithmeticError, LookupError, NameError, TypeError, ValueError) as error:
            failures.append(error)
            self.group.barrier.abort()
        except threading.BrokenBarrierError:
            pass  # another thread has failed

    def _device(self) -> dict[str, Any]:
        """What kernels are bound to: the definitions of `lossgen.runtime.device`, and threads of this launch."""
        return {
            "WIDTH": self.width,
            "LANES": self.lanes,
            "load": device.load,
            "store": device.store,
            "thread": _Call(lambda: here.thread),
            "threads": _Call(lambda: self.groups * self.lanes),
            "group": _Call(lambda: self.group.number),
            "groups": _Call(lambda: self.groups),
            "rank_in_group": _Call(lambda: here.rank),
            "row": _Call(lambda pointer, i, size: pointer.beyond(i * size)),
            "group_sum": _Call(self._sum),
            "group_count": _Call(lambda count: np.int32(sum(self.group.all(count)))),
            "group_max": _Call(lambda number: max(self.group.all(number))),
            "finish": _Call(self._finish),
        }

    def _sum(self, total: Any, lost: Any) -> Any:
        parts = self.group.all((total, lost))
        return type(total)(sum(np.longdouble(t) + (np.longdouble(r) if np.isfinite(t) else 0) for t, r in parts))

    def _finish(self, totals: Any, faults: Any, total: Any, lost: Any, fault: Any) -> None:
        self.totals.append(float(total) + (float(lost) if np.isfinite(total) else 0))
        self.faults |= int(fault)


class _Call:
    """A function of the simulated device: `bind` leaves it as it is."""

    def __init__(self, function: Any) -> None:
        self.function = function

    def __call__(self, *arguments: Any) -> Any:
        return self.function(*arguments)
