"""A small pool of threads for kernels that release the GIL.

A job is a number of lanes; the calling thread works on them itself and helpers join when they are free, so nothing
waits for a helper that never comes: calls from several threads, from autograd's backward thread and at interpreter exit
are all safe. A forked child starts with an empty pool of its own. Which thread runs a lane does not change its result.
"""

from __future__ import annotations

import itertools
import os
import threading
from collections.abc import Callable
from queue import SimpleQueue

Lanes = Callable[[int, int], None]
"""Runs the lanes from the first number up to, and without, the second."""
ENVIRONMENT = "LOSSGEN_NUM_THREADS"


class _Job:
    """Lanes 0 ... count - 1, taken one after another by whoever comes first."""

    def __init__(self, count: int, prepare: Callable[[], Lanes]) -> None:
        self._count = count
        self._prepare = prepare
        self._next = itertools.count()  # next() on it is atomic
        self._lock = threading.Lock()
        self._open = count
        self._finished = threading.Event()
        self._error: BaseException | None = None

    def work(self) -> None:
        """Take lanes until none is left. An error is kept for the thread that waits for the job."""
        lane = next(self._next)
        if lane >= self._count:
            return
        run: Lanes | None = None
        while lane < self._count:
            try:
                if self._error is None:
                    run = run or self._prepare()
                    run(lane, lane + 1)
            except BaseException as error:  # raised again in `wait`, in the caller's thread
                self._error = error
            with self._lock:
                self._open -= 1
                last = self._open == 0
            if last:
                self._finished.set()
            lane = next(self._next)

    def wait(self) -> None:
        """Wait until every lane is done; raise what a lane raised."""
        self._finished.wait()
        if self._error is not None:
            raise self._error


class _Pool:
    """Daemon threads that wait for jobs. Only idle threads hold nothing: a finished job is let go at once."""

    def __init__(self) -> None:
        self._jobs: SimpleQueue[_Job] = SimpleQueue()
        self._lock = threading.Lock()
        self._size = 0

    def help(self, job: _Job, helpers: int) -> None:
        """Ask for this many helpers, starting threads that do not exist yet."""
        if self._size < helpers:
            self._grow(helpers)
        for _ in range(min(helpers, self._size)):
            self._jobs.put(job)

    def _grow(self, size: int) -> None:
        with self._lock:
            while self._size < size:
                thread = threading.Thread(target=self._serve, name=f"lossgen-{self._size + 1}", daemon=True)
                try:
                    thread.start()
                except RuntimeError:  # at interpreter exit, or out of threads: the caller works alone
                    return
                self._size += 1

    def _serve(self) -> None:
        while True:
            job = self._jobs.get()
            job.work()
            del job  # it refers to the caller's arrays


_pool = _Pool()
_chosen: int | None = None


def _forget_after_fork() -> None:
    """In a forked child the pool's threads do not exist, and its lock may be held by one of them."""
    global _pool
    _pool = _Pool()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_after_fork)


def set_num_threads(number: int) -> None:
    """Set how many threads a call may use, the calling thread included. Results do not depend on it.

    Args:
        number: at least 1. It may exceed the number of processors.

    Raises:
        ValueError: the number is not a positive integer.
    """
    global _chosen
    if not isinstance(number, int) or isinstance(number, bool) or number < 1:
        raise ValueError(f"set_num_threads: number is {number!r}, expected an integer that is at least 1")
    _chosen = number


def get_num_threads() -> int:
    """The number of threads a call may use.

    By default the number of processors this process may run on, or the environment variable LOSSGEN_NUM_THREADS if that
    is smaller; after `set_num_threads` the number given there.
    """
    if _chosen is None:
        set_num_threads(_default())
        return get_num_threads()
    return _chosen


def _default() -> int:
    available = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    text = os.environ.get(ENVIRONMENT)
    if text is None:
        return available
    if not text.strip().isdecimal() or int(text) < 1:
        raise ValueError(f"{ENVIRONMENT} is {text!r}, expected an integer that is at least 1")
    return min(available, int(text))


def run_lanes(count: int, prepare: Callable[[], Lanes], threaded: bool = True) -> None:
    """Run lanes 0 ... count - 1 and return when all are done.

    Args:
        count: the number of lanes.
        prepare: called once in each thread that takes part; returns what runs lanes there (with its own scratch).
        threaded: False keeps all lanes in the calling thread.
    """
    helpers = min(get_num_threads(), count) - 1 if threaded else 0
    if helpers < 1:
        prepare()(0, count)
        return
    job = _Job(count, prepare)
    _pool.help(job, helpers)
    job.work()
    job.wait()
