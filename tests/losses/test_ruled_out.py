"""Scores of −∞ and distances of ∞: what is ruled out counts nothing, and an item of which nothing is left moves nothing.

The references write down every path; that the numbers are those of the limit is checked with large numbers in the place of ∞.
"""

import numpy as np
import pytest
import torch
from lattice_references import chain, transducer, warping
from lossgen.generated import crf_loss, rnnt_loss, soft_dtw_loss
from lossgen.generated import torch as surface

SEED = 11
NEVER = 1e5
DTYPES = pytest.mark.parametrize("dtype, error", [("f4", 1e-5), ("f8", 1e-11)])


@pytest.fixture
def rng():
    return np.random.default_rng(SEED)


def bounded(*arrays):
    """Infinities as large numbers, for references of the limit."""
    return [np.clip(a, -NEVER, NEVER) for a in arrays]


@DTYPES
@pytest.mark.parametrize("gamma", [1.0, 0.2])
def test_distances_of_infinity(rng, dtype, error, gamma):
    """Scattered cells, a band around the diagonal, a wall, the first cell, the last one, all."""
    x = (rng.normal(size=(6, 4, 5)) ** 2).astype(dtype)
    x[0, [1, 2, 3], [1, 3, 0]] = np.inf
    x[1, np.abs(np.arange(4)[:, None] - np.arange(5)) > 1] = np.inf
    x[2, 2], x[3, 0, 0], x[4, -1, -1], x[5] = (np.inf,) * 4
    values, slopes = soft_dtw_loss.value_and_grad(x, gamma=gamma, reduction="none")
    products = soft_dtw_loss.hvp(x, np.ones_like(x), gamma=gamma, reduction="none")
    for n in range(2):
        value, slope = warping(x[n].astype(float), gamma)
        np.testing.assert_allclose(values[n], value, rtol=error, atol=error, err_msg=f"seed {SEED}")
        np.testing.assert_allclose(slopes[n], slope, atol=error)
        limit, limit_slope = warping(*bounded(x[n].astype(float)), gamma)
        np.testing.assert_allclose([value, *slope.flat], [limit, *limit_slope.flat], rtol=1e-12, atol=1e-12)
        assert not slopes[n][np.isinf(x[n])].any() and not products[n][np.isinf(x[n])].any()
    assert np.isposinf(values[2:]).all()
    assert not slopes[2:].any() and np.isfinite(products).all() and not products[2:].any()


def test_an_impossible_warping_leaves_the_others_alone(rng):
    """In a sum, and through autograd; a NaN is still a NaN."""
    x = torch.tensor(rng.normal(size=(2, 3, 3)) ** 2, requires_grad=True)
    with torch.no_grad():
        x[1, 1] = torch.inf
    surface.soft_dtw_loss(x, reduction="sum").backward()
    np.testing.assert_allclose(x.grad[0], warping(x[0].detach().numpy())[1], rtol=1e-12)
    assert not x.grad[1].any()
    x.detach()[0, 2, 2] = torch.nan
    assert torch.isnan(surface.soft_dtw_loss(x.detach(), reduction="none")[0])


#: What is ruled out: of which argument, where; tags, and the items whose tags remain allowed.
TAGS = [[0, 0, 2, 1], [1, 0, 0, 2], [2, 1, 1, 0], [0, 0, 0, 0]]
RULED_OUT = {
    "a transition": ("transitions", (1, 0), TAGS, [0, 3]),
    "a first tag": ("start", 2, TAGS, [0, 1, 3]),
    "a last tag": ("end", 0, TAGS, [0, 1]),
    "a tag in a place": ("emissions", (1, 2, 0), TAGS, [0, 2, 3]),
}


