"""Whole calls of losses over lattices on CUDA, on a device in main memory, against the CPU's engine.

The kernels themselves are held against the raw formula in `test_cuda_lattices.py`; here it is what they are given.
"""

import ml_dtypes
import numpy as np
import pytest
from host import HostDriver, as_array, on_host, place
from test_cuda_calls import close, prepared, title

from lossgen import generated
from lossgen.runtime import LossError
from lossgen.runtime.cuda import launching
from lossgen.runtime.cuda.scales import Upstream

CTC, CTC_LOGITS = generated.ctc_loss, generated.ctc_with_logits_loss
RNNT, CRF, DTW = generated.rnnt_loss, generated.crf_loss, generated.soft_dtw_loss
CASES = [(loss, v) for loss in (CTC, CTC_LOGITS, RNNT, CRF, DTW) for v in loss.schema.variants]


def normal(*shape, seed=0, dtype="float32"):
    return np.random.default_rng(seed).normal(size=shape).astype(dtype)


def ctc(frames=5, items=4, classes=4, dtype="float32"):
    """Ragged; without labels, with as many as there are frames, and with a repeated label that has no frame for the blank."""
    labels = np.array([[1, 2, 0], [3, 3, 1], [1, 1, 0], [-7, 99, 0]])[:items]
    return [
        normal(frames, items, classes, dtype=dtype),
        labels,
        np.array([5, 4, 2, 3])[:items],
        np.array([2, 3, 2, 0])[:items],
    ]


def arguments(loss, dtype="float32"):
    """Arguments of four items."""
    if loss is RNNT:
        labels, frames, counts = (
            np.array([[1, 2], [3, 3], [2, 9], [0, 0]]),
            np.array([3, 2, 1, 3]),
            np.array([2, 2, 1, 0]),
        )
        return [normal(4, 3, 3, 4, dtype=dtype), labels, frames, counts]
    if loss is CRF:
        tables = [normal(*shape, seed=n, dtype=dtype) for n, shape in enumerate([(3, 3), (3,), (3,)])]
        tags = np.random.default_rng(1).integers(0, 3, (4, 5))
        return [normal(4, 5, 3, dtype=dtype), tags, *tables, np.array([5, 2, 0, 1])]
    if loss is DTW:
        return [np.abs(normal(4, 3, 5, dtype=dtype)), np.array([3, 1, 2, 0]), np.array([5, 4, 1, 2])]
    return ctc(dtype=dtype)


def parameters(case):
    loss, variant = case
    chosen = iter(variant.choice)
    return tuple(next(chosen) if p.options else p.default for p in loss.schema.parameters)


def both(loss, arrays, wrt=None, upstream=1.0, **options):
    """Value and gradients as they are on the CPU; what was launched."""
    at = options.pop("at", None) or place()
    wrt = loss.schema.variants[0].predictions if wrt is None else wrt
    call, expected = prepared(loss, arrays, at=at, **options)
    value, gradients = call.evaluate(wrt, Upstream(upstream))
    right, slopes = expected.evaluate(wrt, upstream)
    close([value, *gradients], [np.asarray(right), *slopes], 1e-5, 1e-6)
    assert at.memory.is_intact() and not at.driver.memory.any()
    return [name for name, *_ in at.driver.launched]


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


@pytest.mark.parametrize("loss", [CTC_LOGITS, RNNT], ids=lambda loss: loss.name)
@pytest.mark.parametrize("dtype", ["int32", "int64"])
def test_labels_one_after_another(loss, dtype):
    """Only the longest has to be known: lengths on the device are read back."""
    logits, labels, frames, counts = arguments(loss)
    joined = np.concatenate([row[:n] for row, n in zip(labels, counts, strict=True)]).astype(dtype)
    arrays = [logits, joined, frames.astype(dtype), counts.astype(dtype)]
    for reduction in ("mean", "none"):
        at = place()
        both(loss, arrays, reduction=reduction, at=at)
        assert at.driver.waited == 1
    at = place()
    call, expected = prepared(loss, arrays, at=at, host=("input_lengths", "logit_lengths", "target_lengths"))
    close([call.value()], [np.asarray(expected.value())])
    assert at.driver.waited == 0


