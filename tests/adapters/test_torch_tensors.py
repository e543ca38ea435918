"""How tensors are taken, what errors say, and what the graph keeps; none of it depends on the loss."""

import copy
import inspect
import io
import subprocess
import sys
import threading

import numpy as np
import pytest
import torch
from lossgen.generated.torch import CrossEntropyLoss, cross_entropy, mse_loss
from torch_samples import CASES, SPOKESMEN, reduced

from lossgen.runtime import LossError, LossTypeError

every_case = pytest.mark.parametrize("case", CASES.values(), ids=CASES)


def pair(*shape):
    return torch.randn(*shape, requires_grad=True), torch.randn(*shape)


@pytest.mark.parametrize("view", [lambda t: t.T, lambda t: t[::2], lambda t: t[:, 1:3], lambda t: t[:1].expand(4, 4)])
def test_strided_tensors(view):
    x, y = pair(4, 4)
    mse_loss(view(x), view(y)).backward()
    expected = torch.autograd.grad(torch.nn.functional.mse_loss(view(x), view(y)), x)[0]
    torch.testing.assert_close(x.grad, expected)


def test_tensors_are_not_copied_nor_written_to():
    x, y = pair(5)
    kept = x.detach().clone(), y.clone()
    version = x._version
    mse_loss(x, y).backward()
    assert torch.equal(x, kept[0]) and torch.equal(y, kept[1]) and x._version == version


def test_a_negated_view_and_numbers_in_bfloat16():
    y = torch.randn(4)
    negated = torch.complex(torch.zeros(4), y).conj().imag
    assert negated.is_neg()
    assert mse_loss(negated, -y) == 0
    assert mse_loss(torch.tensor([1.5, 2.0], dtype=torch.bfloat16), torch.tensor([1.0, 2.0])) == 0.125


@pytest.mark.parametrize(
    "arguments, kind, words",
    [
        (([1.0], torch.ones(1)), TypeError, "input is a list, expected a torch.Tensor"),
        ((torch.ones(1), np.ones(1)), TypeError, "target is a ndarray, expected a torch.Tensor"),
        ((torch.ones(1, device="meta"),) * 2, LossError, "input is on meta, expected the CPU or a CUDA device"),
        (
            (torch.ones(1), torch.ones(1, device="meta")),
            TypeError,
            "target is on meta, expected cpu, the device of input",
        ),
        (
            (torch.ones(2).to_sparse(), torch.ones(2)),
            TypeError,
            "input is of dtype torch.float32 and layout torch.sparse",
        ),
        ((torch.ones(2, dtype=torch.complex64), torch.ones(2)), TypeError, "input has dtype complex64"),
        ((torch.ones(2, 1), torch.ones(2)), LossError, "(2,), expected (2, 1)"),
    ],
)
def test_errors_are_one_line_that_names_the_argument(arguments, kind, words):
    with pytest.raises(kind) as caught:
        mse_loss(*arguments)
    assert isinstance(caught.value, LossError) and words in str(caught.value) and "\n" not in str(caught.value)


def test_constants_may_not_require_grad():
    x, y = pair(3)
    with pytest.raises(
        LossError, match=r"sample_weight requires grad, expected a constant: pass sample_weight.detach\(\)"
    ):
        mse_loss(x, y, sample_weight=torch.ones(3, requires_grad=True))
    with pytest.raises(LossTypeError, match="mask is a list"):
        mse_loss(x, y, mask=[True, True, False])
    with pytest.raises(LossError, match=r"target\[1\] is 7, expected a label"):
        cross_entropy(torch.randn(2, 4), torch.tensor([1, 7]))


def test_an_argument_without_derivative_may_not_require_grad():
    for case in CASES.values():
        arguments = case.arguments()
        for argument in case.variant.arguments:
            if argument.name not in case.variant.differentiable and not argument.integer:
                with pytest.raises(LossError, match=f"{argument.name} requires grad"):
                    case.torch(**{**arguments, argument.name: arguments[argument.name].requires_grad_()})


@pytest.mark.parametrize("case", SPOKESMEN.values(), ids=SPOKESMEN)
def test_without_grad_nothing_is_recorded_and_no_gradient_allocated(case, monkeypatch):
    monkeypatch.setattr("lossgen.adapters.torch.value_node", None)  # calling it would raise
    monkeypatch.setattr("lossgen.adapters.torch.evaluate", None)
    arguments = case.arguments()
    value = case.torch(**arguments, **case.parameters())
    arguments[case.variant.predictions[0]].requires_grad_()
    with torch.no_grad():
        assert torch.equal(case.torch(**arguments, **case.parameters()), value)


@pytest.mark.parametrize("reduction", ["mean", "none"])
def test_a_retained_graph_gives_the_same_gradient_again(reduction):
    x, y = pair(6)
    value = mse_loss(x, y, reduction=reduction).sum()
    first = torch.autograd.grad(value, x, retain_graph=True)[0]
    kept = first.clone()
    first.zero_()  # it is the caller's own
    second = torch.autograd.grad(3 * value, x, retain_graph=True)[0]
    torch.testing.assert_close(second, 3 * kept)
    value.backward()
    assert torch.equal(x.grad, kept)
    with pytest.raises(RuntimeError, match="second time"):
        value.backward()


