"""Calls like earlier ones take a shorter way, with the same results, and leave it where they are of another kind."""

import pytest
import torch
from lossgen.generated.torch import cross_entropy, ctc_with_logits_loss, mse_loss

from lossgen.runtime import LossError, LossTypeError

TIMES = 4  # from the third call on, a call is recognised by its tensors alone


@pytest.fixture(autouse=True)
def no_earlier_calls(monkeypatch):
    for loss in (cross_entropy, ctc_with_logits_loss, mse_loss):
        forget(monkeypatch, loss)


def forget(patch, loss):
    """Make the next call of a loss the first one."""
    prepared = loss.__globals__["_loss"]
    patch.setattr(prepared, "recipes", {})
    patch.setattr(prepared, "latest", None)


def short(loss):
    """Whether the last call of the loss went the shorter way."""
    latest = loss.__globals__["_loss"].latest
    return latest is not None and latest.shortest is not None


def first(loss, *arguments, **options):
    """What `run` gives for a first call."""
    with pytest.MonkeyPatch.context() as patch:
        forget(patch, loss)
        return run(loss, *arguments, **options)


def run(loss, x, *rest, **options):
    """The value and the gradient."""
    x = x.detach().requires_grad_()
    value = loss(x, *rest, **options)
    value.backward()
    return value.detach(), x.grad


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("shape", [(33,), (33, 1), (3, 5, 7), (3, 200), ()])
@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_the_bits_are_those_of_the_general_way(dtype, shape, reduction):
    for _ in range(TIMES):
        x, y = torch.randn(2, *shape, dtype=dtype)
        value, gradient = run(mse_loss, x, y, reduction=reduction)
        general = first(mse_loss, x, y, reduction=reduction)
        assert torch.equal(value, general[0]) and torch.equal(gradient, general[1])
        assert gradient.shape == shape and value.dtype == gradient.dtype == dtype
        with torch.no_grad():
            assert torch.equal(mse_loss(x, y, reduction=reduction), value)
    assert short(mse_loss)


@pytest.mark.parametrize("shape", [(6, 10), (6, 200), (10,)])
def test_the_bits_of_rows_are_those_of_the_general_way(shape):
    for _ in range(TIMES):
        x, target = torch.randn(shape), torch.randint(shape[-1], shape[:-1])
        value, gradient = run(cross_entropy, x, target, label_smoothing=0.1)
        general = first(cross_entropy, x, target, label_smoothing=0.1)
        assert torch.equal(value, general[0]) and torch.equal(gradient, general[1])
    assert short(cross_entropy)


def sequences(dtype=torch.float32):
    """Logits (T, N, C), labels, and other lengths in every call."""
    x, labels = torch.randn(9, 3, 5, dtype=dtype), torch.randint(1, 5, (3, 4))
    return x, labels, torch.randint(4, 10, (3,)), torch.randint(0, 5, (3,))


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_recurrence_again_gives_the_bits_of_the_general_way(dtype, reduction):
    for _ in range(TIMES):
        x, *rest = sequences(dtype)
        x.requires_grad_()
        value = ctc_with_logits_loss(x, *rest, reduction=reduction)
        with pytest.MonkeyPatch.context() as patch:
            forget(patch, ctc_with_logits_loss)
            general = ctc_with_logits_loss(x, *rest, reduction=reduction)
        assert torch.equal(value, general) and value.dtype == dtype
        upstream = torch.randn_like(value)
        found, expected = torch.autograd.grad(value, x, upstream), torch.autograd.grad(general, x, upstream)
        assert torch.equal(*found, *expected)
    assert ctc_with_logits_loss.__globals__["_loss"].recipes


def test_what_a_recurrence_is_given_is_checked_again():
    for _ in range(TIMES):
        run(ctc_with_logits_loss, *sequences())
    x, labels, frames, lengths = sequences()
    frames[1] = 10
    for _ in range(TIMES):
        with pytest.raises(LossError, match=r"^ctc_with_logits_loss: input_lengths\[1\] is 10, expected"):
            run(ctc_with_logits_loss, x, labels, frames, lengths)


def test_transposed_arguments_again():
    for _ in range(TIMES):
        x, y = torch.randn(40, 70), torch.randn(70, 40).T
        value, gradient = run(mse_loss, x, y)
        inner = x.clone().requires_grad_()
        expected = torch.nn.functional.mse_loss(inner, y)
        expected.backward()
        torch.testing.assert_close(value, expected.detach())
        torch.testing.assert_close(gradient, inner.grad)
    assert mse_loss.__globals__["_loss"].recipes and not short(mse_loss)


