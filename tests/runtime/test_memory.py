"""The memory of large results is reused once nobody holds it, and never while somebody does."""

import threading

import numpy as np
import pytest
from lossgen.generated import mse_loss

from lossgen.runtime import memory

LARGE = (memory.SMALLEST // 4 + 1024,)
REAL = np.dtype(np.float32)


@pytest.fixture(autouse=True)
def nothing_kept():
    memory.release_memory()
    yield
    memory.release_memory()


def address(array):
    return array.__array_interface__["data"][0]


def test_memory_is_reused_only_after_the_last_view_is_gone():
    first = memory.empty(LARGE, REAL)
    first[:] = 7
    where, view = address(first), first[5:]
    del first
    second = memory.empty(LARGE, REAL)
    second[:] = 1
    assert address(second) != where and (view == 7).all()
    del view
    assert address(memory.empty(LARGE, REAL)) == where


def test_another_size_takes_other_memory():
    first = memory.empty(LARGE, REAL)
    where = address(first)
    del first
    assert address(memory.empty((2 * LARGE[0],), REAL)) != where
    smaller = memory.empty((LARGE[0] - 8,), REAL)
    assert address(smaller) == where and smaller.shape == (LARGE[0] - 8,)


def test_few_buffers_are_kept_and_they_can_be_released():
    held = [memory.empty(LARGE, REAL) for _ in range(6)]
    del held
    assert len(memory._pool._free) == memory.MOST_BUFFERS
    memory.release_memory()
    assert memory._pool._free == []


def test_small_and_foreign_dtypes_are_numpys_own():
    assert type(memory.empty((10,), REAL).base) is np.ndarray
    assert type(memory.empty(LARGE, np.dtype(np.int64)).base) is np.ndarray


@pytest.mark.parametrize("shape", [(), (7,), (3, 5)])
def test_small_arrays_keep_their_distance_from_what_lies_before_them(shape):
    array = memory.empty(shape, REAL)
    assert array.shape == shape and array.dtype == REAL and array.flags.c_contiguous and array.flags.writeable
    assert address(array) - address(array.base) >= memory.DISTANCE


def test_bits_do_not_depend_on_where_small_arrays_lie():
    """Sums of 20 numbers: a loop over arrays that lie close together takes them one by one, otherwise it takes vectors."""
    rng = np.random.default_rng(3)
    given, found = [*rng.normal(size=(2, 20)), rng.uniform(0.5, 2, 20)], set()
    for _ in range(1000):
        copies = [x.copy() for x in given]
        between = np.empty(rng.integers(1, 60))
        value, gradients = mse_loss.value_and_grad(*copies, wrt=("input", "target", "weight"))
        found.add((value.tobytes(), *(g.tobytes() for g in gradients)))
        del between
    assert len(found) == 1


def test_shape_and_dtype_are_those_asked_for():
    array = memory.empty((2, LARGE[0]), np.dtype(np.float64))
    assert (
        array.shape == (2, LARGE[0])
        and array.dtype == np.float64
        and array.flags.c_contiguous
        and array.flags.writeable
    )


def test_a_held_lock_blocks_nobody():
    """As in a child forked while another thread held it."""
    with memory._pool._lock:
        array = memory.empty(LARGE, REAL)
        del array
    assert memory._pool._free == []


def test_threads_never_share_a_buffer():
    wrong = []

    def work(number):
        for _ in range(30):
            array = memory.empty(LARGE, REAL)
            array[:] = number
            if not (array == number).all():
                wrong.append(number)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
