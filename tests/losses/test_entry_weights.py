"""Weights that broadcast against the rows of a loss, against PyTorch: in every shape, over another axis, under vmap."""

import pytest
import torch
from lossgen.generated import torch as surface
from torch.nn import functional as F

from lossgen.runtime import LossError

REDUCTIONS = ("none", "mean", "sum")
WEIGHT_SHAPES = [
    ((4, 5), [(5,), (4, 5), (4, 1), (1, 5), (1, 1), (1,), ()]),
    ((2, 3, 5), [(5,), (3, 5), (3, 1), (2, 1, 1), (2, 3, 5)]),
    ((5,), [(5,), (1,), ()]),
    ((0, 5), [(5,), (0, 5), (0, 1)]),
]


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("shape, of_weight", [(s, w) for s, shapes in WEIGHT_SHAPES for w in shapes])
def test_weights_that_broadcast_against_the_rows_are_torchs(shape, of_weight, reduction):
    g = torch.Generator().manual_seed(3)
    x = torch.randn(shape[::-1], dtype=torch.float64, generator=g).permute(*range(len(shape) - 1, -1, -1))
    y = torch.rand(shape, dtype=torch.float64, generator=g)
    w = 0.5 + torch.rand(of_weight, dtype=torch.float64, generator=g)
    leaves = [t.requires_grad_() for t in (x, y, w)]
    found = surface.multilabel_soft_margin_loss(x, y, w, reduction=reduction)
    expected = F.multilabel_soft_margin_loss(x, y, w, reduction=reduction)
    torch.testing.assert_close(found, expected, equal_nan=True)
    slopes = [torch.autograd.grad(v.sum(), leaves, create_graph=True) for v in (found, expected)]
    torch.testing.assert_close(*slopes, equal_nan=True)
    bends = [torch.autograd.grad(sum((s**2).sum() for s in each), (x, w)) for each in slopes]
    torch.testing.assert_close(*bends, equal_nan=True)


@pytest.mark.parametrize("of_weight", [(4, 1), (2, 1, 1), (2, 4, 3)])
def test_weights_of_rows_over_another_dimension(of_weight):
    g = torch.Generator().manual_seed(4)
    x, y = (torch.rand((2, 4, 3), dtype=torch.float64, generator=g) for _ in range(2))
    w = torch.rand(of_weight, dtype=torch.float64, generator=g)
    x.requires_grad_(), w.requires_grad_()
    found = surface.multilabel_soft_margin_loss(x, y, w, axis=1)
    last = w.expand(x.shape).transpose(1, 2)
    expected = F.multilabel_soft_margin_loss(x.transpose(1, 2), y.transpose(1, 2), last)
    torch.testing.assert_close(found, expected)
    torch.testing.assert_close(*(torch.autograd.grad(v, (x, w)) for v in (found, expected)))


@pytest.mark.parametrize("of_weight, dim", [((5,), None), ((6, 5), 0), ((4, 1), None), ((6, 4, 1), 0), ((6,), 0)])
def test_weights_of_rows_under_vmap(of_weight, dim):
    x, y, w = torch.randn(6, 4, 5), torch.rand(6, 4, 5), torch.rand(of_weight)
    found, expected = (
        torch.vmap(torch.func.grad_and_value(loss, argnums=(0, 2)), in_dims=(0, 0, dim))(x, y, w)
        for loss in (surface.multilabel_soft_margin_loss, F.multilabel_soft_margin_loss)
    )
    torch.testing.assert_close(found, expected)


@pytest.mark.parametrize(
    "shape, words", [((4,), r"\(5,\), one entry for"), ((4, 4), r"a shape that broadcasts to \(4, 5\)")]
)
def test_weights_that_do_not_fit_the_rows(shape, words):
    with pytest.raises(LossError, match=rf"multilabel_soft_margin_loss: weight has shape .*, expected {words}"):
        surface.multilabel_soft_margin_loss(torch.zeros(4, 5), torch.zeros(4, 5), torch.ones(shape))
