"""Arrays of a GPU wherever their entries lie, where there is one: results, layouts, and the memory that is asked for."""

import pytest
from gpu import ours, torch


def slopes(loss, given):
    """The value and the gradient of the first argument."""
    value = loss(*given)
    return [value.detach(), *torch.autograd.grad(3 * value, given[:1])]


#: Logits whose rows lie otherwise than one after another: many items, and few of many classes.
LAYOUTS = {
    "images": lambda: torch.randn(8, 21, 64, 64, device="cuda"),
    "channels last": lambda: torch.randn(8, 21, 64, 64, device="cuda").to(memory_format=torch.channels_last),
    "part of images": lambda: torch.randn(3, 9, 40, 80, device="cuda")[1:, 2:7, :, ::2],
    "many classes": lambda: torch.randn(2, 3000, 7, device="cuda"),
    "time first": lambda: torch.randn(70, 4, 50, device="cuda").permute(1, 2, 0),
}


@pytest.mark.parametrize("name", LAYOUTS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_rows_are_read_and_written_where_they_lie(name, dtype):
    x = LAYOUTS[name]()
    x = x if dtype == x.dtype else torch.empty_strided(x.shape, x.stride(), dtype=dtype, device="cuda").copy_(x)
    t = torch.randint(x.shape[1], (x.shape[0], *x.shape[2:]), device="cuda")
    given = x.requires_grad_(), t
    slopes(ours.cross_entropy, given)
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated()
    found = slopes(ours.cross_entropy, given)
    assert torch.cuda.max_memory_allocated() - before <= x.numel() * x.itemsize + (1 << 20)
    wide = x.detach().double().requires_grad_(), t
    exact = 1e-5 if dtype == torch.float32 else 1e-2
    for got, right in zip(found, slopes(torch.nn.functional.cross_entropy, wide), strict=True):
        torch.testing.assert_close(got.double(), right, rtol=exact, atol=exact / 100, check_stride=False)
    assert found[1].stride() == torch.empty_like(x).stride()
    assert torch.equal(found[1], slopes(ours.cross_entropy, given)[1])


#: Arguments of an element loss: in one layout and in two, with gaps, broadcast.
ELEMENTS = {
    "channels last": lambda x, y: (x.to(memory_format=torch.channels_last), y.to(memory_format=torch.channels_last)),
    "two layouts": lambda x, y: (x, y.to(memory_format=torch.channels_last)),
    "gaps": lambda x, y: (x[..., ::2], y[..., 5:37]),
    "broadcast": lambda x, y: (x, y[:1, :, :1].expand_as(x)),
}


@pytest.mark.parametrize("name", ELEMENTS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_elements_are_read_and_written_where_they_lie(name, dtype):
    x, y = ELEMENTS[name](*torch.randn(2, 8, 21, 64, 64, device="cuda", dtype=dtype))
    given = x.detach().requires_grad_(), y
    found = slopes(ours.mse_loss, given)
    wide = x.detach().double().requires_grad_(), y.double()
    exact = 1e-5 if dtype == torch.float32 else 1e-2
    for got, right in zip(found, slopes(torch.nn.functional.mse_loss, wide), strict=True):
        torch.testing.assert_close(got.double(), right, rtol=exact, atol=exact / 100, check_stride=False)
    assert found[1].stride() == torch.empty_like(x).stride()
