"""RNN-T, the CRF and soft-DTW against every alignment or path written down; second derivatives; what is ruled out."""

import numpy as np
import pytest
import torch
from lattice_references import chain, hard_warping, transducer, warping
from lossgen.generated import crf_loss, rnnt_loss, soft_dtw_loss
from lossgen.generated import torch as surface

from lossgen import generated

SEED = 6
N, FRAMES = 3, 4
LENGTHS = [4, 2, 1]


@pytest.fixture
def rng():
    return np.random.default_rng(SEED)


def transducer_case(rng, blank=0):
    """(N, T, U + 1, C) logits, and labels that are no blank."""
    names = [c for c in range(4) if c != blank]
    return rng.normal(size=(N, FRAMES, 4, 4)), rng.choice(names, (N, 3)), LENGTHS, [3, 0, 2]


@pytest.mark.parametrize("blank", [0, 2])
def test_transducers_alignments(rng, blank):
    x, targets, frames, lengths = transducer_case(rng, blank)
    values, slopes = rnnt_loss.value_and_grad(x, targets, frames, lengths, blank=blank, reduction="none")
    for n in range(N):
        inside = x[n, : frames[n], : lengths[n] + 1]
        value, slope = transducer(inside, targets[n, : lengths[n]], blank)
        np.testing.assert_allclose(values[n], value, rtol=1e-12, err_msg=f"seed {SEED}")
        np.testing.assert_allclose(slopes[n, : frames[n], : lengths[n] + 1], slope, rtol=1e-10, atol=1e-13)
        assert not slopes[n, frames[n] :].any() and not slopes[n, :, lengths[n] + 1 :].any()
    np.testing.assert_allclose(slopes.sum(-1), 0, atol=1e-13)


def chain_case(rng, states=3):
    """Emissions, tags, transitions, start, end, lengths."""
    tables = rng.normal(size=(states, states)), rng.normal(size=states), rng.normal(size=states)
    return rng.normal(size=(N, FRAMES, states)), rng.integers(0, states, (N, FRAMES)), *tables, LENGTHS


def test_all_paths_through_a_chain(rng):
    """The gradients of all four arguments; a mask in the place of lengths gives the same bits."""
    x, tags, transitions, start, end, lengths = chain_case(rng)
    tables = transitions, start, end
    mask = np.arange(FRAMES) < np.array(lengths)[:, None]
    for given in (lengths, mask):
        values, slopes = crf_loss.value_and_grad(x, tags, *tables, given, reduction="none")
        total = [np.zeros_like(a) for a in tables]
        for n, length in enumerate(lengths):
            value, (own, *shared) = chain(x[n, :length], tags[n, :length], *tables)
            np.testing.assert_allclose(values[n], value, rtol=1e-12, err_msg=f"seed {SEED}")
            np.testing.assert_allclose(slopes[0][n, :length], own, rtol=1e-10, atol=1e-13)
            assert not slopes[0][n, length:].any()
            total = [a + b for a, b in zip(total, shared, strict=True)]
        for found, expected in zip(slopes[1:], total, strict=True):
            np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("never", [-np.inf, -1e30])
@pytest.mark.parametrize("dtype, error", [("f4", 1e-5), ("f8", 1e-10)])
def test_transitions_that_are_ruled_out(rng, never, dtype, error):
    """Paths through them count nothing: no NaN, and no gradient, while the given path avoids them."""
    x, tags, transitions, start, end, lengths = chain_case(rng)
    tags = np.array([[0, 1, 1, 2], [1, 2, 2, 2], [2, 2, 2, 2]])
    transitions[[0, 2, 1], [2, 0, 0]] = never
    start[0], end[0] = never, never
    tags[0, 0] = 1
    given = [a.astype(dtype) for a in (transitions, start, end)]
    values, slopes = crf_loss.value_and_grad(x.astype(dtype), tags, *given, lengths, reduction="none")
    assert all(np.isfinite(a).all() for a in (values, *slopes))
    assert not slopes[1][[0, 2, 1], [2, 0, 0]].any() and not slopes[2][0] and not slopes[3][0]
    for n, length in enumerate(lengths):
        value, (own, *_) = chain(x[n, :length], tags[n, :length], transitions, start, end)
        np.testing.assert_allclose(values[n], value, rtol=error, atol=error)
        np.testing.assert_allclose(slopes[0][n, :length], own, atol=error)
    directions = tuple(np.ones_like(a) for a in (x.astype(dtype), *given))
    products = crf_loss.hvp(x.astype(dtype), tags, *given, directions, lengths=lengths)
    assert all(np.isfinite(a).all() for a in products)


