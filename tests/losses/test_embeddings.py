"""Losses over embeddings and norms: in wide arithmetic on hard vectors, against PyTorch, at zero vectors, in every shape."""

from math import inf

import numpy as np
import pytest
import torch
from accuracy import figures, worst
from lossgen.generated import torch as surface
from torch.nn import functional as F

from lossgen import generated
from lossgen.runtime import LossError

EIGHT = 8.0
REDUCTIONS = ("none", "mean", "sum")
BASE = np.array([0.7, -1.3, 0.2, 2.0, -0.4])
#: A vector of every kind: entries whose squares leave the range of single precision, on either side or on both.
VECTORS = {
    "ordinary": BASE,
    "huge": np.array([1e30, -1e30, 3e29, 2e38, 0]),
    "tiny": np.array([1e-30, 2e-30, 0, -1e-31, 1e-38]),
    "mixed": np.array([1e30, 1e-30, -1.0, 1e20, 1e-3]),
    "subnormal": np.array([1e-40, -2e-42, 0, 1e-44, 3e-40]),
    "few entries": np.array([1.0, 0, 3.0, 0, 0]),
    "zero": np.zeros(5),
}
PAIRS = [(a, b) for a in VECTORS.values() for b in VECTORS.values() if a is not b]


def stacked(pairs) -> tuple[np.ndarray, ...]:
    return tuple(np.array(column) for column in zip(*pairs, strict=True))


@pytest.mark.parametrize("target", [-1.0, 1.0])
def test_cosines_of_vectors_of_every_size(target):
    a, b = stacked(PAIRS)
    found = figures(
        "cosine_embedding_loss", {"input1": a, "input2": b, "target": np.full(len(a), target)}, {"margin": -0.3}
    )
    assert worst(found) < EIGHT


@pytest.mark.parametrize("tilt", [1e-1, 1e-3, 1e-5, 2e-7])
@pytest.mark.parametrize("factor", [1.0, -1.0, 3.0, -0.1, 1e30])
def test_nearly_parallel_and_antiparallel_vectors(tilt, factor):
    a = np.stack([BASE, BASE[::-1], BASE**2 - 1]).astype("f").astype(float)
    b = factor * a * (1 + tilt * np.array([1, -1, 0, 1, -1]))
    for target in (1.0, -1.0):
        arrays = {"input1": a, "input2": b, "target": np.full(3, target)}
        assert worst(figures("cosine_embedding_loss", arrays, {"margin": -2.0})) < EIGHT


@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize("size", [1e-30, 1.0, 1e30])
def test_equal_and_opposite_vectors_have_gradient_0(dtype, size):
    a = (size * np.stack([BASE, BASE[::-1]])).astype(dtype)
    for b, value in ((a, 0), (-a, 2), (2 * a, 0), (a / -4, 2)):
        found, gradients = generated.cosine_embedding_loss.value_and_grad(
            a, b, np.ones(2, dtype), wrt=("input1", "input2")
        )
        assert abs(found - value) <= np.finfo(dtype).eps and not np.any(gradients)


def test_double_precision_loses_no_more_than_the_angle_asks_for():
    """The conditioning that the documentation states: errors of rounding over the angle, not over its square."""
    a = np.stack([BASE, BASE[::-1]])
    for tilt in (1e-2, 1e-4, 1e-7):
        arrays = {"input1": a, "input2": a * (1 + tilt * np.array([1, -1, 0, 1, -1])), "target": np.ones(2)}
        assert worst(figures("cosine_embedding_loss", arrays, dtype=np.float64)) < 10 / tilt


@pytest.mark.parametrize("target", [0.0, 1.0])
def test_contrastive_loss_of_vectors_of_every_size(target):
    a, b = stacked([*PAIRS, (BASE, BASE), (BASE, BASE * (1 + 2e-7)), (VECTORS["tiny"], VECTORS["tiny"])])
    found = figures("contrastive_loss", {"input1": a, "input2": b, "target": np.full(len(a), target)}, {"margin": 3.0})
    assert worst(found) < EIGHT


