"""The handler that XLA calls: a task, NumPy arrays over XLA's own memory, the engine, the results in their places."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lossgen.runtime import LossError
from lossgen.runtime.loss import find_loss

from . import jax_batch
from .jax_answer import answer
from .jax_environment import usual_arithmetic
from .jax_frame import HANDLER, INTERNAL, INVALID_ARGUMENT, Frame, answer_metadata, arrays, attribute, error
from .jax_library import jax
from .jax_task import Task, read

TARGET = "lossgen"


def run(task: Task, operands: Sequence[np.ndarray], results: Sequence[np.ndarray]) -> None:
    """Compute what the task asks for, into `results`.

    Raises:
        LossError: an argument holds something outside its domain.
    """
    loss = find_loss(task.location)
    if task.lead:
        jax_batch.run(task, loss, operands, results)
        return
    call = task.bind(loss, operands[task.leading :])
    for result, found in zip(results, answer(task, loss, call, operands[: task.leading]), strict=True):
        np.copyto(result, found)


def _whole(array: np.ndarray) -> np.ndarray:
    """An array of integers in the dtype of the kernels' labels, which JAX rarely has: then nothing is copied in pieces."""
    return array.astype(np.int64) if array.dtype.kind in "iu" else array


def _handle(place) -> int | None:
    """Called in one of XLA's threads. Nothing in here may call JAX, which could wait for this very thread."""
    frame: Frame = place.contents
    try:
        if frame.extension_start and answer_metadata(frame):
            return None
        with usual_arithmetic:
            run(read(attribute(frame)), [_whole(x) for x in arrays(frame.arguments)], arrays(frame.results))
    except LossError as problem:
        return error(frame, str(problem), INVALID_ARGUMENT)
    except BaseException as problem:  # there is no Python above that could catch it
        return error(frame, f"lossgen: {type(problem).__name__}: {problem}", INTERNAL)
    return None


HANDLE = HANDLER(_handle)  # kept: XLA has its address
jax.ffi.register_ffi_target(TARGET, jax.ffi.pycapsule(HANDLE), platform="cpu")
