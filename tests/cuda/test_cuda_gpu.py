"""Losses on a GPU, where there is one: against the CPU, on several streams, in CUDA graphs, without waiting."""

import pytest
from gpu import cuda, ours, torch

from lossgen import runtime


def labels(*shape, classes):
    return torch.randint(classes, shape)


#: The loss, and its arguments for a number of items; row lengths on both sides of what a warp takes.
CASES = {
    "mse": (lambda *a, **o: ours.mse_loss(*a, **o), lambda n: (torch.randn(n), torch.randn(n))),
    "bce": (
        lambda *a, **o: ours.binary_cross_entropy_with_logits(*a, **o),
        lambda n: (3 * torch.randn(n), torch.rand(n)),
    ),
    "rows of 10": (lambda *a, **o: ours.cross_entropy(*a, **o), lambda n: (torch.randn(n, 10), labels(n, classes=10))),
    "rows of 3000": (
        lambda *a, **o: ours.cross_entropy(*a, **o),
        lambda n: (torch.randn(n % 300, 3000), labels(n % 300, classes=3000)),
    ),
    "class weights": (
        lambda *a, **o: ours.cross_entropy(*a, **o),
        lambda n: (torch.randn(n, 10), labels(n, classes=10), torch.rand(10) + 0.5),
    ),
    "segmentation": (
        lambda *a, **o: ours.cross_entropy(*a, **o),
        lambda n: (torch.randn(n % 7, 5, 8, 9), labels(n % 7, 8, 9, classes=5)),
    ),
    "cosine": (
        lambda *a, **o: ours.cosine_embedding_loss(*a, **o),
        lambda n: (torch.randn(n, 33), torch.randn(n, 33), torch.ones(n)),
    ),
    "label lists": (
        lambda *a, **o: ours.multilabel_margin_loss(*a, **o),
        lambda n: (torch.randn(n, 6), labels(n, 6, classes=6)),
    ),
    "ctc": (
        lambda *a, **o: ours.ctc_with_logits_loss(*a, **o),
        lambda n: (
            torch.randn(7, n % 100, 40),
            1 + labels(n % 100, 3, classes=39),
            torch.randint(5, 8, (n % 100,)),
            torch.randint(4, (n % 100,)),
        ),
    ),
    "rnnt": (
        lambda *a, **o: ours.rnnt_loss(*a, **o),
        lambda n: (torch.randn(n % 100, 6, 4, 9), 1 + labels(n % 100, 3, classes=8)),
    ),
    "crf": (
        lambda *a, **o: ours.crf_loss(*a, **o),
        lambda n: (torch.randn(n % 100, 6, 5), labels(n % 100, 6, classes=5), torch.randn(5, 5), *torch.randn(2, 5)),
    ),
    "soft dtw": (lambda *a, **o: ours.soft_dtw_loss(*a, **o), lambda n: (torch.rand(n % 100, 9, 35),)),
    "dice": (lambda *a, **o: ours.dice_loss(*a, **o), lambda n: (torch.rand(n % 9, 50), torch.rand(n % 9, 50).round())),
}


def on(device, arguments, dtype=torch.float32):
    moved = [a.to(device, dtype) if a.is_floating_point() else a.to(device) for a in arguments]
    return [a.detach().requires_grad_(a.is_floating_point() and k == 0) for k, a in enumerate(moved)]


def slopes(loss, given, **options):
    value = loss(*given, **options)
    return [value.detach(), *torch.autograd.grad((3 * value).sum(), given[:1])]


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("items", [0, 1, 5, 1003, 100_003])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.float16, torch.bfloat16])
@pytest.mark.parametrize("reduction", ["mean", "none"])
def test_results_are_those_of_the_cpu(case, items, dtype, reduction):
    torch.manual_seed(items)
    loss, make = CASES[case]
    given = make(items)
    expected = slopes(loss, on("cpu", given, dtype), reduction=reduction)
    found = slopes(loss, on("cuda", given, dtype), reduction=reduction)
    again = slopes(loss, on("cuda", given, dtype), reduction=reduction)
    cuda.check()
    exact = {torch.float64: 1e-12, torch.float32: 1e-5}.get(dtype, 1e-2)
    for ours_, cpu, same in zip(found, expected, again, strict=True):
        torch.testing.assert_close(ours_.cpu(), cpu, rtol=exact, atol=exact / 10, equal_nan=True)
        assert torch.equal(ours_.nan_to_num(), same.nan_to_num())


@pytest.mark.parametrize("first", [0, 1, 3])
def test_arrays_that_do_not_begin_at_16_bytes(first):
    x, y = torch.randn(1003, device="cuda"), torch.randn(1003, device="cuda")
    torch.testing.assert_close(ours.mse_loss(x[first:], y[first:]), torch.nn.functional.mse_loss(x[first:], y[first:]))


def test_nothing_waits():
    torch.cuda.set_sync_debug_mode("error")
    try:
        x, t = torch.randn(64, 10, device="cuda", requires_grad=True), torch.zeros(64, dtype=torch.int64, device="cuda")
        ours.cross_entropy(x, t, torch.ones(10, device="cuda")).backward()
    finally:
        torch.cuda.set_sync_debug_mode("default")