@DTYPES
@pytest.mark.parametrize("ruled_out", RULED_OUT.values(), ids=RULED_OUT)
def test_tags_that_are_ruled_out(rng, dtype, error, ruled_out):
    """The items whose tags are allowed are those of all allowed paths; the others are infinite, and move nothing."""
    given = {"emissions": rng.normal(size=(4, 4, 3)), "transitions": rng.normal(size=(3, 3))}
    given |= {"start": rng.normal(size=3), "end": rng.normal(size=3)}
    name, place, tags, allowed = ruled_out
    given = {key: array.astype(dtype) for key, array in given.items()}
    given[name][place] = -np.inf
    x, *tables = given.values()
    values, slopes = crf_loss.value_and_grad(x, tags, *tables, reduction="none")
    total = [np.zeros(a.shape) for a in tables]
    for n in range(4):
        if n not in allowed:
            assert np.isposinf(values[n]) and not slopes[0][n].any()
            continue
        value, (own, *shared) = chain(x[n].astype(float), tags[n], *(a.astype(float) for a in tables))
        np.testing.assert_allclose(values[n], value, rtol=error, atol=error, err_msg=f"seed {SEED}")
        np.testing.assert_allclose(slopes[0][n], own, atol=error)
        limit, _ = chain(*bounded(x[n].astype(float)), tags[n], *bounded(*(a.astype(float) for a in tables)))
        np.testing.assert_allclose(value, limit, rtol=1e-10)
        total = [a + b for a, b in zip(total, shared, strict=True)]
    for found, expected in zip(slopes[1:], total, strict=True):
        np.testing.assert_allclose(found, expected, atol=10 * error)
    assert not slopes[list(given).index(name)][place]


@DTYPES
@pytest.mark.parametrize("name", ["transitions", "start", "end", "emissions"])
def test_a_chain_without_any_path(rng, dtype, error, name):
    given = {"emissions": rng.normal(size=(3, 4, 3)), "transitions": rng.normal(size=(3, 3))}
    given |= {"start": rng.normal(size=3), "end": rng.normal(size=3)}
    given = {key: array.astype(dtype) for key, array in given.items()}
    given[name][...] = -np.inf
    x, *tables = given.values()
    tags = rng.integers(0, 3, (3, 4))
    values, slopes = crf_loss.value_and_grad(x, tags, *tables, reduction="none")
    products = crf_loss.hvp(x, tags, *tables, tuple(np.ones_like(a) for a in given.values()), reduction="none")
    assert np.isposinf(values).all()
    assert not any(np.any(a) for a in (*slopes, *products))


@DTYPES
def test_a_single_tag_has_no_transition(rng, dtype, error):
    """Where all transitions are ruled out a sequence of one tag is as likely as ever, and an empty one costs nothing."""
    x, tables = rng.normal(size=(2, 3, 3)).astype(dtype), rng.normal(size=(2, 3)).astype(dtype)
    transitions = np.full((3, 3), -np.inf, dtype)
    tags = np.array([[1, 0, 0], [2, 2, 2]])
    values, slopes = crf_loss.value_and_grad(x, tags, transitions, *tables, [1, 0], reduction="none")
    value, (own, *_) = chain(x[0, :1].astype(float), tags[0, :1], transitions.astype(float), *tables.astype(float))
    np.testing.assert_allclose(values, [value, 0], rtol=error)
    np.testing.assert_allclose(slopes[0][0, :1], own, atol=error)
    assert not slopes[0][0, 1:].any() and not slopes[0][1].any() and not slopes[1].any()


@DTYPES
def test_a_transducers_label_that_is_ruled_out(rng, dtype, error):
    """A class of −∞ everywhere: harmless where no label is that class, and where one is nothing is left."""
    x = rng.normal(size=(2, 3, 3, 4)).astype(dtype)
    x[..., 3] = -np.inf
    targets = np.array([[1, 2], [2, 3]])
    values, slopes = rnnt_loss.value_and_grad(x, targets, reduction="none")
    with np.errstate(invalid="ignore"):
        value, slope = transducer(x[0, ..., :3].astype(float), targets[0])
    np.testing.assert_allclose(values[0], value, rtol=error)
    np.testing.assert_allclose(slopes[0, ..., :3], slope, atol=error)
    assert np.isposinf(values[1]) and not slopes[1].any() and not slopes[0, ..., 3].any()