@pytest.mark.parametrize("host", [(), ("targets", "input_lengths", "target_lengths")], ids=["device", "host"])
def test_lengths_of_every_kind(host):
    logits, labels, frames, _ = arguments(CTC)
    labels = 1 + labels % 3
    for given in (np.array(3), np.array([3]), frames.astype("uint8"), frames.astype("int32"), np.full(4, 5)):
        for counts in (np.array(2), np.array([3, 1, 0, 2], "int16")):
            launched = both(CTC, [logits, labels, given, counts], host=host)
            assert host or "fill" not in launched


def test_a_mask_in_the_place_of_lengths():
    *arrays, lengths = arguments(CRF)
    mask = np.arange(5) < lengths[:, None]
    assert "runs" in both(CRF, [*arrays, mask])
    assert "runs" in both(CRF, [*arrays, np.asfortranarray(mask)])
    both(CRF, [*arrays, mask], host=("lengths",))
    mask[0, 2] = False
    at = place()
    call, _ = prepared(CRF, [*arrays, mask], reduction="none", at=at)
    assert np.isnan(on_host(call.value())).tolist() == [True, False, False, False]
    with pytest.raises(
        LossError, match=r"^crf_loss: an earlier call on CUDA was given lengths with a length out of range"
    ):
        at.driver.reports.raise_any()


def test_grids_are_read_where_they_lie():
    logits, *rest = arguments(CTC_LOGITS)
    first = np.ascontiguousarray(logits.transpose(1, 0, 2))
    gaps = normal(5, 8, 9)
    for array, axis, copies in (
        (first.transpose(1, 0, 2), None, 0),
        (first, {"T": 1}, 0),
        (gaps[:, ::2, :4], None, 0),
        (gaps[::-1, :4, 2:6], None, 0),
        (np.broadcast_to(logits[:1], logits.shape), None, 0),
        (gaps[:, :4, ::2], None, 1),
        (np.asfortranarray(logits), None, 1),
        (logits.transpose(2, 0, 1).copy(), {"T": 1, "C": 0}, 1),
        (logits.astype("int64"), None, 1),
    ):
        launched = both(CTC_LOGITS, [array, *rest], wrt=[], axis=axis)
        assert launched.count("copy") == copies, (array.shape, array.strides)
        both(CTC_LOGITS, [array, *rest], axis=axis, reduction="sum")


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


def test_the_mask_says_which_lengths_in_main_memory_may_be_wrong():
    """It is read back only where one is wrong."""
    logits, labels, frames, counts = arguments(CTC_LOGITS)
    joined = np.concatenate([row[:n] for row, n in zip(labels, counts * [1, 0, 1, 1], strict=True)])
    wrong, mask = np.array([2, -5, 2, 0]), np.array([True, False, True, True])
    for host, waited in (((), 2), (("target_lengths",), 1)):
        at = place()
        both(CTC_LOGITS, [logits, joined, frames, wrong], at=at, mask=mask, host=host)
        assert at.driver.waited == waited
    at = place()
    both(CTC_LOGITS, [logits, labels, frames, counts], at=at, mask=mask, host=("input_lengths", "target_lengths"))
    assert at.driver.waited == 0
    call, _ = prepared(CTC_LOGITS, [logits, labels, frames, wrong], mask=~mask, host=("target_lengths",))
    with pytest.raises(LossError, match=r"^ctc_with_logits_loss: target_lengths\[1\] is -5, expected a length in 0 "):
        call.value()


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


