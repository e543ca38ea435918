"""The NumPy surface on arrays of a device that say where they lie, on a device in main memory."""

import gc
import sys
from contextlib import nullcontext
from types import SimpleNamespace

import numpy as np
import pytest

from lossgen import generated
from lossgen.runtime import LossError, LossTypeError
from lossgen.runtime.cuda import lent, surface


class OnDevice:
    """An array of a library that nobody knows."""

    def __init__(self, array, stream=None):
        self.array, self.stream = np.asarray(array), stream

    @property
    def __cuda_array_interface__(self):
        strides = None if self.array.flags.c_contiguous else self.array.strides
        found = {"shape": self.array.shape, "typestr": self.array.dtype.str, "data": (self.array.ctypes.data, False)}
        return {**found, "strides": strides, "stream": self.stream, "version": 3}


@pytest.fixture(autouse=True)
def driver(lending):
    return lending


def read(found):
    """What an array of the device holds."""
    told = found.__cuda_array_interface__
    size = int(np.prod(told["shape"], dtype=np.int64)) * np.dtype(told["typestr"]).itemsize
    raw = bytes((np.ctypeslib.ctypes.c_char * size).from_address(told["data"][0]))
    return np.ndarray(told["shape"], told["typestr"], raw, strides=told["strides"])


