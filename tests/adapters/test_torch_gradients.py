"""First and second derivatives of every loss, for all differentiable arguments: finite differences, and NumPy."""

import numpy as np
import pytest
import torch
from torch.autograd import gradcheck, gradgradcheck
from torch.utils._pytree import tree_map_only
from torch_samples import CASES, ITEMS, REDUCED_SPOKESMEN, SPOKESMEN, reduced

every_case = pytest.mark.parametrize("case", CASES.values(), ids=CASES)
every_make = pytest.mark.parametrize("case", SPOKESMEN.values(), ids=SPOKESMEN)
every_reduction = pytest.mark.parametrize("case, reduction", REDUCED_SPOKESMEN.values(), ids=REDUCED_SPOKESMEN)
averaged = [case for case, reduction in REDUCED_SPOKESMEN.values() if reduction == "mean"]


def closed(case, arguments, wrt=None, **options):
    """The loss as a function of the arguments `wrt` (default: all differentiable ones), and copies of them."""
    names = [name for name in wrt or case.variant.differentiable if name in arguments]
    inputs = [arguments[name].clone().requires_grad_() for name in names]

    def function(*tensors):
        given = {**arguments, **dict(zip(names, tensors, strict=True))}
        return case.torch(**given, **case.parameters(), **options)

    return function, inputs


def usual(case):
    """The mean, or what the loss has in its place."""
    return "mean" if "mean" in case.numpy.schema.reductions else case.numpy.schema.reductions[0]


@every_case
def test_derivatives_of_all_arguments_at_once(case):
    arguments, weights = case.arguments(reduction=usual(case)), case.weights(reduction=usual(case))
    function, inputs = closed(case, arguments, **reduced(case, usual(case)), **weights)
    assert gradcheck(function, inputs)
    assert gradgradcheck(function, inputs)


@every_reduction
def test_derivatives_of_every_reduction(case, reduction):
    arguments, weights = case.arguments(reduction=reduction), case.weights(reduction=reduction)
    function, inputs = closed(case, arguments, **reduced(case, reduction), **weights)
    assert gradcheck(function, inputs)
    assert gradgradcheck(function, inputs)


@pytest.mark.parametrize("case", averaged, ids=lambda case: case.variant.module)
def test_derivatives_of_the_plain_mean(case):
    function, inputs = closed(case, case.arguments(), reduction="mean")
    assert gradcheck(function, inputs)
    assert gradgradcheck(function, inputs)


@every_reduction
def test_derivatives_of_the_predictions_alone(case, reduction):
    arguments = case.required(reduction=reduction)
    function, inputs = closed(case, arguments, case.variant.predictions, **reduced(case, reduction))
    assert gradcheck(function, inputs)
    assert gradgradcheck(function, inputs)


@every_case
def test_value_and_gradients_are_those_of_the_numpy_surface(case):
    agree_with_numpy(case, usual(case), torch.float64, case.variant.differentiable)


@every_reduction
def test_single_precision_and_every_reduction_are_those_of_the_numpy_surface(case, reduction):
    agree_with_numpy(case, reduction, torch.float32, case.variant.predictions)


def agree_with_numpy(case, reduction, dtype, names):
    """The same bits, in value and gradients."""
    arguments, options = case.arguments(0, dtype, reduction), case.weights(dtype, reduction)
    expected, gradients = case.numpy.value_and_grad(
        **tree_map_only(torch.Tensor, lambda tensor: tensor.numpy(), {**arguments, **options}),
        **(case.parameters() | reduced(case, reduction) | {"wrt": names}),
    )
    for name in names:
        arguments[name].requires_grad_()
    value = case.torch(**arguments, **case.parameters(), **reduced(case, reduction), **options)
    value.sum().backward()
    np.testing.assert_array_equal(value.detach().numpy(), expected)
    assert value.shape == ((ITEMS,) if reduction == "none" else ())
    for name, gradient in zip(names, gradients, strict=True):
        np.testing.assert_array_equal(arguments[name].grad.numpy(), gradient)


@every_make
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16], ids=str)
def test_half_precision_is_float32_rounded_once(case, dtype):
    halves = case.arguments(dtype=dtype)
    singles = {name: t.float() if t.is_floating_point() else t for name, t in halves.items()}
    scale = 1e9  # without it, float16 would underflow
    found = {}
    for arguments in (halves, singles):
        for name in case.variant.predictions:
            arguments[name].requires_grad_()
        reduction = next(r for r in case.numpy.schema.reductions if r != "none")
        with torch.autocast("cpu", torch.bfloat16):  # otherwise the value would be rounded, too
            value = case.torch(**arguments, **case.parameters(), **reduced(case, reduction), denominator=scale)
        assert value.dtype == torch.float32
        (value * scale).backward()
        found[arguments is halves] = [arguments[name].grad for name in case.variant.predictions]
    for half, single in zip(found[True], found[False], strict=True):
        assert half.dtype == dtype
        torch.testing.assert_close(half, single.to(dtype))


def test_the_denominator_of_a_weighted_mean_moves_with_the_weights():
    """Along the weights themselves the gradient of the mean is what differences say: 0 where doubling them changes nothing."""
    moving = [case for case in CASES.values() if any(hasattr(k, "normalizer_gradient") for k in case.kernels())]
    assert moving
    for case in moving:
        arguments = case.arguments()
        names = [n for n in case.variant.normalizer_reads if n in case.variant.differentiable]
        weights = [arguments[n].requires_grad_() for n in names]
        case.torch(**arguments, **case.parameters(), reduction="mean").backward()
        found = sum(float(weight.detach().flatten() @ weight.grad.flatten()) for weight in weights)
        scaled = [arguments | {n: arguments[n].detach() * (1 + h) for n in names} for h in (1e-5, -1e-5)]
        above, below = (float(case.torch(**given, **case.parameters(), reduction="mean")) for given in scaled)
        assert abs(found - (above - below) / 2e-5) < 1e-9
        assert any(weight.grad.abs().max() > 1e-3 for weight in weights)
