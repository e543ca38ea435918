"""The signatures are those of torch.nn.functional and torch.nn, for every loss that both have; walked by name."""

import inspect
import warnings

import lossgen.generated.torch as ours
import pytest
import torch
from lossgen.generated.torch import CrossEntropyLoss, L1Loss, cross_entropy, mse_loss
from torch.nn import functional

FUNCTIONS = sorted(name for name in ours.__all__ if hasattr(functional, name))
MODULES = sorted(name for name in ours.__all__ if hasattr(torch.nn, name))
#: Options that every loss of this package has, on top of PyTorch's, and those that some have.
ADDED = {"axis", "sample_weight", "mask", "denominator", "empty"}
SOME = {"weight", "ignore_index"}


def entries(function):
    """The parameters of a function, without `self`."""
    return [p for p in inspect.signature(function).parameters.values() if p.name != "self"]


def check(found, expected):
    """The same names, kinds and defaults in the same order; what is added is given by name."""
    by_position = [p for p in expected if p.kind is p.POSITIONAL_OR_KEYWORD]
    assert [p.name for p in found[: len(by_position)]] == [p.name for p in by_position]
    named = {p.name: p for p in found}
    for theirs in expected:
        mine = named.pop(theirs.name)
        assert mine.default == theirs.default, theirs.name
        if theirs.kind is theirs.POSITIONAL_OR_KEYWORD:
            assert mine.kind is mine.POSITIONAL_OR_KEYWORD
    return named


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions(name):
    added = check(entries(getattr(ours, name)), entries(getattr(functional, name)))
    assert set(added) - SOME == ADDED and all(p.kind is p.KEYWORD_ONLY for p in added.values())


@pytest.mark.parametrize("name", MODULES)
def test_modules(name):
    mine, theirs = getattr(ours, name), getattr(torch.nn, name)
    added = check(entries(mine.__init__), entries(theirs.__init__))
    assert set(added) - SOME == {"axis", "empty"}
    added = check(entries(mine.forward), entries(theirs.forward))
    assert set(added) == ADDED - {"axis", "empty"} and all(p.kind is p.KEYWORD_ONLY for p in added.values())


def test_functions_and_modules_go_together():
    """A loss that PyTorch has as a module has its name here, too."""
    theirs = {name for name in dir(torch.nn) if name.endswith("Loss")}
    for name in FUNCTIONS:
        module = next(m for m in ours.__all__ if ours._EXPORTS[m] == ours._EXPORTS[name] and m != name)
        assert module in theirs, f"{name} has the module {module}, which PyTorch calls otherwise"


@pytest.mark.parametrize("size_average", [None, False, True])
@pytest.mark.parametrize("reduce", [None, False, True])
def test_the_older_spelling_of_reduction(size_average, reduce):
    x, y = torch.randn(3), torch.randn(3)
    with warnings.catch_warnings(record=True) as mine:
        warnings.simplefilter("always")
        found = mse_loss(x, y, size_average, reduce)
        module = L1Loss(size_average, reduce)
    with warnings.catch_warnings(record=True) as theirs:
        warnings.simplefilter("always")
        expected = functional.mse_loss(x, y, size_average, reduce)
        reduction = torch.nn.L1Loss(size_average, reduce).reduction
    torch.testing.assert_close(found, expected)
    assert module.reduction == reduction
    assert [(w.category, str(w.message)) for w in mine] == [(w.category, str(w.message)) for w in theirs]
    assert all(w.filename == __file__ for w in mine)


def test_arguments_by_position():
    x, y, w = torch.randn(4, 3), torch.tensor([0, 1, 2, 1]), torch.rand(3)
    expected = functional.cross_entropy(x, y, w, None, 1, None, "sum", 0.1)
    torch.testing.assert_close(cross_entropy(x, y, w, None, 1, None, "sum", 0.1), expected)
    torch.testing.assert_close(CrossEntropyLoss(w, None, 1, None, "sum", 0.1)(x, y), expected)


def test_inputs_of_a_module_by_name():
    """PyTorch's module may call an input otherwise than its function does."""
    x, y = torch.rand(4), torch.tensor([0.0, 1.0, 2.0, 5.0])
    for mine, theirs in ((ours.PoissonNLLLoss(), torch.nn.PoissonNLLLoss()),):
        torch.testing.assert_close(mine(log_input=x, target=y), theirs(log_input=x, target=y))
        assert mine.log_input is theirs.log_input is True


def test_attributes_of_a_module_may_be_changed():
    x, y = torch.randn(4, 3), torch.tensor([0, 1, 2, 1])
    mine, theirs = CrossEntropyLoss(), torch.nn.CrossEntropyLoss()
    for module in (mine, theirs):
        module.weight, module.ignore_index, module.reduction = torch.tensor([1.0, 2.0, 3.0]), 1, "sum"
        module.label_smoothing = 0.1
    torch.testing.assert_close(mine(x, y), theirs(x, y))
    assert mine.state_dict().keys() == theirs.state_dict().keys() == {"weight"}
    restored = CrossEntropyLoss(torch.ones(3))
    restored.load_state_dict(theirs.state_dict())
    assert torch.equal(restored.weight, theirs.weight)
