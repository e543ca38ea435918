"""Losses over lattices on tensors of a device, on a device in main memory, against PyTorch's own losses and plain formulas.

As in `test_cuda_torch.py` tensors on the CPU stand for those on CUDA.
"""

from functools import partial

import numpy as np
import pytest
import torch
from host import HostDriver
from lossgen.generated import torch as ours

from lossgen import generated
from lossgen.adapters import torch_cuda
from lossgen.adapters.torch_recipe import Recipe
from lossgen.bench import plain
from lossgen.runtime import LossError
from lossgen.runtime.cuda.driver import Place

F = torch.nn.functional
LABELS, FRAMES, COUNTS = ((1, 2, 3), (3, 3, 1), (2, 1, 2), (1, 1, 1)), (5, 4, 3, 5), (3, 2, 1, 0)


@pytest.fixture(autouse=True)
def driver(monkeypatch):
    """The device on which tensors of the CPU lie."""
    found = HostDriver()
    monkeypatch.setitem(torch_cuda.PLACES, "cpu", lambda loss, device: Place(found, 3, torch_cuda.TorchMemory(device)))
    monkeypatch.setattr(Recipe, "again", lambda *given: None)
    return found


def randn(*shape, seed=0, dtype=torch.float32):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=dtype).requires_grad_()


def joined():
    return torch.tensor([label for row, n in zip(LABELS, COUNTS, strict=True) for label in row[:n]])


def own_ctc(logits, *rest, **options):
    """PyTorch's loss of the log-softmax."""
    return F.ctc_loss(logits.log_softmax(-1), *rest, **options)


def slopes(loss, x, *rest, **options):
    """The value, and the gradient of one number made of it."""
    value = loss(x, *rest, **options)
    weights = torch.linspace(0.5, 2, value.numel(), dtype=value.dtype).reshape(value.shape)
    return value.detach(), torch.autograd.grad((weights * value).sum(), x)[0]


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("kind", ["padded", "joined", "host", "int32", "one", "unbatched"])
def test_ctc_is_pytorchs(kind, reduction, driver):
    """Of log-probabilities after a log-softmax, too: PyTorch's own gradient is only right before it."""
    x, frames, counts = randn(5, 4, 4), torch.tensor(FRAMES), torch.tensor(COUNTS)
    given = {
        "padded": (torch.tensor(LABELS), frames, counts),
        "joined": (joined(), frames, counts),
        "host": (torch.tensor(LABELS), FRAMES, list(COUNTS)),
        "int32": (torch.tensor(LABELS).int(), frames.int(), counts.int()),
        "one": (torch.tensor(LABELS)[:1], frames[:1], counts[:1]),
        "unbatched": (torch.tensor(LABELS)[0], frames[0], counts[0]),
    }[kind]
    x = {"one": x[:, :1], "unbatched": x[:, 0]}.get(kind, x).detach().requires_grad_()
    expected = slopes(own_ctc, x, *given, reduction=reduction)
    for loss in (ours.ctc_with_logits_loss, lambda x, *rest, **o: ours.ctc_loss(x.log_softmax(-1), *rest, **o)):
        torch.testing.assert_close(slopes(loss, x, *given, reduction=reduction), expected, rtol=2e-5, atol=2e-6)
    assert driver.waited == (0 if kind != "joined" else 2 if reduction != "none" else 4)  # again in the backward pass
    assert any(name == "evaluate" and schedule == "lattice" for name, schedule, _ in driver.launched)


@pytest.mark.parametrize("zero_infinity", [False, True])
def test_impossible_labels_and_another_blank(zero_infinity):
    x, labels = randn(4, 3, 4), torch.tensor([[1, 1, 1], [0, 0, 2], [2, 1, 0]])
    given = labels, torch.tensor([4, 2, 2]), torch.tensor([3, 2, 2])
    options = {"blank": 3, "zero_infinity": zero_infinity, "reduction": "none"}
    value, slope = slopes(ours.ctc_with_logits_loss, x, *given, **options)
    right, expected = slopes(own_ctc, x, *given, **options)
    torch.testing.assert_close(value, right)
    assert value.isinf().tolist() == [not zero_infinity] * 2 + [False]
    torch.testing.assert_close(
        slope, torch.where(right.isinf()[None, :, None], 0.0, expected).nan_to_num(), rtol=1e-4, atol=1e-6
    )
    module = ours.CTCWithLogitsLoss(blank=3, zero_infinity=zero_infinity)
    torch.testing.assert_close(module(x, *given), own_ctc(x, *given, blank=3, zero_infinity=zero_infinity))


