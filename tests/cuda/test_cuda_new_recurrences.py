"""CUDA kernels of recurrences that the catalogue does not have, in the simulator: a front may be a row, a diagonal or a cell."""

import sys

import numpy as np
import pytest
import torch
from blocks import OnSimulatedBlocks
from ragged import FRAMES, STATES, outside, ragged_loss
from rounds_formulas import EVERY, write_formulas

from lossgen.build.schema import module_name
from lossgen.formula.load import load_losses
from lossgen.kernel import render_module
from lossgen.verify.sampling import settings


@pytest.fixture(scope="module")
def losses(tmp_path_factory):
    """The losses, by name; their CUDA kernels are in the package `simulated_recurrences`."""
    root = tmp_path_factory.mktemp("cuda")
    modules = root / "simulated_recurrences" / "cuda"
    (root / "formulas").mkdir()
    modules.mkdir(parents=True)
    write_formulas(root / "formulas")
    found = load_losses(root / "formulas")
    for loss in found.values():
        (variant,) = loss.pieces
        text = render_module(loss, variant, "float64", "mine.py", "cuda")
        (modules / f"{module_name(loss, variant)}_float64.py").write_text(text)
    sys.path.insert(0, str(root))
    yield found
    sys.path.remove(str(root))


def arrays_of(variant, numbers):
    """The arrays by name, in the order of the arguments; every item has all entries where no lengths are given."""
    given = dict(zip([a.name for a in variant.arguments], numbers, strict=False))
    known = [(a, given[a.name]) for a in variant.arguments if a.name in given and a.role.axes and not a.role.same]
    sizes = {axis: n for a, x in known for axis, n in zip(a.role.axes, x.shape[1:], strict=False)}
    items = len(known[0][1])
    for a in variant.arguments:
        if a.name not in given:
            given[a.name] = np.full(items, sizes[a.role.axis])
    return given


def slopes_of(plain, tensors, wrt, moves):
    """The values, their gradient, and how it changes along the moves: by torch, through the plain function."""
    values = torch.stack(list(plain(*tensors)))
    slopes = torch.autograd.grad(values.sum(), wrt, create_graph=True)
    along = sum((s * m).sum() for s, m in zip(slopes, moves, strict=True))
    products = torch.autograd.grad(along, wrt, materialize_grads=True)
    return [values.detach().numpy(), *([x.detach().numpy() for x in part] for part in (slopes, products))]


@pytest.mark.parametrize("launch", [(1, 1, 1), (1, 2, 2)], ids=str)
@pytest.mark.parametrize("name", EVERY)
def test_value_gradient_and_second_derivative(losses, name, launch):
    plain, made, rest = EVERY[name]
    tensors, loss, (variant,) = made(), losses[name], losses[name].pieces
    given = arrays_of(variant, [x.detach().numpy() for x in [*tensors, *rest]])
    names = [a.name for a in variant.predictions]
    wrt = [x for n, x in zip(given, tensors, strict=False) if n in names]
    moves = [torch.linspace(-1, 1, x.numel(), dtype=x.dtype).reshape(x.shape) for x in wrt]
    values, slopes, products = slopes_of(plain, tensors, wrt, moves)

    run, options = OnSimulatedBlocks(*launch, package="simulated_recurrences"), settings(loss, variant)[0]
    first = run(loss, variant, "evaluate", given, options)
    directions = {n: m.numpy() for n, m in zip(names, moves, strict=True)}
    second = run(loss, variant, "hvp", given, options, directions)
    no_gradient = run(loss, variant, "evaluate", given, options, absent=tuple(a.name for a in variant.differentiable))
    np.testing.assert_allclose(first.values, values, rtol=1e-12, atol=1e-13)
    assert no_gradient.values.tobytes() == first.values.tobytes()
    for n, slope, product in zip(names, slopes, products, strict=True):
        np.testing.assert_allclose(first.outputs[n], slope, rtol=1e-10, atol=1e-12, err_msg=n)
        np.testing.assert_allclose(second.outputs[n], product, rtol=1e-9, atol=1e-11, err_msg=n)


def test_a_row_that_ends_early_is_written_to_its_end(tmp_path, monkeypatch):
    (variant,) = ragged_loss.pieces
    (tmp_path / "simulated_rows" / "cuda").mkdir(parents=True)
    text = render_module(ragged_loss, variant, "float64", "mine.py", "cuda")
    (tmp_path / "simulated_rows" / "cuda" / "ragged_loss_float64.py").write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    given = {"x": np.random.default_rng(0).normal(size=(2, 4, 5)), "frames": FRAMES, "states": STATES}
    slopes = OnSimulatedBlocks(package="simulated_rows")(ragged_loss, variant, "evaluate", given, {}).outputs["x"]
    assert ((slopes == 0) == outside(slopes.shape)).all() and slopes.min() > -7
