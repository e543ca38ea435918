"""Start-up times and peak memory, each measured in a fresh process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass


class ProbeError(RuntimeError):
    """A probe's process failed; the message holds the last line it wrote."""


@dataclass(frozen=True)
class Startup:
    """Seconds from the start of the first import, in a fresh process.

    Attributes:
        imports: until everything is imported that is not left for the first call.
        compiling: until the first result, where no compiled code is cached on disk.
        cached: until the first result, where it is.
    """

    imports: float
    compiling: float
    cached: float


@dataclass(frozen=True)
class Memory:
    """Bytes at the peak of value and gradient beyond the inputs, and the bytes of the inputs."""

    extra: int
    inputs: int


def measure_startup(names: Sequence[str]) -> dict[str, Startup]:
    """The start-up of contenders: once with empty caches, once with those that the first process left."""
    result = {}
    for name in names:
        with tempfile.TemporaryDirectory() as folder:
            environment = {"NUMBA_CACHE_DIR": folder, "TORCHINDUCTOR_CACHE_DIR": folder}
            cold = _probe("startup_probe", [name], environment)
            warm = _probe("startup_probe", [name], environment)
        result[name] = Startup(warm["imports"], cold["result"], warm["result"])
    return result


def measure_memory(names: Sequence[str], elements: int) -> dict[str, Memory]:
    """The peak memory of contenders with this many elements."""
    answers = {name: _probe("memory_probe", [name, str(elements)], {}) for name in names}
    return {name: Memory(int(answer["extra"]), int(answer["inputs"])) for name, answer in answers.items()}


def _probe(module: str, arguments: list[str], environment: dict[str, str]) -> dict[str, float]:
    command = [sys.executable, "-m", f"{__package__}.{module}", *arguments]
    done = subprocess.run(command, env=os.environ | environment, capture_output=True, text=True, check=False)
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise ProbeError(f"{module} {' '.join(arguments)}: {last}")
    return json.loads(done.stdout.strip().splitlines()[-1])
