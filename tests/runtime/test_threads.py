"""Threads change no bit, survive fork, concurrent callers and interpreter exit, and keep nothing alive."""

import gc
import os
import subprocess
import sys
import threading
import weakref
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from handwritten.losses import choice, latent, square

from lossgen.runtime import get_num_threads, set_num_threads
from lossgen.runtime import helpers as helpers_module
from lossgen.runtime.helpers import Pool
from lossgen.runtime.lanes import Job
from lossgen.runtime.spinning import STILL, changes
from lossgen.runtime.threads import run_lanes

HERE = Path(__file__).parent


def _cases(rng):
    # float64: rounding a sum to float32 would hide in which order it was added up.
    x = rng.normal(size=(1500, 301))
    images = rng.normal(size=(4, 5, 200, 120))
    labels = rng.integers(0, 5, (4, 200, 120))
    w = np.linspace(0.5, 2, 5)
    yield lambda: square.value_and_grad(x, x[::-1].copy(), wrt=("input", "target"))
    yield lambda: square.value_and_grad(x, x[::-1], reduction="none")
    yield lambda: square.value_and_grad(x, x[::-1], x[0], wrt="weight")
    yield lambda: choice.value_and_grad(images, labels, w, wrt=("input", "weight"))
    yield lambda: choice.value_and_grad(np.moveaxis(images, 1, -1).copy(), labels, w, wrt=("input", "weight"), axis=-1)
    yield lambda: latent.value_and_grad(x, 2 * x, x[:, :7], x[:, 7:14])
    yield lambda: square.hvp(x, x, x[::-1])


def _bits(result) -> list[bytes]:
    if isinstance(result, tuple):
        return [b for part in result for b in _bits(part)]
    return [np.ascontiguousarray(result).tobytes()]


@pytest.mark.parametrize("case", range(7))
def test_the_same_bits_for_any_number_of_threads(rng, threads, case):
    run = list(_cases(rng))[case]
    threads(1)
    alone = _bits(run())
    for number in (2, 3, 5):
        threads(number)
        for loss in (square, choice, latent):
            loss._plans.clear()  # as in a process that has this number of threads from its start
        for _ in range(3):
            assert _bits(run()) == alone


def test_lanes_are_shared_out_and_each_is_run_once(threads):
    threads(4)
    barrier = threading.Barrier(4, timeout=20)
    seen, names = [], set()

    def prepare():
        names.add(threading.current_thread().name)
        barrier.wait()
        return lambda first, last: seen.extend(range(first, last))

    run_lanes(40, prepare)
    assert sorted(seen) == list(range(40))
    assert len(names) == 4


@pytest.mark.parametrize("count", [2, 3, 7, 16, 17, 100])
@pytest.mark.parametrize("workers", [2, 3, 5])
def test_whoever_comes_takes_over_what_others_leave(count, workers):
    """Workers come one after the other: the first ones find everything, the others nothing."""
    seen = []
    job = Job(count, lambda: lambda first, last: seen.append((first, last)), workers)
    assert [job.work() for _ in range(workers)] == [True, *[False] * (workers - 1)]
    assert sorted(lane for first, last in seen for lane in range(first, last)) == list(range(count))
    assert seen[0][0] == 0 and seen[0][1] >= count // workers * 7 // 8, "most of a share is taken at once"
    job.wait()
    job.result()


def test_a_worker_begins_with_a_share_of_its_own():
    seen = []

    def prepare():
        if not seen:  # the first worker is held up by the second, which takes its own share and the rest of the first
            seen.append("held up")
            assert job.work() is False
        return lambda first, last: seen.append((first, last))

    job = Job(32, prepare, 2)
    assert job.work() is True
    assert seen[0] == "held up" and seen[1][0] == 16, seen
    assert sorted(lane for first, last in seen[1:] for lane in range(first, last)) == list(range(32))


def test_what_is_watched_changes_or_does_not():
    watched, told = np.zeros(1, np.int64), np.zeros(1, np.int64)
    assert not changes(watched, 0, 1000, 0, told, *STILL)
    assert told[0] == 1
    assert changes(watched, 7, 0, 0, told, *STILL)
    timer = threading.Timer(0.05, lambda: watched.__setitem__(0, 1))
    timer.start()
    assert changes(watched, 0, 60_000_000_000, 1000, told, *STILL), "it is watched without the GIL"
    timer.join()


@pytest.mark.parametrize("system", ["posix", "another"])
def test_helpers_come_on_systems_without_sched_yield_too(system, monkeypatch):
    monkeypatch.setattr(helpers_module.os, "name", system)
    pool, names = Pool(), set()
    barrier = threading.Barrier(3, timeout=20)

    def prepare():
        names.add(threading.current_thread().name)
        barrier.wait()
        return lambda first, last: None

    for _ in range(5):
        job = Job(30, prepare, 3)
        pool.help(job, 2)
        if not job.work():
            pool.finish(job)
        job.result()
    assert len(names) == 3


