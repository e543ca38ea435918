"""The contrastive loss of a similarity matrix, and with it `item`: the number of the item in its batch."""

import importlib
import subprocess
import sys

import numpy as np
import pytest
import torch
from accuracy import figures, worst
from lossgen.generated import ntxent_loss
from lossgen.generated import torch as surface

from lossgen.formula import Axis, ClassIndex, Delta, Logit, SpecError, Sum, exp, item, log, loss
from lossgen.runtime import LossError


def plain(x: torch.Tensor, y: torch.Tensor, temperature: float = 0.5, reduction: str = "mean") -> torch.Tensor:
    """SimCLR's own way: cross entropy with the diagonal at −∞."""
    own = torch.arange(x.shape[1]) == torch.arange(x.shape[0])[:, None]
    logits = (x / temperature).masked_fill(own, -torch.inf)
    return torch.nn.functional.cross_entropy(logits, y, reduction=reduction)


def batch(n: int = 6, columns: int | None = None) -> tuple[torch.Tensor, torch.Tensor]:
    """Similarities, and for each row the column of its positive, never its own."""
    g = torch.Generator().manual_seed(n)
    x = torch.randn(n, columns or n, dtype=torch.float64, generator=g, requires_grad=True)
    return x, (torch.arange(n) + n // 2) % n


@pytest.mark.parametrize("reduction", ["none", "mean", "sum"])
@pytest.mark.parametrize("columns", [6, 9, 4])
@pytest.mark.parametrize("temperature", [0.5, 0.07])
def test_it_is_cross_entropy_without_the_diagonal(temperature, columns, reduction):
    x, y = batch(6, columns)
    y = torch.where(y < columns, y, 0)
    found = surface.ntxent_loss(x, y, temperature=temperature, reduction=reduction)
    expected = plain(x, y, temperature, reduction)
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-14)
    slopes = [torch.autograd.grad(value.sum(), x)[0] for value in (found, expected)]
    torch.testing.assert_close(*slopes, rtol=1e-10, atol=1e-14)


def test_it_is_differentiated_twice():
    x, y = batch(5)
    assert torch.autograd.gradcheck(lambda x: surface.ntxent_loss(x, y), (x,))
    assert torch.autograd.gradgradcheck(lambda x: surface.ntxent_loss(x, y), (x,))


def test_confident_rows_keep_their_digits():
    gaps = (5.0, 15.0, 30.0, 43.7, 1e4)
    x = np.array([[gap * (c == 0) + 0.3 * c for c in range(5)] for gap in gaps])
    x[range(5), range(5)] = 3e4
    for label in (0, 4):
        y = np.full(5, label)
        y[label] = 2
        assert worst(figures("ntxent_loss", {"input": x, "target": y})) <= 8
        assert worst(figures("ntxent_loss", {"input": x, "target": y}, dtype=np.float64)) <= 8


@pytest.mark.parametrize("own", [np.nan, np.inf, -np.inf, 1e30])
def test_the_own_column_may_hold_anything(own):
    x, y = (t.detach().numpy().copy() for t in batch(6))
    clean = ntxent_loss.value_and_grad(x, y)
    curved = ntxent_loss.hvp(x, y, np.ones_like(x)), ntxent_loss.hessian_diagonal(x, y)
    x[range(6), range(6)] = own
    value, slope = ntxent_loss.value_and_grad(x, y)
    assert value == clean[0]
    np.testing.assert_array_equal(slope, clean[1])
    np.testing.assert_array_equal(ntxent_loss.hvp(x, y, np.ones_like(x)), curved[0])
    np.testing.assert_array_equal(ntxent_loss.hessian_diagonal(x, y), curved[1])
    assert not slope[range(6), range(6)].any()


def test_infinite_similarities_of_other_items_do_not_enter():
    x, y = (t.detach().numpy().copy() for t in batch(6))
    x[0, 4] = x[5, 1] = -np.inf
    value, slope = ntxent_loss.value_and_grad(x, y)
    t = torch.tensor(x, requires_grad=True)
    expected = plain(t, torch.tensor(y))
    expected.backward()
    np.testing.assert_allclose(value, expected.item(), rtol=1e-14)
    np.testing.assert_allclose(slope, t.grad.numpy(), rtol=1e-12, atol=1e-16)


