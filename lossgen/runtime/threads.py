"""Lanes of a kernel that releases the GIL, run by as many threads as the user wants.

The calling thread works on them itself and helpers join when they are free, so nothing waits for a helper that never
comes: calls from several threads, from autograd's backward thread and at interpreter exit are all safe. A forked child
starts with an empty pool of its own. Which thread runs a lane does not change its result.
"""

from __future__ import annotations

import os
from collections.abc import Callable

from .helpers import Pool
from .lanes import Job, Lanes

ENVIRONMENT = "LOSSGEN_NUM_THREADS"


_pool = Pool()
_chosen: int | None = None


def _forget_after_fork() -> None:
    """In a forked child the pool's threads do not exist, and its lock may be held by one of them."""
    global _pool
    _pool = Pool()


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
    job = Job(count, prepare, helpers + 1)
    _pool.help(job, helpers)
    if not job.work(_pool.ask):
        _pool.finish(job)
    job.result()
