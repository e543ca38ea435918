"""Arrays wherever their entries lie: nothing is copied, and results lie as their arguments. A device in main memory.

The references are PyTorch's own losses on contiguous copies, in double precision.
"""

from functools import partial

import pytest
import torch
from host import HostDriver
from lossgen.generated import torch as ours

from lossgen import generated
from lossgen.adapters import torch_cuda
from lossgen.adapters.torch_recipe import Recipe
from lossgen.runtime.cuda.driver import Place

F = torch.nn.functional


class Memory(torch_cuda.TorchMemory):
    """Says how many bytes were asked for."""

    def __init__(self, device, asked):
        super().__init__(device)
        self.asked = asked

    def empty(self, shape, dtype, strides=None):
        found = super().empty(shape, dtype, strides)
        self.asked.append(found.size * dtype.itemsize)
        found.owner.fill_(77)
        return found


@pytest.fixture(autouse=True)
def driver(monkeypatch):
    """The device on which tensors of the CPU lie."""
    found = HostDriver()
    found.asked = []
    monkeypatch.setitem(torch_cuda.PLACES, "cpu", lambda loss, device: Place(found, 3, Memory(device, found.asked)))
    monkeypatch.setattr(Recipe, "again", lambda *given: None)
    return found


def randn(*shape, seed=0, dtype=torch.float32):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).to(dtype)


def labels(*shape, classes=5, seed=1):
    return torch.randint(classes, shape, generator=torch.Generator().manual_seed(seed))


#: Logits with classes in dimension 1, in many layouts.
LOGITS = {
    "images": lambda dtype: randn(2, 5, 3, 4, dtype=dtype),
    "channels last": lambda dtype: randn(2, 5, 3, 4, dtype=dtype).to(memory_format=torch.channels_last),
    "series": lambda dtype: randn(4, 5, 7, dtype=dtype),
    "time first": lambda dtype: randn(7, 4, 5, dtype=dtype).permute(1, 2, 0),
    "part of images": lambda dtype: randn(3, 9, 4, 8, dtype=dtype)[1:, 2:7, :, ::2],
    "part of channels": lambda dtype: randn(2, 9, 3, 4, dtype=dtype).to(memory_format=torch.channels_last)[:, ::2],
    "one for all items": lambda dtype: randn(1, 5, 1, dtype=dtype).expand(4, 5, 3),
    "transposed": lambda dtype: randn(5, 6, dtype=dtype).T,
    "columns": lambda dtype: randn(6, 9, dtype=dtype)[:, 2:7],
    "one image": lambda dtype: randn(1, 5, 2, 2, dtype=dtype),
    "volumes": lambda dtype: randn(2, 3, 2, 5, 2, dtype=dtype).permute(0, 3, 4, 1, 2),
}
#: What calls of the loss may be given besides.
OPTIONS = {
    "plain": {},
    "all": {
        "label_smoothing": 0.1,
        "ignore_index": 2,
        "weight": torch.rand(5, generator=torch.Generator().manual_seed(4)),
    },
    "none": {"reduction": "none", "weight": torch.rand(10, generator=torch.Generator().manual_seed(4))[::2]},
}


def both(loss, own, x, rest, **options):
    """Value, gradient and a product with the Hessian: ours as it is given, PyTorch's of a contiguous copy in float64."""
    found = []
    wide = {n: v.double() if isinstance(v, torch.Tensor) else v for n, v in options.items()}
    others = [t.double() if t.is_floating_point() else t for t in rest]
    for f, a, b, given in ((loss, x.detach(), rest, options), (own, x.detach().double().contiguous(), others, wide)):
        a = a.requires_grad_()
        value = f(a, *b, **given)
        ways = torch.linspace(-1, 2, value.numel(), dtype=value.dtype).reshape(value.shape)
        (slope,) = torch.autograd.grad(value, a, ways, create_graph=True)
        direction = (
            torch.linspace(2, -1, a.numel(), dtype=a.dtype).reshape(a.shape[::-1]).permute(*range(a.dim())[::-1])
        )
        (product,) = torch.autograd.grad(slope, a, direction)
        found.append((value.detach(), slope.detach(), product))
    (value, slope, product), expected = found
    assert slope.stride() == product.stride() == torch.empty_like(x).stride() or 0 in x.stride()
    tolerance = {torch.float32: 2e-5, torch.float64: 1e-12, torch.bfloat16: 2e-2, torch.float16: 2e-3}[x.dtype]
    for got, right in zip((value, slope, product), expected, strict=True):
        torch.testing.assert_close(got.double(), right, rtol=tolerance, atol=tolerance, check_stride=False)


