"""Grids, lengths and labels of losses over lattices on CUDA, as calls are given them: in any memory and layout, and wrong ones.

As in `test_cuda_lattice_calls.py`.
"""

import numpy as np
import pytest
from host import as_array, on_host, place
from lattice_calls import CRF, CTC, CTC_LOGITS, RNNT, arguments, both, normal
from test_cuda_calls import close, prepared

from lossgen.runtime import LossError


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
    words = (
        r"lengths with a length out of range, expected one in 0 .* 'T', or a mask that is True first and then False;"
    )
    with pytest.raises(LossError, match=rf"^crf_loss: an earlier call on CUDA was given {words}"):
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
    large = np.array([(1 << 62) + 6, 1 << 62, 1 << 62, 1 << 62])  # 64 bits make 6 of their sum
    call, _ = prepared(CTC, [logits, labels.reshape(-1)[:6], frames, large])
    with pytest.raises(
        LossError, match=rf"targets has 6 entries, expected {(1 << 64) + 6}, the sum of target_lengths$"
    ):
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
