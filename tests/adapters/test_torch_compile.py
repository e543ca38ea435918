"""torch.compile and torch.export: every loss is one node of the graph, forward and backward, for any batch size."""

import subprocess
import sys

import pytest
import torch
from lossgen.generated.torch import CrossEntropyLoss, cross_entropy, mse_loss, sigmoid_focal_loss
from torch._dynamo.testing import CompileCounterWithBackend
from torch.nn import functional
from torch_samples import CASES, ITEMS, SPOKESMEN, reduced

from lossgen.adapters import torch_op
from lossgen.adapters.torch_task import Task
from lossgen.runtime import LossError

#: The operators know nothing of losses over several batches, which are sums.
whole = {name: case for name, case in SPOKESMEN.items() if not case.batches}
every_make = pytest.mark.parametrize("case", whole.values(), ids=whole)


@pytest.fixture(autouse=True)
def _forget_compiled_code():
    torch._dynamo.reset()
    yield
    torch._dynamo.reset()


def moving(case, **options):
    """Arguments of a case of which all differentiable ones require grad."""
    arguments = case.arguments(**options)
    for name in case.variant.differentiable:
        arguments[name].requires_grad_()
    return arguments


@pytest.mark.parametrize("reduction", ["first", "none"])
def test_every_loss_without_a_break_in_the_graph(reduction):
    """One graph for all of them: compiling is slow, the losses' part of it is not."""
    chosen = {
        name: {} if reduction == "first" else reduced(case, "none")
        for name, case in CASES.items()
        if reduction == "first" or "none" in case.numpy.schema.reductions
    }

    def step(samples):
        return {name: CASES[name].torch(**samples[name], **CASES[name].parameters(), **chosen[name]) for name in chosen}

    found = {}
    for function in (step, torch.compile(step, backend="aot_eager", fullgraph=True)):
        samples = {name: moving(CASES[name], reduction=reduction) for name in chosen}
        values = function(samples)
        sum(value.square().sum() for value in values.values()).backward()
        gradients = {
            f"{name}, {argument}": tensor.grad
            for name, arguments in samples.items()
            for argument, tensor in arguments.items()
        }
        found[function] = {**values, **gradients}
    expected, compiled = found.values()
    for name in expected:
        torch.testing.assert_close(compiled[name], expected[name], msg=lambda words, name=name: f"{name}: {words}")


@pytest.mark.parametrize("backend", ["aot_eager", "inductor"])
def test_a_changed_batch_size_is_one_more_graph_at_most(backend):
    layer, loss = torch.nn.Linear(3, 5), CrossEntropyLoss(label_smoothing=0.1)
    counter = CompileCounterWithBackend(backend)
    compiled = torch.compile(lambda x, y: loss(layer(x), y), backend=counter, fullgraph=True)
    for size in (8, 5, 13, 2):
        x, y = torch.randn(size, 3), torch.randint(0, 5, (size,))
        expected = functional.cross_entropy(layer(x), y, label_smoothing=0.1)
        value = compiled(x, y)
        torch.testing.assert_close(value, expected)
        found = [torch.autograd.grad(v, layer.weight)[0] for v in (value, expected)]
        torch.testing.assert_close(*found)
    assert counter.frame_count <= 2


def test_a_changed_denominator_is_no_new_graph():
    counter = CompileCounterWithBackend("aot_eager")

    def loss(x, y, number):
        return sigmoid_focal_loss(x, y, reduction="sum", denominator=number)

    compiled = torch.compile(loss, backend=counter, fullgraph=True)
    x, y = torch.randn(7, requires_grad=True), torch.ones(7)
    for number in (2, 3, 4, 5, torch.tensor(2.5), torch.tensor(3.5)):
        torch.testing.assert_close(compiled(x, y, number), loss(x, y, number))
    assert counter.frame_count <= 3


def test_the_backward_pass_multiplies_what_the_forward_pass_computed(monkeypatch):
    x, y = torch.randn(4, 3, requires_grad=True), torch.randint(0, 3, (4,))
    expected = torch.autograd.grad(3 * functional.cross_entropy(x, y), x)
    monkeypatch.setattr(Task, "gradients", None)  # calling it would raise
    compiled = torch.compile(lambda a, b: 3 * cross_entropy(a, b), backend="aot_eager", fullgraph=True)
    torch.testing.assert_close(torch.autograd.grad(compiled(x, y), x), expected)


def test_a_loss_scale_reaches_half_precision_before_it_is_rounded():
    x, y = torch.rand(64).half().requires_grad_(), torch.rand(64).half()
    compiled = torch.compile(mse_loss, backend="aot_eager", fullgraph=True)
    found = []
    for loss in (compiled, functional.mse_loss):
        with torch.autocast("cpu", torch.float16):
            found.append(torch.autograd.grad(loss(x * 1e-6, y * 1e-6) * 2.0**24, x)[0])
    assert found[0].abs().max() > 0
    torch.testing.assert_close(*found)