@pytest.mark.parametrize("gamma", [1.0, 0.3, 10.0])
def test_all_walks_of_a_warping(rng, gamma):
    x, rows, columns = rng.normal(size=(N, 4, 5)) ** 2, LENGTHS, [5, 3, 1]
    values, slopes = soft_dtw_loss.value_and_grad(x, rows, columns, gamma=gamma, reduction="none")
    for n in range(N):
        value, slope = warping(x[n, : rows[n], : columns[n]], gamma)
        np.testing.assert_allclose(values[n], value, rtol=1e-11, atol=1e-13, err_msg=f"seed {SEED}")
        np.testing.assert_allclose(slopes[n, : rows[n], : columns[n]], slope, rtol=1e-10, atol=1e-14)
        assert not slopes[n, rows[n] :].any() and not slopes[n, :, columns[n] :].any()


@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_a_small_gamma_is_dynamic_time_warping(rng, dtype):
    x = rng.normal(size=(N, 5, 4)).astype(dtype) ** 2
    values, slopes = soft_dtw_loss.value_and_grad(x, gamma=1e-6, reduction="none")
    np.testing.assert_allclose(values, [hard_warping(a.astype(float)) for a in x], rtol=1e-5)
    assert set(np.unique(slopes.round(6))) <= {0, 1}  # one walk, and the cells on it


def tensor(array):
    return torch.tensor(np.asarray(array), dtype=torch.float64, requires_grad=True)


def cases(name, rng):
    """The loss as a function of its predictions, and these."""
    if name == "rnnt_loss":
        x, *rest = transducer_case(rng)
        given = [torch.tensor(a) for a in rest]
        return lambda a: surface.rnnt_loss(a, *given, reduction="none"), [tensor(x)]
    if name == "crf_loss":
        x, tags, *tables, lengths = chain_case(rng, states=2)
        tags, lengths = torch.tensor(tags), torch.tensor(lengths)
        return lambda a, *b: surface.crf_loss(a, tags, *b, lengths, reduction="none"), list(map(tensor, (x, *tables)))
    given = {"rows": torch.tensor(LENGTHS), "columns": torch.tensor([5, 3, 1]), "gamma": 0.5, "reduction": "none"}
    return lambda a: surface.soft_dtw_loss(a, **given), [tensor(rng.normal(size=(N, 4, 5)))]


@pytest.mark.parametrize("name", ["rnnt_loss", "crf_loss", "soft_dtw_loss"])
def test_derivatives(rng, name):
    made, given = cases(name, rng)
    assert torch.autograd.gradcheck(made, given)
    assert torch.autograd.gradgradcheck(made, given)


@pytest.mark.parametrize("name", ["rnnt_loss", "crf_loss", "soft_dtw_loss"])
def test_products_with_the_hessian_are_symmetric(rng, name):
    """<u, Hv> = <v, Hu>."""
    if name == "rnnt_loss":
        x, *rest = transducer_case(rng)
        arrays, rest = (x,), rest
    elif name == "crf_loss":
        x, tags, *tables, lengths = chain_case(rng)
        arrays, rest = (x, *tables), (tags, lengths)
    else:
        arrays, rest = (rng.normal(size=(N, 4, 5)),), ()
    u, v = ([rng.normal(size=a.shape) for a in arrays] for _ in range(2))

    def product(direction):
        loss, one = getattr(generated, name), direction[0]
        if name == "crf_loss":
            return loss.hvp(x, tags, *tables, tuple(direction), lengths=lengths)
        if name == "rnnt_loss":
            return (loss.hvp(x, rest[0], one, logit_lengths=rest[1], target_lengths=rest[2]),)
        return (loss.hvp(arrays[0], one),)

    left, right = (sum(float((a * b).sum()) for a, b in zip(p, product(q), strict=True)) for p, q in ((u, v), (v, u)))
    np.testing.assert_allclose(left, right, rtol=1e-10)