def numbers(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def same(found, expected):
    assert read(found).dtype == np.asarray(expected).dtype
    np.testing.assert_allclose(read(found), expected, rtol=4e-6, atol=1e-7)


def test_every_result_of_a_loss():
    x, t, w, d = numbers(7, 5).T, np.arange(5), np.abs(numbers(7)), numbers(5, 7, seed=2)
    given, loss = [OnDevice(a) for a in (x, t, w)], generated.cross_entropy
    same(loss(*given), loss(x, t, w))
    value, slope = loss.value_and_grad(*given)
    for one, other in zip((value, slope), loss.value_and_grad(x, t, w), strict=True):
        same(one, other)
    value, slopes = loss.value_and_grad(*given, wrt=("input", "weight"), denominator=OnDevice(np.array(2.0)))
    for one, other in zip(
        slopes, loss.value_and_grad(x, t, w, wrt=("input", "weight"), denominator=2.0)[1], strict=True
    ):
        same(one, other)
    same(loss.value_and_grad(*given, wrt="weight")[1], loss.value_and_grad(x, t, w, wrt="weight")[1])
    same(loss.hvp(given[0], given[1], OnDevice(d), given[2]), loss.hvp(x, t, d, w))
    same(loss.hessian_diagonal(*given), loss.hessian_diagonal(x, t, w))
    mask = np.array([1, 0, 1, 1, 0], bool)
    options = {"reduction": "none", "mask": OnDevice(mask), "sample_weight": OnDevice(np.abs(numbers(5)))}
    same(loss(*given, **options), loss(x, t, w, reduction="none", mask=mask, sample_weight=np.abs(numbers(5))))


def test_memory_is_given_back(driver):
    found = generated.mse_loss(OnDevice(numbers(20)), OnDevice(numbers(20, seed=1)))
    gc.collect()
    assert len(driver.lent) == 1
    del found
    gc.collect()
    assert not driver.lent


def test_calls_run_on_the_first_arrays_stream_after_the_others(driver):
    generated.mse_loss(OnDevice(numbers(20), stream=5), OnDevice(numbers(20, seed=1), stream=9))
    assert driver.ordered == [(9, 5)]


def test_cupys_arrays_give_cupys_arrays(monkeypatch, driver):
    class Array(OnDevice):
        device = SimpleNamespace(id=0)

    def empty(shape, dtype):
        found = Array(np.empty(shape, dtype))
        found.data = SimpleNamespace(ptr=found.array.ctypes.data)
        return found

    stream = SimpleNamespace(ptr=11)
    library = SimpleNamespace(
        ndarray=Array, empty=empty, cuda=SimpleNamespace(Device=nullcontext, get_current_stream=lambda n: stream)
    )
    monkeypatch.setitem(sys.modules, "cupy", library)
    x, y = numbers(20), numbers(20, seed=1)
    value, slope = generated.mse_loss.value_and_grad(Array(x, stream=11), Array(y, stream=11))
    assert isinstance(value, Array) and isinstance(slope, Array) and not driver.ordered
    same(slope, 2 * (x - y) / 20)


@pytest.mark.parametrize("where", ["device", "host", "joined"])
def test_losses_over_lattices(where, driver):
    """Lengths and labels may be Python's own numbers, or NumPy's."""
    x, d, labels, frames, counts = (
        numbers(5, 3, 4),
        numbers(5, 3, 4, seed=1),
        [[1, 2], [3, 1], [2, 1]],
        [5, 3, 4],
        [2, 0, 1],
    )
    labels = [1, 2, 2] if where == "joined" else labels
    rest = [OnDevice(a) for a in (labels, frames, counts)] if where == "device" else [labels, frames, counts]
    for loss in (generated.ctc_loss, generated.ctc_with_logits_loss):
        value, slope = loss.value_and_grad(OnDevice(x), *rest, reduction="mean")
        right, expected = loss.value_and_grad(x, labels, frames, counts, reduction="mean")
        same(value, right)
        np.testing.assert_allclose(read(slope), expected, rtol=1e-5, atol=1e-6)
        found, right = loss.hvp(OnDevice(x), *rest, OnDevice(d)), loss.hvp(x, labels, frames, counts, d)
        np.testing.assert_allclose(read(found), right, rtol=1e-4, atol=1e-6)
    assert driver.waited == 0 and not driver.memory.any()


def test_arrays_on_another_device_than_the_first(monkeypatch):
    x, y = OnDevice(numbers(3)), OnDevice(numbers(3))
    monkeypatch.setattr(lent.devices, "number_of", lambda address: int(address == y.array.ctypes.data))
    words = r"^mse_loss: target is on CUDA device 1, expected 0, as the first argument is$"
    with pytest.raises(LossError, match=words):
        generated.mse_loss(x, y)


def test_errors():
    x = OnDevice(numbers(3))
    words = r"^mse_loss: target is a numpy.ndarray, expected an array on a CUDA device, as the first argument is"
    with pytest.raises(LossTypeError, match=words):
        generated.mse_loss(x, numbers(3))
    with pytest.raises(
        LossTypeError, match=r"^ctc_loss: targets is a list that is not an array, expected numbers in equally"
    ):
        generated.ctc_loss(OnDevice(numbers(2, 2, 3)), [[1], [1, 2]], 2, 1)
    with pytest.raises(
        LossError, match=r"^ctc_loss: input_lengths is 3, expected a length in 0 \.\.\. 2, the size of axis 'T'"
    ):
        generated.ctc_loss(OnDevice(numbers(2, 2, 3)), [[1], [2]], 3, 1)
    with pytest.raises(LossError, match=r"^mse_loss: target has shape \(4,\), expected \(3,\), the shape of input$"):
        generated.mse_loss(x, OnDevice(numbers(4)))
    with pytest.raises(
        LossError, match=r"^mse_loss: direction has 2 arrays, expected 1 arrays, one for each of input$"
    ):
        generated.mse_loss.hvp(x, x, (x, x))


def test_calls_of_a_kind_start_the_same_kernels_again(monkeypatch, driver):
    """For other numbers elsewhere in memory; lengths may be Python's own numbers."""
    bound, bind = [], surface.bind
    monkeypatch.setattr(surface, "bind", lambda *given: bound.append(given) or bind(*given))
    losses, lengths = (generated.cross_entropy, generated.ctc_with_logits_loss), ([5, 3, 4], [5, 5, 2], [3, 4, 5])
    for loss in losses:
        loss.recipes.clear()
    for k in range(3):
        x, d, w, t = numbers(5, 7, seed=k), numbers(5, 7, seed=k + 9), np.abs(numbers(7)), (np.arange(5) + k) % 7
        mask, given = np.arange(5) != k, [OnDevice(a) for a in (x, t, w)]
        loss, options, same_ = losses[0], {"mask": OnDevice(mask)}, {"mask": mask}
        same(loss(*given, **options), loss(x, t, w, **same_))
        for wrt in (None, "weight"):
            found, right = loss.value_and_grad(*given, wrt=wrt), loss.value_and_grad(x, t, w, wrt=wrt)
            for one, other in zip(found, right, strict=True):
                same(one, other)
        same(loss.hvp(*given[:2], OnDevice(d), given[2]), loss.hvp(x, t, d, w))
        same(loss.hessian_diagonal(*given, axis=1), loss.hessian_diagonal(x, t, w, axis=1))
        same(loss(*given, denominator=k + 1.0), loss(x, t, w, denominator=k + 1.0))
        grid, rest = numbers(5, 3, 4, seed=k), ([[1, 2], [3, 1], [2, 1]], lengths[k], [2, 0, 1])
        same(losses[1](OnDevice(grid), *rest), losses[1](grid, *rest))
    assert len(bound) == 6 + 3  # and each time with a denominator that is a number
    words = r"^ctc_with_logits_loss: input_lengths\[2\] is 6, expected a length in 0 ... 5"
    with pytest.raises(LossError, match=words):
        losses[1](OnDevice(grid), [[1, 2], [3, 1], [2, 1]], [5, 5, 6], [2, 0, 1])
    assert driver.waited == 0