def test_the_gradient_is_handed_over_without_a_copy(monkeypatch):
    places = []

    def evaluate(call, names):
        value, gradients = call.evaluate(names)
        places.append(gradients[0].ctypes.data)
        return value, gradients

    monkeypatch.setattr("lossgen.adapters.torch.evaluate", evaluate)
    x, y = pair(1000)
    (2 * mse_loss(x, y)).backward()
    assert x.grad.data_ptr() == places[0]


def test_ignored_labels_may_come_and_go_between_calls():
    """A mean over labels divides by their number until an item is ignored, by what is counted from then on."""
    settings = [(0, 1, 2), (0, -100, 2), (-100, -100, 1), (-100, -100, -100), (2, 1, 0)]
    logits = torch.randn(3, 5, requires_grad=True)
    for labels in settings:
        for weight in (None, torch.rand(5)):
            logits.grad = None
            value = cross_entropy(logits, torch.tensor(labels), weight)
            value.backward()
            found, logits.grad = logits.grad, None
            expected = torch.nn.functional.cross_entropy(logits, torch.tensor(labels), weight)
            expected.backward()
            torch.testing.assert_close(value, expected, equal_nan=True)
            torch.testing.assert_close(found, logits.grad.nan_to_num(), rtol=1e-5, atol=1e-6)
            constant = torch.zeros(3, 5, requires_grad=True)  # bits: as on the way for larger calls
            masked = cross_entropy(logits.detach() + constant, torch.tensor(labels), weight, mask=torch.ones(3) > 0)
            masked.backward()
            assert torch.equal(constant.grad, found) and torch.equal(masked.nan_to_num(), value.nan_to_num())


def test_changing_an_input_in_place_is_noticed_where_it_matters():
    x, y = pair(4)
    leaf = x * 1
    value = mse_loss(leaf, y, reduction="none").sum()
    with torch.no_grad():
        leaf.add_(1)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        value.backward()


def test_backward_of_one_graph_in_several_threads():
    x, y = pair(64)
    value = mse_loss(x, y)
    expected = 2 * torch.autograd.grad(value, x, retain_graph=True)[0]
    found = []
    threads = [
        threading.Thread(target=lambda: found.append(torch.autograd.grad(2 * value, x, retain_graph=True)[0]))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8 and all(torch.equal(gradient, expected) for gradient in found)


def test_a_third_derivative_is_refused():
    x, y = pair(3)
    (first,) = torch.autograd.grad(mse_loss(x, y), x, create_graph=True)
    (second,) = torch.autograd.grad(first.pow(2).sum(), x, create_graph=True)
    with pytest.raises(LossError, match="mse_loss: the third derivative is not available"):
        second.sum().backward()


def test_compiled_code_calls_it_as_it_is():
    x, y = pair(5)
    compiled = torch.compile(lambda a, b: 2 * mse_loss(a * 1, b), backend="eager")
    compiled(x, y).backward()
    torch.testing.assert_close(x.grad, 4 * (x - y).detach() / 5)


@every_case
def test_modules_agree_with_functions_and_hold_their_weights(case):
    arguments = case.arguments(reduction=case.numpy.schema.reductions[-1])
    module_class = getattr(sys.modules[case.torch.__module__], type(case.numpy).__name__)
    weights = set(arguments).intersection(inspect.signature(module_class).parameters)
    held = {name: arguments[name] for name in weights}
    option = reduced(case, case.numpy.schema.reductions[-1])
    module = module_class(**held, **case.parameters(), **option)
    inputs = [tensor for name, tensor in arguments.items() if name not in held]  # modules may name them differently
    assert torch.equal(module(*inputs), case.torch(**arguments, **case.parameters(), **option))
    assert set(module.state_dict()) == weights
    assert not option or f"reduction={option['reduction']!r}" in repr(module)
    single = copy.deepcopy(module).float()
    assert all(buffer.dtype == torch.float32 for buffer in single.buffers())
    stream = io.BytesIO()
    torch.save(module, stream)
    stream.seek(0)
    assert torch.equal(torch.load(stream, weights_only=False)(*inputs), module(*inputs))


def test_modules_check_their_settings_at_once():
    assert repr(CrossEntropyLoss(label_smoothing=0.1)) == (
        "CrossEntropyLoss(label_smoothing=0.1, ignore_index=-100, reduction='mean')"
    )
    with pytest.raises(LossError, match="label_smoothing is 2, expected a number in"):
        CrossEntropyLoss(label_smoothing=2)
    with pytest.raises(LossError, match="did you mean 'mean'"):
        CrossEntropyLoss(reduction="man")
    with pytest.raises(LossTypeError, match="weight is a list"):
        CrossEntropyLoss(weight=[1.0])


def run(code):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()


def test_importing_loads_neither_numba_nor_sympy():
    code = (
        "import sys; from lossgen.generated.torch import mse_loss; "
        "print([m for m in ('numba', 'sympy') if m in sys.modules])"
    )
    assert run(code) == "[]"


@pytest.mark.parametrize("missing", ["torch", "ml_dtypes"])
def test_without_torch_one_line_says_what_to_install(missing):
    code = f"""
import importlib.abc, sys
class Block(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name == {missing!r}: raise ModuleNotFoundError("no", name=name)
sys.meta_path.insert(0, Block())
try:
    from lossgen.generated.torch import mse_loss
except ImportError as error:
    print(error)
"""
    assert run(code) == f"losses on PyTorch tensors need {missing}, which is not installed: pip install lossgen[torch]"
