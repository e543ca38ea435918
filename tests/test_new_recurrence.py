"""Recurrences that the catalogue does not have, each a formula in a project of its own: nothing in the compiler knows them.

The formulas are in `recurrences.py` and `rounds_formulas.py`, and what they mean on tensors.
"""

import importlib
import shutil
import subprocess
import sys

import numba
import numpy as np
import pytest
import torch
from recurrences import CASES, LENGTHS, OBSERVED, N
from rounds_formulas import EVERY, write_formulas


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """A folder with the built package."""
    root = tmp_path_factory.mktemp("recurrences")
    (root / "formulas").mkdir()
    write_formulas(root / "formulas")
    (root / "pyproject.toml").write_text('[tool.lossgen]\nspec = "formulas"\nout = "own_recurrences"\n')
    built = subprocess.run([sys.executable, "-m", "lossgen", "build"], cwd=root, capture_output=True, text=True)
    assert built.returncode == 0, built.stdout + built.stderr
    sys.path.insert(0, str(root))
    yield root
    sys.path.remove(str(root))


@pytest.fixture
def own(built, monkeypatch):
    """The losses on tensors. Their kernels stay plain Python: on inputs as small as these that takes less time."""
    monkeypatch.setattr(numba.config, "DISABLE_JIT", True)
    with np.errstate(all="ignore"):
        yield importlib.import_module("own_recurrences.torch")


@pytest.fixture(scope="module")
def compiled(built):
    """The losses on arrays, compiled."""
    shutil.copytree(
        built / "own_recurrences", built / "compiled_recurrences", ignore=shutil.ignore_patterns("__pycache__")
    )
    return importlib.import_module("compiled_recurrences")


@pytest.mark.parametrize("name", EVERY)
def test_value_gradient_and_second_derivative(own, name):
    plain, arguments, rest = EVERY[name]
    arguments = arguments()

    def made(*given):
        return getattr(own, name)(*given, *rest, reduction="none")

    expected = torch.stack(list(plain(*arguments)))
    torch.testing.assert_close(made(*arguments), expected, rtol=1e-12, atol=1e-13)
    found = torch.autograd.grad(made(*arguments).sum(), arguments)
    torch.testing.assert_close(found, torch.autograd.grad(expected.sum(), arguments), rtol=1e-11, atol=1e-13)
    assert torch.autograd.gradcheck(made, arguments)
    assert torch.autograd.gradgradcheck(made, arguments)


@pytest.mark.parametrize("name", ["hmm_loss", "garch_loss", "walks_loss", "read_twice_loss", "beside_loss"])
def test_compiled_and_in_float32(compiled, name):
    plain, arguments, rest = EVERY[name]
    given = [a.detach().numpy().astype("f") for a in arguments()]
    value, slopes = getattr(compiled, name).value_and_grad(*given, *(r.numpy() for r in rest))
    tensors = [torch.tensor(a, dtype=torch.float64, requires_grad=True) for a in given]
    expected = torch.stack(list(plain(*tensors))).mean()
    np.testing.assert_allclose(value, expected.item(), rtol=1e-6)
    for slope, right in zip(slopes, torch.autograd.grad(expected, tensors), strict=False):
        np.testing.assert_allclose(slope, right, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("place", range(3))
def test_one_gradient_alone(compiled, place):
    """Where others are not wanted, what they have in common with it is not computed for them."""
    plain, arguments, _ = EVERY["beside_loss"]
    tensors = arguments()
    given = [a.detach().numpy() for a in tensors]
    _, slope = compiled.beside_loss.value_and_grad(*given, wrt=("x", "z", "w")[place], reduction="sum")
    (right,) = torch.autograd.grad(sum(plain(*tensors)), tensors[place])
    np.testing.assert_allclose(slope, right, rtol=1e-11, atol=1e-13)


def test_sequences_alone_say_what_the_items_are(own):
    """Without an argument that has items, they are as many as there are sequences, or lengths."""
    tables = CASES["hmm_loss"][1]()
    padded = own.hmm_loss(*tables, OBSERVED, LENGTHS, reduction="none")
    joined = torch.cat([row[:length] for row, length in zip(OBSERVED, LENGTHS, strict=True)])
    assert padded.shape == (N,)
    assert torch.equal(own.hmm_loss(*tables, joined, LENGTHS, reduction="none"), padded)
    assert torch.equal(own.hmm_loss(*tables, OBSERVED[0], reduction="none"), padded[0])
    with pytest.raises(ValueError, match="hmm_loss: lengths has shape"):
        own.hmm_loss(*tables, OBSERVED, torch.tensor([1, 2, 3]))


def test_what_is_outside_its_domain_is_found_within_the_lengths(own):
    *predictions, x = (a.detach() for a in CASES["garch_loss"][1]())
    x[1, 3] = torch.nan
    assert own.garch_loss(*predictions, x, LENGTHS).isfinite()
    with pytest.raises(ValueError, match=r"garch_loss: x\[1, 3\] is nan, expected a number"):
        own.garch_loss(*predictions, x)
