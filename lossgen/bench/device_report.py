"""The report of a run on a device."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch

from .cases import Size
from .device_bench import COPIED, MEASURED, Clock, EventClock, copy_bandwidth, measure_cases
from .device_cases import DeviceCase, select_on_device
from .device_contenders import IN_LIGER, NO_LIGER, device_columns, has_liger
from .facts import machine_facts
from .report import Report

#: What a figure on a device depends on besides the machine.
PACKAGES = ("numba-cuda", "triton", "liger-kernel")


def device_report(
    names: Sequence[str],
    sizes: Sequence[Size],
    dtypes: Sequence[str],
    repeats: int,
    compiled: bool,
    announce: Callable[[str], object],
) -> Report:
    """Measures on the current CUDA device.

    Raises:
        ValueError: no case is left to measure, or torch sees no CUDA device.
    """
    cases = select_on_device(names, sizes, dtypes)
    if not torch.cuda.is_available():
        raise ValueError(f"--device cuda: torch {torch.__version__} sees no CUDA device")
    facts = {
        "device": torch.cuda.get_device_name(),
        "CUDA of torch": str(torch.version.cuda),
        **machine_facts(PACKAGES),
    }
    return report_on("cuda", EventClock(), cases, facts, repeats, compiled, announce)


def report_on(
    device: str,
    clock: Clock,
    cases: Sequence[DeviceCase],
    facts: dict[str, str],
    repeats: int,
    compiled: bool,
    announce: Callable[[str], object],
    copied: int = COPIED,
) -> Report:
    """Measures these cases on a device, by this clock."""
    announce("copies")
    bandwidth = copy_bandwidth(device, clock, repeats, copied)
    rows, notes = measure_cases(cases, device_columns(compiled), repeats, device, clock, announce)
    if not has_liger() and any(case.loss in IN_LIGER for case in cases):
        notes.append(NO_LIGER)
    conditions = {"copy bandwidth": f"{bandwidth / 1e12:.3g} TB/s, reads and writes", "samples": str(repeats)}
    return Report(facts, conditions, tuple(rows), {}, {}, tuple(notes), MEASURED, bandwidth)