def test_small_arguments_may_lie_in_main_memory(monkeypatch, driver):
    """Lengths of sequences that are given one after another then need no reading back; other arguments may not."""
    x, labels = randn(5, 4, 4), joined()
    frames, counts = torch.tensor(FRAMES), torch.tensor(COUNTS)
    expected, checked = slopes(own_ctc, x, labels, frames, counts), []
    monkeypatch.setattr(torch_cuda, "check_devices", lambda loss, names, tensors: checked.append(tensors))
    for small in ([frames, counts], [labels, frames, counts]):
        monkeypatch.setattr(torch_cuda, "lies_on_host", lambda t, device, s=small: any(t is y for y in s))
        torch.testing.assert_close(
            slopes(ours.ctc_with_logits_loss, x, labels, frames, counts), expected, rtol=2e-5, atol=2e-6
        )
        assert not any(t is y for t in checked[-1] for y in small) and checked[-1][0] is x
    assert driver.waited == 0


def test_what_may_lie_in_main_memory():
    cpu, cuda = torch.zeros(2), torch.device("cuda", 0)
    arguments = cpu, cpu, cpu, cpu
    assert torch_cuda.small_on_host(generated.ctc_loss, arguments, cuda) == {1, 2, 3}
    assert torch_cuda.small_on_host(generated.ctc_loss, arguments, torch.device("cpu")) == set()
    assert torch_cuda.small_on_host(generated.crf_loss, (*arguments, cpu, None), cuda) == {1}


@pytest.mark.parametrize("name", ["rnnt_loss", "crf_loss", "soft_dtw_loss"])
def test_other_lattices_are_their_formulas(name):
    given = {
        "rnnt_loss": (randn(3, 4, 3, 4), torch.tensor([[1, 2], [3, 3], [2, 1]])),
        "crf_loss": (randn(3, 4, 3), torch.tensor([[0, 1, 2, 1]] * 3), randn(3, 3), randn(3, seed=1), randn(3, seed=2)),
        "soft_dtw_loss": (randn(3, 4, 4).detach().abs().requires_grad_(),),
    }[name]
    wrt = [x for x in given if x.requires_grad]
    found, expected = (getattr(module, name)(*given) for module in (ours, plain))
    torch.testing.assert_close(found, expected)
    for one, other in zip(torch.autograd.grad(found, wrt), torch.autograd.grad(expected, wrt), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-6)


def test_second_derivatives_pass_gradgradcheck():
    small = torch.tensor([[1, 2], [1, 1]]), torch.tensor([2, 2]), torch.tensor([2, 1])
    for loss in (ours.ctc_with_logits_loss, ours.ctc_loss):
        for reduction in ("mean", "none"):
            function = partial(
                loss, targets=small[0], input_lengths=small[1], target_lengths=small[2], reduction=reduction
            )
            x = randn(2, 2, 3, dtype=torch.float64)
            assert torch.autograd.gradcheck(function, x) and torch.autograd.gradgradcheck(function, x)
    tables = [randn(*shape, seed=n, dtype=torch.float64) for n, shape in enumerate([(2, 2, 2), (2, 2), (2,), (2,)])]

    def crf(x, *rest):
        return ours.crf_loss(x, torch.tensor([[0, 1], [1, 0]]), *rest, lengths=torch.tensor([2, 1]))

    assert torch.autograd.gradcheck(crf, tables) and torch.autograd.gradgradcheck(crf, tables)


