"""Arrays of other libraries on a GPU, where there is one, and calls that are repeated there."""

import pytest
from gpu import cuda, ours, torch

from lossgen import generated


class DlpackAlone:
    """A tensor as the array of a library that has no other protocol."""

    def __init__(self, tensor):
        self.__dlpack__, self.__dlpack_device__ = tensor.__dlpack__, tensor.__dlpack_device__


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.float16, torch.bfloat16])
@pytest.mark.parametrize("wrapped", [DlpackAlone, lambda tensor: tensor])
def test_arrays_of_other_libraries(dtype, wrapped):
    """On a stream of their own, which the results' consumer waits for; what nobody holds is given back."""
    x, t = torch.randn(1003, 10, device="cuda", dtype=dtype), torch.randint(10, (1003,), device="cuda")
    expected = torch.nn.functional.cross_entropy(x.double().requires_grad_(), t)
    with torch.cuda.stream(torch.cuda.Stream()):
        torch.cuda._sleep(10_000_000)
        late = x + 0
        value, slope = generated.cross_entropy.value_and_grad(wrapped(late), wrapped(t))
        found, other = torch.from_dlpack(value), torch.from_dlpack(slope)
        exact = {torch.float64: 1e-12, torch.float32: 1e-5}.get(dtype, 1e-2)
        torch.testing.assert_close(found.double(), expected.detach(), rtol=exact, atol=0)
        assert other.dtype == dtype and other.shape == x.shape and abs(other.double().sum()) < 1e-2
        torch.testing.assert_close(torch.from_dlpack(slope, device="cpu"), other.cpu())
    torch.cuda.synchronize()
    cuda.check()


def test_jax_arrays():
    jax = pytest.importorskip("jax", reason="JAX is not installed: pip install lossgen[jax]")
    if jax.default_backend() != "gpu":
        pytest.skip("this JAX has no CUDA")
    x = jax.random.normal(jax.random.PRNGKey(0), (1003,), "bfloat16")
    slope = generated.mse_loss.value_and_grad(x, jax.numpy.zeros_like(x))[1]
    found = jax.dlpack.from_dlpack(slope)
    assert found.dtype == x.dtype and abs(found * 1003 / 2 - x).max() < 0.1


@pytest.mark.parametrize("reduction", ["mean", "none"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
def test_calls_that_are_repeated(dtype, reduction):
    """With class weights and a mask, on two streams; half precision and "none" take gradients in the backward pass."""
    for k in range(6):
        with torch.cuda.stream(torch.cuda.Stream() if k % 2 else torch.cuda.default_stream()):
            x = torch.randn(301, 10, device="cuda", dtype=dtype, requires_grad=True)
            t, w = torch.randint(10, (301,), device="cuda"), torch.rand(10, device="cuda") + 0.5
            mask = torch.rand(301, device="cuda") < 0.7
            value = ours.cross_entropy(x, t, w, mask=mask, reduction=reduction)
            (found,) = torch.autograd.grad(3 * value.float().sum(), x)
            wide = x.detach().double().requires_grad_()
            own = torch.nn.functional.cross_entropy(wide, t, w.double(), reduction="none") * mask
            own = own.sum() / (w.double()[t] * mask).sum() if reduction == "mean" else own
            exact = 1e-5 if dtype == torch.float32 else 1e-2
            torch.testing.assert_close(value.double(), own, rtol=exact, atol=exact / 10)
            right = torch.autograd.grad(3 * own.sum(), wide)[0]
            torch.testing.assert_close(found.double(), right, rtol=exact, atol=exact / 10)
    cuda.check()


def test_lengths_in_main_memory_are_sent_again():
    for seed in range(5):
        torch.manual_seed(seed)
        x, rows = torch.randn(7, 4, 10, device="cuda", requires_grad=True), 1 + torch.randint(9, (4, 3), device="cuda")
        lengths = 4 + torch.randint(4, (4,)), torch.randint(4, (4,))
        found, right = (
            ours.ctc_with_logits_loss(x, rows, *lengths),
            torch.nn.functional.ctc_loss(x.log_softmax(2), rows, *lengths),
        )
        torch.testing.assert_close(found, right, rtol=1e-4, atol=1e-5)
        slopes = [torch.autograd.grad(value, x)[0] for value in (found, right)]
        torch.testing.assert_close(*slopes, rtol=1e-4, atol=1e-6)
    cuda.check()
