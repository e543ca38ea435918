"""Losses on Dask arrays: the same as on whole NumPy arrays, and on arrays that do not fit into a worker's memory."""

import contextlib
import io
import os
import re
import subprocess
import sys
from pathlib import Path

import cloudpickle
import dask
import dask.array as da
import distributed
import numpy as np
import pytest
from lossgen.generated import dask as blockwise

from lossgen import generated
from lossgen.runtime import LossError

RNG = np.random.default_rng(11)
X, Y = RNG.normal(size=(20, 5)), RNG.normal(size=(20, 5))
LABELS = np.where(np.arange(20) == 3, -100, RNG.integers(0, 5, 20))
IMAGES, SEGMENTS = RNG.normal(size=(4, 3, 6, 5)), RNG.integers(0, 3, (4, 6, 5))
WEIGHT = RNG.uniform(0.1, 2, 5)


class In:
    """A NumPy array, and the chunks in which Dask gets it."""

    def __init__(self, array, *chunks):
        self.array, self.lazy = array, da.from_array(array, chunks=chunks)


def both(name, *arguments, **options):
    """Value and gradients of the whole arrays, and those of the blocks."""

    def given(x, which):
        if isinstance(x, dict):
            return {key: given(value, which) for key, value in x.items()}
        return getattr(x, which) if isinstance(x, In) else x

    found = []
    for package, which in ((generated, "array"), (blockwise, "lazy")):
        call = getattr(package, name).value_and_grad
        found.append(call(*(given(x, which) for x in arguments), **given(options, which)))
    return found[0], dask.compute(*found[1], scheduler="synchronous")


CASES = [
    ("cross_entropy", In(X, 6, 2), In(LABELS, 7), WEIGHT),
    ("cross_entropy", In(X, 6, 2), In(LABELS, 7)),
    ("cross_entropy", In(X, 6, 5), In(np.abs(Y) / 9, 4, 3), In(WEIGHT, 2)),
    (
        "cross_entropy",
        In(X.astype(np.float32), 6, 2),
        In(LABELS, 7),
        {"label_smoothing": 0.1, "sample_weight": In(RNG.random(20), 9)},
    ),
    ("cross_entropy", In(X, 6, 2), In(LABELS, 7), WEIGHT, {"mask": In(RNG.random(20) > 0.3, 4), "reduction": "sum"}),
    ("cross_entropy", In(X, 6, 2), In(LABELS, 7), WEIGHT, {"mask": In(RNG.random(20) > 0.3, 4)}),
    ("cross_entropy", In(IMAGES, 2, 2, 3, 2), In(SEGMENTS, 3, 3, 3), WEIGHT[:3]),
    ("cross_entropy", In(IMAGES, 2, 2, 3, 2), In(SEGMENTS, 3, 3, 3), {"reduction": "none"}),
    ("cross_entropy", In(np.moveaxis(IMAGES, 1, -1), 2, 2, 3, 2), In(SEGMENTS, 3, 3, 3), {"axis": -1}),
    ("dice_loss", In(1 / (1 + np.exp(-IMAGES)), 2, 2, 3, 2), In((IMAGES > 0) * 1.0, 3, 3, 3, 3)),
    ("mse_loss", In(X, 6, 2), In(Y, 7, 5), In(RNG.random((20, 1)), 4, 1)),
    ("mse_loss", In(X, 6, 2), In(Y, 7, 5), {"denominator": 7.0}),
    ("mse_loss", In(X, 6, 2), In(Y, 7, 5), {"mask": In(X > 0, 5, 5), "reduction": "none"}),
    ("mse_loss", In(X, 6, 2), In(Y, 7, 5), {"mask": In(X > 99, 5, 5), "empty": 3.0}),
    ("kl_div", In(X, 6, 2), In(np.abs(Y), 7, 5), {"mask": In(X > 0.5, 5, 5), "reduction": "batchmean"}),
    ("kl_div", In(X, 6, 2), In(np.abs(Y), 7, 5), {"reduction": "batchmean"}),
    ("l2_loss", In(X, 6, 2), In(Y, 7, 5)),
    ("sigmoid_focal_loss", In(X, 6, 2), In((Y > 0) * 1.0, 7, 5)),
    ("multilabel_soft_margin_loss", In(X, 6, 2), In((Y > 0) * 1.0, 7, 5), In(RNG.random((20, 1)), 4, 1)),
    ("gaussian_nll_loss", In(X, 6, 2), In(Y, 7, 5), In(np.abs(X) + 1, 7, 5)),
    ("triplet_margin_loss", In(X, 6, 2), In(Y, 7, 5), In(X * Y, 5, 5)),
    ("gan_discriminator_loss", In(X, 6, 2), In(Y[:7], 2, 5), {"mask": {"fake": In(Y[:7] > 0, 3, 3)}}),
]


