"""Cross entropy of capped logits with a penalty on their partition, and with it `Each`: a row that a formula makes."""

import numpy as np
import pytest
import torch
from accuracy import figures, worst
from lossgen.generated import cross_entropy, softcapped_cross_entropy
from lossgen.generated import torch as surface

from lossgen.formula import Axis, ClassIndex, Each, Logit, SpecError, Sum, exp, log, loss, softmax
from lossgen.formula.symbols import Argument
from lossgen.runtime import LossError

C, D = Axis("C"), Axis("D")
c, j, d = C.index(), C.index("j"), D.index()
x, y = Argument("x", Logit[C]), Argument("y", ClassIndex[C])


def plain(x, y, weight=None, label_smoothing=0.0, softcap=30.0, z_loss=1e-4, reduction="mean"):
    """PyTorch's cross entropy of capped logits; the penalty of an item counts like its loss, unweighted."""
    capped = softcap * torch.tanh(x / softcap)
    f = torch.nn.functional.cross_entropy
    losses = f(capped, y, weight, reduction="none", label_smoothing=label_smoothing)
    losses = losses + z_loss * torch.logsumexp(capped, 1) ** 2
    if reduction == "none":
        return losses
    counts = weight[y] if weight is not None and y.ndim < x.ndim else torch.ones_like(losses)
    return losses.sum() / (counts.sum() if reduction == "mean" else 1)


def batch(n: int = 6, classes: int = 5):
    g = torch.Generator().manual_seed(n)
    logits = 8 * torch.randn(n, classes, dtype=torch.float64, generator=g)
    labels = torch.randint(0, classes, (n,), generator=g)
    weights = 0.5 + torch.rand(classes, dtype=torch.float64, generator=g)
    return logits.requires_grad_(), labels, weights


@pytest.mark.parametrize("reduction", ["none", "mean", "sum"])
@pytest.mark.parametrize("options", [{}, {"softcap": 5.0, "z_loss": 0.3}, {"label_smoothing": 0.1, "z_loss": 0.0}])
def test_it_is_cross_entropy_of_capped_logits_and_the_penalty(options, reduction):
    logits, labels, weights = batch()
    for target in (labels, torch.softmax(logits.detach().flip(0), 1)):
        for weight in (None, weights):
            found = surface.softcapped_cross_entropy(logits, target, weight=weight, reduction=reduction, **options)
            expected = plain(logits, target, weight, reduction=reduction, **options)
            torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-14)
            slopes = [torch.autograd.grad(value.sum(), logits)[0] for value in (found, expected)]
            torch.testing.assert_close(*slopes, rtol=1e-11, atol=1e-13)


def test_it_is_differentiated_twice():
    logits, labels, weights = batch(4)
    target = torch.softmax(logits.detach().flip(0).sin(), 1).requires_grad_()
    weights = weights.requires_grad_()

    def of_labels(x, w):
        return surface.softcapped_cross_entropy(x, labels, weight=w, softcap=6.0, z_loss=0.2)

    def of_probabilities(x, q, w):
        return surface.softcapped_cross_entropy(x, q, weight=w, softcap=6.0, z_loss=0.2, label_smoothing=0.1)

    for function, inputs in ((of_labels, (logits, weights)), (of_probabilities, (logits, target, weights))):
        assert torch.autograd.gradcheck(function, inputs)
        assert torch.autograd.gradgradcheck(function, inputs)


def test_a_wide_cap_and_no_penalty_is_cross_entropy():
    logits, labels, _ = batch()
    given = logits.detach().numpy(), labels.numpy()
    found = softcapped_cross_entropy.value_and_grad(*given, softcap=1e9, z_loss=0.0)
    for mine, theirs in zip(found, cross_entropy.value_and_grad(*given), strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-11, atol=1e-14)


