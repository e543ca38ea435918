"""Whole calls of losses over lattices on CUDA, on a device in main memory, against the CPU's engine.

The kernels themselves are held against the raw formula in `test_cuda_lattices.py`; here it is what they are given.
"""

import ml_dtypes
import numpy as np
import pytest
from host import HostDriver, as_array, on_host, place
from lattice_calls import CASES, CRF, CTC_LOGITS, RNNT, arguments, both, normal, parameters
from test_cuda_calls import close, prepared, title

from lossgen.runtime import LossError
from lossgen.runtime.cuda import launching
from lossgen.runtime.cuda.scales import Upstream


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("case", CASES, ids=title)
def test_value_and_gradients(case, dtype):
    loss, variant = case
    arrays = arguments(loss, dtype)
    for reduction in loss.schema.reductions:
        both(loss, arrays, parameters=parameters(case), reduction=reduction)
    optional = [None if a.default is not None else x for a, x in zip(variant.arguments, arrays, strict=True)]
    if loss is RNNT:
        optional[1] = np.array([[1, 2], [3, 3], [2, 0], [1, 1]]) % 3 + 1
    both(loss, optional, parameters=parameters(case))


@pytest.mark.parametrize("case", CASES, ids=title)
def test_second_derivatives(case):
    loss, variant = case
    arrays = arguments(loss)
    ways = {a.name: np.cos(x) for a, x in zip(variant.arguments, arrays, strict=True) if not a.integer}
    for names in {variant.predictions, variant.predictions[:1], variant.predictions[-1:]}:
        at = place()
        call, expected = prepared(loss, arrays, parameters(case), at=at)
        given = {n: ways[n] for n in names}
        slope, products = call.products(
            {n: as_array(x) for n, x in given.items()}, variant.predictions, Upstream(0.5), True
        )
        right, found = expected.products(given, variant.predictions, 0.5, True)
        close([slope, *products], [np.asarray(right), *found], 1e-5, 1e-6)
        assert at.memory.is_intact()
    with pytest.raises(
        LossError, match=rf"^{loss.name}: the Hessian's diagonal is not available for a loss over lattices"
    ):
        call.hessian_diagonal()


def test_items_of_several_dimensions_and_of_none():
    logits, labels, frames, counts = arguments(CTC_LOGITS)
    arrays = [logits.reshape(5, 2, 2, 4), labels.reshape(2, 2, 3), frames.reshape(2, 2), counts.reshape(2, 2)]
    both(CTC_LOGITS, arrays)
    both(CTC_LOGITS, [arrays[0].transpose(0, 2, 1, 3).copy().transpose(0, 2, 1, 3), *arrays[1:]], reduction="none")
    one = [logits[:, 0], labels[0], frames[0], counts[0]]
    for reduction in ("mean", "sum", "none"):
        both(CTC_LOGITS, one, reduction=reduction)
    both(CTC_LOGITS, [logits[:, 0], labels[:1], frames[:1], counts[:1]])


@pytest.mark.parametrize("loss", [CTC_LOGITS, CRF], ids=lambda loss: loss.name)
@pytest.mark.parametrize("name", ["float16", "bfloat16"])
def test_half_precision(loss, name):
    """The gradient is rounded once, from single precision."""
    half = np.dtype(getattr(ml_dtypes, name, None) or name)
    given = arguments(loss)
    given = [x.astype(half) if x.dtype.kind == "f" else x for x in given]
    wide = [x if x.dtype.kind in "iu" else x.astype("float32") for x in given]
    names = loss.schema.variants[0].predictions
    value, slopes = prepared(loss, given)[0].evaluate(names)
    right, expected = prepared(loss, wide)[1].evaluate(names)
    assert value.dtype == np.float32
    np.testing.assert_allclose(on_host(value), right, rtol=1e-6)
    for found, exact in zip(slopes, expected, strict=True):
        assert found.dtype == half
        np.testing.assert_allclose(
            *(x.astype("float32") for x in (on_host(found), exact.astype(half))),
            rtol=float(ml_dtypes.finfo(half).eps),
            atol=1e-7,
        )


@pytest.mark.parametrize("loss", [CTC_LOGITS, CRF], ids=lambda loss: loss.name)
def test_masks_weights_and_upstream_gradients(loss):
    """What is masked out may hold anything."""
    arrays, each = arguments(loss), normal(4, seed=8)
    mask, weight = np.array([True, False, True, True]), np.array([0.5, 2, 0, 3], "float32")
    spoilt = [x.copy() for x in arrays]
    for a, x in zip(loss.schema.variants[0].arguments, spoilt, strict=True):
        if a.layout in ("length", "sequence"):
            x[1] = 2**40
    for reduction in ("mean", "sum", "none"):
        for given in ({"mask": mask}, {"mask": mask, "sample_weight": weight}):
            for host in ((), ("input_lengths", "target_lengths", "lengths")):
                both(loss, spoilt, reduction=reduction, upstream=3.0, host=host, **given)
        both(loss, arrays, reduction=reduction, sample_weight=weight)
    both(loss, arrays, mask=np.zeros(4, bool))
    names = loss.schema.variants[0].predictions
    call, expected = prepared(loss, arrays, reduction="none", mask=mask)
    close(call.gradients(names, Upstream(per_item=as_array(each))), expected.gradients(names, each), 1e-5, 1e-6)
    call, expected = prepared(loss, arrays, denominator=np.array(2.5))
    single = as_array(np.array(0.25, "float32"))
    close(call.gradients(names, Upstream(2.0, single)), expected.gradients(names, 0.5), 1e-5, 1e-6)


def test_no_items_no_frames_and_no_labels():
    logits, labels, frames, counts = arguments(CTC_LOGITS)
    for reduction in ("mean", "sum", "none"):
        both(CTC_LOGITS, [logits[:, :0], labels[:0], frames[:0], counts[:0]], reduction=reduction)
        both(CTC_LOGITS, [logits[:0], labels, 0 * frames, counts], reduction=reduction)
        both(CTC_LOGITS, [logits, labels[:, :0], frames, 0 * counts], reduction=reduction)
        both(CTC_LOGITS, [logits, np.zeros(0, int), frames, 0 * counts], reduction=reduction)
        both(CRF, [x[:0] if n in (0, 1, 5) else x for n, x in enumerate(arguments(CRF))], reduction=reduction)


def test_as_many_blocks_as_there_is_memory_for(monkeypatch):
    """Each with tables of its own, in memory of the caller; the results are the same for any number of them."""
    arrays, found = arguments(CRF), {}
    room = 8 * sum(prepared(CRF, arrays)[0]._room("evaluate").values())
    for most in (room - 1, room, 2 * room, 100 * room):
        monkeypatch.setattr(launching, "MOST_CELLS", most)
        at = place(HostDriver(multiprocessors=3))
        both(CRF, arrays, at=at)
        found[most] = next(blocks for name, _, blocks in at.driver.launched if name == "evaluate")
        taken = at.memory.allocated
        assert found[most] * room <= taken < found[most] * (room + 1000) + 2000
    assert list(found.values()) == [1, 1, 2, 4]
    monkeypatch.undo()
    at = place(HostDriver(multiprocessors=1))
    both(CRF, arrays, at=at)
    assert ("evaluate", "lattice", 2) in at.driver.launched