@pytest.mark.parametrize("loss", [CTC_LOGITS, RNNT, CRF], ids=lambda loss: loss.name)
def test_a_label_out_of_range_is_nan_in_its_item_and_reported(loss):
    arrays = arguments(loss)
    fine = on_host(prepared(loss, arrays, reduction="none")[0].value())
    for wrong in (-1, 4, 2**40):
        arrays[1][0, 1] = wrong
        at = place()
        name = loss.schema.variants[0].predictions[0]
        value, (slopes,) = prepared(loss, arrays, reduction="none", at=at)[0].evaluate([name])
        assert np.isnan(on_host(value)[0]) and on_host(value)[1:].tobytes() == fine[1:].tobytes()
        items = on_host(slopes) if loss is not CTC_LOGITS else on_host(slopes).transpose(1, 0, 2)
        assert np.isnan(items[0]).all() and np.isfinite(items[1:]).all() and at.memory.is_intact()
        words = r"with a label out of range, expected one in 0 \.\.\. the size of [CK] - 1"
        with pytest.raises(LossError, match=rf"^{loss.name}: an earlier call on CUDA was given ta\w+ {words}"):
            at.driver.reports.raise_any()
        assert np.isnan(on_host(prepared(loss, arrays)[0].value()))


def test_the_blank_among_the_labels_is_reported():
    arrays, at = arguments(CTC), place()
    arrays[1][0, 1] = 0
    assert np.isnan(on_host(prepared(CTC, arrays, at=at)[0].value()))
    with pytest.raises(
        LossError, match=r"targets with a label out of range, expected .* the size of C - 1, other than blank"
    ):
        at.driver.reports.raise_any()


@pytest.mark.parametrize("wrong", [-1, 6, 2**40])
def test_a_length_out_of_range(wrong):
    """On the device it is reported, in main memory it is an error at once."""
    arrays, at = arguments(CTC), place()
    arrays[2][1] = wrong
    value, (slopes,) = prepared(CTC, arrays, reduction="none", at=at)[0].evaluate(["log_probs"])
    assert np.isnan(on_host(value)).tolist() == [False, True, False, False] and at.memory.is_intact()
    assert np.isnan(on_host(slopes)).any(axis=(0, 2)).tolist() == [False, True, False, False]
    words = r"input_lengths with a length out of range, expected one in 0 \.\.\. the size of axis 'T'"
    with pytest.raises(LossError, match=rf"^ctc_loss: an earlier call on CUDA was given {words}"):
        at.driver.reports.raise_any()
    call, _ = prepared(CTC, arrays, host=("input_lengths",))
    words = rf"input_lengths\[1\] is {wrong}, expected a length in 0 \.\.\. 5, the size of axis 'T'"
    with pytest.raises(LossError, match=rf"^ctc_loss: {words}$"):
        call.value()


def test_errors_are_those_of_the_cpu():
    logits, labels, frames, counts = arguments(CTC)
    call, _ = prepared(CTC, [logits, labels.reshape(-1)[:6], frames, counts])
    with pytest.raises(LossError, match=r"^ctc_loss: targets has 6 entries, expected 7, the sum of target_lengths$"):
        call.value()
    call, _ = prepared(CTC, [logits, labels.reshape(-1)[:6], frames, np.array([2, 3, 2, -1])])
    with pytest.raises(LossError, match=r"^ctc_loss: target_lengths\[3\] is -1, expected a length at least 0$"):
        call.value()
    with pytest.raises(
        LossError, match=r"^ctc_loss: blank is 4, expected an integer in 0 \.\.\. 3, a number on axis 'C'$"
    ):
        prepared(CTC, [logits, labels, frames, counts], (4, False))
    with pytest.raises(
        LossError, match=r"^ctc_loss: the direction for log_probs has shape \(2,\), expected \(5, 4, 4\)$"
    ):
        prepared(CTC, [logits, labels, frames, counts])[0].products({"log_probs": as_array(normal(2))}, ["log_probs"])
    with pytest.raises(TypeError, match=r"^ctc_loss: targets has dtype float32, expected integers"):
        prepared(CTC, [logits, labels.astype("float32"), frames, counts])
