"""Losses over lattices, arguments for them, and their calls on a device in main memory beside those on the CPU."""

import numpy as np
from host import place
from test_cuda_calls import close, prepared

from lossgen import generated
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
