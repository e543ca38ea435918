"""Runs generated CUDA kernels without a GPU and without numba-cuda: their own text, on threads of Python.

An address checks what a GPU would not: that it is used within its array, and that no two threads use one entry of which
either writes, unless all threads of their block have met in between: otherwise they are not ordered. So the kernels'
results do not depend on how threads are scheduled.
"""

import threading
from collections import Counter
from collections.abc import Mapping
from types import ModuleType
from typing import Any

import numpy as np

from lossgen.runtime import device
from lossgen.runtime.cuda.bind import bind

#: Who runs: `thread`, `rank`, `member` and `team` are those of the simulated device; `when` tells the block and its meetings.
here = threading.local()


class Address:
    """The beginning of an array, as a kernel sees it."""

    def __init__(self, array: np.ndarray, users: dict[int, Any] | None = None, offset: int = 0) -> None:
        self.array, self.offset = array, offset
        self.users = {} if users is None else users
        #: How often each entry was read.
        self.reads: Counter[int] = Counter()

    def beyond(self, offset: int) -> "Address":
        """A place further on in the same array."""
        found = Address(self.array, self.users, self.offset + int(offset))
        found.reads = self.reads
        return found

    def __getitem__(self, i: int) -> Any:
        place = self._place(i)
        self._use(place, False)
        self.reads[place] += 1
        return self.array[place]

    def __setitem__(self, i: int, value: Any) -> None:
        place = self._place(i)
        self._use(place, True)
        self.array[place] = value

    def _use(self, place: int, writes: bool) -> None:
        """Notes who uses an entry: the block and how often its threads have met, the thread (None: several), if it writes."""
        block, met, thread, written = self.users.get(place, (*here.when(), here.thread, False))
        now = here.when()
        if block == now[0] and met < now[1]:
            thread, written = here.thread, False
        alone = (block, thread) == (now[0], here.thread)
        assert alone or not (writes or written), f"entry {place} is used by two threads, of which one writes"
        self.users[place] = (*now, here.thread if alone else None, writes or written)

    def _place(self, i: int) -> int:
        assert isinstance(i, int | np.integer), f"position {i!r} is no whole number"
        place = self.offset + int(i)
        assert 0 <= place < len(self.array), f"entry {place} of an array with {len(self.array)}"
        return place


class Group:
    """Threads that compute an item together: what one puts on the board, all read after the barrier."""

    def __init__(self, number: int, lanes: int) -> None:
        self.number, self.meetings = number, 0
        self.barrier = threading.Barrier(lanes, self._met)
        self.board: list[Any] = [None] * lanes
        self.kept: dict[int, Address] = {}
        self.lock = threading.Lock()

    def _met(self) -> None:
        self.meetings += 1

    def meet(self) -> None:
        """Each thread waits for all others."""
        self.barrier.wait(20)

    def all(self, mine: Any, rank: int) -> list[Any]:
        """What all threads put on the board, in their order."""
        self.board[rank] = mine
        self.meet()
        found = list(self.board)
        self.meet()
        return found


class Launch:
    """One launch of a kernel. `totals` and `faults` are what its groups, or its threads, left.

    teams: how many groups a block has where an item has a block; otherwise a block is a group.
    """

    def __init__(self, module: ModuleType, groups: int, lanes: int, width: int, teams: int = 1) -> None:
        self.module, self.groups, self.lanes, self.width, self.teams = module, groups, lanes, width, teams
        self.block: Group | None = None
        self.rows: list[Group] = []
        self.totals: list[float] = []
        self.faults = 0

    def run(self, kernel: str, arguments: Mapping[str, Any]) -> None:
        """All threads of all blocks. A block's are threads of Python; where items are numbers threads do not meet."""
        function = bind(self.module, self._device(), lambda own: own)[kernel]
        for number in range(self.groups):
            members, failures = range(self.lanes * self.teams), []
            self.block = Group(number, len(members))
            self.rows = [Group(k, self.lanes) for k in range(self.teams)]
            if self.module.SCHEDULE == "element":
                for member in members:
                    self._thread(function, arguments, member, failures)
            else:
                given = [(function, arguments, member, failures) for member in members]
                threads = [threading.Thread(target=self._thread, args=args) for args in given]
                for thread in threads:
                    thread.start()
                for thread in threads:
                    thread.join()
            if failures:
                raise failures[0]

    def _thread(self, function: Any, arguments: Mapping[str, Any], member: int, failures: list[BaseException]) -> None:
        here.member, here.team, here.rank = member, member // self.lanes, member % self.lanes
        here.thread = self.block.number * self.lanes * self.teams + member
        here.when = lambda: (self.block.number, self.block.meetings)
        try:
            with np.errstate(all="ignore"):
                function(**arguments)
        except (AssertionError, ArithmeticError, LookupError, NameError, TypeError, ValueError) as error:
            failures.append(error)
            for group in (self.block, *self.rows):
                group.barrier.abort()
        except threading.BrokenBarrierError:
            pass  # another thread has failed

    def _device(self) -> dict[str, Any]:
        """What kernels are bound to: the definitions of `lossgen.runtime.device`, and threads of this launch."""
        return {
            "WIDTH": self.width,
            "LANES": self.lanes,
            "GROUPS": self.teams,
            "THREADS": self.lanes * self.teams,
            "load": device.load,
            "store": device.store,
            "floor": device.floor,
            "thread": _Call(lambda: here.thread),
            "threads": _Call(lambda: self.groups * self.lanes),
            "group": _Call(lambda: self.block.number),
            "groups": _Call(lambda: self.groups),
            "block": _Call(lambda: self.block.number),
            "blocks": _Call(lambda: self.groups),
            "rank_in_group": _Call(lambda: here.rank),
            "group_in_block": _Call(lambda: here.team),
            "rank_in_block": _Call(lambda: here.member),
            "row": _Call(lambda pointer, i, size: pointer.beyond(i * size)),
            "nearest": device.nearest,
            "load_row": device.load_row,
            "store_row": device.store_row,
            "bytes_of": _Call(lambda row: row.array.itemsize),
            "kept_row": _Call(self._kept_row),
            "keep": device.keep,
            "load_kept": device.load_kept,
            "beyond": _Call(lambda pointer, offset: pointer.beyond(offset)),
            "sync": _Call(lambda: self.block.meet()),
            "bits_of_block": _Call(lambda bits: np.bitwise_or.reduce(self.block.all(bits, here.member))),
            "group_sum": _Call(self._sum),
            "group_count": _Call(lambda count: np.int32(sum(self._all(count)))),
            "group_max": _Call(lambda number: max(self._all(number))),
            "finish": _Call(self._finish),
        }

    def _kept_row(self, row: Address, place: int, room: int, start: int, size: int) -> Address:
        """Memory of the group for a row, the same for all items: an entry is a thread's own, or a meeting is in between."""
        assert room % self.width == 0 and place % row.array.itemsize == 0
        with self.rows[here.team].lock:
            kept = self.rows[here.team].kept
            if place not in kept:
                kept[place] = Address(np.full(room, -7).astype(row.array.dtype))
            return kept[place]

    def _all(self, mine: Any) -> list[Any]:
        """What all threads of this one's group have."""
        return self.rows[here.team].all(mine, here.rank)

    def _sum(self, total: Any, lost: Any) -> Any:
        parts = self._all((total, lost))
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