@pytest.mark.parametrize("view", ["transposed", "float16", "strided"])
def test_items_keep_their_numbers_where_the_matrix_is_copied_in_tiles(view):
    n = 1500  # several tiles
    rng = np.random.default_rng(3)
    x, y = rng.normal(size=(n, n)).astype(np.float16 if view == "float16" else float), (np.arange(n) + 7) % n
    given = {"transposed": lambda: x.T.copy().T, "float16": lambda: x, "strided": lambda: np.repeat(x, 2, 1)[:, ::2]}[
        view
    ]()
    values, slopes = ntxent_loss.value_and_grad(given, y, reduction="none")
    expected, truths = ntxent_loss.value_and_grad(
        x.astype(np.float32 if view == "float16" else float), y, reduction="none"
    )
    np.testing.assert_array_equal(values, expected)
    np.testing.assert_array_equal(slopes, truths.astype(x.dtype))
    assert not slopes[range(n), range(n)].any()


def test_ignored_items_labels_out_of_range_and_small_batches():
    x = np.ones((3, 3))
    assert np.isnan(ntxent_loss(x, np.full(3, -100)))
    with pytest.raises(LossError, match=r"target\[2\] is 3, expected a label in 0 ... 2"):
        ntxent_loss(x, np.array([1, 2, 3]))
    value, slope = ntxent_loss.value_and_grad(np.array([[9.0, 0.5], [0.5, 9.0]]), np.array([1, 0]))
    assert value == 0 and not slope.any()  # the positive is the only other item
    assert ntxent_loss(np.ones((1, 1)), np.array([0])) == -np.inf  # −log(e/0): there is no other item
    assert ntxent_loss(np.ones((0, 4)), np.zeros(0, int), reduction="sum") == 0
    with pytest.raises(LossError, match=r"the items have shape \(2, 5\), expected one dimension of items"):
        ntxent_loss(np.ones((2, 3, 5)), np.zeros((2, 5), int))


ITEM = item
C = Axis("C")
c = C.index()


def test_item_is_known_to_the_language():
    @loss
    def paired(input: Logit[C]):
        return -log(exp(input[item]) / Sum(exp(input[c]), c))

    (variant,) = paired.variants
    assert variant.numbered and str(variant.expression) == "-log(exp(input[item])/Sum(exp(input[c]), c))"

    @loss
    def clash(input: Logit[C], item_: ClassIndex[C]):
        return Sum((1 - Delta(c, item)) * input[c], c)

    assert clash.variants[0].numbered

    with pytest.raises(SpecError, match="item is the number of the item; give the argument of this name another one"):

        def shadowed(input, item):
            return Sum((1 - Delta(c, number)) * input[c], c)

        number = ITEM
        shadowed.__annotations__ = {"input": Logit[C], "item": ClassIndex[C]}
        _ = loss(shadowed).variants


PAIRED = '''
from lossgen.formula import Axis, Logit, Sum, exp, item, log, loss

C = Axis("C")
c = C.index()


@loss
def paired_loss(input: Logit[C]):
    """The cross entropy of the diagonal, as of images against their captions."""
    return -log(exp(input[item]) / Sum(exp(input[c]), c))
'''


def test_an_entry_at_the_items_own_number(tmp_path, monkeypatch):
    (tmp_path / "spec").mkdir()
    (tmp_path / "spec" / "paired.py").write_text(PAIRED)
    command = [sys.executable, "-m", "lossgen", "build", "--spec", "spec", "--out", "own_entries"]
    built = subprocess.run(command, cwd=tmp_path, capture_output=True)
    assert built.returncode == 0, built.stderr
    monkeypatch.syspath_prepend(str(tmp_path))
    paired = importlib.import_module("own_entries").paired_loss
    x = torch.randn(4, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(1), requires_grad=True)
    expected = torch.nn.functional.cross_entropy(x, torch.arange(4))
    expected.backward()
    value, slope = paired.value_and_grad(x.detach().numpy())
    np.testing.assert_allclose(value, expected.item(), rtol=1e-14)
    np.testing.assert_allclose(slope, x.grad.numpy(), rtol=1e-13)
    with pytest.raises(LossError, match="axis 'C' has 3 entries, expected at least 4, one for each item"):
        paired(np.ones((4, 3)))