@pytest.mark.parametrize("tilt", [1e-1, 1e-3, 2e-7])
def test_triplets_whose_distances_nearly_agree(tilt):
    rows = [BASE, 1 + BASE[::-1], BASE**2]
    triples = [(x, y, y * (1 + tilt * np.array([1, -1, 0, 1, -1]))) for x in rows for y in rows if x is not y]
    a, p, n = stacked(triples)
    arrays = {"anchor": a, "positive": p, "negative": n}
    for parameters in ({"margin": 0.0}, {"margin": 1.0}, {"margin": 0.0, "eps": 0.0}):
        assert worst(figures("triplet_margin_loss", arrays, parameters, variant=variant(2, False))) < EIGHT


def test_triplets_of_vectors_of_every_size():
    a, p, n = stacked([(x, y, z) for x in VECTORS.values() for y in VECTORS.values() for z in (BASE, VECTORS["huge"])])
    keep = [len({tuple(r) for r in rows}) == 3 for rows in zip(a, p, n, strict=True)]
    arrays = {"anchor": a[keep], "positive": p[keep], "negative": n[keep]}
    assert worst(figures("triplet_margin_loss", arrays, variant=variant(2, False))) < EIGHT


@pytest.mark.parametrize("p", [0.5, 1, 1.5, 3, 20, inf])
@pytest.mark.parametrize("swap", [False, True])
def test_triplets_of_other_norms(p, swap):
    rows = [BASE, 1 + BASE[::-1], BASE**2 - 3, 20 * BASE, -(BASE**2)]
    a, q, n = stacked([(x, y, z) for x in rows for y in rows for z in rows if len({x[0], y[0], z[0]}) == 3])
    arrays = {"anchor": a, "positive": q, "negative": n}
    assert worst(figures("triplet_margin_loss", arrays, {"p": p}, variant=variant(p, swap))) < EIGHT


def variant(p: float, swap: bool) -> int:
    """Which variant of the triplet loss these options choose."""
    return 2 * {1: 0, 2: 1, inf: 2}.get(p, 3) + swap


@pytest.mark.parametrize("p", [1.0, 2.0, 2.5, 50.0, inf])
def test_norms_of_huge_and_tiny_differences_are_finite(p):
    for size in (1e-30, 1e30):
        a, q, n = (np.float32(size) * np.float32(v) for v in (BASE, -BASE, 0.1 * BASE))
        value, (slope,) = generated.triplet_margin_loss.value_and_grad(
            a, q, n, p=p, eps=0, margin=0, reduction="none", wrt=("anchor",)
        )
        expected = size * (np.linalg.norm(2 * BASE, p) - np.linalg.norm(0.9 * BASE, p))
        assert value == pytest.approx(expected, rel=1e-6) and np.isfinite(slope).all()
        assert np.any(slope) == (p not in (1, inf))


@pytest.mark.parametrize("dtype, size", [("f4", 1e30), ("f8", 1e200), ("f4", 1e-30), ("f8", 1e-200)])
def test_scaled_entries_have_scaled_norms(dtype, size):
    """The gradient penalty is λ·(‖g‖ − 1)², and its gradient points along g, whatever the size of g."""
    g = np.outer([1, 2], BASE).astype(dtype)
    big = (size * g.astype(float)).astype(dtype)
    slope = generated.gradient_penalty.value_and_grad(big, reduction="sum", lambda_gp=1e-30)[1].astype(float)
    direction = BASE / np.linalg.norm(BASE)
    length = np.array([1, 2]) * size * np.linalg.norm(BASE) - 1
    np.testing.assert_allclose(slope, 2e-30 * np.outer(length, direction), rtol=1e-6 if dtype == "f4" else 1e-14)


def test_gradient_penalty_of_vectors_of_every_size():
    arrays = {"gradients": np.array([*VECTORS.values(), BASE / np.linalg.norm(BASE)])}
    assert worst(figures("gradient_penalty", arrays)) < EIGHT


def test_charbonnier_of_errors_of_every_size():
    x = np.array([0, 1e-30, 1e-4, 1e-3, 1.0, 1e4, 1e20, 1e30, -3e38])
    arrays = {"input": x, "target": np.zeros(x.size), "weight": np.ones(x.size)}
    assert worst(figures("charbonnier_loss", arrays, second=True)) < EIGHT
    assert worst(figures("charbonnier_loss", arrays, {"eps": 0.0})) < EIGHT


# At zero vectors: a number everywhere, and the stated one.

