"""Every loss of torch.nn that this package has: the same values and gradients, over all options, forms and dtypes.

float64 runs through the product of everything, apart from reduction "none", which takes, as float32 and bfloat16 do, the
two ends of it: every combination would mean kernels to compile for each. Half precision is computed in float32 here and
rounded once, so that it is held against PyTorch in float32.
"""

import inspect
import itertools
import warnings

import lossgen.generated.torch as ours
import pytest
import torch
from torch.nn import functional
from torch_counterparts import COUNTERPARTS, EXCLUDED, Counterpart

FOUND = [c for c in COUNTERPARTS if c.name in ours.__all__]
IDS = [f"{c.name}-{k}" for k, c in enumerate(FOUND)]
every_counterpart = pytest.mark.parametrize("counterpart", FOUND, ids=IDS)
TOLERANCES = {
    torch.float64: {"rtol": 1e-10, "atol": 1e-12},
    torch.float32: {"rtol": 1e-5, "atol": 2e-6},
    torch.bfloat16: {"rtol": 2**-7, "atol": 1e-6},
}
DTYPES = {
    f"{name}-{dtype}": (counterpart, dtype)
    for name, counterpart in zip(IDS, FOUND, strict=True)
    for dtype in TOLERANCES
    if counterpart.halves or dtype.itemsize > 2
}


def settings(counterpart: Counterpart, full: bool):
    """Hyperparameters and the names of the weights that are given: all combinations, or all defaults and none of them."""
    names, weights = list(counterpart.options), list(counterpart.weights)
    choices = [*counterpart.options.values(), *([(False, True)] * len(weights))]
    ends = [[c[0] for c in choices], [c[-1] for c in choices]] if choices else [[]]
    for values in itertools.product(*choices) if full else ends:
        given = [name for name, is_given in zip(weights, values[len(names) :], strict=True) if is_given]
        yield dict(zip(names, values, strict=False)), given


def with_gradients(function, through, sample, weights, options, wrt, cast):
    """The value, and gradients for upstream gradients that are not all the same."""
    tensors = {n: cast(t).clone() if t.is_contiguous() else cast(t) for n, t in (sample | weights).items()}
    tensors = {n: t.detach().requires_grad_(n in wrt) for n, t in tensors.items()}
    inputs = {n: through[n](t) if n in through else t for n, t in tensors.items()}
    value = function(**inputs, **options)
    upstream = torch.linspace(0.5, 2, max(value.numel(), 1))[: value.numel()].bfloat16().to(value.dtype)
    upstream = upstream.reshape(value.shape)
    return value.detach(), torch.autograd.grad(value, [tensors[name] for name in wrt], upstream)


def wanted(counterpart, sample, weights):
    """The tensors that PyTorch has a gradient for: of the weights, those of regression losses only."""
    moving = sample | (weights if "weight" in counterpart.weights and counterpart.name in REGRESSION else {})
    return [n for n, t in moving.items() if t.is_floating_point() and n not in counterpart.constants]


REGRESSION = ("mse_loss", "l1_loss", "huber_loss")


def casting(dtype):
    return lambda tensor: tensor.to(dtype) if tensor.is_floating_point() else tensor


def calls(counterpart, dtype):
    """A name for each call, the tensors it starts from, and its options."""
    for name, make in counterpart.samples.items():
        sample = make()
        made = {n: maker(sample) for n, maker in counterpart.weights.items()}
        for reduction in counterpart.reductions:
            for options, given in settings(counterpart, full=dtype == torch.float64 and reduction != "none"):
                weights = {n: made[n] for n in given}
                options = options | {"reduction": reduction}
                yield f"{counterpart.name} of {name}, {options}, {given}", sample, weights, options


@pytest.mark.parametrize("counterpart, dtype", DTYPES.values(), ids=DTYPES)
@pytest.mark.filterwarnings("ignore:reduction:UserWarning")
def test_values_and_gradients(counterpart, dtype):
    mine, theirs = getattr(ours, counterpart.name), getattr(functional, counterpart.name)
    precise = torch.float32 if dtype == torch.bfloat16 else dtype
    torch.manual_seed(1)
    for where, sample, weights, options in calls(counterpart, dtype):
        wrt = wanted(counterpart, sample, weights)
        value, gradients = with_gradients(mine, counterpart.through, sample, weights, options, wrt, casting(dtype))
        rounded = [{n: casting(dtype)(t) for n, t in tensors.items()} for tensors in (sample, weights)]
        expected, slopes = with_gradients(theirs, counterpart.through, *rounded, options, wrt, casting(precise))
        check(f"{where}: value", value, expected.to(dtype), dtype)
        for name, gradient, slope in zip(wrt, gradients, slopes, strict=True):
            check(f"{where}: gradient of {name}", gradient, slope.to(dtype), dtype)


def check(where, found, expected, dtype):
    torch.testing.assert_close(
        found, expected, equal_nan=True, msg=lambda words: f"{where}: {words}", **TOLERANCES[dtype]
    )


@every_counterpart
@pytest.mark.filterwarnings("ignore:reduction:UserWarning")
def test_modules(counterpart):
    mine, theirs = getattr(ours, counterpart.module), getattr(torch.nn, counterpart.module)
    known = inspect.signature(theirs.__init__).parameters
    torch.manual_seed(1)
    for make in counterpart.samples.values():
        sample = make()
        made = {n: maker(sample) for n, maker in counterpart.weights.items() if n in known}
        for options, given in settings(counterpart, full=False):
            arguments = options | {n: made[n] for n in given if n in known}
            for reduction in counterpart.reductions:
                found = mine(**arguments, reduction=reduction)
                expected = theirs(**arguments, reduction=reduction)
                torch.testing.assert_close(
                    found(*sample.values()), expected(*sample.values()), equal_nan=True, rtol=1e-10, atol=1e-12
                )
                check_attributes(found, expected, known)


def check_attributes(found, expected, known):
    """Attributes of the constructor's names, and the same state."""
    for name in {*known} - {"self", "size_average", "reduce"}:
        attribute, theirs = getattr(found, name), getattr(expected, name)
        assert torch.equal(attribute, theirs) if isinstance(theirs, torch.Tensor) else attribute == theirs, name
    assert found.state_dict().keys() == expected.state_dict().keys()
    assert dict(found.named_buffers()).keys() == dict(expected.named_buffers()).keys()
    found.load_state_dict(expected.state_dict())


def test_the_table_lists_every_loss_that_pytorch_has():
    theirs = {name for name in dir(torch.nn) if name.endswith("Loss") and name != "Loss"}
    assert theirs - EXCLUDED.keys() == {c.module for c in COUNTERPARTS}


def test_the_table_lists_every_option_that_pytorch_has():
    for counterpart in COUNTERPARTS:
        names = set(inspect.signature(getattr(functional, counterpart.name)).parameters)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            listed = {*next(iter(counterpart.samples.values()))(), *counterpart.options, *counterpart.weights}
        soft = {"ignore_index"} if "target" in listed and "label_smoothing" in counterpart.options else set()
        assert names - listed - {"reduction", "size_average", "reduce"} <= soft, counterpart.name


def test_every_counterpart_is_in_this_package():
    assert [c.name for c in COUNTERPARTS if c.name not in ours.__all__] == []
    assert [c.module for c in COUNTERPARTS if c.module not in ours.__all__] == []