@pytest.mark.parametrize("case", CASES, ids=[f"{n}-{case[0]}" for n, case in enumerate(CASES)])
def test_blocks_give_what_the_whole_does(case):
    name, *rest = case
    options = rest.pop() if isinstance(rest[-1], dict) else {}
    (value, gradient), (lazy, slopes) = both(name, *rest, **options)
    accuracy = {"rel": 1e-6, "abs": 1e-7} if value.dtype == np.float32 else {"rel": 1e-13, "abs": 1e-14}
    assert lazy == pytest.approx(value, **accuracy) and lazy.dtype == value.dtype
    for found, wanted in zip(*((x if isinstance(x, tuple) else (x,)) for x in (slopes, gradient)), strict=True):
        assert found == pytest.approx(wanted, **accuracy)
        assert found.dtype == wanted.dtype


def test_nothing_is_computed_before_it_is_asked_for_and_predictions_once_after_the_denominator():
    seen = []

    def noted(what, array):
        def note(block):
            seen.append(what)
            return block

        empty = np.empty((0,) * array.ndim, array.dtype)
        return da.from_array(array, chunks=(10, 5)[: array.ndim]).map_blocks(note, dtype=array.dtype, meta=empty)

    value, gradient = blockwise.cross_entropy.value_and_grad(noted("logits", X), noted("labels", LABELS), WEIGHT)
    assert seen == [] and gradient.chunks == ((10, 10), (5,)) and value.shape == ()
    dask.compute(value, gradient, scheduler="synchronous")
    assert seen == ["labels", "labels", "logits", "logits"]
    only = blockwise.cross_entropy(da.from_array(X, chunks=(10, 5)), da.from_array(LABELS, chunks=10), WEIGHT)
    assert only.compute() == pytest.approx(generated.cross_entropy(X, LABELS, WEIGHT))


@pytest.mark.parametrize(
    "call, words",
    [
        (lambda: blockwise.mse_loss(X, X[:3]), r"mse_loss: target has shape \(3, 5\), expected \(20, 5\)"),
        (lambda: blockwise.mse_loss(X, Y, reduction="men"), "mse_loss: reduction is 'men', .*did you mean 'mean'"),
        (lambda: blockwise.mse_loss(1.0, 1.0), "mse_loss: there is a single item, expected several"),
        (lambda: blockwise.mse_loss(X, Y, mask=X), "mse_loss: mask has dtype float64 and shape .*, expected bool and"),
        (
            lambda: blockwise.mse_loss(X, da.from_array(Y, chunks=5)[da.from_array(X, chunks=5) > 0]),
            "mse_loss: .*compute_chunk_sizes",
        ),
        (lambda: blockwise.ntxent_loss(X[:5], LABELS[:5]), "ntxent_loss: its items depend on each other"),
        (
            lambda: blockwise.ctc_loss(np.zeros((5, 1, 3)), np.array([[1]]), [5], [1]),
            "ctc_loss: its items are lattices",
        ),
        (lambda: blockwise.cross_entropy(X, LABELS + 3).compute(), "cross_entropy: target"),
        (
            lambda: blockwise.gaussian_nll_loss(X, Y, np.ones((20, 1))),
            r"gaussian_nll_loss: var has shape \(20, 1\), expected \(20, 5\)",
        ),
    ],
)
def test_mistakes_are_errors_of_one_line(call, words):
    with pytest.raises(LossError, match=f"^{words}") as caught:
        call()
    assert "\n" not in str(caught.value)