def ctc_arguments(device, labels_alone=False):
    """A batch of four items with 7 frames and 3 labels."""
    x = torch.randn(7, 4, 10, device=device, requires_grad=True)
    rows = 1 + torch.randint(9, (4, 3), device=device)
    lengths = torch.tensor([7, 6, 7, 5], device=device), torch.tensor([3, 2, 0, 1], device=device)
    if labels_alone:
        rows = torch.cat([row[:n] for row, n in zip(rows, lengths[1].tolist(), strict=True)])
    return x, rows, *lengths


def test_a_loss_over_lattices_waits_for_nothing_but_lengths_of_labels_one_after_another():
    given, joined = ctc_arguments("cuda"), ctc_arguments("cuda", labels_alone=True)
    counts = joined[3].tolist()
    expected = ours.ctc_with_logits_loss(*joined)
    torch.cuda.set_sync_debug_mode("error")
    try:
        ours.ctc_with_logits_loss(*given).backward()
        value = ours.ctc_with_logits_loss(*joined[:3], counts)
    finally:
        torch.cuda.set_sync_debug_mode("default")
    torch.testing.assert_close(value, expected)
    cuda.check()


def test_ctc_is_captured_into_a_graph_and_differentiated_twice():
    x, *rest = ctc_arguments("cuda")
    side = torch.cuda.Stream()
    with torch.cuda.stream(side):
        torch.autograd.grad(ours.ctc_with_logits_loss(x, *rest), x)
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        (slope,) = torch.autograd.grad(ours.ctc_with_logits_loss(x, *rest), x)
    with torch.no_grad():
        x.copy_(torch.randn_like(x))
    graph.replay()
    own = torch.nn.functional.ctc_loss(x.log_softmax(2), *rest)
    torch.testing.assert_close(slope, torch.autograd.grad(own, x)[0], rtol=1e-4, atol=1e-6)
    wide = x.detach().double()[:, :2, :4].requires_grad_()
    small = 1 + torch.randint(3, (2, 2), device="cuda"), (7, 5), (2, 1)
    assert torch.autograd.gradgradcheck(lambda x: ours.ctc_with_logits_loss(x, *small), wide)


def test_a_wrong_length_is_raised_by_check():
    x, rows, frames, counts = ctc_arguments("cuda")
    assert ours.ctc_with_logits_loss(x, rows, frames + 1, counts).isnan()
    words = r"^ctc_with_logits_loss: an earlier call on CUDA was given input_lengths with a length out of range"
    with pytest.raises(runtime.LossError, match=words):
        cuda.check()


def test_a_step_is_captured_into_a_graph():
    x = torch.randn(64, 10, device="cuda", requires_grad=True)
    t = torch.zeros(64, dtype=torch.int64, device="cuda")
    side = torch.cuda.Stream()
    with torch.cuda.stream(side):  # kernels are loaded before
        for _ in range(3):
            torch.autograd.grad(ours.cross_entropy(x, t), x)
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        value = ours.cross_entropy(x, t)
        (slope,) = torch.autograd.grad(value, x)
    with torch.no_grad():
        x.copy_(torch.randn(64, 10, device="cuda"))
    graph.replay()
    expected = torch.nn.functional.cross_entropy(x, t)
    torch.testing.assert_close(value, expected)
    torch.testing.assert_close(slope, torch.autograd.grad(expected, x)[0])


def test_several_streams():
    streams = [torch.cuda.Stream() for _ in range(4)]
    made = []
    for k, stream in enumerate(streams):
        with torch.cuda.stream(stream):
            x = torch.full((100_000,), float(k), device="cuda")
            made.append(ours.mse_loss(x, torch.zeros_like(x)))
    torch.cuda.synchronize()
    assert [value.item() for value in made] == [0, 1, 4, 9]


@pytest.mark.skipif(torch.cuda.device_count() < 2, reason="there is one CUDA device here")
def test_several_devices():
    x = torch.ones(1000, device="cuda:1", requires_grad=True)
    ours.mse_loss(x, torch.zeros_like(x)).backward()
    assert torch.cuda.current_device() == 0 and x.grad.device.index == 1
    with pytest.raises(TypeError, match=r"^mse_loss: target is on cuda:0, expected cuda:1, the device of input$"):
        ours.mse_loss(x, torch.zeros(1000, device="cuda:0"))


def test_a_label_out_of_range_is_raised_by_check():
    x, wrong = torch.randn(3, 4, device="cuda"), torch.tensor([1, 9, 0], device="cuda")
    assert ours.cross_entropy(x, wrong).isnan()
    with pytest.raises(
        runtime.LossError, match=r"^cross_entropy: an earlier call on CUDA was given target with a label"
    ):
        cuda.check()
    cuda.check()


def test_double_backward():
    x = torch.randn(20, 7, device="cuda", dtype=torch.float64, requires_grad=True)
    t = torch.randint(7, (20,), device="cuda")
    assert torch.autograd.gradcheck(lambda x: ours.cross_entropy(x, t), x)
    assert torch.autograd.gradgradcheck(lambda x: ours.cross_entropy(x, t), x)


def test_torch_compile():
    compiled = torch.compile(lambda x, t: ours.cross_entropy(2 * x, t), fullgraph=True)
    x, t = torch.randn(20, 7, device="cuda", requires_grad=True), torch.randint(7, (20,), device="cuda")
    compiled(x, t).backward()
    torch.testing.assert_close(x.grad, torch.autograd.grad(torch.nn.functional.cross_entropy(2 * x, t), x)[0])
