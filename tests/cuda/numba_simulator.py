"""A program for a process of its own, with NUMBA_ENABLE_CUDASIM=1: kernels and the device's own sums in numba-cuda's simulator.

What the simulator lacks is replaced: the exchange of values within a warp, by shared memory; reads of 16 bytes, by the
definitions in `lossgen.runtime.device`. Prints the largest error of each case.
"""

import sys
from importlib import import_module
from pathlib import Path

import numpy as np
from numba import cuda

sys.path.insert(0, str(Path(__file__).parents[1] / "losses"))
import lattice_references

from lossgen.runtime import device
from lossgen.runtime.cuda.bind import bind, kinds
from lossgen.runtime.cuda.schedules import schedules


def exchange(value, distance):
    """The value of the thread whose number differs in one bit; all threads of the block take part."""
    reals, wholes = cuda.shared.array(64, np.float64), cuda.shared.array(64, np.int64)
    board = wholes if isinstance(value, np.integer) else reals
    board[cuda.threadIdx.x] = value
    cuda.syncthreads()
    found = type(value)(board[cuda.threadIdx.x ^ distance])
    cuda.syncthreads()
    return found


#: What the simulator does by the definitions in `lossgen.runtime.device`. Memory to keep rows in is each thread's own there.
MOVES = ("load", "store", "row", "load_row", "store_row", "bytes_of")
MEMORY = ("kept_row", "keep", "load_kept")
#: Loss module, schedule, threads of a block, items, size of a row.
CASES = [
    ("mse_loss_float32", "wide", 32, 37, 0),
    ("mse_loss_float32", "narrow", 64, 140, 0),
    ("mse_loss_float64", "wide", 64, 1, 0),
    ("mse_loss_float32", "wide", 32, 0, 0),
    ("cross_entropy_indices_float32", "warp", 32, 3, 37),
    ("cross_entropy_indices_float32", "short", 32, 2, 70),
    ("cross_entropy_indices_float32", "block", 64, 2, 290),
    ("cross_entropy_indices_float32", "narrow_warp", 32, 3, 37),
    ("cross_entropy_indices_float32", "thread", 32, 70, 5),
]


def run(name, schedule, threads, items, size):
    """The largest error over two blocks, in units of the dtype's precision: of values, gradients, and the values' sum."""
    module = import_module(f"lossgen.generated.cuda.{name}")
    found = schedules(np.dtype(module.storage).itemsize)[schedule].device
    replaced = {
        "exchange": exchange,
        **{name: getattr(device, name) for name in MOVES + MEMORY * (schedule != "short")},
    }
    lanes = {"LANES": threads} if schedule == "block" else {}
    kernel = bind(module, {**found, **replaced, **lanes}, lambda function: function)["evaluate"]
    rng = np.random.default_rng(3)
    x = (3 * rng.normal(size=(items, size) if size else items)).astype(module.storage)
    target = rng.integers(0, size, items) if size else rng.normal(size=items).astype(module.storage)
    values, gradient = np.full(items, np.nan, x.dtype), np.full(x.shape, np.nan, x.dtype)
    totals, faults = np.full(4, np.nan, module.real), np.full(2, -1)
    given = {"items": items, "n_C": size, "input": x.reshape(-1), "target": target, "scale": module.real(1)}
    given |= {"label_smoothing": module.real(0.1), "ignore_index": -100}
    given |= {"values": values, "totals": totals, "faults": faults, "grad_input": gradient.reshape(-1), "room_C": 24}
    cuda.jit(kernel)[2, threads](*(given.get(argument) for argument in kinds(kernel)))
    assert not faults.any(), faults
    expected, slope = (_cross_entropy if size else _square)(x.astype(np.longdouble), target)
    total = totals.astype(np.longdouble).sum()
    errors = [_error(values, expected), _error(gradient, slope), _error(total, values.astype(np.longdouble).sum())]
    return max(errors) / float(np.finfo(module.storage).eps)


def _error(found, true):
    """The largest error, relative where a number is larger than 1."""
    return float(np.max(np.abs(found - true) / np.maximum(np.abs(true), 1), initial=0))


def _square(x, target):
    return (x - target) ** 2, 2 * (x - target)


def _cross_entropy(x, target):
    shares = np.exp(x) / np.exp(x).sum(1, keepdims=True)
    smooth = 0.1 / x.shape[1] + 0.9 * np.eye(x.shape[1])[target]
    return -(smooth * np.log(shares)).sum(1), shares - smooth


def run_lattice(name, threads, labels):
    """The same for a loss with a recurrence, against all alignments, one by one.

    Items have 4 or 2 frames: each of two warps has as many of them as the other, since an exchange waits for all of the block.
    """
    module = import_module(f"lossgen.generated.cuda.{name}")
    items, frames, classes, longest = len(labels), 4, 3, max(map(len, labels))
    replaced = {"exchange": exchange, "row": device.row, "beyond": device.beyond, "floor": device.floor}
    sizes = {"LANES": 32, "GROUPS": threads // 32, "THREADS": threads}
    found = schedules(np.dtype(module.storage).itemsize)["lattice"].device
    kernel = bind(module, {**found, **replaced, **sizes}, lambda function: function)["evaluate"]
    scores = np.random.default_rng(5).normal(size=(items, frames, classes)).astype(module.storage)
    lengths = np.resize([4, 2], items)
    targets = np.array([[*row, *[0] * (longest - len(row))] for row in labels])
    cells, places = module.evaluate_scratch(frames, classes, longest)
    values, gradient = np.full(items, np.nan, scores.dtype), np.full(scores.shape, np.nan, scores.dtype)
    totals, faults = np.full(4, np.nan), np.full(2, -1)
    given = {
        "items": items,
        "size_T": frames,
        "size_C": classes,
        "size_L": longest,
        "scale": module.real(1),
        "blank": 0,
    }
    given |= {"log_probs": scores.reshape(-1), "log_probs_step_0": frames * classes, "log_probs_step_1": classes}
    given |= {
        "targets": targets.reshape(-1),
        "targets_starts": longest * np.arange(items),
        "targets_size": targets.size,
    }
    given |= {"input_lengths": lengths, "target_lengths": np.array(list(map(len, labels)))}
    given |= {"values": values, "totals": totals, "faults": faults, "grad_log_probs": gradient.reshape(-1)}
    given |= {"grad_log_probs_step_0": frames * classes, "grad_log_probs_step_1": classes}
    given |= {"cells": np.full(2 * cells, np.nan), "cells_size": cells}
    given |= {"places": np.full(2 * places, -(10**9)), "places_size": places}
    cuda.jit(kernel)[2, threads](*(given.get(argument) for argument in kinds(kernel)))
    assert not faults.any(), faults
    errors = [_error(totals.sum(), values.astype(float).sum())]
    for i, row in enumerate(labels):
        value, slope = lattice_references.ctc(scores[i, : lengths[i]].astype(float), row)
        errors += [
            _error(values[i], value),
            _error(gradient[i, : lengths[i]], slope),
            np.abs(gradient[i, lengths[i] :]).max(initial=0),
        ]
    return max(errors) / float(np.finfo(module.storage).eps)


if __name__ == "__main__":
    for case in CASES:
        print(*case[:2], f"{run(*case):.3g}")
    print("ctc_loss_float32 lattice", f"{run_lattice('ctc_loss_float32', 64, [[1, 1], [2], []]):.3g}")
    sys.exit(0)