@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("name", LOGITS)
def test_rows_are_read_and_written_where_they_lie(name, options, driver):
    x = LOGITS[name](torch.float32)
    t = labels(x.shape[0], *x.shape[2:])
    both(ours.cross_entropy, F.cross_entropy, x, (t,), **OPTIONS[options])
    assert "copy" not in {kernel for kernel, *_ in driver.launched}


@pytest.mark.parametrize("dtype", [torch.float64, torch.float16, torch.bfloat16])
@pytest.mark.parametrize("name", ["images", "part of channels"])
def test_other_dtypes(name, dtype, driver):
    x = LOGITS[name](dtype)
    for t in (labels(x.shape[0], *x.shape[2:]).to(torch.uint8), labels(*x.shape[2:], x.shape[0]).movedim(-1, 0)):
        both(lambda x, t: ours.cross_entropy(x, t), lambda x, t: F.cross_entropy(x, t.long()), x, (t,))
    assert "copy" not in {kernel for kernel, *_ in driver.launched}


@pytest.mark.parametrize("target", ["like", "contiguous", "one for all"])
def test_rows_of_two_layouts(target, driver):
    x = LOGITS["images"](torch.float32)
    t = randn(2, 3, 4, 5, seed=3).softmax(-1).movedim(-1, 1)
    t = {"like": t.contiguous(), "contiguous": t, "one for all": t[:1, :, :1, :1].expand_as(t)}[target]
    both(ours.cross_entropy, F.cross_entropy, x, (t,))
    assert "copy" not in {kernel for kernel, *_ in driver.launched}


@pytest.mark.parametrize("features", ["images", "channels last", "part of images"])
def test_axes_of_several_dimensions(features, driver):
    x = LOGITS[features](torch.float64).sigmoid()
    y = randn(*x.shape, seed=2).gt(0).double()

    def dice(x, y):
        both = 2 * (x * y).flatten(1).sum(1) + 1
        return (1 - both / ((x + y).flatten(1).sum(1) + 1)).mean()

    both(lambda x, y: ours.dice_loss(x, y, smooth=1.0), dice, x, (y,))
    assert "copy" not in {kernel for kernel, *_ in driver.launched}


#: Arguments of an element loss: their layouts, and by which schedule they are taken.
ELEMENTS = {
    "channels last": (lambda: [LOGITS["channels last"](torch.float32) * k for k in (1, 2)], "wide"),
    "two orders": (lambda: [randn(2, 5, 3, 4), LOGITS["channels last"](torch.float32)], "wide"),
    "transposed": (lambda: [randn(6, 5).T, randn(5, 6, seed=2)], "wide"),
    "with gaps": (lambda: [randn(6, 10)[:, ::2], randn(6, 10, seed=2)[:, 5:]], "wide"),
    "broadcast": (lambda: [randn(6, 5), randn(1, 5, seed=2).expand(6, 5)], "wide"),
    "seven dimensions": (lambda: [randn(*[3] * 7)[(slice(None, None, 2),) * 7], randn(*[2] * 7)], "wide"),
}


@pytest.mark.parametrize("reduction", ["mean", "none"])
@pytest.mark.parametrize("name", ELEMENTS)
def test_elements_are_read_and_written_where_they_lie(name, reduction, driver):
    make, schedule = ELEMENTS[name]
    x, y = make()
    weight = torch.rand(x.shape[-1], generator=torch.Generator().manual_seed(4))
    both(ours.mse_loss, F.mse_loss, x, (y,), reduction=reduction)
    given = partial(ours.mse_loss, reduction="sum"), lambda x, y, weight: ((x - y) ** 2 * weight).sum()
    both(*given, x, (y,), weight=weight)
    assert "copy" not in {kernel for kernel, *_ in driver.launched}
    assert {s for kernel, s, _ in driver.launched if kernel == "evaluate"} == {schedule}


