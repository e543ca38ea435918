"""torch.func: gradients, Jacobians, forward mode and batches of every loss, against plain autograd and torch's losses."""

import numpy as np
import pytest
import torch
from lossgen.generated.torch import cross_entropy, gaussian_kl_divergence, mse_loss, nll_loss
from torch.func import functional_call, grad, grad_and_value, hessian, jacfwd, jacrev, jvp, vjp, vmap
from torch.nn import functional
from torch_samples import REDUCED_SPOKESMEN, SPOKESMEN, reduced

from lossgen.adapters import torch_batch
from lossgen.runtime import LossError, LossTypeError

every_make = pytest.mark.parametrize("case", SPOKESMEN.values(), ids=SPOKESMEN)
every_reduction = pytest.mark.parametrize("case, reduction", REDUCED_SPOKESMEN.values(), ids=REDUCED_SPOKESMEN)
BATCH = 3


def closed(case, reduction, names, **options):
    """The loss as a function of the arguments `names`, in order; its other arguments are not given."""
    given = case.parameters() | reduced(case, reduction) | options
    return lambda *tensors: case.torch(**dict(zip(names, tensors, strict=True)), **given)


@every_reduction
def test_first_derivatives_are_those_of_autograd(case, reduction):
    arguments = case.arguments(reduction=reduction)
    names, places = list(arguments), [list(arguments).index(name) for name in case.variant.differentiable]
    loss = closed(case, reduction, names)
    leaves = [t.clone().requires_grad_(place in places) for place, t in enumerate(arguments.values())]
    expected = loss(*leaves)
    value = expected.detach()
    upstream = torch.linspace(0.5, 2, value.numel(), dtype=value.dtype).reshape(value.shape)
    gradients = torch.autograd.grad(expected, [leaves[place] for place in places], upstream)

    def moving(*tensors):
        return loss(*[tensors[places.index(p)] if p in places else leaf for p, leaf in enumerate(leaves)])

    starts = tuple(leaves[place].detach() for place in places)
    found, pullback = vjp(moving, *starts)
    torch.testing.assert_close([found, *pullback(upstream)], [value, *gradients])
    every = tuple(range(len(places)))
    found, total = grad_and_value(lambda *t: (upstream * moving(*t)).sum(), argnums=every)(*starts)
    torch.testing.assert_close([*found, total], [*gradients, (upstream * value).sum()])
    along = jvp(moving, starts, tuple(map(torch.ones_like, starts)))[1]
    torch.testing.assert_close((upstream * along).sum(), sum(gradient.sum() for gradient in gradients))


@every_make
def test_second_derivatives_both_ways(case):
    arguments = case.required()
    reduction = case.numpy.schema.reductions[0]
    loss = closed(case, reduction, list(arguments))
    prediction = list(arguments).index(case.variant.predictions[0])
    inputs = tuple(arguments.values())

    def single(tensor):
        return loss(*inputs[:prediction], tensor, *inputs[prediction + 1 :]).sum()

    expected = torch.autograd.functional.hessian(single, inputs[prediction])
    torch.testing.assert_close(hessian(single)(inputs[prediction]), expected)
    torch.testing.assert_close(jacrev(jacrev(single))(inputs[prediction]), expected)
    torch.testing.assert_close(jacrev(jacfwd(single))(inputs[prediction]), expected)


def samples(case, reduction, shared):
    """Arguments for several calls, the dimension of the calls in front, and in_dims; the second one and weights may be the same."""
    given = [case.required(seed, reduction=reduction) for seed in range(BATCH)]
    names = list(given[0])
    shared = {*names[1:2]} if shared else set()
    shared |= {argument.name for argument in case.variant.arguments if argument.layout in ("shared", "broadcast")}
    batched = [given[0][n] if n in shared else torch.stack([sample[n] for sample in given]) for n in names]
    return names, batched, tuple(None if name in shared else 0 for name in names)


def each(function, tensors, dims):
    """What vmap does, one call after the other."""
    results = [function(*(t if d is None else t[i] for t, d in zip(tensors, dims, strict=True))) for i in range(BATCH)]
    if isinstance(results[0], torch.Tensor):
        return torch.stack(results)
    return tuple(torch.stack(parts) for parts in zip(*results, strict=True))


@every_reduction
@pytest.mark.parametrize("shared", [False, True], ids=["all", "shared"])
def test_batches_of_calls_are_one_evaluation(case, reduction, shared, monkeypatch):
    needed = any(argument.layout == "shared" and argument.default is None for argument in case.variant.arguments)
    if not (needed or case.variant.numbered):
        monkeypatch.setattr(torch_batch, "one_by_one", None)  # calling it would raise
    names, tensors, dims = samples(case, reduction, shared)
    loss = closed(case, reduction, names, **({} if reduction == "none" else {"empty": 0.0}))
    torch.testing.assert_close(vmap(loss, dims)(*tensors), each(loss, tensors, dims))
    place = names.index(case.variant.predictions[0])
    gradient = grad(lambda *t: loss(*t).square().sum(), argnums=place)
    torch.testing.assert_close(vmap(gradient, dims)(*tensors), each(gradient, tensors, dims))
    through = [t.clone().requires_grad_(i == place) for i, t in enumerate(tensors)]  # plain autograd outside
    expected = torch.autograd.grad(each(loss, through, dims).square().sum(), through[place])
    torch.testing.assert_close(torch.autograd.grad(vmap(loss, dims)(*through).square().sum(), through[place]), expected)