@pytest.mark.parametrize("label", [0, 2])
def test_saturated_and_confident_rows(label):
    """A capped logit is rounded, at up to 30, before e^ magnifies what is lost: that is done in double precision."""
    rows = np.array([[gap, 0.0, -gap] for gap in (5.0, 15.0, 30.0, 104.0, 1e4)] + [[1e4, 1e4, -1e4], [0.0, 0.0, 0.0]])
    for variant, target in enumerate((np.full(7, label), np.eye(3)[[label] * 7])):
        found = figures("softcapped_cross_entropy", {"input": rows, "target": target}, variant=variant)
        assert worst(found) <= 1


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_the_curvature_of_a_small_logit_is_not_a_difference(smoothing):
    """Where the row is sure of another class, tanh″ near 0 is all there is of it: σ(2x)² σ(−2x) − σ(2x) σ(−2x)² is no form for it."""
    rows = np.array(
        [[gap, *small] for gap in (15.0, 30.0, 104.0) for small in ([0.3, 0.9], [-0.01, 1e-3], [1e-9, -0.2])]
    )
    arrays, options = {"input": rows, "target": np.eye(3)[[1] * 9]}, {"label_smoothing": smoothing}
    found = figures("softcapped_cross_entropy", arrays, options, variant=1, dtype=np.float64, second=True)
    assert all(f.excess <= 1 and f.nonfinite == 0 for f in found), found


def test_infinite_logits_are_capped():
    value, slope = softcapped_cross_entropy.value_and_grad(
        np.array([[np.inf, -np.inf, 0.0]]), np.array([1]), z_loss=0.0
    )
    np.testing.assert_allclose(value, 60, rtol=1e-12)
    assert np.isfinite(slope).all() and not slope[0, :2].any()


def test_ignored_items_labels_out_of_range_and_small_batches():
    assert np.isnan(softcapped_cross_entropy(np.ones((2, 3)), np.full(2, -100)))
    with pytest.raises(LossError, match=r"target\[1\] is 3, expected a label in 0 ... 2"):
        softcapped_cross_entropy(np.ones((2, 3)), np.array([0, 3]))
    with pytest.raises(LossError, match="softcap is 0, expected a finite number greater than 0"):
        softcapped_cross_entropy(np.ones((2, 3)), np.array([0, 1]), softcap=0)
    capped = 30 * np.tanh(2 / 30)
    np.testing.assert_allclose(softcapped_cross_entropy([[2.0]], [0]), 1e-4 * capped**2, rtol=1e-12)
    assert softcapped_cross_entropy(np.ones((0, 3)), np.zeros(0, int), reduction="sum") == 0


def test_each_is_a_row():
    double = Each(2 * x[c], c)
    assert double[y] == 2 * x[y] and double[j] == 2 * x[j]
    assert softmax(double, y) == exp(2 * x[y]) / Sum(exp(2 * x[j]), j)
    # A sum inside it keeps its own index where the entry is read at one of the same name.
    (inner,) = Each(Sum(x[j] * x[c], j), c)[j].atoms(Sum)
    assert inner.index != j and inner.body == x[inner.index] * x[j]


def test_a_loss_can_be_called_with_each():
    @loss
    def inner(input: Logit[C], target: ClassIndex[C]):
        return -log(softmax(input, target))

    @loss
    def tempered(input: Logit[C], target: ClassIndex[C]):
        return inner(Each(input[c] / 2, c), target)

    k = C.index("j")
    input, target = tempered.variants[0].arguments
    assert tempered.variants[0].expression == -log(exp(input[target] / 2) / Sum(exp(input[k] / 2), k))


def test_each_says_what_is_wrong():
    with pytest.raises(SpecError, match=r"Each\(2\*x\[c\], y\): expected an index"):
        Each(2 * x[c], y)
    with pytest.raises(SpecError, match=r"Each\(x\[c\] - x\[j\], c\): index j is not bound"):
        Each(x[c] - x[j], c)
    with pytest.raises(SpecError, match=r"Each\(x\[c\], c\)\[d\]: expected an index over axis C"):
        Each(x[c], c)[d]