def test_like_layouts_are_one_run_of_numbers(driver):
    x, y = ELEMENTS["channels last"][0]()
    ours.mse_loss(x, y, reduction="none")
    (program,) = [p for p in driver.programs if p.kernel == "evaluate"]
    assert not any("/" in name for name in program.types)
    ours.mse_loss(x, y.contiguous())
    program = [p for p in driver.programs if p.kernel == "evaluate"][-1]
    assert [name for name in program.types if "/" in name] == ["*float32/3"]


def test_what_segmentation_starts_and_asks_for(driver):
    """Of (N, C, H, W) a step reads the logits and writes their gradient, and asks for no memory but for that one.

    With copies it read and wrote as much again for each of them: three times the bytes.
    """
    x, t = randn(2, 21, 4, 4).requires_grad_(), labels(2, 4, 4, classes=21)
    ours.cross_entropy(x, t).backward()
    started = [(kernel, schedule) for kernel, schedule, _ in driver.launched]
    assert started == [
        *(
            ("normalizer", "thread"),
            ("settle", "block"),
            ("evaluate", "thread"),
            ("settle", "block"),
            ("rescale", "block"),
        )
    ]
    gradient = x.numel() * 4
    assert sorted(driver.asked)[-1] == gradient and sum(driver.asked) - gradient <= 128
    own = F.cross_entropy(x, t)
    torch.testing.assert_close(x.grad, torch.autograd.grad(own, x)[0])


def test_masks_weights_and_upstream_gradients_have_strides_of_their_own(driver):
    x, t = LOGITS["time first"](torch.float32).requires_grad_(), labels(4, 7)
    mask, weight = randn(7, 4, seed=5).gt(-0.5).T, randn(1, 7, seed=6).abs()
    found = ours.cross_entropy(x, t, mask=mask, sample_weight=weight, reduction="none")
    plain = F.cross_entropy(x, t, reduction="none") * weight * mask
    ways = randn(7, 4, seed=8).T
    torch.testing.assert_close(found, plain)
    for value in (found, plain):
        x.grad = None
        value.backward(ways, retain_graph=True)
    torch.testing.assert_close(*(torch.autograd.grad(v, x, ways)[0] for v in (found, plain)))
    mean = ours.cross_entropy(x, t, mask=mask)
    torch.testing.assert_close(mean, F.cross_entropy(x, t, reduction="none")[mask].mean())
    scores = x.detach().log_softmax(1)
    target = randn(4, 5, 7, seed=9).softmax(1)
    kept = randn(4, 7, 5, seed=3).mT.gt(0)
    found = ours.kl_div(scores, target, mask=kept, reduction="batchmean")
    torch.testing.assert_close(found, F.kl_div(scores, target, reduction="none")[kept].sum() / 4)
    assert "copy" not in {kernel for kernel, *_ in driver.launched}


def test_calls_are_repeated_for_other_numbers(monkeypatch):
    generated.cross_entropy.recipes.clear()
    long, prepared = [], torch_cuda.prepared
    monkeypatch.setattr(torch_cuda, "prepared", lambda *given: long.append(given) or prepared(*given))
    for k in range(3):
        x, t = randn(5, 4, 3, seed=k).permute(1, 0, 2).requires_grad_(), labels(4, 3, seed=k)
        value = ours.cross_entropy(x, t)
        own = F.cross_entropy(x, t)
        (slope,), (right,) = (torch.autograd.grad(v, x) for v in (value, own))
        torch.testing.assert_close((value, slope), (own, right))
        assert slope.stride() == x.stride() and len(long) == 1


@pytest.mark.parametrize("loss", ["mse_loss", "cross_entropy"])
@pytest.mark.parametrize("reduction", ["mean", "none"])
@pytest.mark.parametrize("name", ["channels last", "volumes", "part of images"])
def test_tracers_know_how_results_lie(name, reduction, loss):
    x = LOGITS[name](torch.float32)
    given = randn(*x.shape, seed=2) if loss == "mse_loss" else labels(x.shape[0], *x.shape[2:])
    with torch._subclasses.FakeTensorMode(allow_non_fake_inputs=True) as mode:
        fake = mode.from_tensor(x).requires_grad_()
        value = getattr(ours, loss)(fake, given, reduction=reduction)
        (slope,) = torch.autograd.grad(value.sum(), fake)
    x.requires_grad_()
    found = getattr(ours, loss)(x, given, reduction=reduction)
    assert found.stride() == value.stride()
    assert torch.autograd.grad(found.sum(), x)[0].stride() == slope.stride()
