"""The peak memory of one column: `python -m lossgen.bench.memory_probe COLUMN ELEMENTS` prints a JSON object."""

from __future__ import annotations

import json
import resource
import sys
from contextlib import suppress
from pathlib import Path

from .cases import select
from .contenders import make_contender

LOSS = "binary_cross_entropy_with_logits"
WARM_UP = 10**3
STATUS = Path("/proc/self/status")


def main(column: str, elements: int) -> None:
    """Print the bytes one call needs at its peak beyond its inputs, and the bytes of the inputs."""
    small, case = select([LOSS], [(WARM_UP,), (elements,)], False)
    make_contender(column, small, small.family.arguments(small.size))()  # imports and compiles
    arguments = case.family.arguments(case.size)
    function = make_contender(column, case, arguments)
    if column.endswith("compile"):  # compiles anew for this size
        function()
    _forget_peak()
    before = _resident()
    function()
    extra = max(0, _peak() - before)
    print(json.dumps({"extra": extra, "inputs": sum(argument.nbytes for argument in arguments)}))


def _forget_peak() -> None:
    """Let the peak start at what is resident now. Elsewhere than on Linux an earlier peak may hide a smaller one."""
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def _peak() -> int:
    """The most memory this process had, in bytes.

    On Linux getrusage's figure starts with the peak of the process that started this one, so another source is read.
    """
    most = _status("VmHWM")
    if most is not None:
        return most
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024


def _resident() -> int:
    """The memory of this process now, in bytes, or its peak where the system does not tell."""
    now = _status("VmRSS")
    return _peak() if now is None else now


def _status(name: str) -> int | None:
    """A figure of this process in bytes, on Linux."""
    if not STATUS.is_file():
        return None
    lines = dict(line.split(":", 1) for line in STATUS.read_text().splitlines())
    return int(lines[name].split()[0]) * 1024


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