WIDTH, CHUNK, CHUNKS, LIMIT = 32, 100_000, 40, 400_000_000


def logits_of(start, size):
    return np.random.default_rng(start).standard_normal((size, WIDTH), dtype=np.float32)


def block_of_logits(block_info=None):
    (start, stop), _ = block_info[None]["array-location"]
    return logits_of(start, stop - start)


def block_of_labels(block_info=None):
    ((start, stop),) = block_info[None]["array-location"]
    return labels_of(start, stop - start)


def labels_of(start, size):
    return (np.arange(start, start + size) * 7) % (WIDTH + 1) - 1  # −1 is ignored


@pytest.fixture
def sent_along():
    """The functions of this file, which workers cannot import, travel with the tasks."""
    module = sys.modules[__name__]
    cloudpickle.register_pickle_by_value(module)
    yield
    cloudpickle.unregister_pickle_by_value(module)


def test_an_array_larger_than_the_workers_memory(sent_along):
    weight = np.linspace(0.5, 2, WIDTH).astype(np.float32)
    logits = da.map_blocks(
        block_of_logits, chunks=((CHUNK,) * CHUNKS, (WIDTH,)), dtype=np.float32, meta=np.empty((0, 0), np.float32)
    )
    labels = da.map_blocks(block_of_labels, chunks=((CHUNK,) * CHUNKS,), dtype=np.int64, meta=np.empty(0, np.int64))
    assert logits.nbytes > 1.2 * LIMIT
    value, gradient = blockwise.cross_entropy.value_and_grad(logits, labels, weight, ignore_index=-1)
    settings = {"n_workers": 1, "threads_per_worker": 1, "memory_limit": LIMIT, "dashboard_address": None}
    with distributed.LocalCluster(**settings) as cluster, distributed.Client(cluster) as client:
        first = client.run(os.getpid)
        found, column = dask.compute(value, gradient.sum(axis=0, dtype=np.float64))
        assert client.run(os.getpid) == first  # no worker was ended for its memory
    total, whole, slopes = 0.0, 0.0, np.zeros(WIDTH)
    for n in range(0, CHUNKS * CHUNK, CHUNK):
        x, y = logits_of(n, CHUNK), labels_of(n, CHUNK)
        counted = np.where(y >= 0, weight[y], 0).astype(float)
        p = np.exp(x)
        p /= p.sum(axis=1, keepdims=True)
        total -= counted @ np.log(np.take_along_axis(p, np.maximum(y, 0)[:, None], axis=1)[:, 0])
        whole += counted.sum()
        slopes += counted @ p - np.bincount(np.maximum(y, 0), counted, WIDTH)
    assert found == pytest.approx(total / whole, rel=1e-5)
    assert column == pytest.approx(slopes / whole, abs=1e-6)


def test_the_readme_does_what_it_says():
    section = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8").split("## Dask\n")[1]
    code = (
        re.search(r"```python\n(.*?)```", section, re.DOTALL)[1]
        .replace("50_000_000", "50_000")
        .replace("1_000_000", "10_000")
    )
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        exec(code, {})
    number = float(printed.getvalue().split()[0])
    assert number == pytest.approx(np.log(16) + 0.5, abs=0.05)


def test_without_dask_the_error_says_what_to_install():
    code = (
        "import sys\nsys.modules['dask'] = None\nimport lossgen.generated.dask as d\n"
        "try: d.mse_loss\nexcept ImportError as error: print(error)\n"
    )
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert printed == "losses on Dask arrays need dask, which is not installed: pip install lossgen[dask]\n"
