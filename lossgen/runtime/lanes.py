"""A job of lanes that several threads work on: each has a share of its own, and takes over what others leave."""

from __future__ import annotations

import threading
from collections.abc import Callable

import numpy as np

Lanes = Callable[[int, int], None]
"""Runs the lanes from the first number up to, and without, the second."""


class Job:
    """Lanes 0 … count − 1.

    A share is a run of neighbours, so threads seldom write to the same cache line, and in the next call of the same size
    find what they wrote in their own caches. Most of it is taken at once: every further call of a kernel costs the GIL
    and some 10 microseconds. The rest, and shares that nobody has come for, are taken lane by lane by whoever is free.

    Args:
        count: the number of lanes.
        prepare: called once in each thread that takes part; returns what runs lanes there (with its own scratch).
        workers: how many threads may come, the caller among them.
    """

    def __init__(self, count: int, prepare: Callable[[], Lanes], workers: int) -> None:
        self._prepare = prepare
        self._begins = [count * worker // workers for worker in range(workers)]
        self._ends = [*self._begins[1:], count]
        self._workers = 0
        self._open = count
        self._lock = threading.Lock()
        self._running = threading.Lock()
        self._running.acquire()
        self._error: BaseException | None = None
        self.told = np.zeros(1, np.int64)
        """Whether all is done, for a caller that watches it."""

    def work(self, beginning: Callable[[], None] | None = None) -> bool:
        """Take lanes until none is left; whether this thread finished the last. An error is kept for `result`.

        `beginning` is called when this thread is about to run its first ones.
        """
        own, first, last = self._begin()
        run: Lanes | None = None
        finished = False
        while first < last:
            try:
                if self._error is None:
                    if run is None:
                        run = self._prepare()
                        if beginning is not None:
                            beginning()
                    run(first, last)
            except BaseException as error:  # raised again in `result`, in the caller's thread
                self._error = error
            with self._lock:
                self._open -= last - first
                finished = self._open == 0
                first, last = self._take(own)
        if finished:
            self._running.release()
        return finished

    def wait(self) -> None:
        """Sleep until every lane is done."""
        self._running.acquire()

    def result(self) -> None:
        """Raise what a lane raised."""
        if self._error is not None:
            raise self._error

    def _begin(self) -> tuple[int, int, int]:
        """The next share, and the lanes of it to begin with."""
        with self._lock:
            own = self._workers
            self._workers += 1
            first, end = self._begins[own], self._ends[own]
            last = end - (end - first) // 8
            self._begins[own] = last
            return (own, first, last) if first < last else (own, *self._take(own))

    def _take(self, own: int) -> tuple[int, int]:
        """A lane of the thread's own share, or the last of the share that has most; none if all are taken."""
        first = self._begins[own]
        if first < self._ends[own]:
            self._begins[own] = first + 1
            return first, first + 1
        most = max(range(len(self._ends)), key=lambda worker: self._ends[worker] - self._begins[worker])
        last = self._ends[most]
        if last == self._begins[most]:
            return 0, 0
        self._ends[most] = last - 1
        return last - 1, last