@every_make
def test_batches_where_every_call_has_weights_of_its_own(case):
    arguments = case.arguments()
    weights = [name for name in arguments if name not in case.required()]
    names, reduction = list(arguments), case.numpy.schema.reductions[0]
    tensors = [torch.stack([case.arguments(seed)[name] for seed in range(BATCH)]) for name in names]
    loss, dims = closed(case, reduction, names), (0,) * len(names)
    torch.testing.assert_close(vmap(loss, dims)(*tensors), each(loss, tensors, dims))
    places = tuple(names.index(name) for name in case.variant.differentiable)
    shared = tuple(None if name in weights else 0 for name in names)
    tensors = [t[0] if d is None else t for t, d in zip(tensors, shared, strict=True)]
    gradient = grad(lambda *t: loss(*t).sum(), argnums=places)
    torch.testing.assert_close(vmap(gradient, shared)(*tensors), each(gradient, tensors, shared))


def test_gradients_for_each_sample_of_a_model():
    model = torch.nn.Linear(4, 3)
    parameters = dict(model.named_parameters())
    x, y = torch.randn(6, 4), torch.randint(0, 3, (6,))

    def found(loss):
        def one(weights, sample, label):
            return loss(functional_call(model, weights, (sample,)), label)

        return vmap(grad(one), in_dims=(None, 0, 0))(parameters, x, y)

    torch.testing.assert_close(found(cross_entropy), found(functional.cross_entropy))


@pytest.mark.parametrize("reduction", ["none", "mean", "sum"])
def test_batches_against_torch(reduction):
    """Dimensions of the calls anywhere, ignored labels, a fully ignored call, batches of batches."""
    x, y = torch.randn(2, 4, 3, 5, 6), torch.randint(0, 3, (2, 4, 5, 6))
    y[0, 1], y[1, 2, 0] = -100, -100
    results = []
    for loss in (cross_entropy, functional.cross_entropy):
        plain = [lambda a, b, loss=loss: loss(a, b, reduction=reduction), (0, 0)]
        results.append([vmap(vmap(*plain))(x.movedim(4, 2), y.movedim(3, 2))])
        results[-1].append(vmap(plain[0], (1, 1), 1 if reduction == "none" else 0)(x, y))
    torch.testing.assert_close(*results, equal_nan=True)


@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_masks_sample_weights_and_denominators_of_each_call(reduction):
    x, y = torch.randn(3, 2, 4), torch.randn(3, 2, 4)
    mask, weight = torch.rand(3, 2, 4) > 0.3, torch.rand(3, 4)
    mask[1] = False

    def loss(a, b, m, w, d):
        given = {"mask": m, "sample_weight": w, "denominator": d, "reduction": reduction, "empty": -1.0}
        return mse_loss(a, b, **given)

    for denominator, dim in ((None, None), (torch.tensor([1.0, 2.0, 3.0]), 0), (torch.tensor(4.0), None)):
        tensors, dims = (x, y, mask, weight, denominator), (0, 0, 0, 0, dim)
        for function in (loss, grad(loss)):
            torch.testing.assert_close(vmap(function, dims)(*tensors), each(function, tensors, dims))


def test_transforms_leave_plain_autograd_alone():
    x, w = torch.randn(4, requires_grad=True), torch.randn(4)
    inner = grad(lambda a: mse_loss(a * x, w))(torch.ones(4))  # x is a constant inside, and requires grad outside
    (found,) = torch.autograd.grad(inner.sum(), x)
    (expected,) = torch.autograd.grad(grad(lambda a: functional.mse_loss(a * x, w))(torch.ones(4)).sum(), x)
    torch.testing.assert_close(found, expected)


def test_forward_mode_without_torch_func():
    x, y, t = torch.randn(3, 5)
    with torch.autograd.forward_ad.dual_level():
        dual = torch.autograd.forward_ad.make_dual(x, t)
        slope = torch.autograd.forward_ad.unpack_dual(mse_loss(dual, y)).tangent
    torch.testing.assert_close(slope, (2 * (x - y) * t).mean())


def test_what_has_no_derivative_says_so():
    x, labels = torch.randn(2, 3), torch.tensor([0, 2])
    log_p = torch.log_softmax(x, 1)
    with pytest.raises(LossError, match="sample_weight requires grad, expected a constant"):
        grad(lambda w: mse_loss(x, x + 1, sample_weight=w))(torch.ones(3))
    with pytest.raises(LossError, match="cross_entropy: the third derivative is not available"):
        jacrev(hessian(cross_entropy))(x, labels)
    with pytest.raises(LossError, match="forward mode over forward mode is not available"):
        jacfwd(jacfwd(cross_entropy))(x, labels)
    with pytest.raises(LossError, match=r"target\[1, 0\] is 2, expected a label"):
        vmap(nll_loss)(log_p[:, None, :2], labels[:, None])
    with pytest.raises(LossError, match=r"log_var has shape \(3,\)|expected"):
        vmap(gaussian_kl_divergence)(x[:, None], torch.ones(2, 3, 3))


def test_what_is_no_tensor_is_named():
    with pytest.raises(LossTypeError, match=r"^mse_loss: target is a ndarray, expected a torch.Tensor$"):
        grad(lambda x: mse_loss(x, np.zeros(3)))(torch.zeros(3))