BOTH = """
import threading
from lossgen.runtime.threads import run_lanes, set_num_threads
set_num_threads(2)
together = threading.Barrier(2, timeout=20)
def prepare():
    together.wait()
    return lambda first, last: None
for _ in range(3):
    run_lanes(8, prepare)
print("both")
"""


def test_helpers_come_where_numba_is_switched_off_too():
    environment = {**os.environ, "NUMBA_DISABLE_JIT": "1"}
    done = subprocess.run(
        [sys.executable, "-c", BOTH], capture_output=True, text=True, env=environment, timeout=120, check=False
    )
    assert (done.stdout, done.stderr) == ("both\n", "")


def test_an_error_in_a_lane_reaches_the_caller(threads):
    threads(3)

    def lanes(first, last):
        if first <= 17 < last:
            raise KeyError(17)

    for _ in range(5):
        with pytest.raises(KeyError):
            run_lanes(30, lambda: lanes)
    done = []
    run_lanes(30, lambda: lambda first, last: done.extend(range(first, last)))
    assert sorted(done) == list(range(30))


def test_many_callers_at_once(rng, threads):
    threads(3)
    runs = list(_cases(rng))
    expected = [_bits(run()) for run in runs]
    with ThreadPoolExecutor(6) as pool:
        found = list(pool.map(lambda i: _bits(runs[i % 7]()), range(42)))
    assert all(bits == expected[i % 7] for i, bits in enumerate(found))


def test_small_calls_from_many_threads_do_not_mix(rng):
    x = rng.normal(size=(8, 32)).astype("f")
    expected = [_bits(square.value_and_grad(row, row[::-1].copy())) for row in x]

    def work(k):
        other = x[k][::-1].copy()
        return all(_bits(square.value_and_grad(x[k], other)) == expected[k] for _ in range(2000))

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(work, range(8)))


def test_helpers_keep_no_arrays_alive(threads):
    threads(3)
    x = np.zeros(600_000, "f")
    watched = weakref.ref(x)
    square.value_and_grad(x, x)
    del x
    gc.collect()
    for _ in range(100):
        if watched() is None:
            break
        threading.Event().wait(0.01)
    assert watched() is None


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_child_has_a_pool_of_its_own(rng, threads):
    threads(3)
    x = rng.normal(size=500_000)
    expected = square(x, 2 * x)
    child = os.fork()
    if child == 0:
        status = 1
        try:
            started = threading.active_count()
            same = square(x, 2 * x) == expected
            status = 0 if same and threading.active_count() == started + 2 else 2
        finally:
            os._exit(status)
    for _ in range(600):
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            break
        threading.Event().wait(0.05)
    else:
        os.kill(child, 9)
        os.waitpid(child, 0)
        pytest.fail("the child hangs")
    assert os.waitstatus_to_exitcode(status) == 0
    assert square(x, 2 * x) == expected


SCRIPT = """
import atexit, sys, threading
sys.path.insert(0, {here!r})
import numpy as np
from lossgen.runtime import set_num_threads
from handwritten.losses import square
set_num_threads(4)
x = np.ones(400_000)
if "late" in sys.argv:
    atexit.register(lambda: print(square(x, 2 * x)))
else:
    print(square(x, 2 * x))
if "busy" in sys.argv:
    def forever():
        while True:
            square(x, 2 * x)
    threading.Thread(target=forever, daemon=True).start()
"""


@pytest.mark.parametrize("how", ["plain", "late", "busy"])
def test_the_interpreter_exits(how):
    script = SCRIPT.format(here=str(HERE))
    done = subprocess.run([sys.executable, "-c", script, how], capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "1.0\n", "")


def test_the_number_of_threads(threads):
    threads(2)
    assert get_num_threads() == 2
    for bad in (0, -1, 1.5, True, "2"):
        with pytest.raises(ValueError, match="expected an integer that is at least 1"):
            set_num_threads(bad)
    code = "from lossgen.runtime import get_num_threads; print(get_num_threads())"
    for value, expected in [("1", "1\n"), ("4096", f"{len(os.sched_getaffinity(0))}\n"), ("x", "")]:
        environment = {**os.environ, "LOSSGEN_NUM_THREADS": value}
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=False
        )
        assert done.stdout == expected
    assert done.stderr.endswith("ValueError: LOSSGEN_NUM_THREADS is 'x', expected an integer that is at least 1\n")


def test_helpers_are_called_when_the_caller_is_about_to_run_its_lanes():
    """Earlier they would find the GIL held, and go to sleep."""
    told: list[str] = []
    job = Job(4, lambda: told.append("prepared") or (lambda first, last: told.append("run")), 1)
    assert job.work(lambda: told.append("called"))
    assert told[:3] == ["prepared", "called", "run"] and told.count("called") == 1