def test_what_is_ignored_or_outside_is_noticed_as_by_the_first_call():
    x, fine = torch.randn(5, 3), torch.tensor([0, 1, 2, 0, 1])
    for _ in range(TIMES):
        run(cross_entropy, x, fine)
    assert short(cross_entropy)
    outside = torch.tensor([0, 1, 3, 0, 1])
    for _ in range(TIMES):
        with pytest.raises(LossError, match=r"^cross_entropy: target\[2\] is 3, expected"):
            run(cross_entropy, x, outside)
    ignored = torch.tensor([0, 1, -100, 0, 1])
    expected = torch.nn.functional.cross_entropy(x, ignored)
    for _ in range(TIMES):
        torch.testing.assert_close(run(cross_entropy, x, ignored)[0], expected)


def other_calls():
    """Calls that differ in one thing from `mse_loss` of two plain contiguous tensors (5, 4), the first requiring grad."""
    x, y = torch.randn(2, 5, 4)
    tracked = x.clone().requires_grad_()
    shifted = bytearray(1) + y.numpy().tobytes()
    return {
        "another shape": (torch.randn(5, 3, requires_grad=True), torch.randn(5, 3)),
        "strides": (tracked, torch.randn(4, 5).T),
        "another dtype": (tracked, y.double()),
        "half precision": (tracked.half(), y.half()),
        "both require grad": (tracked, y.clone().requires_grad_()),
        "none requires grad": (x, y),
        "the other requires grad": (x, tracked),
        "integers": (tracked, torch.ones(5, 4, dtype=torch.int32)),
        "a parameter": (torch.nn.Parameter(x), y),
        "a negated view": (tracked, torch._neg_view(y)),
        "odd addresses": (tracked, torch.frombuffer(shifted, dtype=torch.float32, offset=1).reshape(5, 4)),
        "numbers, no memory": (tracked, torch._efficientzerotensor(5, 4)),
        "no entries": (torch.randn(0, 4, requires_grad=True), torch.randn(0, 4)),
    }


@pytest.mark.parametrize("name", other_calls())
def test_a_call_of_another_kind_is_not_taken_for_the_same(name):
    x, y = other_calls()[name]
    for _ in range(TIMES):
        run(mse_loss, *torch.randn(2, 5, 4))
    assert short(mse_loss)
    if name == "numbers, no memory":
        with pytest.raises(LossTypeError):
            mse_loss(x, y)
        return
    for _ in range(TIMES):
        # In double precision: torch's gradient of halves is rounded twice.
        given = [tensor.detach().double().requires_grad_(tensor.requires_grad) for tensor in (x, y)]
        value, expected = mse_loss(x, y), torch.nn.functional.mse_loss(*given)
        torch.testing.assert_close(value, expected.to(value.dtype), equal_nan=True)
        assert value.requires_grad == expected.requires_grad
        if value.requires_grad:
            tracked = [tensor for tensor in (x, y) if tensor.requires_grad]
            wanted = [tensor for tensor in given if tensor.requires_grad]
            for found, right in zip(
                torch.autograd.grad(value, tracked), torch.autograd.grad(expected, wanted), strict=True
            ):
                torch.testing.assert_close(found, right.to(found.dtype))


def test_options_and_transforms_are_not_taken_for_plain_calls():
    x, y = torch.randn(2, 5, 4)
    for _ in range(TIMES):
        value, gradient = run(mse_loss, x, y)
    assert short(mse_loss)
    total = run(mse_loss, x, y, reduction="sum")[0]
    torch.testing.assert_close(run(mse_loss, x, y, denominator=2.0)[0], total / 2)
    torch.testing.assert_close(run(mse_loss, x, y, sample_weight=torch.tensor(3.0))[0], 3 * value)
    torch.testing.assert_close(torch.func.grad(mse_loss)(x, y), gradient)
    torch.testing.assert_close(torch.func.vmap(mse_loss)(x, y).mean(), value)


def test_what_is_no_plain_tensor_is_refused_as_by_the_first_call():
    x, y = torch.randn(2, 5, 4)
    for _ in range(TIMES):
        run(mse_loss, x, y)
    for wrong in (y.to_sparse(), y.numpy(), torch.empty(5, 4, device="meta")):
        with pytest.raises(LossTypeError, match=r"^mse_loss: target is "):
            mse_loss(x, wrong)


def test_second_derivatives_after_the_shorter_way():
    x, y = torch.randn(2, 5)
    for _ in range(TIMES):
        x = x.detach().requires_grad_()
        (gradient,) = torch.autograd.grad(mse_loss(x, y), x, create_graph=True)
        (second,) = torch.autograd.grad(gradient.square().sum(), x)
        torch.testing.assert_close(second, 2 * gradient.detach() * 2 / 5)
    assert short(mse_loss)