ZERO = torch.zeros(2, 3, dtype=torch.float64)
OTHER = torch.tensor([[1.0, -2, 3], [0, 0, 0]], dtype=torch.float64)
AT_ZERO = {
    "cosine, together": lambda x: surface.cosine_embedding_loss(x, OTHER, torch.ones(2).double(), reduction="none"),
    "cosine, apart": lambda x: surface.cosine_embedding_loss(x, OTHER, -torch.ones(2).double(), -1, reduction="none"),
    "penalty": lambda x: surface.gradient_penalty(x, reduction="none"),
    "contrastive, alike": lambda x: surface.contrastive_loss(x, ZERO, torch.zeros(2).double(), reduction="none"),
    "contrastive, unlike": lambda x: surface.contrastive_loss(x, ZERO, torch.ones(2).double(), reduction="none"),
    **{
        f"triplet, p = {p}": lambda x, p=p: surface.triplet_margin_loss(x, ZERO, ZERO, p=p, eps=0, reduction="none")
        for p in (1, 2, 1.5, 4, inf)
    },
}


@pytest.mark.parametrize("name", AT_ZERO)
def test_values_gradients_and_second_derivatives_at_zero_vectors(name):
    x = ZERO.clone().requires_grad_()
    value = AT_ZERO[name](x)
    (slope,) = torch.autograd.grad(value.sum(), x, create_graph=True)
    assert value.isfinite().all() and (slope == 0).all()
    (product,) = torch.autograd.grad((slope * torch.randn(2, 3).double()).sum(), x)
    assert product.isfinite().all()


def test_the_values_at_zero_vectors():
    expected = {
        "cosine, together": 1,
        "cosine, apart": 1,
        "penalty": 10,
        "contrastive, alike": 0,
        "contrastive, unlike": 0.5,
    }
    for name, number in expected.items():
        assert AT_ZERO[name](ZERO).tolist() == [number, number]


# Against PyTorch.


def rows(*shape: int, count: int = 3, seed: int = 3) -> list[torch.Tensor]:
    g = torch.Generator().manual_seed(seed)
    return [torch.randn(shape, dtype=torch.float64, generator=g, requires_grad=True) for _ in range(count)]


def agree(ours: torch.Tensor, theirs: torch.Tensor, inputs: list[torch.Tensor], tolerance: float = 1e-12) -> None:
    torch.testing.assert_close(ours, theirs, rtol=tolerance, atol=max(1e-14, tolerance), equal_nan=True)
    upstream = torch.linspace(0.5, 2, theirs.numel(), dtype=torch.float64).reshape(theirs.shape)
    for found, truth in zip(*(torch.autograd.grad(v, inputs, upstream) for v in (ours, theirs)), strict=True):
        torch.testing.assert_close(found, truth, rtol=1e-9, atol=max(1e-13, tolerance))


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("shape", [(5, 4), (4,), (1, 1), (3, 1), (0, 4)])
@pytest.mark.parametrize("margin", [-0.5, 0.0, 0.4])
def test_cosine_embedding_is_torchs(shape, margin, reduction):
    a, b = rows(*shape, count=2)
    target = (
        torch.tensor([1.0, -1, 1, -1, -1], dtype=torch.float64)[: shape[0]] if len(shape) > 1 else torch.tensor(-1.0)
    )
    if len(shape) == 1:
        target = target.double()
    ours = surface.cosine_embedding_loss(a, b, target, margin, reduction=reduction)
    theirs = F.cosine_embedding_loss(a, b, target, margin, reduction=reduction)
    agree(ours, theirs, [a, b], 2e-8)  # PyTorch adds 1e-12 to the squared lengths


@pytest.mark.parametrize("p", [1, 2, 2.0, 0.7, 3.5, inf])
@pytest.mark.parametrize("swap", [False, True])
@pytest.mark.parametrize("shape", [(6, 4), (4,), (2, 3, 4), (5, 1), (0, 4)])
def test_triplet_margin_is_torchs(shape, swap, p):
    a, q, n = rows(*shape)
    for margin, eps in ((1.0, 1e-6), (0.2, 0.1)):
        options = {"margin": margin, "p": p, "eps": eps, "swap": swap, "reduction": "none"}
        agree(surface.triplet_margin_loss(a, q, n, **options), F.triplet_margin_loss(a, q, n, **options), [a, q, n])


