"""Helpers leave their caller's processor for others that they are allowed on."""

import os
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from lossgen.runtime.helpers import Pool
from lossgen.runtime.lanes import Job
from lossgen.runtime.processors import leave, no_limits, note

if not hasattr(os, "sched_getaffinity"):
    pytest.skip("threads are moved on Linux alone", allow_module_level=True)

PROCESSORS = sorted(os.sched_getaffinity(0))
several = pytest.mark.skipif(len(PROCESSORS) < 2, reason="there is one processor")


@pytest.fixture
def thread():
    """Runs functions in a thread of its own, whose limits are nobody else's."""
    with ThreadPoolExecutor(1) as pool:
        yield lambda function: pool.submit(function).result(timeout=60)


def left(*places):
    """Where this thread may run after it has left these processors in turn."""
    own = no_limits()
    for place in places:
        leave(np.array([place]), own)
    return os.sched_getaffinity(0)


@several
def test_every_processor_but_the_callers_is_left(thread):
    for place in PROCESSORS:
        assert thread(lambda place=place: left(place)) == {*PROCESSORS} - {place}
        thread(lambda: os.sched_setaffinity(0, PROCESSORS))


@several
def test_a_caller_that_moves_is_left_again(thread):
    assert thread(lambda: left(*PROCESSORS)) == {*PROCESSORS} - {PROCESSORS[-1]}


def test_the_only_processor_is_not_left(thread):
    thread(lambda: os.sched_setaffinity(0, PROCESSORS[:1]))
    assert thread(lambda: left(PROCESSORS[0])) == {PROCESSORS[0]}


@several
def test_nobody_is_left_before_a_caller_was_seen(thread):
    assert thread(lambda: left(-1)) == {*PROCESSORS}


@several
def test_what_others_allow_is_respected(thread):
    first, second = PROCESSORS[:2]

    def limited():
        own = no_limits()
        leave(np.array([first]), own)
        os.sched_setaffinity(0, {first})
        leave(np.array([second]), own)
        return os.sched_getaffinity(0)

    assert thread(limited) == {first}


@several
@pytest.mark.parametrize("place", PROCESSORS[:2])
def test_a_caller_and_its_helper_run_apart(thread, place):
    together = threading.Barrier(2, timeout=20)
    seen = {}

    def prepare():
        together.wait()
        here = np.zeros(1, np.int64)
        note(here)
        seen[threading.current_thread().name] = (int(here[0]), os.sched_getaffinity(0))
        return lambda first, last: None

    def call():
        pool = Pool()
        pool._grow(1)  # before the caller is bound: a helper begins with its caller's limits
        os.sched_setaffinity(0, {place})
        for _ in range(3):
            job = Job(2, prepare, 2)
            pool.help(job, 1)
            if not job.work():
                pool.finish(job)
        return threading.current_thread().name

    caller = thread(call)
    (helper,) = (name for name in seen if name != caller)
    assert seen[caller] == (place, {place})
    assert seen[helper][0] != place and seen[helper][1] == {*PROCESSORS} - {place}