def test_gradients_of_gradients_and_batches_in_compiled_code():
    x, y = torch.randn(2, 4, 3), torch.randint(0, 3, (2, 4))

    def both(loss):
        gradient = torch.func.grad(loss)
        return torch.func.vmap(gradient)(x, y), torch.func.vmap(loss)(x, y), gradient(x[0], y[0])

    compiled = torch.compile(lambda: both(cross_entropy), backend="aot_eager", fullgraph=True)
    torch.testing.assert_close(compiled(), both(functional.cross_entropy))


def test_errors_in_compiled_code_say_what_is_wrong():
    compiled = torch.compile(cross_entropy, backend="aot_eager", fullgraph=True)
    with pytest.raises(LossError, match=r"target\[1\] is 7, expected a label in 0 ... 2"):
        compiled(torch.randn(2, 3), torch.tensor([0, 7]))
    with pytest.raises(Exception, match=r"target has shape \(3,\), expected \(2,\)"):
        torch.compile(mse_loss, backend="aot_eager", fullgraph=True)(torch.ones(2), torch.ones(3))
    x = torch.randn(3, requires_grad=True)
    compiled = torch.compile(sigmoid_focal_loss, backend="aot_eager", fullgraph=True)
    with pytest.raises(Exception, match="sample_weight requires grad, expected a constant"):
        compiled(x.detach(), torch.ones(3), sample_weight=x)


class Model(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(3, 4)
        self.loss = CrossEntropyLoss(torch.tensor([1.0, 2.0, 0.5, 1.0]), label_smoothing=0.1)

    def forward(self, x, y):
        return self.loss(self.layer(x), y)


@pytest.mark.parametrize("strict", [False, True])
def test_an_exported_model_runs_and_trains_at_any_batch_size(strict):
    model, size = Model(), torch.export.Dim("size")
    x, y = torch.randn(6, 3), torch.randint(0, 4, (6,))
    program = torch.export.export(model, (x, y), dynamic_shapes=({0: size}, {0: size}), strict=strict)
    assert [node.target for node in program.graph.nodes].count(torch_op.evaluate) == 1
    module = program.module()
    for count in (6, 2):
        model.zero_grad()
        module.zero_grad()
        values = [m(x[:count], y[:count]) for m in (model, module)]
        torch.testing.assert_close(*values)
        for value in values:
            value.backward()
        torch.testing.assert_close(module.layer.weight.grad, model.layer.weight.grad)


def test_a_saved_program_finds_its_loss_in_another_process(tmp_path):
    model, file = Model(), tmp_path / "model.pt2"
    x, y = torch.randn(6, 3), torch.randint(0, 4, (6,))
    torch.export.save(torch.export.export(model, (x, y)), file)
    torch.save((x, y), tmp_path / "inputs.pt")
    code = f"""
import torch, lossgen.adapters.torch
x, y = torch.load({str(tmp_path / "inputs.pt")!r})
print(torch.export.load({str(file)!r}).module()(x, y).item())
"""
    output = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert float(output) == model(x, y).item()


@every_make
def test_operators_promise_what_they_do(case):
    """Shapes, dtypes, strides, aliasing: PyTorch's own check of an operator."""
    arguments = case.arguments()
    places = range(len(arguments))
    schema = case.numpy.schema
    wanted = [place for place, name in enumerate(arguments) if name in case.variant.differentiable]
    parameters = tuple(case.parameters().values())
    for reduction in schema.reductions:
        task = Task(case.numpy, tuple(places), parameters, reduction, None, 0.0, tuple(wanted))
        call = torch_op.written_task(task)
        tensors = list(arguments.values())
        upstream = torch.full((ITEMS,) if reduction == "none" else (), 2.0, dtype=torch.float64)
        moving = [tensors[place] for place in wanted]
        for operator, given in (
            (torch_op.evaluate, (tensors, *call)),
            (torch_op.gradients, (upstream, tensors, *call)),
            (torch_op.products, (upstream, moving, wanted, True, tensors, *call)),
            (torch_op.normalisers, (tensors, *call)),
        ):
            torch.library.opcheck(operator, given, test_utils=("test_schema", "test_faketensor"))


def test_operators_differentiate_as_pytorch_expects():
    x, y = torch.randn(4, 3, requires_grad=True), torch.tensor([0, 2, 1, 1])
    task = Task(CASES["cross_entropy_indices"].numpy, (0, 1), (0.1, -100), "mean", None, 0.0, (0,))
    torch.library.opcheck(torch_op.evaluate, ([x, y], *torch_op.written_task(task)))
    task = Task(task.loss, (0, 1), (0.1, -100), "none", {"C": (-1,)}, 0.0, ())
    torch.library.opcheck(torch_op.evaluate, ([x, y], *torch_op.written_task(task)))


@pytest.mark.parametrize("axis", [None, 1, -1, (0,), (1, 2), {"C": 1}, {"C": (1, -1), "D": 0}])
def test_the_axis_option_survives_as_text(axis):
    assert torch_op.read_axis(torch_op.written_axis(axis)) == axis
