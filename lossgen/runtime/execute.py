"""Running a kernel over all items: lanes over threads, directly on the arrays or tile by tile through buffers."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from .division import Division
from .lanes import Lanes
from .memory import apart
from .plan import Plan
from .staging import Operand, Staged, Tiles
from .threads import run_lanes


class Launch(NamedTuple):
    """Everything a kernel is called with; `names` are the arguments that the directions and outputs belong to."""

    kernel: Callable[..., None]
    operands: Sequence[Operand]
    parameters: tuple[float | int, ...]
    names: Sequence[str]
    directions: Sequence[Operand]
    scale: float
    item_scale: np.ndarray | None
    values: np.ndarray | None
    outputs: Sequence[Operand]
    sizes: tuple[int, ...] = ()


def launch(job: Launch, plan: Plan, threaded: bool | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Run a kernel over all items. `threaded`: whether by several threads, if the plan is not to decide.

    Returns:
        The lanes' sums (float64[lanes]) and their fault bits (int64[lanes]).
    """
    division = plan.division
    threaded = division.threaded if threaded is None else threaded
    totals = np.zeros(division.lanes)
    faults = np.zeros(division.lanes, np.int64)
    if division.items == 0:
        return totals, faults
    groups = job.operands, job.directions, job.outputs
    if plan.whole is None and any(isinstance(x, Staged) for group in groups for x in group):
        run_lanes(division.lanes, _StagedLanes(job, plan, totals, faults).prepare, threaded)
        return totals, faults
    run_direct(
        job.kernel,
        division,
        threaded,
        *(*job.operands, *parameters(plan, job.parameters), *job.sizes, *job.directions, job.scale, job.item_scale),
        *(job.values, totals, faults, *job.outputs),
    )
    return totals, faults


def parameters(plan: Plan, given: Sequence[float | int], first: int = 0) -> Sequence[float | int]:
    """The parameters as the kernels of the plan's variant take them, for arrays that begin with the item `first`."""
    return (*given, first) if plan.variant.numbered else given


def run_direct(kernel: Callable[..., None], division: Division, threaded: bool, *rest: object) -> None:
    """Run a kernel that can work on the arrays as they are; `rest` is what it takes after the bounds of the lanes."""
    if not threaded:
        kernel(0, division.lanes, division.bounds, *rest)
        return

    def lanes(first: int, last: int) -> None:
        kernel(first, last, division.bounds, *rest)

    run_lanes(division.lanes, lambda: lanes)


def total_of(totals: np.ndarray) -> float:
    """The sum over the lanes, rounded once; where that takes numbers too large for it, or infinite, as NumPy adds them."""
    try:
        return math.fsum(totals.tolist())
    except (OverflowError, ValueError):
        with np.errstate(over="ignore", invalid="ignore"):
            return float(totals.sum())


class _StagedLanes:
    """Lanes that are runs of tiles; every participating thread has scratch buffers of its own."""

    def __init__(self, job: Launch, plan: Plan, totals: np.ndarray, faults: np.ndarray) -> None:
        self._job = job
        self._plan = plan
        self._tiles = Tiles(plan.division.item_shape, plan.division.tile)
        self._lanes = plan.division.lanes
        layouts = {argument.name: argument.layout for argument in plan.variant.arguments}
        self._shared = tuple(layout == "shared" for layout in layouts.values())
        self._named_shared = tuple(layouts[name] == "shared" for name in job.names)
        self._totals = totals
        self._faults = faults

    def prepare(self) -> Lanes:
        """Scratch space for one thread, and what runs a lane with it."""
        job, largest = self._job, self._tiles.largest
        buffers = [
            [x.scratch(largest) if isinstance(x, Staged) else None for x in group]
            for group in (job.operands, job.directions, job.outputs)
        ]
        total = np.empty(1)
        fault = np.empty(1, np.int64)

        def lanes(first_lane: int, last_lane: int) -> None:
            with np.errstate(over="ignore", invalid="ignore"):  # rounding to float16 may overflow, as it does in place
                for number in range(first_lane, last_lane):
                    first = number * self._tiles.count // self._lanes
                    last = (number + 1) * self._tiles.count // self._lanes
                    for tile in range(first, last):
                        self._tile(tile, number, buffers, total, fault)
                        self._totals[number] += total[0]
                        self._faults[number] |= fault[0]

        return lanes

    def _tile(self, tile: int, lane: int, buffers: list[list], total: np.ndarray, fault: np.ndarray) -> None:
        job = self._job
        index, first, last = self._tiles.tile(tile)
        operands = _load(job.operands, self._shared, buffers[0], index, first, last)
        directions = _load(job.directions, self._named_shared, buffers[1], index, first, last)
        outputs = [
            _output(x, shared, buffer, first, last)
            for x, shared, buffer in zip(job.outputs, self._named_shared, buffers[2], strict=False)
        ]
        item_scale = None if job.item_scale is None else job.item_scale[first:last]
        values = None if job.values is None else job.values[first:last]
        numbers = parameters(self._plan, job.parameters, first)
        given = np.array([0, last - first]), *operands, *numbers, *directions
        job.kernel(0, 1, *given, job.scale, item_scale, values, total, fault, *outputs)
        for x, shared, output in zip(job.outputs, self._named_shared, outputs, strict=False):
            if isinstance(x, Staged):
                x.store(index, output)
            elif shared and x is not None:
                x[lane] += output[0]


def _load(
    group: Sequence[Operand], shared: tuple[bool, ...], buffers: list, index: tuple, first: int, last: int
) -> list[np.ndarray | None]:
    """The operands of one tile: slices of contiguous arrays, filled buffers for the others."""
    found: list[np.ndarray | None] = []
    for x, same, buffer in zip(group, shared, buffers, strict=False):
        if isinstance(x, Staged):
            part = buffer[: last - first]
            x.load(index, part)
            found.append(part)
        else:
            found.append(x if x is None or same else x[first:last])
    return found


def _output(x: Operand, shared: bool, buffer: np.ndarray | None, first: int, last: int) -> np.ndarray | None:
    """Where the kernel writes an output of one tile."""
    if x is None:
        return None
    if isinstance(x, Staged):
        return buffer[: last - first]
    return apart((1, x.shape[1]), np.dtype(np.float64)) if shared else x[first:last]
