"""Arrays that offer DLPack, and results that do: read and lent on a device in main memory, by PyTorch, JAX and cuda.core."""

import gc
import weakref

import jax
import numpy as np
import pytest
import torch
from lending import Driver, Lent, device_in, flags_of

from lossgen import generated
from lossgen.runtime.cuda import lent, owned
from lossgen.runtime.elsewhere import lies_on_cuda

DTYPES = [torch.float32, torch.float64, torch.float16, torch.bfloat16]


@pytest.fixture(autouse=True)
def driver(lending):
    return lending


@pytest.fixture
def here(monkeypatch):
    """Results say that they lie in main memory, as they do, so that libraries can read them."""
    monkeypatch.setattr(owned, "CUDA", 1)


def randn(*shape, seed=0, dtype=torch.float32):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed)).to(dtype)


@pytest.mark.parametrize("versioned", [True, False])
@pytest.mark.parametrize("dtype", DTYPES)
def test_losses_of_arrays_that_are_lent(dtype, versioned, driver, here):
    x, labels = randn(7, 5, dtype=dtype).T, torch.arange(5)
    given = Lent(x, versioned=versioned), Lent(labels, versioned=versioned)
    assert lies_on_cuda(given[0])
    value, slope = map(torch.from_dlpack, generated.cross_entropy.value_and_grad(*given))
    wide = x.double().requires_grad_()
    expected = torch.nn.functional.cross_entropy(wide, labels)
    expected.backward()
    assert slope.dtype == dtype and slope.shape == x.shape
    exact = {torch.float64: 1e-14, torch.float32: 1e-6}.get(dtype, 4e-3)
    torch.testing.assert_close(value.double(), expected.detach(), rtol=exact, atol=0)
    torch.testing.assert_close(slope.double(), wide.grad, rtol=exact, atol=exact / 100)
    assert given[0].streams == given[1].streams == [1] and driver.ordered == []


def test_libraries_are_told_the_stream_of_the_call_and_have_their_memory_back():
    class First:
        def __init__(self, array):
            self.array = array

        @property
        def __cuda_array_interface__(self):
            data = self.array.ctypes.data, False
            return {"shape": self.array.shape, "typestr": "<f4", "data": data, "stream": 5, "version": 3}

    y, d = Lent(randn(20)), Lent(randn(20, seed=1))
    held = weakref.ref(y.tensor)
    generated.mse_loss.hvp(First(np.zeros(20, "float32")), y, d)
    assert y.streams == [5] and d.streams == [5]
    del y
    gc.collect()
    assert held() is None


@pytest.mark.parametrize("stream, letters", [(None, "<f4"), (9, "<f4"), (9, "<V2")])
def test_an_interface_may_say_too_little(stream, letters, driver):
    """PyTorch's and JAX's name no stream, CuPy's does; there is no letter for bfloat16."""
    dtype = torch.bfloat16 if "V" in letters else torch.float32

    class Both(Lent):
        @property
        def __cuda_array_interface__(self):
            data = self.tensor.data_ptr(), False
            return {"shape": (20,), "typestr": letters, "data": data, "stream": stream, "version": 3}

    x, y = Lent(randn(20, dtype=dtype)), Both(randn(20, seed=1, dtype=dtype))
    generated.mse_loss(x, y)
    assert (y.streams, driver.ordered) == (([], [(9, 0)]) if (stream, letters) == (9, "<f4") else ([1], []))


def test_memory_that_only_a_capsule_holds_is_held_while_kernels_are_started(driver, monkeypatch):
    launch, held = driver.launch, []

    class Passing(Lent):
        def __dlpack__(self, **options):
            self.tensor = np.arange(4, dtype="float32")  # lives as long as its capsule
            held.append(weakref.ref(self.tensor))
            capsule = super().__dlpack__(**options)
            del self.tensor
            return capsule

    def checked(*given):
        assert all(array() is not None for array in held)
        launch(*given)

    monkeypatch.setattr(driver, "launch", checked)
    generated.mse_loss(Passing(None), Passing(None))
    gc.collect()
    assert len(held) == 2 and not any(array() is not None for array in held)


def test_results_are_lent_to_libraries(here, driver):
    x, y = randn(6), randn(6, seed=1)
    for dtype in (torch.float32, torch.float16, torch.bfloat16):
        found = generated.mse_loss.value_and_grad(Lent(x.to(dtype)), Lent(y.to(dtype)))[1]
        exact = (x.to(dtype).double() - y.to(dtype).double()) / 3
        for library in (torch.from_dlpack, jax.dlpack.from_dlpack):
            np.testing.assert_allclose(library(found).tolist(), exact, rtol=4e-3)
        assert hasattr(found, "__cuda_array_interface__") is (dtype != torch.bfloat16)
        assert repr(found) == f"<array on CUDA device 0: shape (6,), {str(dtype)[6:]}>"
    held = torch.from_dlpack(found)
    kept = held.clone()
    del found
    gc.collect()
    assert len(driver.lent) == 1 and torch.equal(held, kept)
    del held
    gc.collect()
    assert not driver.lent


