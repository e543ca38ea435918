"""The benchmark on a device: times by its own clock, and how much of its copy bandwidth a loss uses."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

import torch
from torch import Tensor

from lossgen.runtime import LossError

from .contenders import Contender
from .device_cases import DeviceCase
from .device_contenders import device_contenders
from .measure import Timing, measure
from .report import Row

MEASURED = (
    "Time of forward and backward on tensors of the device, by its own events around many calls. Every step asks for new "
    "gradients and drops them. Median (least – greatest), columns measured in turn. Of copy bandwidth: the least number "
    "of bytes that must be moved (every argument read once, every gradient written once) in the time of lossgen, beside "
    "what copying a tensor moves."
)

#: How many bytes the tensor has whose copy is timed.
COPIED = 4 * 10**8


class Clock(Protocol):
    """What times calls on a device."""

    def sample(self, function: Contender, loops: int) -> float:
        """The seconds that this many calls take on the device."""


class EventClock:
    """Times by CUDA events on the current stream."""

    def sample(self, function: Contender, loops: int) -> float:
        """The seconds from before the first call's work to after the last one's."""
        begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        begin.record()
        for _ in range(loops):
            function()
        end.record()
        end.synchronize()
        return begin.elapsed_time(end) / 1e3


def measure_cases(
    cases: Sequence[DeviceCase],
    columns: tuple[str, ...],
    repeats: int,
    device: str,
    clock: Clock,
    announce: Callable[[str], object],
) -> tuple[list[Row], list[str]]:
    """The timings of each case, its contenders in turn, and a line for each case that lossgen has no kernels for."""
    rows, notes = [], []
    for case in cases:
        announce(f"{case.loss}, {case.label}")
        tensors = case.tensors(device)
        try:
            timings = measure(device_contenders(case, columns, tensors), repeats, sample=clock.sample)
        except LossError as error:
            notes.append(f"{case.loss}, {case.label} was left out: {error}")
            continue
        rows.append(Row(case, timings, moved(case, tensors)))
    return rows, notes


def moved(case: DeviceCase, tensors: tuple[Tensor, ...]) -> int:
    """The bytes of all arguments and of all gradients."""
    return sum(t.nbytes for t in tensors) + sum(tensors[position].nbytes for position in case.family.predictions)


def copy_bandwidth(device: str, clock: Clock, repeats: int, size: int = COPIED) -> float:
    """Bytes read and written per second where a tensor is copied."""
    source = torch.zeros(size, dtype=torch.uint8, device=device)
    target = torch.empty_like(source)
    timing: Timing = measure({"copy": lambda: target.copy_(source)}, repeats, sample=clock.sample)["copy"]
    return 2 * size / timing.median