def test_half_precision_and_masks():
    x, labels = randn(5, 4, 4), torch.tensor(LABELS)
    half = x.detach().bfloat16().requires_grad_()
    value, slope = slopes(ours.ctc_with_logits_loss, half, labels, FRAMES, COUNTS)
    right, expected = slopes(own_ctc, half.detach().float().requires_grad_(), labels, FRAMES, COUNTS)
    assert value.dtype == slope.dtype == torch.bfloat16
    torch.testing.assert_close((value.float(), slope.float()), (right, expected), rtol=1e-2, atol=1e-3)
    mask, weight = torch.tensor([True, False, True, True]), torch.tensor([1.0, 2, 3, 0.5])
    found = ours.ctc_with_logits_loss(x, labels, FRAMES, COUNTS, mask=mask, sample_weight=weight)
    each = own_ctc(x, labels, FRAMES, COUNTS, reduction="none") / torch.tensor(COUNTS).clamp(min=1) * weight
    torch.testing.assert_close(found, each[mask].mean())


@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_function_transforms(reduction):
    x, labels = torch.randn(3, 5, 4, 4, generator=torch.Generator().manual_seed(0)), torch.tensor(LABELS)
    frames, counts = torch.tensor(FRAMES), torch.tensor(COUNTS)

    def under(loss):
        return lambda x: loss(x, labels, frames, counts, reduction=reduction)

    found, own = under(ours.ctc_with_logits_loss), under(own_ctc)
    torch.testing.assert_close(torch.func.vmap(found)(x), torch.stack([own(one) for one in x]))
    expected = torch.stack([torch.func.grad(own)(one) for one in x])
    torch.testing.assert_close(torch.func.vmap(torch.func.grad(found))(x), expected, rtol=1e-4, atol=1e-6)


def test_torch_compile_meets_one_operator(driver):
    frames, counts, labels = torch.tensor(FRAMES), torch.tensor(COUNTS), torch.tensor(LABELS)
    compiled = torch.compile(
        lambda x: ours.ctc_with_logits_loss(2 * x, labels, frames, counts), backend="aot_eager", fullgraph=True
    )
    x = randn(5, 4, 4)
    compiled(x).backward()
    expected = torch.autograd.grad(own_ctc(2 * x, labels, frames, counts), x)[0]
    torch.testing.assert_close(x.grad, expected, rtol=1e-4, atol=1e-6)
    assert any(name == "evaluate" for name, *_ in driver.launched)


def test_memory_comes_from_pytorch(monkeypatch):
    """Tables too: the allocator knows when the stream is done with them."""
    asked = []
    monkeypatch.setattr(
        torch_cuda.torch,
        "empty_strided",
        lambda *given, old=torch.empty_strided, **o: asked.append(given[0]) or old(*given, **o),
    )
    ours.ctc_with_logits_loss(randn(5, 4, 4), torch.tensor(LABELS), FRAMES, COUNTS)
    assert max(int(np.prod(shape)) for shape in asked) > 4 * 5 * 7  # a table for each block


def test_errors(driver):
    x, labels = randn(5, 4, 4), torch.tensor(LABELS)
    assert ours.ctc_with_logits_loss(x, labels + 1, FRAMES, COUNTS).isnan()
    with pytest.raises(
        LossError, match=r"^ctc_with_logits_loss: an earlier call on CUDA was given targets with a label out"
    ):
        ours.ctc_with_logits_loss(x, labels, FRAMES, COUNTS)
    with pytest.raises(
        LossError, match=r"^ctc_with_logits_loss: targets has 5 entries, expected 6, the sum of target_lengths$"
    ):
        ours.ctc_with_logits_loss(x, joined()[:5], FRAMES, COUNTS)
    with pytest.raises(
        TypeError, match=r"^ctc_with_logits_loss: targets is on meta, expected cpu, the device of logits$"
    ):
        ours.ctc_with_logits_loss(x, labels.to("meta"), FRAMES, COUNTS)
    driver.reports.always = True
    with pytest.raises(
        LossError, match=r"targets with a label out of range, expected one in 0 \.\.\. the size of C - 1, other"
    ):
        ours.ctc_with_logits_loss(x, labels + 1, FRAMES, COUNTS)
    assert driver.waited > 0
