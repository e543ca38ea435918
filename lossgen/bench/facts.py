"""What a reader must know of the machine to judge a figure."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

BUSY = 0.7
PACKAGES = ("numpy", "numba", "llvmlite", "torch", "jax", "optax")


def machine_facts(packages: Sequence[str] = ()) -> dict[str, str]:
    """Processor, processors available, load, system and versions, those of further packages too, as text."""
    facts = {"processor": _processor(), "cores": str(_cores())}
    facts["load before"] = f"{_load():.2f}"
    facts["system"] = f"{platform.system()} {platform.release()}"
    facts["python"] = platform.python_version()
    for package in (*PACKAGES, *packages):
        try:
            facts[package] = version(package)
        except PackageNotFoundError:
            facts[package] = "not installed"
    return facts


def busy_note() -> str | None:
    """A warning if other processes were busy in the last minute: with as many threads as cores, each waits for them."""
    load = _load()
    if load < BUSY:
        return None
    return (
        f"The machine was not idle before (load {load:.1f}): threads that wait for each other, torch's most, lost time."
    )


def _load() -> float:
    """Processes that were running or ready, on average over the last minute; 0 where the system does not tell."""
    return os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _processor() -> str:
    """The processor's name; on Linux `platform.processor()` does not know it."""
    information = Path("/proc/cpuinfo")
    if information.is_file():
        for line in information.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