def test_entries_that_tie_for_the_largest_share_its_slope():
    x = torch.tensor([[2.0, -2.0, 1.0], [0.0, 0.0, 0.0]], dtype=torch.float64, requires_grad=True)
    zero, far = torch.zeros(2, 3, dtype=torch.float64), torch.full((2, 3), 3.0, dtype=torch.float64)
    options = {"margin": 9.0, "p": inf, "eps": 0.0, "reduction": "none"}
    agree(surface.triplet_margin_loss(x, zero, far, **options), F.triplet_margin_loss(x, zero, far, **options), [x])
    (slope,) = torch.autograd.grad(surface.triplet_margin_loss(x, zero, far, **options).sum(), x)
    assert slope[0].tolist() == [0.5, 0.5, 0] and slope[1].tolist() == [1 / 3, 1 / 3, 1 / 3]


@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_triplet_reductions_and_strided_rows_are_torchs(reduction):
    a, q, n = (x.transpose(0, 1)[::2] for x in rows(4, 6))
    leaves = rows(4, 6)
    a, q, n = (x.t()[::2] for x in leaves)
    agree(
        surface.triplet_margin_loss(a, q, n, swap=True, reduction=reduction),
        F.triplet_margin_loss(a, q, n, swap=True, reduction=reduction),
        leaves,
    )


@pytest.mark.parametrize("shape", [(3, 4), (3, 2, 2, 2), (1, 1)])
def test_gradient_penalty_is_the_norm_of_each_sample(shape):
    (g,) = rows(*shape, count=1)

    def expected():
        return (g.flatten(1).norm(dim=1) - 1) ** 2

    agree(surface.gradient_penalty(g, lambda_gp=3.0, reduction="none"), 3 * expected(), [g])
    agree(surface.gradient_penalty(g), 10 * expected().mean(), [g])


def test_contrastive_loss_is_the_papers():
    a, b = rows(6, 3, count=2)
    target = torch.tensor([0.0, 1, 0, 1, 1, 0], dtype=torch.float64)
    distance = (a - b).norm(dim=1)
    expected = (1 - target) * distance**2 / 2 + target * (2.5 - distance).clamp(min=0) ** 2 / 2
    agree(surface.contrastive_loss(a, b, target, margin=2.5, reduction="none"), expected, [a, b])


def test_empty_rows_are_zero_vectors():
    a = torch.zeros(3, 0, dtype=torch.float64)
    assert surface.cosine_embedding_loss(a, a, torch.ones(3).double(), reduction="none").tolist() == [1, 1, 1]
    assert surface.gradient_penalty(a, reduction="none").tolist() == [10, 10, 10]
    for p in (1, 2, 3):
        assert surface.triplet_margin_loss(a, a, a, p=p, reduction="none").tolist() == [1, 1, 1]


SECOND = {
    "cosine": lambda a, b: surface.cosine_embedding_loss(a, b, torch.tensor([1.0, -1, 1]).double(), -1.0),
    "contrastive": lambda a, b: surface.contrastive_loss(a, b, torch.tensor([1.0, 0, 1]).double(), margin=9.0),
    "triplet": lambda a, b: surface.triplet_margin_loss(a, b, 2 * b - a, 4.0),
    "triplet, swap": lambda a, b: surface.triplet_margin_loss(a, b, 2 * b - a, 4.0, swap=True),
    "triplet, p = 3": lambda a, b: surface.triplet_margin_loss(a, b, 2 * b - a, 4.0, p=3),
    "penalty": lambda a, b: surface.gradient_penalty(a * b),
    "charbonnier": lambda a, b: surface.charbonnier_loss(a, b, eps=0.5),
}


@pytest.mark.parametrize("name", SECOND)
def test_first_and_second_derivatives_by_differences(name):
    a, b = rows(3, 4, count=2)
    assert torch.autograd.gradcheck(SECOND[name], (a, b))
    assert torch.autograd.gradgradcheck(SECOND[name], (a, b))


def test_a_target_that_is_no_sign_is_named():
    x = np.ones((3, 2))
    with pytest.raises(LossError, match=r"cosine_embedding_loss: target\[1\] is 0.0, expected -1 or 1"):
        generated.cosine_embedding_loss(x, x, np.array([1.0, 0, -1]))