@pytest.mark.parametrize("versioned", [True, False])
@pytest.mark.parametrize("name", ["float64", "float32", "float16", "bfloat16"])
def test_capsules_are_what_nvidias_library_reads(versioned, name, monkeypatch):
    core = pytest.importorskip("cuda.core.utils", reason="cuda-core is not installed: pip install 'lossgen[cuda]'")
    device = Driver(number=3)
    monkeypatch.setattr(lent.devices, "driver_for", lambda number: device)
    for shape in ((2, 3), (), (0, 4)):
        x = torch.zeros(shape, dtype=getattr(torch, name))
        found = generated.mse_loss(Lent(x, (2, 3)), Lent(x.clone(), (2, 3)), reduction="none")
        if name in ("float16", "bfloat16"):  # whose values are float32
            found = generated.mse_loss.value_and_grad(Lent(x, (2, 3)), Lent(x.clone(), (2, 3)))[1]

        class Known:
            """Knows a version, or none."""

            __dlpack_device__ = found.__dlpack_device__

            def __dlpack__(self, found=found, **options):
                return found.__dlpack__(**{**options, "max_version": (1, 0) if versioned else None})

        view = core.StridedMemoryView.from_dlpack(Known(), 1)
        assert (view.shape, view.dtype.name, view.ptr) == (shape, name, found.address)
        assert view.device_id == 3 and view.is_device_accessible and not view.readonly
    capsule = Known().__dlpack__()
    assert ("versioned" in repr(capsule)) is versioned and device_in(capsule) == (2, 3)


def test_consumers_wait_on_their_stream(driver):
    found = generated.mse_loss(Lent(randn(4)), Lent(randn(4, seed=1)))
    assert found.__dlpack_device__() == (2, 0)
    for stream in (None, 1, -1, 2, 77):
        found.__dlpack__(stream=stream, dl_device=(2, 0), copy=False)
    assert driver.ordered == [(0, 2), (0, 77)]  # results are written on the default stream
    with pytest.raises(
        BufferError, match=r"^stream is 0, expected 1 for the default stream, 2 for that of the thread, or"
    ):
        found.__dlpack__(stream=0)
    del found
    gc.collect()
    assert not driver.lent  # nor is any of them held by a capsule that nobody used


def test_copies(driver, here):
    x = randn(4)
    found = generated.mse_loss.value_and_grad(Lent(x), Lent(randn(4, seed=1)))[1]
    same, other = (torch.from_dlpack(found, copy=copy) for copy in (None, True))
    assert torch.equal(same, other) and same.data_ptr() == found.address != other.data_ptr()
    same.zero_()
    assert other.any()
    flags = [flags_of(found.__dlpack__(max_version=(1, 0), copy=copy)) for copy in (None, True)]
    assert flags == [0, 2]


def test_results_are_copied_to_main_memory(driver):
    x = randn(4)
    found = generated.mse_loss.value_and_grad(Lent(x), Lent(torch.zeros(4)))[1]
    np.testing.assert_allclose(np.from_dlpack(found, device="cpu"), x / 2)
    assert driver.waited == 1
    with pytest.raises(
        BufferError, match=r"^copy is False, but main memory needs one, expected \(2, 0\), or \(1, 0\) for"
    ):
        np.from_dlpack(found, device="cpu", copy=False)
    with pytest.raises(
        BufferError, match=r"^dl_device is \(10, 0\), expected \(2, 0\), or \(1, 0\) for a copy in main"
    ):
        found.__dlpack__(dl_device=(10, 0))


def test_lengths_and_denominators_that_are_lent(here):
    x, labels = randn(5, 3, 4), torch.tensor([[1, 2], [3, 1], [2, 1]])
    rest, divisor = (labels, torch.tensor([5, 3, 4]), torch.tensor([2, 0, 1])), torch.tensor(2.0)
    found = generated.ctc_with_logits_loss(Lent(x), *map(Lent, rest), reduction="sum", denominator=Lent(divisor))
    expected = torch.nn.functional.ctc_loss(x.log_softmax(2), *rest, reduction="sum") / 2
    torch.testing.assert_close(torch.from_dlpack(found), expected, rtol=1e-5, atol=0)
